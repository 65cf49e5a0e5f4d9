"""What a run leaves behind."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PyTree

from duhamel.compiled import compiled
from duhamel.equation import Equation
from duhamel.errors import InputError
from duhamel.methods.base import Method
from duhamel.status import Status

__all__ = ["Dense", "Solution", "Stats"]


class Stats(NamedTuple):
    """Work done: accepted steps, rejected attempts, evaluations of the (nonlinear) right-hand side, solutions
    of linear systems, Jacobians, and changes between an explicit and a stiff method."""

    steps: Any
    rejected: Any
    evaluations: Any
    solves: Any
    jacobians: Any
    switches: Any


class Dense(eqx.Module):
    """A solution at every time: the last stored state before t, and one step of the method from it.

    As accurate as the method itself, whatever the spectrum of L. Cost: one step for each time asked for.
    """

    eq: Equation
    method: Method
    args: Any
    ts: Array
    states: PyTree
    count: Array

    def __call__(self, t: Array) -> Any:
        index = jnp.clip(jnp.searchsorted(self.ts, t, side="right").astype(jnp.int32) - 1, 0, self.count - 1)
        start = self.ts[index]
        u = jax.tree.map(lambda v: v[index], self.states)
        memory = self.method.init(self.eq, start, u, self.args)
        return self.eq.decode(self.method.step(self.eq, start, t - start, u, memory, self.args).u)


class Solution(eqx.Module):
    """The result of `solve`.

    `ts` (n,) and `us` (n, …): the saved times and states, in the user's form (arrays, or a dict of arrays for
    a system typed as text). `status` is a `Status`, `stats` the work done, `t` and `h` the last time and
    step, `error_estimate` the sum of the estimated relative local errors (nan for fixed steps). `method` was
    used, `why` says why. `observed`: the quantities asked for by `observe`, by name. With
    `Save(dense=True)`, `sol(t)` gives the state at any time. Inside jit the numbers are traced arrays, slots
    of a record that were not reached hold nan at time inf, and `eq` is None (it would be copied for every
    sample of a batch).
    """

    ts: Array
    us: Any
    status: Any
    stats: Stats
    t: Any
    h: Any
    error_estimate: Any
    dense: Dense | None
    eq: Equation | None
    observed: dict[str, Array] | None = eqx.field(default=None, kw_only=True)
    method: Method = eqx.field(static=True)
    why: str = eqx.field(static=True)
    message: str = eqx.field(static=True, default="")

    def __call__(self, t: Any) -> Any:
        """The state at t, a number or an array of times within [t0, t1]."""
        if self.dense is None:
            raise InputError("this solution holds single times only: solve with save=dh.Save(dense=True).")
        times = jnp.asarray(t, dtype=self.ts.dtype)
        if not isinstance(times, Tracer) and not isinstance(self.ts, Tracer):
            first, last = float(self.ts[0]), float(self.t)
            low, high = float(times.min()), float(times.max())
            if low < first or high > last:
                raise InputError(f"the solution covers {first:g} … {last:g}, asked for {low:g} … {high:g}.")
        values = _evaluate(self.dense, times.reshape(-1))
        return jax.tree.map(lambda v: v.reshape(times.shape + v.shape[1:]), values)

    def to_xarray(self) -> Any:
        """The saved states as an `xarray.Dataset` with their coordinates (extra `cli`)."""
        from duhamel.dataset import from_solution

        return from_solution(self)

    def plot(self, path: Any) -> None:
        """Draw the solution into a picture file: space–time, images or time series, as it fits (extra
        `cli`)."""
        from duhamel.plots import picture

        picture(self.to_xarray(), path)

    def __repr__(self) -> str:
        if isinstance(self.status, Tracer) or np.ndim(self.status):
            return f"Solution(ts={self.ts}, method={self.method.name})"
        return (
            f"Solution({Status(int(self.status)).name} at t={float(self.t):g}, {len(self.ts)} saved, "
            f"{self.method.name}: {int(self.stats.steps)} steps, {int(self.stats.rejected)} rejected, "
            f"{int(self.stats.evaluations)} evaluations)"
        )


_evaluate = compiled(lambda dense, times: jax.vmap(dense)(times))
