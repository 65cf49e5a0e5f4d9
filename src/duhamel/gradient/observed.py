"""Quantities of a run that may be asked for beside the states: sums over the accepted steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.equation import Equation
from duhamel.errors import InputError
from duhamel.methods import Auto, Method
from duhamel.methods.base import Step, Tolerance, add_scaled, precise
from duhamel.methods.explicit.stepper import ExplicitRungeKutta
from duhamel.observe import Observer
from duhamel.observe.recorder import Attempt
from duhamel.stepping import Adaptive, Fixed

__all__ = ["QUANTITIES", "Observing", "Taken", "check_observed", "quantities"]

# Where h times the stiffness is clamped: far beyond what any explicit method bears.
_STIFFEST = 20.0


class Taken(NamedTuple):
    """A step that was accepted: of `method`, from (t, u) with `memory`, h long, giving `step` and `after`,
    the memory of the next."""

    eq: Equation
    method: Method
    t: Array
    h: Array
    u: PyTree
    memory: Any
    step: Step
    after: Any
    args: Any
    tolerance: Tolerance | None


def _error(s: Taken) -> Array:
    return s.h * _root(_mean_square(s.step.error)).astype(s.h.dtype)


def _stiffness(s: Taken) -> Array:
    assert isinstance(s.method, ExplicitRungeKutta)
    table, slopes = s.method.table, s.step.stages.slopes
    rows = [list(map(float, row)) + [0.0] * (len(slopes) - len(row)) for row in table.a]
    last = rows[-1]
    if not table.fsal:
        last = [float(b) for b in table.b] + [0.0] * (len(slopes) - len(table.b))
        rows.append(last)
    change = [a - b for a, b in zip(last, rows[-2], strict=True)]
    apart = add_scaled(None, precise(s.h, s.u), change, slopes)
    turned = jax.tree.map(jnp.subtract, slopes[-1], slopes[-2])
    below, above = _mean_square(apart), _mean_square(turned)
    # Stages that differ by round-off alone, as in a very short last step, say nothing.
    limits = jnp.finfo(below.dtype)
    known = below > jnp.maximum((16 * limits.eps) ** 2 * _mean_square(s.u), limits.tiny**0.5)
    ratio = _root(jnp.where(known, above, 0.0)) / _root(jnp.where(known, below, 1.0))
    load = s.h * ratio.astype(s.h.dtype)
    return jnp.minimum(load, _STIFFEST)


def _steps(s: Taken) -> Array:
    assert s.tolerance is not None

    def kept(e: Array) -> Array:
        # The square of a smaller error would underflow, and the slope of its root is no number.
        least = jnp.finfo(e.dtype).tiny ** 0.4
        return jnp.where(abs(e) < least, least, e)

    size = s.tolerance.measure(s.eq, jax.tree.map(kept, s.step.error), (s.u, s.step.u)).astype(s.h.dtype)
    return jnp.maximum(2.0 * size, 1e-8) ** (1.0 / (1 + s.method.error_order))


def _kinetic(s: Taken) -> Array:
    if isinstance(s.method, ExplicitRungeKutta | Auto):
        ends = s.method.slope(s.memory), s.method.slope(s.after)
    else:
        t, h = precise(s.t, s.u), precise(s.h, s.u)
        ends = s.eq.rhs(t, s.u, s.args), s.eq.rhs(t + h, s.step.u, s.args)
    squares = [jnp.sum((v * jnp.conj(v)).real) for f in ends for v in jax.tree.leaves(f)]
    return 0.5 * s.h * sum(squares[1:], squares[0]).astype(s.h.dtype)


QUANTITIES: dict[str, Callable[[Taken], Array]] = {
    "error": _error,
    "stiffness": _stiffness,
    "steps": _steps,
    "kinetic": _kinetic,
}


def quantities(names: tuple[str, ...], step: Taken) -> Array:
    """What a step adds to each of the quantities named, shape (names,)."""
    return jnp.stack([QUANTITIES[n](step) for n in names]).astype(step.h.dtype)


def check_observed(observe: Any, method: Method, stepping: Fixed | Adaptive) -> tuple[str, ...]:
    """The names, or `InputError` for what does not exist or cannot be had."""
    names = (observe,) if isinstance(observe, str) else tuple(observe)
    for name in names:
        if name not in QUANTITIES:
            raise InputError(f"observe takes {', '.join(QUANTITIES)}; there is no {name!r}.")
        if name == "stiffness" and not isinstance(method, ExplicitRungeKutta):
            raise InputError(
                f"the stiffness is read off the stages of explicit Runge–Kutta methods, and {method.name} is "
                "none: give method=dh.Tsit5()."
            )
        if name in ("error", "steps") and not method.adaptive:
            raise InputError(f"{method.name} has no error estimate, so {name!r} cannot be observed.")
        if name == "steps" and not isinstance(stepping, Adaptive):
            raise InputError(
                'observe="steps" counts the steps a tolerance asks for: use step=dh.Adaptive(…).'
            )
    return names


class Observing(Observer):
    """Another observer, and the sums of quantities over the accepted steps beside its data."""

    inner: Observer
    names: tuple[str, ...] = eqx.field(static=True)
    eq: Equation
    args: Any
    tolerance: Tolerance | None

    def init(self, ts: Array, count: Array, t0: Array, u: PyTree) -> Any:
        return self.inner.init(ts, count, t0, u), jnp.zeros(len(self.names), t0.dtype)

    def stop(self, data: Any, t1: Array) -> Array:
        return self.inner.stop(data[0], t1)

    def update(self, data: Any, attempt: Attempt, method: Method) -> Any:
        a = attempt
        after = method.keep(jnp.ones((), bool), a.step.memory, a.memory)
        step = Taken(self.eq, method, a.t, a.h, a.u, a.memory, a.step, after, self.args, self.tolerance)
        more = jnp.where(a.accepted, quantities(self.names, step), 0.0)
        return self.inner.update(data[0], attempt, method), data[1] + more

    def full(self, data: Any) -> Array:
        return self.inner.full(data[0])

    def empty(self, data: Any, ts: Array, count: Array) -> Any:
        return self.inner.empty(data[0], ts, count), data[1]


def _mean_square(tree: PyTree) -> Array:
    leaves = jax.tree.leaves(tree)
    squares = [jnp.sum((v * jnp.conj(v)).real) for v in leaves]
    return sum(squares[1:], squares[0]) / sum(v.size for v in leaves)


def _root(x: Array) -> Array:
    """√x with derivative 0 at 0, and where x has underflowed."""
    there = x >= jnp.finfo(x.dtype).tiny
    return jnp.where(there, jnp.sqrt(jnp.where(there, x, 1.0)), 0.0)
