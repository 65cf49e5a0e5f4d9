"""The stages of an additive Runge–Kutta step, one after the other or in a compiled loop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.linear import times
from duhamel.linear.base import real_dtype
from duhamel.methods.base import State, Tolerance, add_scaled, precise
from duhamel.methods.imex.implicit import Implicit
from duhamel.methods.imex.newton import Ending
from duhamel.methods.imex.table import Additive

__all__ = ["Setting", "Stages", "floats", "rolled", "unrolled"]


class Stages(NamedTuple):
    """N and I at every stage (I is None at a first stage that does not use it), the state of the last one,
    and how the iterations went."""

    ns: list[State]
    ks: list[State | None]
    last: State
    ending: Ending | None


class Setting(NamedTuple):
    """What all stages of a step share."""

    table: Additive
    inner: Implicit
    shared: Any
    evaluate: Callable[[Array, State], State]
    t: Array
    h: Array
    u: State
    tolerance: Tolerance | None

    def solve(self, at: Array, right: State, before: State | None) -> tuple[State, State, Any]:
        """The stage Y with Y − γh I(Y) = right, I(Y), and how the iteration went. I at the stage `before`
        makes the first guess.

        I(Y) is taken from the equation just solved: evaluating it would amplify round-off by its stiffness.
        """
        gamma, shift = float(self.table.gamma), self.h * float(self.table.gamma)
        guess = right if before is None else add_scaled(right, precise(self.h, right), [gamma], [before])
        stage, ending = self.inner.solve(self.shared, at, shift, right, guess, self.tolerance)
        inverse = precise(1.0 / shift, right)
        return stage, jax.tree.map(lambda y, r: times(inverse, y - r), stage, right), ending


def unrolled(setting: Setting, first: tuple[State, State | None]) -> Stages:
    """Stage by stage, without the zeros of the table. `first` holds N and I at the start of the step."""
    table, t, h = setting.table, precise(setting.t, setting.u), precise(setting.h, setting.u)
    stage, ns, ks = setting.u, [first[0]], [first[1]]
    for i in range(1, table.stages):
        at = t + float(table.c[i]) * h
        row = [*floats(table.explicit[i]), *floats(table.implicit[i][:-1])]
        right = add_scaled(setting.u, h, row, [*ns, *ks])
        stage, k, _ = setting.solve(at, right, ks[-1])
        ks.append(k)
        ns.append(setting.evaluate(at, stage))
    return Stages(ns, ks, stage, None)


def rolled(setting: Setting, first: tuple[State, State | None]) -> Stages:
    """The same as a scan, for stages that are long programs in themselves: one is compiled, not all."""
    table, u, count = setting.table, setting.u, setting.table.stages
    t, h, dtype = precise(setting.t, u), precise(setting.h, u), real_dtype(setting.u)

    def rows(which: Any) -> Array:
        full = np.zeros((count - 1, count))
        for i in range(1, count):
            full[i - 1, :i] = floats(which[i][:i])
        return jnp.asarray(full, dtype)

    def begun(slope: State | None) -> State:
        if slope is None:
            return jax.tree.map(lambda v: jnp.zeros((count, *v.shape), v.dtype), u)
        return jax.tree.map(lambda v: jnp.zeros((count, *v.shape), v.dtype).at[0].set(v), slope)

    def one(carry: Any, now: Any) -> Any:
        ns, ks, _ = carry
        i, c, explicit, implicit = now
        right = jax.tree.map(lambda v, n, k: v + times(h, _dot(explicit, n) + _dot(implicit, k)), u, ns, ks)
        at = t + c * h
        stage, k, ending = setting.solve(at, right, jax.tree.map(lambda v: v[i - 1], ks))
        n = setting.evaluate(at, stage)
        ns, ks = (jax.tree.map(lambda all_, v: all_.at[i].set(v), a, b) for a, b in ((ns, n), (ks, k)))
        return (ns, ks, stage), ending

    nodes = jnp.asarray(floats(table.c[1:]), dtype)
    steps = (jnp.arange(1, count), nodes, rows(table.explicit), rows(table.implicit))
    (ns, ks, last), endings = jax.lax.scan(one, (begun(first[0]), begun(first[1]), u), steps)

    def listed(slopes: State) -> list[Any]:
        return [jax.tree.map(lambda v, j=j: v[j], slopes) for j in range(count)]

    ending = Ending(jnp.any(endings.failed), jnp.sum(endings.turns, dtype=endings.turns.dtype))
    return Stages(listed(ns), listed(ks), last, ending)


def _dot(weights: Array, v: Array) -> Array:
    """Σ weightⱼ vⱼ over the first axis."""
    return jnp.sum(times(weights.reshape(-1, *[1] * (v.ndim - 1)), v), axis=0)


def floats(row: Any) -> list[float]:
    """A row of fractions as floating-point numbers."""
    return [float(v) for v in row]
