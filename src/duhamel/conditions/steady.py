"""Steady states of an equation, differentiable with respect to everything that defines it."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, PyTree

from duhamel.equation import Equation, as_equation
from duhamel.errors import SolveError
from duhamel.gradient.closures import carried
from duhamel.jacobian import System, pack, structure_of, unpack

__all__ = ["steady_state"]

# The pseudo-time step follows the residual, by at most these factors a turn.
_SLOWER, _FASTER = 0.1, 10.0
# So many tiny corrections in a row, each with a pseudo-time step a thousand times longer, and it is steady.
_CALM, _LONGER = 3, 1e3


class Search(NamedTuple):
    """Where the iteration stands: packed state, its slope, pseudo-time step, tiny corrections in a row,
    turns."""

    x: Array
    slope: Array
    step: Array
    calm: Array
    turns: Array


def steady_state(
    eq: Any,
    u0: Any,
    *,
    t: Any = 0.0,
    args: Any = None,
    tol: float | None = None,
    max_steps: int = 200,
    on_failure: str = "raise",
) -> PyTree:
    """u with f(t, u, args) = 0 near u0, for a function, a sum of parts, or a PDE; a state like u0.

    Pseudo-transient continuation, (M/δ − J) s = f(u), u ← u + s, where δ grows as |f| falls: the flow of the
    equation far away, Newton's iteration close by (Kelley & Keyes, SIAM J. Numer. Anal. 35 (1998)). One
    Jacobian and one factorisation a turn, dense or banded as the equation's structure is. It stops where s is
    below `tol` relative to 1 + |u| (default 1e-10, in single precision 1e-5).

    Derivatives are those of the condition, du = −J⁻¹ (∂f/∂θ) dθ, by one direct solution with J or its
    transpose: to args, to coefficients of a text equation, to what f closes over; zero to u0. Any order, jit,
    vmap. J must not be singular at the result: fix conserved quantities and the phase of patterns first.

    Raises `SolveError` if `max_steps` turns do not suffice; with on_failure="return", or inside jit, the
    result is then not a number.
    """
    equation = as_equation(eq)
    state = equation.encode(u0)
    equation = carried(equation, state, args)
    dtype = pack(state).dtype
    small = (1e-10 if dtype.itemsize == 8 else 1e-5) if tol is None else tol
    structure = structure_of(equation, state, args)
    clock = jnp.asarray(t).astype(dtype)
    start = jax.lax.stop_gradient(state)
    x = _steady((equation, args, clock), structure=structure, start=start, tol=small, most=max_steps)
    failed = jnp.any(jnp.isnan(x))
    if on_failure == "raise" and not isinstance(failed, Tracer) and bool(failed):
        raise SolveError(
            f"no steady state was found near u0 in {max_steps} turns: there may be none, or it is a cycle, "
            "or the Jacobian is singular there. Try a u0 that a run of dh.solve has brought closer, or raise "
            "max_steps."
        )
    return equation.decode(unpack(x, state))


@eqx.filter_custom_jvp
def _steady(stated: Any, *, structure: Any, start: PyTree, tol: float, most: int) -> Array:
    """The packed steady state; not a number where none was found."""
    equation, args, t = stated
    system, x0 = System(equation, structure, start, args), pack(start)

    def going(s: Search) -> Array:
        return (s.calm < _CALM) & (s.turns < most) & jnp.all(jnp.isfinite(s.x))

    end = jax.lax.while_loop(going, lambda s: _turn(system, t, s, tol), _begun(system, t, x0))
    return jnp.where(end.calm >= _CALM, end.x, jnp.nan)


def _begun(system: System, t: Array, x: Array) -> Search:
    slope = system.f(t, x)
    tiny = jnp.finfo(x.dtype).tiny
    step = 0.1 * (1 + _size(x)) / jnp.maximum(_size(slope), tiny)
    none = jnp.zeros((), jnp.int32)
    return Search(x, slope, jnp.clip(step, 1e-6, 1e6).astype(x.dtype), none, none)


def _turn(system: System, t: Array, s: Search, tol: float) -> Search:
    factors = system.factor(system.jacobian(t, s.x), s.step)
    move = system.solve(factors, s.step * s.slope)
    x = s.x + move
    slope = system.f(t, x)
    tiny = _size(move) <= tol * (1 + _size(x))
    ratio = _size(s.slope) / jnp.maximum(_size(slope), jnp.finfo(x.dtype).tiny)
    factor = jnp.where(tiny, _LONGER, jnp.clip(ratio, _SLOWER, _FASTER))
    # Rising residuals are no harm on the way: the flow of the equation may lead over a hill.
    step = jnp.clip(s.step * factor, 1e-12, 1e15 if x.dtype.itemsize == 8 else 1e8).astype(x.dtype)
    return Search(x, slope, step, jnp.where(tiny, s.calm + 1, 0).astype(jnp.int32), s.turns + 1)


def _size(x: Array) -> Array:
    return jnp.max(abs(x))


@_steady.def_jvp
def _derivative(
    primals: Any, tangents: Any, *, structure: Any, start: PyTree, tol: float, most: int
) -> tuple[Array, Array]:
    (stated,), (moving,) = primals, tangents
    x = _steady(stated, structure=structure, start=start, tol=tol, most=most)

    def slope(s: tuple[Equation, Any, Array]) -> Array:
        return System(s[0], structure, start, s[1]).f(s[2], x)

    _, change = eqx.filter_jvp(slope, (stated,), (moving,))
    equation, args, t = stated
    system = System(equation, structure, start, args)
    values = system.jacobian(t, x)
    # M − shift·J with no M and shift −1 is J.
    factors = structure.factor(values, -jnp.ones((), x.dtype), jnp.zeros_like(x))
    return x, -structure.solve(factors, change)
