"""Newton's iteration for one implicit stage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.jacobian import System

__all__ = ["Ending", "counted", "newton"]

# With a tolerance: how much of it the iteration may leave, and how many turns it has to get there.
_LEFT, _TURNS = 0.01, 10
# Without one: the rate from which on a new Jacobian is taken, and turns at most.
_SLOW, _TURNS_TO_ROUND_OFF = 0.3, 60


class Ending(NamedTuple):
    """Whether an iteration failed, and how many turns it took."""

    failed: Array
    turns: Array


def counted(ending: Ending | None, h: Array, turns: Array | None) -> tuple[Array | None, Array | None]:
    """Whether the iterations of a step of length h failed, and `turns` with theirs added; None if there were
    none. (A sample of a batch that is done takes steps of length 0, which do not count.)"""
    if turns is None or ending is None:
        return None, turns
    return ending.failed, turns + jnp.where(h != 0, ending.turns, 0)


class _Turn(NamedTuple):
    """The iterate, the size of the last change, the factors in use, how many turns there were, and how it
    stands."""

    x: Array
    size: Array
    factors: Any
    turns: Array
    done: Array
    failed: Array


def newton(
    system: System,
    factors: Any,
    t: Array,
    shift: Array,
    right: Array,
    guess: Array,
    measure: Callable[[Array, Array], Array] | None,
) -> tuple[Array, Ending]:
    """x with x − shift·f(t, x) = right, and how it went.

    Simplified Newton: `factors` of I − shift·∂f/∂x belong to a nearby point. `measure(change, x)` is the size
    of a change in units of the tolerance; an iteration that does not get there soon has failed, and the step
    is tried again with a shorter h. Without it the iteration goes to round-off, and takes a new Jacobian
    where it is slow. Changes that stop shrinking at the level of round-off are convergence, not failure.
    Derivatives are those of the solution (implicit function theorem), in forward and in reverse mode.
    """

    def residual(x: Array) -> Array:
        return right + shift * system.f(t, x) - x

    def iterate(_: Any, x: Array) -> tuple[Array, Array]:
        if measure is None:
            end = _to_round_off(system, residual, factors, x, lambda y: _factors(system, t, shift, y))
        else:
            end = _to_tolerance(system, residual, factors, x, measure)
        # As real numbers: custom_root gives everything that comes along a tangent of its own type.
        return end.x, jnp.stack([end.failed.astype(x.dtype), end.turns.astype(x.dtype)])

    def solve_tangent(linear: Callable[[Array], Array], y: Array) -> Array:
        return jnp.linalg.solve(jax.jacfwd(linear)(jnp.zeros_like(y)), y)

    x, end = jax.lax.custom_root(residual, guess, iterate, solve_tangent, has_aux=True)
    return x, Ending(end[0] > 0.5, end[1].astype(jnp.int32))


def _factors(system: System, t: Array, shift: Array, x: Array) -> Any:
    return system.factor(system.jacobian(t, x), shift)


def _to_tolerance(
    system: System,
    residual: Callable[[Array], Array],
    factors: Any,
    guess: Array,
    measure: Callable[[Array, Array], Array],
) -> _Turn:
    def turn(now: _Turn) -> _Turn:
        change = system.solve(factors, residual(now.x))
        x = now.x + change
        size = measure(change, x).astype(x.dtype)
        rate, later = size / now.size, now.turns > 0
        # The distance to the solution is about rate/(1 − rate) of the last change.
        near = later & (rate < 1.0) & (rate * size <= _LEFT * (1.0 - rate))
        done = near | _at_rest(change, x, rate)
        lost = (later & (rate >= 1.0)) | (now.turns + 1 >= _TURNS) | ~jnp.isfinite(size)
        return _Turn(x, size, None, now.turns + 1, done, ~done & lost)

    return _turns(turn, guess, None)


def _to_round_off(
    system: System,
    residual: Callable[[Array], Array],
    factors: Any,
    guess: Array,
    renew: Callable[[Array], Any],
) -> _Turn:
    def turn(now: _Turn) -> _Turn:
        change = system.solve(now.factors, residual(now.x))
        size = jnp.max(abs(change))
        rate = size / now.size
        done = _at_rest(change, now.x + change, rate)
        slow = ~done & ~(rate <= _SLOW)
        # A change that has grown is not made: the new Jacobian belongs to the point before it.
        x = jnp.where(slow & ~(rate <= 1.0), now.x, now.x + change)
        fresh = jax.lax.cond(slow, lambda: renew(x), lambda: now.factors)
        size = jnp.where(slow, jnp.inf, size)
        return _Turn(x, size, fresh, now.turns + 1, done, ~done & (now.turns + 1 >= _TURNS_TO_ROUND_OFF))

    return _turns(turn, guess, factors)


def _at_rest(change: Array, x: Array, rate: Array) -> Array:
    """Whether a change is round-off, or as small as round-off lets it become."""
    largest, scale = jnp.max(abs(change)), jnp.finfo(x.dtype).eps * jnp.max(abs(x))
    return (largest <= 4.0 * scale) | ((rate > 0.5) & (largest <= 1e4 * scale))


def _turns(turn: Callable[[_Turn], _Turn], guess: Array, factors: Any) -> _Turn:
    first, no = jnp.full((), jnp.inf, guess.dtype), jnp.zeros((), bool)
    start = _Turn(guess, first, factors, jnp.zeros((), jnp.int32), no, no)
    return jax.lax.while_loop(lambda s: ~(s.done | s.failed), turn, start)
