"""Exponential Adams methods: Duhamel's integral over a polynomial through past values of N."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.batch import in_any_sample
from duhamel.coefficients import cardinal, integrated
from duhamel.equation import Equation, total
from duhamel.linear import times
from duhamel.linear.base import cast_weight
from duhamel.methods.base import Method, State, Step, Tolerance, Work, precise, where
from duhamel.methods.exponential.fifth import ETD54
from duhamel.methods.exponential.fourth import ETDRK2, Krogstad
from duhamel.methods.exponential.stepper import ExponentialRungeKutta, one_operator

__all__ = ["ExponentialAdams", "History"]


class History(NamedTuple):
    """What a step leaves for the next.

    `slopes`: N at the last times, stacked, newest first; `ages`: how long ago each was, from 0 upwards;
    `count` of them are filled, the others hold placeholders. `begun`: steps that the starting method took.
    `weights`: φ_k(hL) and the `h` they belong to.
    """

    slopes: State
    ages: Array
    count: Array
    begun: Array
    h: Array
    weights: Any


class ExponentialAdams(Method):
    """u₁ = e^{hL}u + h Σⱼ wⱼ(hL) N(t₋ⱼ, u₋ⱼ), the weights by exponential quadrature on the past times.

    `past` values of N are remembered. With `corrects` false (Adams–Bashforth) the order is `past`, at one
    evaluation per step. With `corrects` true (Adams–Moulton, evaluated twice: predict, evaluate, correct,
    evaluate) N at the predicted state joins the polynomial, and the order is `past` + 1. The estimate is the
    corrector minus the predictor, W(hL)(N(t+h, u*) − P(t+h)), with the polynomial P through the past: it
    costs nothing, since N at the new point is needed by the next step.

    Steps may differ: the polynomials are formed anew in each from the true times, and φ_k(hL) are kept while
    h is held. An adaptive run begins with order 1 and short steps and adds a value of N after each. Fixed
    steps begin with a Runge–Kutta method of sufficient order. The times and values are all that is
    remembered: a run continued from them goes on bit for bit.
    """

    past: ClassVar[int]
    corrects: ClassVar[bool]
    family: ClassVar[str] = "exponential"
    adaptive: ClassVar[bool] = True
    held: ClassVar[bool] = True
    first_error_order: ClassVar[int | None] = 1

    @property
    def starter(self) -> ExponentialRungeKutta:
        """The method of the first fixed steps: its error over one step is of order `past` or better."""
        if self.past <= 2:
            return ETDRK2()
        return Krogstad() if self.past <= 4 else ETD54()

    def check(self, eq: Equation) -> None:
        one_operator(eq)

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> History:
        shapes = jax.eval_shape(lambda h: self._weights(eq, h, u), t)
        empty = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        slope = eq.remainder(precise(t, u), u, args)
        slopes = jax.tree.map(lambda v: jnp.stack([v, *[jnp.zeros_like(v)] * (self.past - 1)]), slope)
        ages, one = jnp.arange(self.past, dtype=t.dtype), jnp.ones((), jnp.int32)
        return History(slopes, ages, one, jnp.zeros_like(one), jnp.full_like(t, jnp.nan), empty)

    def _weights(self, eq: Equation, h: Array, u: State) -> Any:
        """φ_k(hL) for k = 0 … past + 1."""
        values = one_operator(eq).phi(self.past + 1, h[None])
        return cast_weight(jax.tree.map(lambda w: w[0], values), u)

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
        stale = in_any_sample((h != memory.h) & (h != 0))
        weights = jax.lax.cond(stale, lambda: self._weights(eq, h, u), lambda: memory.weights)
        memory = memory._replace(h=h, weights=weights)
        if tolerance is not None:
            used = jnp.arange(self.past, dtype=jnp.int32) < memory.count
            return self._adams(eq, t, h, u, memory, args, used)
        if self.past == 1:
            return self._adams(eq, t, h, u, memory, args, None)
        return jax.lax.cond(
            memory.count < self.past,
            lambda: self._start(eq, t, h, u, memory, args),
            lambda: self._adams(eq, t, h, u, memory, args, None),
        )

    def _start(self, eq: Equation, t: Array, h: Array, u: State, memory: History, args: Any) -> Step:
        """A step by the starting method, which has no estimate."""
        starter = self.starter
        ready = starter.init(eq, t, u, args)._replace(slope=self.slope(memory))
        step = starter.step(eq, t, h, u, ready, args)
        error = jax.tree.map(lambda v: jnp.full_like(v, jnp.nan), u)
        after = _later(memory, step.memory.slope, h)
        return Step(step.u, error, after._replace(begun=memory.begun + 1), None, error_order=memory.count)

    def _adams(
        self, eq: Equation, t: Array, h: Array, u: State, memory: History, args: Any, used: Array | None
    ) -> Step:
        """A step with the values of N that are marked as `used`; all of them if None."""
        act, weights = one_operator(eq).act, memory.weights
        nodes, one = -memory.ages / h, jnp.ones_like(h)
        known = jnp.ones_like(nodes, dtype=bool) if used is None else used
        # The last row belongs to the end of the step, where the corrector adds a value.
        wanted = jnp.append(known, True)[:, None]
        pairs = known & wanted & ~np.eye(self.past + 1, self.past, dtype=bool)
        rows = cardinal(jnp.append(nodes, one), jnp.broadcast_to(nodes, pairs.shape), pairs)
        rows = jnp.where(wanted, rows, 0.0)
        at_end = precise(jnp.sum(rows[:-1], axis=1), u)
        factors = precise(h * integrated(rows), u)

        def moved(k: int) -> State:
            return act(_pick(weights, k + 1), _combined(factors[:-1, k], memory.slopes))

        new = total([act(_pick(weights, 0), u), *[moved(k) for k in range(self.past)]])
        after = precise(t, u) + precise(h, u)
        slope = eq.remainder(after, new, args)
        surprise = jax.tree.map(jnp.subtract, slope, _combined(at_end, memory.slopes))
        error = act(_summed(factors[-1], weights), surprise)
        if self.corrects:
            new = jax.tree.map(jnp.add, new, error)
            slope = eq.remainder(after, new, args)
        return Step(new, error, _later(memory, slope, h), None, error_order=memory.count)

    def keep(self, accepted: Array, new: History, old: History) -> History:
        # The weights belong to the h that was tried, accepted or not.
        return where(accepted, new, old._replace(h=new.h, weights=new.weights))

    def slope(self, memory: History) -> State:
        return jax.tree.map(lambda v: v[0], memory.slopes)

    def counters(self, memory: History) -> Any:
        return memory.begun

    def work(self, counters: Any, attempts: Any) -> Work:
        more = counters * (self.starter.stages - self.stages)
        return Work(1 + attempts * self.stages + more, 0 * attempts, 0 * attempts, 0 * attempts)


def _later(memory: History, slope: State, h: Array) -> History:
    """The history after a step of length h: the newest value joins, the oldest leaves."""
    ages = jnp.concatenate([jnp.zeros_like(h)[None], memory.ages[:-1] + h])
    slopes = jax.tree.map(lambda v, old: jnp.concatenate([v[None], old[:-1]]), slope, memory.slopes)
    count = jnp.minimum(memory.count + 1, ages.shape[0])
    return memory._replace(slopes=slopes, ages=ages, count=count)


def _pick(weights: Any, k: int) -> Any:
    return jax.tree.map(lambda w: w[k], weights)


def _combined(factors: Array, states: State) -> State:
    """Σⱼ factorⱼ·stateⱼ of stacked states with traced real factors."""

    def combine(v: Array) -> Array:
        parts = [times(factors[j], v[j]) for j in range(factors.shape[0])]
        return sum(parts[1:], parts[0])

    return jax.tree.map(combine, states)


def _summed(factors: Array, weights: Any) -> Any:
    """Σₖ factorₖ φ_{k+1}, as one weight."""

    def combine(w: Array) -> Array:
        parts = [times(factors[k], w[k + 1]) for k in range(factors.shape[0])]
        return sum(parts[1:], parts[0])

    return jax.tree.map(combine, weights)
