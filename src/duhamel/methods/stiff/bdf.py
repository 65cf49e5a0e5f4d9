"""Backward differentiation formulas of variable order and step."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.equation import Equation
from duhamel.errors import InputError
from duhamel.jacobian import Structure, System, pack, structure_of, unpack
from duhamel.methods.base import Interpolating, Method, State, Step, Tolerance, Work, precise, where
from duhamel.methods.stiff.bdf_control import MOST, Choice, Estimates, History, choice, estimates, started
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
from duhamel.methods.stiff.radau import starting_step

__all__ = ["BDF", "Memory"]

# What of the tolerance the iteration may leave, iterations, and the rate that asks for a new Jacobian.
_GOAL, _TURNS, _SLOW = 0.03, 4, 0.2


class Memory(NamedTuple):
    """du/dt at the start, the differences of the past, what was chosen for the next step, the Jacobian with
    its factors."""

    slope: State
    past: History
    choice: Choice
    kept: Kept


class BDF(Interpolating):
    """M (h p′(t+h) + aₖ (u₁ − p(t+h))) = h f(t+h, u₁),    aₖ = 1 + 1/2 + … + 1/k,

    where p is the polynomial of degree k through the past states, at whatever times they were: backward
    differentiation with a fixed leading coefficient. Order and step are chosen together, after k + 1 steps at
    the earliest, from the differences of order k, k + 1 and k + 2; both may change at any time, without
    restart. Orders 1 and 2 are L-stable, 3 to 5 are stable in a sector that narrows (86°, 73°, 51°): for
    oscillating modes of large imaginary part use `BDF(order=2)` or another method.

    `order` is the highest order, 1 … 5. Fixed steps are all of this order; the first of them are of Radau
    IIA, so that the run as a whole has the order too. M may be singular (index 1, consistent initial values).

    Cost per step: one or two evaluations and solutions, whatever the order; now and then a Jacobian and
    factors. For large stiff systems at loose to moderate tolerances, where evaluations are dear.
    """

    name: ClassVar[str] = "bdf"
    order: int = eqx.field(static=True, default=MOST)
    stages: ClassVar[int] = 1
    family: ClassVar[str] = "multistep"
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 1  # of the first step; later steps have their own
    dense_order: ClassVar[int] = 1  # likewise; afterwards that of the formula
    held: ClassVar[bool] = True
    takes_mass: ClassVar[bool] = True
    reference: ClassVar[str] = (
        "Byrne & Hindmarsh, ACM Trans. Math. Softw. 1 (1975); Brenan, Campbell & Petzold, Numerical Solution "
        "of Initial-Value Problems in DAEs, ch. 5; Shampine & Reichelt, SIAM J. Sci. Comput. 18 (1997)"
    )
    structure: Structure | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        if self.order not in range(1, MOST + 1):
            raise InputError(f"the highest order of BDF is a number from 1 to {MOST}, got {self.order!r}.")

    def check(self, eq: Equation) -> None:
        plain_mass(self.name, eq)

    def fitted(self, eq: Equation, u: State, args: Any) -> Method:
        return dataclasses.replace(self, structure=structure_of(eq, u, args))

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Memory:
        system, x = self._system(eq, u, args), pack(u)
        kept = nothing(system, (1.0,), x)
        kept = kept._replace(work=kept.work.at[0].add(1))
        slope = velocity(system, precise(t, u), x)
        return Memory(unpack(slope, u), started(t, x, slope), Choice.first(t), kept)

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
        system, x = self._system(eq, u, args), pack(u)
        past, t_, h_ = memory.past, precise(t + h, u), precise(h, u)
        order = jnp.minimum(past.count + 1, self.order) if tolerance is None else memory.choice.order
        past = past.restarted(x).moved(h_)
        guess, rise = past.predicted(order, h_)
        gauge = Gauge(system, guess, u, tolerance, _GOAL, _TURNS)

        def formula() -> tuple[Array, Kept, Array]:
            return self._solved(system, memory.kept, (t_, h, h_), guess, rise, order, gauge)

        def start() -> tuple[Array, Kept, Array]:
            new, work, ok = starting_step(system, h, (precise(t, u), x), gauge)
            return new - guess, memory.kept._replace(work=memory.kept.work + work), ok

        if tolerance is None and self.order > 1:
            move, kept, ok = jax.lax.cond(past.count < self.order - 1, start, formula)
        else:
            move, kept, ok = formula()
        found = estimates(past, order, h_, move)
        new, error = unpack(guess + move, u), unpack(found.error[1], u)
        past = past.accepted(order, move)
        if tolerance is None:
            after = Memory(memory.slope, past, memory.choice, next_kept(jnp.ones((), bool), kept))
            return Step(new, error, after, (past, order), ~ok)
        decision = self._decision(eq, u, new, found, memory.choice, tolerance, h)
        return Step(
            new, error, Memory(memory.slope, past, decision, kept), (past, order), ~ok, decision.factor
        )

    def _solved(
        self,
        system: System,
        kept: Kept,
        clock: tuple[Array, Array, Array],
        guess: Array,
        rise: Array,
        order: Array,
        gauge: Gauge,
    ) -> tuple[Array, Kept, Array]:
        """d with M (rise + a d) = h f(t + h, guess + d), what is kept, whether the iteration converged."""
        t, h, h_ = clock
        leading = jnp.asarray(_LEADING, h.dtype)[order]
        inverse = (1.0 / leading).astype(h_.dtype)

        def residual(move: Array) -> Array:
            force = h_ * system.f(t, guess + move[0]) - system.times_mass(rise)
            return (system.times_mass(move[0]) - inverse * force)[None]

        def attempt(kept: Kept) -> tuple[Array, Outcome]:
            def correct(move: Array) -> tuple[Array, Array, Array]:
                change = -system.solve(kept.factors[0], residual(move)[0])[None]
                return change, change, (guess + move[0])[None]

            return iterate(correct, jnp.zeros_like(guess)[None], gauge, jnp.ones((), bool), kept.eta)

        def solve() -> tuple[Array, tuple[Kept, Array]]:
            empty = jnp.zeros_like(guess)[None]
            move, outcome, after = rounds(
                system, kept, (1.0,), h / leading, (t, guess), attempt, empty, _SLOW
            )
            return move, (after, outcome.ok)

        move, (after, ok) = implicit(residual, solve, jnp.zeros_like(guess)[None], system, coupled=False)
        return move[0], after, ok

    def _decision(
        self,
        eq: Equation,
        u: State,
        new: State,
        found: Estimates,
        before: Choice,
        tolerance: Tolerance,
        h: Array,
    ) -> Choice:
        def measure(error: Array) -> Array:
            return tolerance.measure(eq, unpack(error, u), (u, new)).astype(h.dtype)

        return choice(before, jax.vmap(measure)(found.error), self.order)

    def keep(self, accepted: Array, new: Memory, old: Memory) -> Memory:
        # The Jacobian is taken at the predicted point, which another step does not have.
        kept = next_kept(jnp.ones((), bool), new.kept)
        return Memory(
            old.slope, where(accepted, new.past, old.past), new.choice.settled(accepted, old.choice), kept
        )

    def slope(self, memory: Memory) -> State:
        return memory.slope

    def interpolate(self, theta: Array, h: Array, u: State, step: Step, memory: Memory) -> State:
        del memory
        past, order = step.stages
        return unpack(past.at(order, precise((theta - 1.0) * h, u)), u)

    def counters(self, memory: Memory) -> Array:
        return memory.kept.work

    def work(self, counters: Array, attempts: Any) -> Work:
        return Work(counters[..., 0], counters[..., 1], counters[..., 2], 0 * attempts)

    def _system(self, eq: Equation, u: State, args: Any) -> System:
        structure = structure_of(eq, u, args) if self.structure is None else self.structure
        return System(eq, structure, u, args)


# aₖ for k = 0 … 5.
_LEADING = np.concatenate([[1.0], np.cumsum(1.0 / np.arange(1, MOST + 1))])
