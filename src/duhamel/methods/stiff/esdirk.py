"""The stepper of every ESDIRK method: one implicit stage after the other."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.equation import Equation
from duhamel.jacobian import Structure, System, pack, structure_of, unpack
from duhamel.methods.base import Interpolating, Method, State, Step, Tolerance, Work, precise, where
from duhamel.methods.stiff.control import Trend, predicted, untried
from duhamel.methods.stiff.esdirk_table import Diagonal
from duhamel.methods.stiff.newton import Gauge, Kept, Outcome, implicit, iterate, next_kept, nothing, rounds

__all__ = ["ESDIRK", "Memory"]

# Convergence slower than this asks for a new Jacobian.
_SLOW = 0.05


class Memory(NamedTuple):
    """The slope at the present point, how step lengths have developed, and the Jacobian with its factors."""

    slope: State
    trend: Trend
    kept: Kept


class ESDIRK(Interpolating):
    """Uᵢ = u + h Σ_{j<i} aᵢⱼ kⱼ + hγ kᵢ,  kᵢ = f(t + cᵢh, Uᵢ),  U₁ = u,  u₁ = U_s, from a `Diagonal` table.

    Each stage is solved by simplified Newton iterations with M − hγJ, J and its factors being kept over steps
    as long as the iterations converge fast. The slope k_s comes from the stage equation, not from f, and is
    the first stage of the next step: an error of the iteration is then not magnified by stiffness. Both
    methods of a pair are stiffly accurate or vanish at infinity, so that the estimate needs no filter unless
    `filtered` says so. Linear problems are solved, not iterated.

    Cost per step: `stages` − 1 stages, each of one or more evaluations and solutions; now and then a Jacobian
    and factors. The interpolant is cubic Hermite, with a quartic term of the stages where there are enough.
    """

    table: ClassVar[Diagonal]
    family: ClassVar[str] = "stiff"
    adaptive: ClassVar[bool] = True
    held: ClassVar[bool] = True
    structure: Structure | None = eqx.field(static=True, default=None)

    def check(self, eq: Equation) -> None:
        del eq  # whatever can be evaluated can be linearised

    def fitted(self, eq: Equation, u: State, args: Any) -> Method:
        return dataclasses.replace(self, structure=structure_of(eq, u, args))

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Memory:
        system = self._system(eq, u, args)
        kept = nothing(system, self._scales, pack(u))
        kept = kept._replace(work=kept.work.at[0].add(1))
        return Memory(eq.rhs(precise(t, u), u, args), untried(t), kept)

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
        system, table = self._system(eq, u, args), self.table
        x, t_, h_ = pack(u), precise(t, u), precise(h, u)
        first = h_ * pack(memory.slope)

        def residual(moves: Array) -> Array:
            all_ = jnp.concatenate([first[None], moves])
            states = x + jnp.asarray(table.a[1:], x.dtype) @ all_
            times = t_ + jnp.asarray(table.c[1:], x.dtype) * h_
            return moves - h_ * jax.vmap(system.f)(times, states)

        def solve() -> tuple[Array, tuple[Kept, Array]]:
            gauge = Gauge(system, x, u, tolerance, table.goal)

            def attempt(kept: Kept) -> tuple[Array, Outcome]:
                return self._stages(system, gauge, kept, t_, h_, x, first)

            empty = jnp.zeros((table.stages, *x.shape), x.dtype)
            moves, outcome, kept = rounds(
                system, memory.kept, self._scales, h, (t_, x), attempt, empty, _SLOW
            )
            return moves[1:], (kept, outcome.ok)

        like = jnp.zeros((table.stages - 1, *x.shape), x.dtype)
        moves, (kept, ok) = implicit(residual, solve, like, system, coupled=False)
        moves = jnp.concatenate([first[None], moves])
        new = unpack(x + jnp.asarray(table.a[-1], x.dtype) @ moves, u)
        error = system.solve(kept.factors[0], jnp.asarray(table.error, x.dtype) @ moves)
        factor, trend = None, memory.trend
        if tolerance is None:
            kept = next_kept(jnp.ones((), bool), kept)
        else:
            size = tolerance.measure(eq, unpack(error, u), (u, new)).astype(h.dtype)
            factor, trend = predicted(trend, h, size, self.error_order)
        after = Memory(unpack(moves[-1] / h_, u), trend, kept)
        return Step(new, unpack(error, u), after, moves, ~ok, factor)

    def _stages(
        self, system: System, gauge: Gauge, kept: Kept, t: Array, h: Array, x: Array, first: Array
    ) -> tuple[Array, Outcome]:
        """h times the slopes of all stages (s, n), and how the iterations went."""
        table, dtype = self.table, x.dtype
        gamma = float(table.a[-1, -1])
        rows = [(table.a - gamma * jnp.eye(table.stages))[1:], table.guess[1:], table.c[1:]]

        def stage(carry: tuple[Array, Outcome], row: Any) -> tuple[tuple[Array, Outcome], None]:
            (moves, before), (index, a, guess, c) = carry, row
            base, time = x + a @ moves, t + c * h

            def correct(move: Array) -> tuple[Array, Array, Array]:
                state = base + gamma * move[0]
                change = system.solve(kept.factors[0], h * system.f(time, state) - move[0])[None]
                return change, gamma * change, state[None]

            move, now = iterate(correct, (guess @ moves)[None], gauge, before.ok, before.eta)
            count, rate = before.count + now.count, jnp.maximum(before.rate, now.rate)
            return (moves.at[index].set(move[0]), Outcome(now.ok, rate, now.eta, count)), None

        start = jnp.zeros((table.stages, *x.shape), dtype).at[0].set(first)
        none = jnp.zeros((), jnp.int32)
        begun = Outcome(jnp.ones((), bool), jnp.zeros_like(kept.eta), kept.eta, none)
        index = jnp.arange(1, table.stages, dtype=jnp.int32)
        end, _ = jax.lax.scan(stage, (start, begun), (index, *[jnp.asarray(r, dtype) for r in rows]))
        return end

    def keep(self, accepted: Array, new: Memory, old: Memory) -> Memory:
        kept = next_kept(accepted, new.kept)
        trend = old.trend._replace(rejected=jnp.ones((), bool))
        return where(accepted, new._replace(kept=kept), old._replace(trend=trend, kept=kept))

    def slope(self, memory: Memory) -> State:
        return memory.slope

    def interpolate(self, theta: Array, h: Array, u: State, step: Step, memory: Memory) -> State:
        del h, memory
        x, new, theta, moves = pack(u), pack(step.u), precise(theta, u), step.stages
        rest = 1 - theta
        # Cubic Hermite in the form u + θ(…): exact at both ends.
        inside = (theta * rest * rest) * moves[0] - (theta * theta * rest) * moves[-1]
        inside = inside + (theta * rest) ** 2 * (jnp.asarray(self.table.bump, x.dtype) @ moves)
        return unpack(x + (3 - 2 * theta) * theta * theta * (new - x) + inside, u)

    def counters(self, memory: Memory) -> Array:
        return memory.kept.work

    def work(self, counters: Array, attempts: Any) -> Work:
        return Work(counters[..., 0], counters[..., 1], counters[..., 2], 0 * attempts)

    @property
    def _scales(self) -> tuple[float]:
        return (float(self.table.a[-1, -1]),)

    def _system(self, eq: Equation, u: State, args: Any) -> System:
        structure = structure_of(eq, u, args) if self.structure is None else self.structure
        return System(eq, structure, u, args)
