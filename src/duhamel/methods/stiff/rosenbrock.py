"""The stepper of every Rosenbrock (linearly implicit Runge–Kutta) method."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.lax import optimization_barrier as barrier
from jaxtyping import Array

from duhamel.batch import in_any_sample
from duhamel.equation import Equation
from duhamel.jacobian import Structure, System, pack, structure_of, unpack
from duhamel.methods.base import Interpolating, Method, State, Step, Tolerance, Work, precise
from duhamel.methods.stiff.rosenbrock_tableau import Tableau

__all__ = ["InterpolatingRosenbrock", "Linearised", "Rosenbrock", "combined", "linearised", "stages"]


class Linearised(NamedTuple):
    """∂f/∂t and ∂f/∂x at one point."""

    time_slope: Array
    jacobian: Any


class Memory(NamedTuple):
    """What a rejected attempt leaves for the next: `at` belongs to the present point where `valid`.

    `points` counts the Jacobians; `slope` is du/dt at the start, from which the first step is guessed.
    """

    at: Linearised
    valid: Array
    points: Array
    slope: State


class Rosenbrock(Method):
    """(M − hγJ) Uᵢ = hγ (f(t + αᵢh, u + Σⱼ aᵢⱼ Uⱼ) + γᵢ h ∂f/∂t) + γ M Σⱼ cᵢⱼ Uⱼ,    u₁ = u + Σ mᵢ Uᵢ

    from a `Tableau`. J = ∂f/∂u is exact and taken once per accepted step; a rejected step only factorises
    anew. No iteration, hence no tolerance inside a step. Cost per step: one Jacobian, one factorisation,
    `stages` evaluations, one solution for each stage. M may be singular (index 1).
    """

    table: ClassVar[Tableau]
    family: ClassVar[str] = "stiff"
    takes_mass: ClassVar[bool] = True
    structure: Structure | None = eqx.field(static=True, default=None)

    def check(self, eq: Equation) -> None:
        del eq  # every part has a Jacobian

    def fitted(self, eq: Equation, u: State, args: Any) -> Method:
        return type(self)(structure_of(eq, u, args))

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Memory:
        system, x, t_ = self._system(eq, u, args), pack(u), precise(t, u)
        at = Linearised(jnp.zeros_like(x), system.structure.zeros(x.dtype))
        slope = unpack(_velocity(system, t_, x), u)
        return Memory(at, jnp.zeros((), bool), jnp.zeros((), jnp.int32), slope)

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
        if tolerance is None:  # fixed steps are never tried again
            at = linearised(system, t_, x)
        else:
            stale = in_any_sample(~memory.valid)
            at = jax.lax.cond(stale, lambda: linearised(system, t_, x), lambda: memory.at)
        moves, new = stages(self.table, system, t_, h_, x, at)
        error = combined(self.table.error, moves)
        points = memory.points + (~memory.valid & (h != 0)).astype(jnp.int32)
        kept = Memory(memory.at if tolerance is None else at, memory.valid, points, memory.slope)
        return Step(unpack(new, u), unpack(error, u), kept, moves)

    def keep(self, accepted: Array, new: Memory, old: Memory) -> Memory:
        del old
        return new._replace(valid=~accepted)

    def slope(self, memory: Memory) -> State:
        return memory.slope

    def counters(self, memory: Memory) -> Array:
        return memory.points

    def work(self, counters: Array, attempts: Any) -> Work:
        each = attempts * self.stages
        return Work(1 + each, each, counters, 0 * attempts)

    def _system(self, eq: Equation, u: State, args: Any) -> System:
        structure = structure_of(eq, u, args) if self.structure is None else self.structure
        return System(eq, structure, u, args)


class InterpolatingRosenbrock(Rosenbrock, Interpolating):
    """A Rosenbrock method with an interpolant from its own stages."""

    def interpolate(self, theta: Array, h: Array, u: State, step: Step, memory: Any) -> State:
        del h, memory
        x, theta = pack(u), precise(theta, u)
        inner = jnp.zeros_like(x)
        for row in reversed(self.table.dense):
            inner = theta * inner + combined(row, step.stages)
        return unpack(x + theta * (pack(step.u) - x + (1 - theta) * inner), u)


def linearised(system: System, t: Array, x: Array) -> Linearised:
    """The derivatives of f at (t, x)."""
    return Linearised(system.time_slope(t, x), system.jacobian(t, x))


def stages(
    table: Tableau, system: System, t: Array, h: Array, x: Array, at: Linearised
) -> tuple[Array, Array]:
    """All Uᵢ of a step from x at t, of shape (stages, n), and the packed state after it.

    The stages are one loop: f, the solution and the sums are compiled once and not `stages` times.
    """
    hg = h * table.gamma
    factors = system.factor(at.jacobian, hg)

    def stage(moves: Array, row: tuple[Array, ...]) -> tuple[Array, None]:
        index, a, c, node, slope = row
        f = system.f(t + node * h, x + combined(a, moves))
        right = hg * (f + (h * slope) * at.time_slope) + system.times_mass(combined(c, moves))
        # The barriers keep XLA from computing the sums anew for every entry of the solution.
        move = barrier(system.solve(factors, barrier(right)))
        return jax.lax.dynamic_update_index_in_dim(moves, move, index, 0), None

    none = jnp.zeros((table.stages, x.shape[0]), x.dtype)
    moves, _ = jax.lax.scan(stage, none, table.rows(x.dtype))
    return moves, x + combined(table.weights, moves)


def combined(row: Any, moves: Array) -> Array:
    """Σⱼ rowⱼ Uⱼ."""
    return jnp.sum(jnp.asarray(row, moves.dtype)[:, None] * moves, axis=0)


def _velocity(system: System, t: Array, x: Array) -> Array:
    """dx/dt. With a mass matrix by one step of Euler's implicit method that is too short to matter, which
    also gives the velocity of algebraic variables."""
    f = system.f(t, x)
    if system.eq.mass is None:
        return f
    tiny = jnp.asarray(jnp.finfo(x.dtype).eps ** 0.5, x.dtype)
    return system.solve(system.factor(system.jacobian(t, x), tiny), f)
