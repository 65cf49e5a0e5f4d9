"""The stepper of every implicit–explicit linear multistep method, at fixed steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.batch import in_any_sample
from duhamel.equation import Equation
from duhamel.jacobian import Structure
from duhamel.methods.base import Method, State, Step, Tolerance, Work, add_scaled, precise, where
from duhamel.methods.imex.implicit import Implicit, check_parts, explicit_slope, implicit, structure_for
from duhamel.methods.imex.newton import counted
from duhamel.methods.imex.stepper import AdditiveRungeKutta, Point, factors_for

__all__ = ["ImplicitExplicitMultistep", "Multistep"]

Number = Fraction | int | str


@dataclass(frozen=True)
class Multistep:
    """u₁ = Σⱼ pastⱼ u₋ⱼ + h Σⱼ explicitⱼ N₋ⱼ + h Σⱼ implicitⱼ I₁₋ⱼ, j = 0, 1, …

    u₋ⱼ is the state j steps ago; the first implicit weight belongs to the new state. Entries are Fractions,
    ints or strings such as "1/6". Raises ValueError for weights without a state.
    """

    past: Sequence[Number]
    explicit: Sequence[Number]
    implicit: Sequence[Number]

    def __post_init__(self) -> None:
        for name in ("past", "explicit", "implicit"):
            object.__setattr__(self, name, tuple(Fraction(v) for v in getattr(self, name)))
        if len(self.past) != len(self.explicit) or len(self.implicit) > len(self.past) + 1:
            raise ValueError("a multistep formula needs as many explicit weights as past states")

    @property
    def globally_stiffly_accurate(self) -> bool:
        """I enters at the new state alone."""
        return not any(self.implicit[1:])


class History(NamedTuple):
    """The states and N at the last points, newest first (the present state itself is not repeated), how many
    of them are valid, the h they are apart, and what `Point` carries besides. `starts` counts the steps that
    were taken by the starting method."""

    states: tuple[State, ...]
    slopes: tuple[State, ...]
    valid: Array
    h: Array
    factors: Any
    turns: Array | None
    starts: Array


class ImplicitExplicitMultistep(Method):
    """u₁ = Σⱼ pastⱼ u₋ⱼ + h Σⱼ explicitⱼ N₋ⱼ + h Σⱼ implicitⱼ I₁₋ⱼ, from a `Multistep` formula.

    One evaluation of N and one solution per step: the cheapest step of the family, for fixed steps only. The
    first steps, and the first ones after a change of the step size, are taken by `starter`, an additive
    Runge–Kutta method of at least this order; the order of the whole run is that of the formula.
    """

    formula: ClassVar[Multistep]
    starter: ClassVar[type[AdditiveRungeKutta]]
    family: ClassVar[str] = "imex"
    stages: ClassVar[int] = 1
    structure: Structure | None = eqx.field(static=True, default=None)

    def check(self, eq: Equation) -> None:
        check_parts(eq, self.name)

    def fitted(self, eq: Equation, u: State, args: Any) -> Method:
        return type(self)(structure_for(eq, u, args))

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> History:
        inner = implicit(eq, self.structure, u, args)
        shapes = jax.eval_shape(inner.factor, t)
        empty = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        zero, before = jnp.zeros((), jnp.int32), len(self.formula.past) - 1
        # A past that stood still: the formula can then be evaluated, to no purpose, in the starting steps.
        states = (u,) * before
        slopes = (explicit_slope(eq, precise(t, u), u, args),) * (before + 1)
        turns = zero if inner.iterates else None
        return History(states, slopes, zero, jnp.full_like(t, jnp.nan), empty, turns, zero)

    def step(
        self,
        eq: Equation,
        t: Array,
        h: Array,
        u: State,
        memory: History,
        args: Any,
        tolerance: Tolerance | None = None,
    ) -> Step:
        inner = implicit(eq, self.structure, u, args)
        before = len(self.formula.past) - 1
        shift = h * float(Fraction(self.formula.implicit[0]))
        factors = factors_for(inner, h, shift, memory.h, memory.factors)

        valid = jnp.where(h == memory.h, memory.valid, 0)
        ready = valid >= before
        result = self._formula(inner, factors, t, h, u, memory)
        if before:

            def started() -> Any:
                return where(ready, result, self._start(eq, inner, t, h, u, memory, args))

            result = jax.lax.cond(in_any_sample(~ready), started, lambda: result)
        new, failed, turns = result
        slope = explicit_slope(eq, precise(t + h, u), new, args)
        kept = History(
            (u, *memory.states)[:before],
            (slope, *memory.slopes)[: before + 1],
            jnp.minimum(valid + 1, before),
            h,
            factors,
            turns,
            memory.starts + (~ready & (h != 0)).astype(jnp.int32),
        )
        return Step(new, None, kept, None, failed)

    def _formula(self, inner: Implicit, factors: Any, t: Array, h: Array, u: State, memory: History) -> Any:
        table, (t_, h_) = self.formula, (precise(t, u), precise(h, u))
        shift = h * float(Fraction(table.implicit[0]))
        states = (u, *memory.states)
        weights = [float(Fraction(w)) for w in table.explicit]
        slopes = list(memory.slopes)
        for j, weight in enumerate(table.implicit[1:]):
            if weight != 0:
                weights.append(float(Fraction(weight)))
                slopes.append(inner.slope(t_ - j * h_, states[j]))
        change = add_scaled(None, h_, weights, slopes)
        right = jax.tree.map(jnp.add, _combined([float(Fraction(w)) for w in table.past], states), change)
        shared = (factors, inner.at(t_, u, shift))
        new, end = inner.solve(shared, t_ + h_, shift, right, u, None)
        return new, *counted(end, h, memory.turns)

    def _start(
        self, eq: Equation, inner: Implicit, t: Array, h: Array, u: State, memory: History, args: Any
    ) -> Any:
        """One step of the starting method."""
        starter = self.starter(self.structure)
        slope = inner.slope(precise(t, u), u) if starter.table.starts_implicitly else None
        empty = memory._replace(h=jnp.full_like(h, jnp.nan))
        point = Point(memory.slopes[0], slope, empty.h, empty.factors, empty.turns)
        step = starter.step(eq, t, h, u, point, args)
        return step.u, step.failed, step.memory.turns

    def keep(self, accepted: Array, new: History, old: History) -> History:
        return where(accepted, new, old)

    def slope(self, memory: History) -> State:
        return memory.slopes[0]

    def counters(self, memory: History) -> Any:
        return memory.starts, memory.turns

    def work(self, counters: Any, attempts: Any) -> Work:
        starts, turns = counters
        implicit_stages = self.starter.table.stages - 1
        evaluations = 1 + attempts + starts * (self.starter.stages - 1)
        solves = attempts + starts * (implicit_stages - 1) if turns is None else turns
        jacobians = 0 * attempts if turns is None else attempts
        return Work(evaluations, solves, jacobians, 0 * attempts)


def _combined(factors: list[float], states: tuple[State, ...]) -> State:
    """Σ factorⱼ stateⱼ."""

    def add(*leaves: Array) -> Array:
        total = factors[0] * leaves[0] if factors[0] != 1 else leaves[0]
        for factor, leaf in zip(factors[1:], leaves[1:], strict=True):
            if factor != 0:
                total = total + factor * leaf
        return total

    return jax.tree.map(add, *states)
