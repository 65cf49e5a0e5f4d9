"""Programs of one sample carried out on a block of samples, with the sample axis last everywhere.

`jax.vmap` with its axis last would mean the same, but it moves the axis to the front in whatever a loop
carries. The entries of a small state then lie side by side and the samples apart, so that nothing is done for
several samples by one instruction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
from jax.extend import core

from duhamel.batch import control, entries, places
from duhamel.batch.lane import Lane, Rule, names, single, spread

__all__ = ["Lanes", "suited", "traced"]

_RULES: dict[str, Rule] = {**entries.RULES, **places.RULES, **control.RULES}
# Operations by libraries, which want each sample in one piece, and those with effects.
_WHOLE = names(
    "fft lu triangular_solve cholesky qr geqrf geqp3 householder_product eig eigh svd schur hessenberg "
    "tridiagonal tridiagonal_solve conv_general_dilated ffi_call pure_callback io_callback debug_callback "
    "debug_print"
)


@dataclass(frozen=True)
class Lanes:
    """A block of `size` samples whose axis is called `axis`.

    `always` is true, but only a running program knows it (see the rule for barriers); None: barriers do
    nothing.
    """

    axis: str
    size: int
    always: Any = None

    def run(self, program: Any, inputs: Sequence[Lane]) -> list[Lane]:
        """The results of a program (closed jaxpr) of one sample."""
        jaxpr = program.jaxpr
        known = dict(zip(jaxpr.invars, inputs, strict=True))
        known.update((v, Lane(c, False)) for v, c in zip(jaxpr.constvars, program.consts, strict=True))

        def read(atom: Any) -> Lane:
            return Lane(atom.val, False) if isinstance(atom, core.Literal) else known[atom]

        for eqn in jaxpr.eqns:
            results = self._one(eqn, [read(v) for v in eqn.invars])
            known.update(zip(eqn.outvars, results, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _one(self, eqn: Any, inputs: list[Lane]) -> list[Lane]:
        name = eqn.primitive.name
        if name not in control.RULES and not any(x.many for x in inputs):
            return [Lane(v, False) for v in single(eqn)(*[x.value for x in inputs])]
        rule = _RULES.get(name)
        found = None if rule is None else rule(self, eqn, inputs)
        return self._by_vmap(eqn, inputs) if found is None else found

    def _by_vmap(self, eqn: Any, inputs: list[Lane]) -> list[Lane]:
        axes = [-1 if x.many else None for x in inputs]
        call = jax.vmap(single(eqn), axes, -1, axis_name=self.axis, axis_size=self.size)
        return [Lane(v, True) for v in call(*[x.value for x in inputs])]

    def spread(self, program: Any, inputs: Sequence[Lane], flags: Sequence[bool]) -> list[Any]:
        """The results as arrays, with a sample axis where `flags` say so."""
        results = self.run(program, inputs)
        return [spread(x, self.size) if many else x.value for x, many in zip(results, flags, strict=True)]

    def flags(self, program: Any, flags: Sequence[bool]) -> list[bool]:
        """Which results may differ between samples, given which inputs do."""
        jaxpr = program.jaxpr
        known = dict(zip(jaxpr.invars, flags, strict=True))

        def read(atom: Any) -> bool:
            return not isinstance(atom, core.Literal) and known.get(atom, False)

        for eqn in jaxpr.eqns:
            inputs = [read(v) for v in eqn.invars]
            special = control.FLAGS.get(eqn.primitive.name)
            found = [any(inputs)] * len(eqn.outvars) if special is None else special(self, eqn, inputs)
            known.update(zip(eqn.outvars, found, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def lifted(self, function: Callable[..., list[Any]], inputs: Sequence[Lane]) -> list[Lane]:
        """The results of a function of one sample, which takes arrays and returns a list of them."""
        return self.run(traced(function, inputs, self.axis, self.size)[0], inputs)


def traced(function: Callable[..., Any], inputs: Sequence[Lane], axis: str, size: int) -> tuple[Any, Any]:
    """The program of a function of one sample inside a block, and what its result looks like."""
    return jax.make_jaxpr(function, axis_env=[(axis, size)], return_shape=True)(*[x.like for x in inputs])


def suited(program: Any) -> bool:
    """Whether lanes pay for a program: nowhere in it are operations that want each sample in one piece."""
    jaxpr = getattr(program, "jaxpr", program)
    return all(eqn.primitive.name not in _WHOLE and all(suited(p) for p in _inner(eqn)) for eqn in jaxpr.eqns)


def _inner(eqn: Any) -> list[Any]:
    found = []
    for value in eqn.params.values():
        parts = value if isinstance(value, tuple | list) else [value]
        found += [p for p in parts if hasattr(p, "eqns") or hasattr(p, "jaxpr")]
    return found
