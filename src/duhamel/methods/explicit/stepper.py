"""The stepper of every explicit Runge–Kutta method."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.coefficients import Butcher
from duhamel.equation import Equation
from duhamel.methods.base import Interpolating, State, Step, Tolerance, add_scaled, precise, where

__all__ = ["ExplicitRungeKutta", "horner", "one_step", "weighted"]


class ExplicitRungeKutta(Interpolating):
    """kᵢ = f(t + cᵢh, u + h Σⱼ aᵢⱼ kⱼ), u₁ = u + h Σ bᵢ kᵢ, from a `Butcher` tableau.

    f at the new point is always evaluated once and is the first stage of the next step, so every method costs
    `stages` evaluations per step, and a cubic Hermite interpolant is free. `dense` holds the coefficients of
    a better interpolant where one is known: row i is bᵢ(θ)/θ as a polynomial in θ, constant first.
    """

    table: ClassVar[Butcher]
    dense: ClassVar[tuple[tuple[float, ...], ...] | None] = None
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
        del tolerance
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
        error = (
            None
            if table.error is None
            else add_scaled(None, h_, _floats(table.error), every[: len(table.error)])
        )
        return Step(new, error, last, slopes)

    def keep(self, accepted: Array, new: State, old: State) -> State:
        return where(accepted, new, old)

    def slope(self, memory: State) -> State:
        return memory

    def interpolate(self, theta: Array, h: Array, u: State, step: Step, memory: State) -> State:
        h_, x = precise(h, u), precise(theta, u)
        if self.dense is not None:
            weights = [x * horner(row, x) for row in self.dense]
            return weighted(u, h_, weights, step.stages)
        # Cubic Hermite in the form u + θ(…): exact at both ends.
        x2, x3 = x * x, x * x * x
        ends = [x - 2 * x2 + x3, x3 - x2]
        moved = jax.tree.map(lambda a, b: a + _real(3 * x2 - 2 * x3, a) * (b - a), u, step.u)
        return weighted(moved, h_, ends, [memory, step.memory])


def _floats(row: Any) -> list[float]:
    return [float(v) for v in row]


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
