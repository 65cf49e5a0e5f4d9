"""The stepper of every exponential Runge–Kutta method: Duhamel's integral by stages."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.batch import in_any_sample
from duhamel.coefficients import Exponential
from duhamel.equation import Equation, total
from duhamel.errors import InputError
from duhamel.linear import Operator, Scalar, add_weights, times
from duhamel.linear.base import cast_weight
from duhamel.methods.base import Method, State, Step, Tolerance, precise, where

__all__ = ["ExponentialRungeKutta", "Prepared", "one_operator"]


class Prepared(NamedTuple):
    """What a step leaves for the next: N at its end, and the stacked weights with the h they belong to."""

    slope: State
    h: Array
    weights: Any


class ExponentialRungeKutta(Method):
    """Uᵢ = e^{cᵢhL}u + h Σ aᵢⱼ(hL) N(t+cⱼh, Uⱼ), u₁ = e^{hL}u + h Σ bᵢ(hL) N(t+cᵢh, Uᵢ), from an
    `Exponential` table.

    The weights are functions of hL: they are computed in full precision, carried along, and recomputed only
    when h really changes. N at the new point is evaluated once and serves as the first stage of the next
    step. States are advanced exactly where N vanishes, whatever the spectrum of L.
    """

    table: ClassVar[Exponential]
    family: ClassVar[str] = "exponential"
    held: ClassVar[bool] = True

    def check(self, eq: Equation) -> None:
        one_operator(eq)

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Prepared:
        shapes = jax.eval_shape(lambda h: self._weights(eq, h, u), t)
        empty = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        return Prepared(eq.remainder(precise(t, u), u, args), jnp.full_like(t, jnp.nan), empty)

    def prepare(self, eq: Equation, h: Array, u: State, memory: Prepared) -> Prepared:
        """The memory with weights that belong to h, recomputed only if they do not already."""
        stale = in_any_sample((h != memory.h) & (h != 0))
        weights = jax.lax.cond(stale, lambda: self._weights(eq, h, u), lambda: memory.weights)
        return Prepared(memory.slope, h, weights)

    def _weights(self, eq: Equation, h: Array, u: State) -> Any:
        """All flows and weights of the table, stacked: flows as they are, weights times h."""
        table = self.table
        nodes = np.array([float(node) for node in table.nodes])
        values = add_weights(table.factors, one_operator(eq).phi(table.kmax, jnp.asarray(nodes, h.dtype) * h))
        flow = np.arange(len(table.factors)) < len(table.flows)

        def scaled(w: Array) -> Array:
            factor = jnp.where(flow, 1.0, h).astype(jnp.finfo(w.dtype).dtype)
            return times(factor.reshape(-1, *[1] * (w.ndim - 1)), w)

        return cast_weight(jax.tree.map(scaled, values), u)

    def step(
        self,
        eq: Equation,
        t: Array,
        h: Array,
        u: State,
        memory: Prepared,
        args: Any,
        tolerance: Tolerance | None = None,
    ) -> Step:
        del tolerance
        memory = self.prepare(eq, h, u, memory)
        act, table = one_operator(eq).act, self.table
        places = {key: i for i, key in enumerate((*table.flows, *table.weights))}
        t_, h_ = precise(t, u), precise(h, u)

        def use(key: Any, v: State) -> State:
            return act(jax.tree.map(lambda w: w[places[key]], memory.weights), v)

        def gather(start: State | None, row: Any, slopes: list[State]) -> State:
            terms = [use(weight, slopes[j]) for j, weight in row.items()]
            return total(terms if start is None else [start, *terms])

        def flow(c: Any) -> State:
            return use(Fraction(c), u)

        slopes = [memory.slope]
        for row, c in zip(table.a[1:], table.c[1:], strict=True):
            slopes.append(eq.remainder(t_ + float(c) * h_, gather(flow(c), row, slopes), args))
        new = gather(flow(1), table.b, slopes)
        slopes.append(eq.remainder(t_ + h_, new, args))
        error = None if table.error is None else gather(None, table.error, slopes)
        return Step(new, error, memory._replace(slope=slopes[-1]), None)

    def keep(self, accepted: Array, new: Prepared, old: Prepared) -> Prepared:
        return new._replace(slope=where(accepted, new.slope, old.slope))

    def slope(self, memory: Prepared) -> State:
        return memory.slope


def one_operator(eq: Equation) -> Operator:
    """The operator of the only linear part; zero if there is none."""
    if len(eq.linear) > 1:
        raise InputError(
            f"an exponential method needs one linear part, this equation has {len(eq.linear)}. "
            "Add the operators into one, or use a splitting method (lie, strang), which takes any number of "
            "parts."
        )
    return eq.linear[0].operator if eq.linear else Scalar(0.0)
