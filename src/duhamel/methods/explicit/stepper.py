"""The stepper of every explicit Runge–Kutta method."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.coefficients import Butcher
from duhamel.equation import Equation
from duhamel.methods.base import Interpolating, State, Step, Tolerance, add_scaled, precise, where
from duhamel.norm import scaled_norm

__all__ = ["ExplicitRungeKutta", "hermite", "horner", "one_step", "weighted"]


class Inside(NamedTuple):
    """What dense output needs: the slopes of a step, f at the new point last, and where to take more."""

    slopes: list[State]
    eq: Equation
    t: Array
    args: Any


class ExplicitRungeKutta(Interpolating):
    """kᵢ = f(t + cᵢh, u + h Σⱼ aᵢⱼ kⱼ), u₁ = u + h Σ bᵢ kᵢ, from a `Butcher` tableau.

    f at the new point is always evaluated once and is the first stage of the next step, so every method costs
    `stages` evaluations per step, and a cubic Hermite interpolant is free. `dense` holds the coefficients of
    a better interpolant, of order `dense_order`, where one is known: row i is bᵢ(θ)/θ as a polynomial in θ,
    constant first. It may need the further stages with the rows `extra`, which are evaluated only where a
    state inside a step is asked for (the statistics leave these evaluations out). `second` holds the weights
    of a second error estimate e₂; the estimate is then e·‖e‖/√(‖e‖² + 0.01‖e₂‖²), of the order of ‖e‖²/‖e₂‖
    (Hairer, Nørsett & Wanner, Solving ODEs I, II.10).
    """

    table: ClassVar[Butcher]
    dense: ClassVar[tuple[tuple[float, ...], ...] | None] = None
    extra: ClassVar[tuple[tuple[Fraction, ...], ...]] = ()
    second: ClassVar[tuple[Fraction, ...] | None] = None
    family: ClassVar[str] = "explicit"

    def check(self, eq: Equation) -> None:
        del eq  # every part can be evaluated

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> State:
        return eq.rhs(precise(t, u), u, args)

    def step(
        self,
        eq: Equation,
        t: Array,
        h: Array,
        u: State,
        memory: State,
        args: Any,
        tolerance: Tolerance | None = None,
    ) -> Step:
        table, (t_, h_) = self.table, (precise(t, u), precise(h, u))
        slopes, stage = [memory], u
        for row, c in zip(table.a[1:], table.c[1:], strict=True):
            stage = add_scaled(u, h_, _floats(row), slopes)
            slopes.append(eq.rhs(t_ + float(c) * h_, stage, args))
        if table.fsal:
            new, last = stage, slopes[-1]
        else:
            new = add_scaled(u, h_, _floats(table.b), slopes)
            last = eq.rhs(t_ + h_, new, args)
        every = slopes if table.fsal else [*slopes, last]
        error = None if table.error is None else _sum(h_, table.error, every)
        if error is not None and self.second is not None:
            error = _damped(eq, error, _sum(h_, self.second, every), (u, new), tolerance)
        return Step(new, error, last, Inside(every, eq, t_, args))

    def keep(self, accepted: Array, new: State, old: State) -> State:
        return where(accepted, new, old)

    def slope(self, memory: State) -> State:
        return memory

    def interpolate(self, theta: Array, h: Array, u: State, step: Step, memory: State) -> State:
        if self.dense is None:
            return hermite(theta, h, u, step.u, memory, step.memory)
        h_, x, inside = precise(h, u), precise(theta, u), step.stages
        slopes = list(inside.slopes)
        for row in self.extra:
            stage = add_scaled(u, h_, _floats(row), slopes)
            slopes.append(inside.eq.rhs(inside.t + float(sum(row)) * h_, stage, inside.args))
        return weighted(u, h_, [x * horner(row, x) for row in self.dense], slopes)


def hermite(theta: Array, h: Array, u: State, new: State, slope: State, new_slope: State) -> State:
    """The cubic with the given states and slopes at both ends of a step, at t + θh; order 3."""
    h_, x = precise(h, u), precise(theta, u)
    # In the form u + θ(…): exact at both ends.
    x2, x3 = x * x, x * x * x
    moved = jax.tree.map(lambda a, b: a + _real(3 * x2 - 2 * x3, a) * (b - a), u, new)
    return weighted(moved, h_, [x - 2 * x2 + x3, x3 - x2], [slope, new_slope])


def _floats(row: Sequence[Any]) -> list[float]:
    return [float(v) for v in row]


def _sum(h: Array, weights: Sequence[Any], slopes: list[State]) -> State:
    return add_scaled(None, h, _floats(weights), slopes[: len(weights)])


def _damped(
    eq: Equation, error: State, second: State, size: tuple[State, State], tolerance: Tolerance | None
) -> State:
    """e·‖e‖/√(‖e‖² + 0.01‖e₂‖²), in the norm of the tolerance."""
    rtol, atol = (jnp.zeros(()), jnp.ones(())) if tolerance is None else tolerance
    first, other = scaled_norm(eq, (error, second), size, rtol, atol)
    both = jnp.sqrt(first * first + 0.01 * other * other)
    factor = jnp.where(both > 0, first / jnp.where(both > 0, both, 1.0), 1.0)
    return jax.tree.map(lambda e: _real(factor, e) * e, error)


def horner(row: tuple[float, ...], x: Array) -> Array:
    """The polynomial with coefficients `row`, constant first, at x."""
    total = jnp.full_like(x, row[-1])
    for value in row[-2::-1]:
        total = total * x + value
    return total


def _real(weight: Array, v: Array) -> Array:
    return weight.astype(v.dtype)


def weighted(u: State, h: Array, weights: list[Array], slopes: list[State]) -> State:
    """u + h Σ weight·slope with traced weights."""

    def combine(v: Array, *leaves: Array) -> Array:
        return v + sum((_real(h * w, v) * k for w, k in zip(weights, leaves, strict=True)), jnp.zeros_like(v))

    return jax.tree.map(combine, u, *slopes)


def one_step(method: ExplicitRungeKutta, eq: Equation, t: Array, h: Array, u: State, args: Any) -> State:
    """One step without reuse; the evaluation at the new point is not used and compiles away."""
    return method.step(eq, t, h, u, method.init(eq, t, u, args), args).u
