"""The stepper of every exponential Runge–Kutta method: Duhamel's integral by stages."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.coefficients import Exponential
from duhamel.equation import Equation
from duhamel.errors import InputError
from duhamel.linear import Operator, Scalar, add_weights, times
from duhamel.linear.base import cast_weight
from duhamel.methods.base import Method, State, Step, precise, where

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
        fresh = jax.lax.cond(h == memory.h, lambda: memory.weights, lambda: self._weights(eq, h, u))
        return Prepared(memory.slope, h, fresh)

    def _weights(self, eq: Equation, h: Array, u: State) -> Any:
        """The weights of all rows of the table, leading axes (rows, 2 + stages); those of N are times h."""
        table = self.table
        nodes = np.array([float(node) for node in table.nodes])
        values = add_weights(table.factors, one_operator(eq).phi(table.kmax, jnp.asarray(nodes, h.dtype) * h))

        def scaled(w: Array) -> Array:
            factor = jnp.where(np.arange(w.shape[1]) == 0, 1.0, h).astype(jnp.finfo(w.dtype).dtype)
            return times(factor.reshape(-1, *[1] * (w.ndim - 2)), w)

        return cast_weight(jax.tree.map(scaled, values), u)

    def step(self, eq: Equation, t: Array, h: Array, u: State, memory: Prepared, args: Any) -> Step:
        memory = self.prepare(eq, h, u, memory)
        act, stages = one_operator(eq).act, self.table.stages
        t_, h_ = precise(t, u), precise(h, u)
        nodes = jnp.asarray([float(c) for c in (*self.table.c[1:], 1)], h_.dtype)

        def gather(index: Any, slopes: State) -> State:
            """The sum that one row of the table stands for."""
            row = jax.tree.map(lambda w: w[index], memory.weights)
            total = act(jax.tree.map(lambda w: w[0], row), u)
            for j in range(stages + 1):
                term = act(
                    jax.tree.map(lambda w, j=j: w[j + 1], row), jax.tree.map(lambda n, j=j: n[j], slopes)
                )
                total = jax.tree.map(jnp.add, total, term)
            return total

        def stage(i: Array, carry: tuple[State, State]) -> tuple[State, State]:
            value = gather(i, carry[0])
            slope = eq.remainder(t_ + nodes[i] * h_, value, args)
            return jax.tree.map(lambda s, n: s.at[i + 1].set(n), carry[0], slope), value

        # A rolled loop: N is compiled once, not once per stage. The sums run over all slopes, with weight
        # zero where the table has none; that costs little beside an evaluation of N.
        empty = jax.tree.map(lambda n: jnp.zeros((stages + 1, *n.shape), n.dtype).at[0].set(n), memory.slope)
        slopes, new = jax.lax.fori_loop(0, stages, stage, (empty, u))
        error = None if self.table.error is None else gather(stages, slopes)
        return Step(new, error, memory._replace(slope=jax.tree.map(lambda s: s[stages], slopes)), None)

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
