"""Radau IIA of order 5: three coupled stages, solved as one real and one complex system."""

from __future__ import annotations

import dataclasses
from math import sqrt
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.batch import in_any_sample
from duhamel.equation import Equation
from duhamel.jacobian import Structure, System, pack, structure_of, unpack
from duhamel.methods.base import Interpolating, Method, State, Step, Tolerance, Work, precise, where
from duhamel.methods.stiff.control import Trend, predicted, untried
from duhamel.methods.stiff.newton import (
    Gauge,
    Kept,
    Outcome,
    implicit,
    iterate,
    next_kept,
    nothing,
    plain_mass,
    rounds,
    velocity,
)

__all__ = ["Memory", "Radau", "collocated", "starting_step"]

_ROOT = sqrt(6.0)
_NODES = np.array([(4 - _ROOT) / 10, (4 + _ROOT) / 10, 1.0])
_MATRIX = np.array(
    [
        [(88 - 7 * _ROOT) / 360, (296 - 169 * _ROOT) / 1800, (-2 + 3 * _ROOT) / 225],
        [(296 + 169 * _ROOT) / 1800, (88 + 7 * _ROOT) / 360, (-2 - 3 * _ROOT) / 225],
        [(16 - _ROOT) / 36, (16 + _ROOT) / 36, 1 / 9],
    ]
)
_INVERSE = np.linalg.inv(_MATRIX)


def _spectrum() -> tuple[float, complex, np.ndarray]:
    """γ and μ with A⁻¹ T = T diag(γ, μ): the real and one complex eigenvalue, and T with columns v, Re w,
    Im w for the eigenvectors v of γ and w of the conjugate of μ, which makes (W₂, W₃) one complex number."""
    values, vectors = np.linalg.eig(_INVERSE)
    turning = np.imag(values)
    real, upper, lower = np.argmin(abs(turning)), np.argmax(turning), np.argmin(turning)
    columns = np.real(vectors[:, real]), np.real(vectors[:, lower]), np.imag(vectors[:, lower])
    basis = np.stack(columns, axis=1)
    return float(values[real].real), complex(values[upper]), basis


_GAMMA, _MU, _BASIS = _spectrum()
_BACK = np.linalg.inv(_BASIS)
_SCALES = (1 / _GAMMA, 1 / _MU)
# Weights of the estimate (Hairer & Wanner, Solving ODEs II, IV.8), times 1/γ.
_ERROR = np.array([-13 - 7 * _ROOT, -13 + 7 * _ROOT, -1.0]) / 3 / _GAMMA
# Z(θ) = Σ θʲ (C Z)ⱼ, j = 1 … 3: the collocation polynomial from its values at the nodes.
_POWERS = np.linalg.inv(_NODES[:, None] ** np.array([1, 2, 3]))
# What of the tolerance the iteration may leave; slower convergence asks for a new Jacobian.
_GOAL, _SLOW = 0.01, 0.02


class Memory(NamedTuple):
    """du/dt at the present point, the stages of the step that led to it and its length, how step lengths have
    developed, and the Jacobian with its factors."""

    slope: State
    stages: Array
    h: Array
    trend: Trend
    kept: Kept


