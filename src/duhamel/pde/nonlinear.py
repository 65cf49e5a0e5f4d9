"""N on the solver's state: to the grid, products, and back."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax

from duhamel.pde.algebra import Atom, Call, Conj, Form, Monomial, Op, Poly, Time, as_number
from duhamel.pde.arithmetic import apply_function, as_complex, is_complex, plus, times
from duhamel.pde.plan import Plan, arguments
from duhamel.pde.values import evaluate, groups
from duhamel.spaces import Layout

__all__ = ["Pseudospectral", "Weight"]


class Weight(eqx.Module):
    """A Fourier multiplier: `values` times 1 (real), times i (imag), or complex; unit: no product."""

    kind: str = eqx.field(static=True)
    values: Any

    def __call__(self, spectrum: jax.Array) -> jax.Array:
        """The multiplier applied to a spectrum."""
        if self.kind == "unit":
            return spectrum
        values = _cast(self.values, spectrum.real.dtype)
        if self.kind == "real":
            return lax.complex(spectrum.real * values, spectrum.imag * values)
        if self.kind == "imag":
            return lax.complex(-spectrum.imag * values, spectrum.real * values)
        return spectrum * values


class Pseudospectral(eqx.Module):
    """N(t, u), evaluated on the grid: f(t, state, args) -> state, shape (fields, *modes), complex.

    One batched inverse transform takes every derivative needed to the grid, products are formed there, one
    batched forward transform takes them back, and outer derivatives are applied to the modes. With a retained
    layout the modes beyond (N-1)//3 are dropped on the way back (2/3 rule).

    Attributes: `plan`, `layout` (static); `inputs`, `nested`, `outputs` (multipliers), `statics` (numbers
    and arrays on the grid for `plan`'s fixed parts, in the order of `fixed`), `sources` (spectra).
    Cost: `plan.inverse_transforms` + `plan.forward_transforms` scalar FFTs a call.
    """

    plan: Plan = eqx.field(static=True)
    layout: Layout = eqx.field(static=True)
    fixed: tuple[Poly, ...] = eqx.field(static=True)
    inputs: tuple[tuple[tuple[int, Weight], ...], ...]
    nested: tuple[tuple[Weight, ...], ...]
    outputs: tuple[tuple[tuple[int, Weight], ...], ...]
    statics: tuple[Any, ...]
    sources: tuple[tuple[Any, ...], ...]

    def __call__(self, t: Any, state: jax.Array, args: Any = None) -> jax.Array:
        """N at time t. `args` is not used: parameters are part of the equation."""
        del args
        values = _Values(self, t, state)
        spectra = self._forward([values(slot) for slot in self.plan.slots], values)
        rows = []
        for field, output in enumerate(self.outputs):
            row: Any = None
            for slot, weight in output:
                term = weight(spectra[slot])
                row = term if row is None else row + term
            for (time, _), source in zip(self.plan.outputs[field].sources, self.sources[field], strict=True):
                term = times(values.product(time), _cast(source, values.dtype))
                row = term if row is None else row + term
            rows.append(jnp.zeros_like(state[field]) if row is None else row)
        return jnp.stack(rows)

    def _forward(self, products: list[Any], values: _Values) -> Any:
        if not products:
            return ()
        shape = self.layout.points
        if not self.layout.real:
            products = [as_complex(p) for p in products]
        stacked = jnp.stack([jnp.broadcast_to(jnp.asarray(p, values.of(p)), shape) for p in products])
        return self.layout.to_modes(stacked)


class _Values:
    """The values of atoms during one evaluation of N, each computed once."""

    def __init__(self, owner: Pseudospectral, t: Any, state: jax.Array):
        self.dtype = state.real.dtype
        self.owner = owner
        self.t = t
        self.statics = {
            poly: _cast(value, self.dtype) for poly, value in zip(owner.fixed, owner.statics, strict=True)
        }
        self.known: dict[Any, Any] = {}
        self._first_round(state)
        for level, weights in zip(owner.plan.nested, owner.nested, strict=True):
            self._further_round(level, weights)

    def of(self, value: Any) -> Any:
        """The dtype that a value has on the grid."""
        return _matching(value, self.dtype)

    def _first_round(self, state: jax.Array) -> None:
        plan = self.owner.plan
        spectra = []
        for terms in self.owner.inputs:
            total: Any = None
            for field, weight in terms:
                term = weight(state[field])
                total = term if total is None else total + term
            spectra.append(total)
        if spectra:
            grid = self.owner.layout.to_grid(jnp.stack(spectra))
            self.known.update({atom: grid[index] for index, atom in enumerate(plan.inputs)})

    def _further_round(self, level: tuple[Op, ...], weights: tuple[Weight, ...]) -> None:
        inner = arguments(level)
        spectra = self.owner._forward([self(poly) for poly in inner], self)
        turned = [w(spectra[inner.index(op.of)]) for op, w in zip(level, weights, strict=True)]
        grid = self.owner.layout.to_grid(jnp.stack(turned))
        self.known.update({op: grid[index] for index, op in enumerate(level)})

    def __call__(self, poly: Poly) -> Any:
        return evaluate(poly, self.atom, self.fixed)

    def product(self, factors: Monomial) -> Any:
        """The value of factors of the time alone."""
        return self(Poly(((factors, 1.0),))) if factors else 1.0

    def fixed(self, poly: Poly) -> Any:
        """A part that does not change: a number of the text, or one of the stored arrays."""
        number = as_number(poly)
        return self.statics[poly] if number is None else number

    def atom(self, atom: Atom) -> Any:
        """The value of an atom."""
        if atom not in self.known:
            self.known[atom] = self._compute(atom)
        return self.known[atom]

    def _compute(self, atom: Atom) -> Any:
        match atom:
            case Time():
                return jnp.asarray(self.t).astype(self.dtype)
            case Conj():
                value = self.atom(atom.of)
                return value.conj() if is_complex(value) else value
            case Call():
                return apply_function(atom.name, [self._argument(atom.name, arg) for arg in atom.args])
            case Form():
                total: Any = 0.0
                for index, (factors, number) in enumerate(atom.of.terms):
                    term = evaluate(Poly(((factors, number),)), self.atom, self.fixed)
                    total = plus(total, term) if index else term
                return total
        raise AssertionError(atom)  # parameters and coordinates are always within fixed parts

    def _argument(self, name: str, poly: Poly) -> Any:
        value = self(poly)
        plain = isinstance(value, float | complex | int)
        return (
            value
            if not plain or name in ("ipow", "pow", "min", "max")
            else jnp.asarray(value, self.of(value))
        )


def _cast(value: Any, dtype: Any) -> Any:
    """A leaf in the precision of the state."""
    return value.astype(_matching(value, dtype))


def _matching(value: Any, dtype: Any) -> Any:
    """The dtype of a value, real or complex as it is, in the precision of the real `dtype`."""
    if not is_complex(value):
        return dtype
    return jnp.complex64 if dtype == jnp.float32 else jnp.complex128


def fixed_parts(poly: Poly) -> list[Poly]:
    """Every fixed part that the evaluation of a polynomial asks for, numbers left out."""
    found: list[Poly] = []
    for constant, time, others in groups(poly):
        if as_number(constant) is None:
            found.append(constant)
        for atom, _ in (*time, *others):
            found += _fixed_inside(atom)
    return list(dict.fromkeys(found))


def _fixed_inside(atom: Atom) -> list[Poly]:
    match atom:
        case Conj():
            return _fixed_inside(atom.of)
        case Call():
            return [part for arg in atom.args for part in fixed_parts(arg)]
        case Form():
            return [part for term in atom.of.terms for part in fixed_parts(Poly((term,)))]
        case Op():
            return fixed_parts(atom.of)
    return []
