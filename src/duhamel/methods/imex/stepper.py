"""The stepper of every additive (implicit–explicit) Runge–Kutta method."""

from __future__ import annotations

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
from duhamel.methods.imex.stages import Setting, Stages, floats, rolled, unrolled
from duhamel.methods.imex.table import Additive

__all__ = ["AdditiveRungeKutta", "Point", "factors_for"]


class Point(NamedTuple):
    """What a step leaves for the next: N and I at its end (I only where the table needs it), factors with
    the h they belong to, and the number of turns that Newton's iteration has taken."""

    explicit: State
    implicit: State | None
    h: Array
    factors: Any
    turns: Array | None


class AdditiveRungeKutta(Method):
    """Yᵢ = u + h Σ_{j<i} aᵢⱼ N(Yⱼ) + h Σ_{j≤i} âᵢⱼ I(Yⱼ), u₁ = u + h Σ (bᵢ N(Yᵢ) + b̂ᵢ I(Yᵢ)), from an
    `Additive` table.

    I is the sum of the linear parts and of the parts marked stiff, N the rest. A linear stage is one direct
    solution, with factors (of matrices) that are kept while h is; a single stiff part that brings `solve` is
    solved in closed form; everything else takes Newton's iteration with one Jacobian and one factorisation a
    step. Cost per step: `stages` evaluations of N, a solution for each implicit stage.
    """

    table: ClassVar[Additive]
    family: ClassVar[str] = "imex"
    adaptive: ClassVar[bool] = True
    held: ClassVar[bool] = True
    stiff_order: ClassVar[int | None] = 2
    structure: Structure | None = eqx.field(static=True, default=None)

    def check(self, eq: Equation) -> None:
        check_parts(eq, self.name)

    def fitted(self, eq: Equation, u: State, args: Any) -> Method:
        return type(self)(structure_for(eq, u, args))

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Point:
        inner = implicit(eq, self.structure, u, args)
        shapes = jax.eval_shape(inner.factor, t)
        empty = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        turns = jnp.zeros((), jnp.int32) if inner.iterates else None
        t_ = precise(t, u)
        slope, start = explicit_slope(eq, t_, u, args), self._start(inner, t_, u)
        return Point(slope, start, jnp.full_like(t, jnp.nan), empty, turns)

    def _start(self, inner: Implicit, t: Array, u: State) -> State | None:
        """I at the start of a step, where the table needs it."""
        return inner.slope(t, u) if self.table.starts_implicitly else None

    def step(
        self,
        eq: Equation,
        t: Array,
        h: Array,
        u: State,
        memory: Point,
        args: Any,
        tolerance: Tolerance | None = None,
    ) -> Step:
        table, t_, h_ = self.table, precise(t, u), precise(h, u)
        inner = implicit(eq, self.structure, u, args)
        shift = h * float(table.gamma)
        factors = factors_for(inner, h, shift, memory.h, memory.factors)

        def evaluate(at: Array, stage: State) -> State:
            return explicit_slope(eq, at, stage, args)

        setting = Setting(table, inner, (factors, inner.at(t_, u, shift)), evaluate, t, h, u, tolerance)
        stages = (rolled if inner.iterates else unrolled)(setting, (memory.explicit, memory.implicit))
        new = self._end(u, h_, stages)
        slope = stages.ns[-1] if table.globally_stiffly_accurate else evaluate(t_ + h_, new)
        weights = [*floats(table.error[0]), *floats(table.error[1])]
        error = add_scaled(None, h_, weights, [*stages.ns, *stages.ks])
        failed, turns = counted(stages.ending, h, memory.turns)
        kept = Point(slope, self._start(inner, t_ + h_, new), h, factors, turns)
        return Step(new, error, kept, None, failed)

    def _end(self, u: State, h: Array, stages: Stages) -> State:
        """u₁; from the last stage where the implicit weights are its row, so that I drops out."""
        table = self.table
        if table.globally_stiffly_accurate:
            return stages.last
        weights = floats(table.weights[0])
        if table.stiffly_accurate:
            row = [b - a for b, a in zip(weights, [*floats(table.explicit[-1]), 0.0], strict=True)]
            return add_scaled(stages.last, h, row, stages.ns)
        return add_scaled(u, h, [*weights, *floats(table.weights[1])], [*stages.ns, *stages.ks])

    def keep(self, accepted: Array, new: Point, old: Point) -> Point:
        return new._replace(
            explicit=where(accepted, new.explicit, old.explicit),
            implicit=where(accepted, new.implicit, old.implicit),
        )

    def slope(self, memory: Point) -> State:
        if memory.implicit is None:
            return memory.explicit
        return jax.tree.map(jnp.add, memory.explicit, memory.implicit)

    def counters(self, memory: Point) -> Array | None:
        return memory.turns

    def work(self, counters: Array | None, attempts: Any) -> Work:
        solves = attempts * (self.table.stages - 1) if counters is None else counters + 0 * attempts
        jacobians = 0 * attempts if counters is None else attempts
        return Work(1 + attempts * self.stages, solves, jacobians, 0 * attempts)


def factors_for(inner: Implicit, h: Array, shift: Array, h_before: Array, before: Any) -> Any:
    """The factors of a linear part, made anew only where h has changed."""
    if not jax.tree.leaves(before):
        return before
    anew = h != h_before
    return jax.lax.cond(in_any_sample(anew), lambda: where(anew, inner.factor(shift), before), lambda: before)