class Radau(Interpolating):
    """M Zᵢ = h Σⱼ aᵢⱼ f(t + cⱼh, u + Zⱼ),  u₁ = u + Z₃, with the collocation coefficients of Radau IIA.

    Order 5, stage order 3, L-stable, stiffly accurate. Simplified Newton iterations in the eigenbasis of A⁻¹:
    one real and one complex system M − (h/γ)J, M − (h/μ)J, whose factors are kept while they serve; they
    start from the collocation polynomial of the step before, which is also the interpolant. The estimate
    (order 3) is filtered through the real system, twice after a start or a rejection. M may be singular
    (index 1, consistent initial values).

    Cost per iteration: three evaluations, one real and one complex solution. For stiff equations and DAEs at
    tight tolerances; the most robust method here.
    """

    name: ClassVar[str] = "radau"
    order: ClassVar[int] = 5
    stages: ClassVar[int] = 3
    family: ClassVar[str] = "stiff"
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 3
    held: ClassVar[bool] = True
    takes_mass: ClassVar[bool] = True
    reference: ClassVar[str] = "Hairer & Wanner, Solving ODEs II, IV.8 (RADAU5)"
    structure: Structure | None = eqx.field(static=True, default=None)

    def check(self, eq: Equation) -> None:
        plain_mass(self.name, eq)

    def fitted(self, eq: Equation, u: State, args: Any) -> Method:
        return dataclasses.replace(self, structure=structure_of(eq, u, args))

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Memory:
        system, x = self._system(eq, u, args), pack(u)
        kept = nothing(system, _SCALES, x)
        slope = unpack(velocity(system, precise(t, u), x), u)
        kept = kept._replace(work=kept.work.at[0].add(1))
        return Memory(slope, jnp.zeros((3, *x.shape), x.dtype), jnp.ones_like(t), untried(t), kept)

    def step(
        self,
        eq: Equation,
        t: Array,
        h: Array,
        u: State,
        memory: Memory,
        args: Any,
        tolerance: Tolerance | None = None,
    ) -> Step:
        system, x, t_, h_ = self._system(eq, u, args), pack(u), precise(t, u), precise(h, u)
        # The polynomial of the last step, continued.
        ahead = 1.0 + jnp.asarray(_NODES, x.dtype) * precise(h / memory.h, u)
        guess = _mixed(_polynomial(ahead), memory.stages) - memory.stages[2]
        stages, kept, ok = collocated(
            system, memory.kept, h, (t_, x), guess, Gauge(system, x, u, tolerance, _GOAL)
        )
        new = unpack(x + stages[2], u)
        slope = jnp.asarray(_INVERSE[2], x.dtype) @ stages / h_
        error, size, extra = self._error(system, (t_, x), h_, (u, new), memory, stages, kept, tolerance)
        kept = kept._replace(work=kept.work.at[:2].add(extra))
        factor, trend = None, memory.trend
        if tolerance is None:
            kept = next_kept(jnp.ones((), bool), kept)
        else:
            factor, trend = predicted(trend, h, size.astype(h.dtype), self.error_order)
        after = Memory(unpack(slope, u), stages, h, trend, kept)
        return Step(new, unpack(error, u), after, stages, ~ok, factor)

    def _error(
        self,
        system: System,
        point: tuple[Array, Array],
        h: Array,
        states: tuple[State, State],
        memory: Memory,
        stages: Array,
        kept: Kept,
        tolerance: Tolerance | None,
    ) -> tuple[Array, Array, Array]:
        """The estimate, its size, and the evaluations and solutions it took."""
        (t, x), (u, new) = point, states
        weighted = system.times_mass(jnp.asarray(_ERROR, stages.dtype) @ stages)

        def estimate(force: Array) -> Array:
            return system.solve(kept.factors[0], h / _GAMMA * force + weighted)

        force, one = system.times_mass(pack(memory.slope)), jnp.asarray([0, 1], jnp.int32)
        if tolerance is None:
            return estimate(force), jnp.zeros_like(h), one
        error = estimate(force)
        size = tolerance.measure(system.eq, unpack(error, u), (u, new))
        again = (memory.trend.rejected | (memory.trend.h == 0.0)) & (size > 1.0)

        def filtered() -> tuple[Array, Array]:
            better = jnp.where(again, estimate(system.f(t, x + error)), error)
            return better, tolerance.measure(system.eq, unpack(better, u), (u, new))

        error, size = jax.lax.cond(in_any_sample(again), filtered, lambda: (error, size))
        return error, size, one + again.astype(jnp.int32)

    def keep(self, accepted: Array, new: Memory, old: Memory) -> Memory:
        kept = next_kept(accepted, new.kept)
        trend = old.trend._replace(rejected=jnp.ones((), bool))
        return where(accepted, new._replace(kept=kept), old._replace(trend=trend, kept=kept))

    def slope(self, memory: Memory) -> State:
        return memory.slope

    def interpolate(self, theta: Array, h: Array, u: State, step: Step, memory: Memory) -> State:
        del h, memory
        return unpack(pack(u) + _polynomial(precise(theta, u)[None])[0] @ step.stages, u)

    def counters(self, memory: Memory) -> Array:
        return memory.kept.work

    def work(self, counters: Array, attempts: Any) -> Work:
        return Work(counters[..., 0], counters[..., 1], counters[..., 2], 0 * attempts)

    def _system(self, eq: Equation, u: State, args: Any) -> System:
        structure = structure_of(eq, u, args) if self.structure is None else self.structure
        return System(eq, structure, u, args)


