"""Mechanics: equations q' = v(p), p' = F(q), whose parts flow exactly."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.equation import Equation, Function, Nonlinear, _checked
from duhamel.errors import InputError
from duhamel.linear.base import times
from duhamel.methods.base import State

__all__ = ["Rate", "Shear", "halves_of", "hamiltonian", "separable", "shear_of"]


class Shear(eqx.Module):
    """A part that moves one half of a pair (q, p) by a slope that depends on the other half alone.

    The slope does not change along the part's own flow, so the flow is u + h·slope. Neither does its time:
    for a slope that depends on time, the clock goes with the other half (time is one more coordinate).
    """

    function: Callable[..., Any]
    moves: int = eqx.field(static=True)

    def slope(self, t: Array, u: State, args: Any) -> State:
        """The rate of the half that moves, shaped like it."""
        halves = halves_of(u)
        rate = self.function(t, halves[1 - self.moves], args)
        return _checked(rate, halves[self.moves], ("the velocity", "the force")[self.moves])

    def moved(self, u: State, h: Array, slope: State) -> State:
        """The state after a time h."""
        halves = list(halves_of(u))
        halves[self.moves] = jax.tree.map(lambda v, k: v + times(h, k), halves[self.moves], slope)
        return joined(halves, u)

    def __call__(self, t: Array, h: Array, u: State, args: Any) -> State:
        return self.moved(u, h, self.slope(t, u, args))


class Rate(eqx.Module):
    """The right-hand side of a shear: its slope in one half, zero in the other."""

    shear: Shear

    def __call__(self, t: Array, u: State, args: Any) -> State:
        halves = [jax.tree.map(jnp.zeros_like, half) for half in halves_of(u)]
        halves[self.shear.moves] = self.shear.slope(t, u, args)
        return joined(halves, u)


def shear_of(part: Any) -> Shear | None:
    """The shear that a part is; None for any other part."""
    flow = getattr(part, "flow", None)
    return flow if isinstance(flow, Shear) else None


def halves_of(u: Any) -> tuple[State, State]:
    """q and p of a state: a pair, a dict with these keys, or an array whose first axis has length two."""
    if isinstance(u, Mapping):
        if set(u) == {"q", "p"}:
            return u["q"], u["p"]
    elif isinstance(u, tuple | list):
        if len(u) == 2:
            return u[0], u[1]
    elif jnp.ndim(u) and u.shape[0] == 2:
        return u[0], u[1]
    what = f"{jax.tree.structure(u)}" if isinstance(u, Mapping | tuple | list) else f"shape {jnp.shape(u)}"
    raise InputError(
        'a separable equation has a state (q, p): a pair, a dict {"q": …, "p": …}, or an array of shape '
        f"(2, …); got {what}."
    )


def joined(halves: Any, like: Any) -> State:
    """q and p in the form of `like`."""
    q, p = halves
    if isinstance(like, Mapping):
        return {"q": q, "p": p}
    if isinstance(like, tuple):
        named: Any = type(like)
        return named(q, p) if hasattr(like, "_fields") else (q, p)
    return [q, p] if isinstance(like, list) else jnp.stack([q, p])


class _Of(eqx.Module):
    """A function of (t, x, args), from one of x alone or of all three."""

    call: Callable[..., Any]
    alone: bool = eqx.field(static=True)

    def __call__(self, t: Array, x: State, args: Any) -> Any:
        return self.call(x) if self.alone else self.call(t, x, args)


def _of(function: Any, what: str) -> _Of:
    if not callable(function):
        raise InputError(f"{what} is a function of one half of the state, got {type(function).__name__}.")
    places = [
        p
        for p in inspect.signature(function).parameters.values()
        if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty
    ]
    if len(places) not in (1, 3):
        raise InputError(
            f"{what} takes its half of the state, or (t, that, args); this function takes {len(places)} "
            "arguments."
        )
    plain = jax.tree.structure(function) == jax.tree.structure(0)
    return _Of(Function(function) if plain else function, len(places) == 1)


def separable(velocity: Callable[..., Any], force: Callable[..., Any]) -> Equation:
    """q' = velocity(p), p' = force(q): the sum of two parts, each of which flows exactly.

    `velocity(p)` or `velocity(t, p, args)` returns a state like q, `force(q)` or `force(t, q, args)` one like
    p. The state is a pair (q, p), a dict {"q": …, "p": …}, or an array of shape (2, …). If both are gradients
    (`duhamel.hamiltonian`), every splitting of it is symplectic. The kick p' = force(q) is the first part, so
    that Strang is kick–drift–kick. Time stands still during a kick and goes on during a drift.

    Raises `InputError` for a state or a returned shape that does not fit. Cost: one evaluation of force or of
    velocity for each flow; a kick that ends a step serves the next one too.
    """
    parts = []
    for function, what, moves in ((force, "force", 1), (velocity, "velocity", 0)):
        shear = Shear(_of(function, what), moves)
        parts.append(Nonlinear(Rate(shear), flow=shear))
    return Equation(tuple(parts))


def hamiltonian(kinetic: Callable[..., Any], potential: Callable[..., Any]) -> Equation:
    """q' = ∂T/∂p, p' = −∂V/∂q for the energy H(q, p) = T(p) + V(q), by automatic differentiation.

    `kinetic(p)` and `potential(q)` return a number; either may be a function of (t, p or q, args) instead.
    Otherwise as `duhamel.separable`.
    """
    return separable(
        Gradient(_of(kinetic, "the kinetic energy"), False), Gradient(_of(potential, "the potential"), True)
    )


class Gradient(eqx.Module):
    """∂f/∂x, or −∂f/∂x, of a function of (t, x, args)."""

    function: Callable[..., Any]
    negative: bool = eqx.field(static=True)

    def __call__(self, t: Array, x: State, args: Any) -> State:
        gradient = jax.grad(self.function, argnums=1)(t, x, args)
        return jax.tree.map(jnp.negative, gradient) if self.negative else gradient