def _polynomial(theta: Array) -> Array:
    """Weights of the stages in Z(θ), one row for each θ of shape (k,)."""
    powers = jnp.stack([theta, theta * theta, theta * theta * theta], axis=1)
    return _mixed(powers, jnp.asarray(_POWERS, theta.dtype))


def _mixed(weights: Array, rows: Array) -> Array:
    """A product of matrices, written as sums: a library call would keep the loop from becoming one kernel."""
    return jnp.sum(weights[:, :, None] * rows, axis=1)


def starting_step(
    system: System, h: Array, point: tuple[Array, Array], gauge: Gauge
) -> tuple[Array, Array, Array]:
    """The packed state a step after `point` = (t, x), the work it took (3,), and whether the iteration
    converged: for methods that need a past."""
    x = point[1]
    guess = jnp.zeros((3, *x.shape), x.dtype)
    stages, kept, ok = collocated(system, nothing(system, _SCALES, x), h, point, guess, gauge)
    return x + stages[2], kept.work, ok


def collocated(
    system: System, kept: Kept, h: Array, point: tuple[Array, Array], guess: Array, gauge: Gauge
) -> tuple[Array, Kept, Array]:
    """The stages Z (3, n) of a step from `point` = (t, x), what is kept, and whether the iteration converged.

    Differentiable like the solution itself, by one full system of 3n rows.
    """
    t, x = point
    dtype, h_ = x.dtype, h.astype(x.dtype)
    matrix, basis, back = (jnp.asarray(m, dtype) for m in (_MATRIX, _BASIS, _BACK))
    times = t + jnp.asarray(_NODES, dtype) * h_

    def slopes(stages: Array) -> Array:
        return jax.vmap(system.f)(times, x + stages)

    def residual(stages: Array) -> Array:
        return jax.vmap(system.times_mass)(stages) - h_ * _mixed(matrix, slopes(stages))

    def attempt(kept: Kept) -> tuple[Array, Outcome]:
        def correct(stages: Array) -> tuple[Array, Array, Array]:
            force = _mixed(back, h_ * slopes(stages))
            inertia = jax.vmap(system.times_mass)(_mixed(back, stages))
            one = system.solve(kept.factors[0], force[0] / _GAMMA - inertia[0])
            right = jax.lax.complex(force[1], force[2]) * (1 / _MU) - jax.lax.complex(inertia[1], inertia[2])
            two = system.solve(kept.factors[1], right)
            change = _mixed(basis, jnp.stack([one, two.real, two.imag]))
            return change, change, x + stages

        return iterate(correct, guess, gauge, jnp.ones((), bool), kept.eta)

    def solve() -> tuple[Array, tuple[Kept, Array]]:
        stages, outcome, after = rounds(
            system, kept, _SCALES, h, point, attempt, jnp.zeros_like(guess), _SLOW, each=3
        )
        return stages, (after, outcome.ok)

    stages, (after, ok) = implicit(residual, solve, jnp.zeros_like(guess), system, coupled=True)
    return stages, after, ok
