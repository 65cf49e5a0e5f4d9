"""The observers that keep states: nothing, given times, every step."""

from __future__ import annotations

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.methods.base import Interpolating, Method, Step

__all__ = ["Nothing", "Observer", "Record", "Steps", "Times"]

State = PyTree[Array]


class Record(NamedTuple):
    """States kept so far: `us` has a leading axis of slots, the first `cursor` of which are filled.

    `ts` holds the times asked for (`count` of them), or is filled along with the states.
    """

    ts: Array
    us: State
    cursor: Array
    count: Array


class Attempt(NamedTuple):
    """What an observer sees of an attempt: before, the step itself, after, and whether it was accepted."""

    t: Array
    h: Array
    u: State
    memory: Any
    step: Step
    t_new: Array
    accepted: Array


class Observer(eqx.Module):
    """Four questions that the loop asks."""

    @abc.abstractmethod
    def init(self, ts: Array, count: Array, t0: Array, u: State) -> Any:
        """The data of a fresh record, given the times of this stretch (padded with inf to the number of
        slots)."""

    @abc.abstractmethod
    def stop(self, data: Any, t1: Array) -> Array:
        """The next time at which a step must end."""

    @abc.abstractmethod
    def update(self, data: Any, attempt: Attempt, method: Method) -> Any:
        """The data after an attempt."""

    @abc.abstractmethod
    def full(self, data: Any) -> Array:
        """Whether the loop must pause to have the record handed out."""

    @abc.abstractmethod
    def empty(self, data: Any, ts: Array, count: Array) -> Any:
        """The data with an empty record for the times of the next stretch."""


class Nothing(Observer):
    """Keeps nothing: the final state is the loop's own."""

    def init(self, ts: Array, count: Array, t0: Array, u: State) -> Any:
        return None

    def stop(self, data: Any, t1: Array) -> Array:
        return t1

    def update(self, data: Any, attempt: Attempt, method: Method) -> Any:
        return None

    def full(self, data: Any) -> Array:
        return jnp.zeros((), bool)

    def empty(self, data: Any, ts: Array, count: Array) -> Any:
        return None


class Times(Observer):
    """Keeps the states at given times.

    With `interpolate` the steps go their own way, except that every `block`-th time is met exactly, so that a
    record of that length can be handed out in between without changing a bit. Otherwise every time is met.
    `whole`: the record has room for all times, and nothing is handed out before the run ends.
    """

    interpolate: bool = eqx.field(static=True)
    block: int = eqx.field(static=True)
    whole: bool = eqx.field(static=True, default=False)

    def init(self, ts: Array, count: Array, t0: Array, u: State) -> Record:
        # A time equal to t0 is met before the first step.
        at_start = (count > 0) & (ts[0] <= t0)
        us = jax.tree.map(lambda v: jnp.zeros((ts.shape[0], *v.shape), v.dtype).at[0].set(v), u)
        return Record(ts, us, at_start.astype(jnp.int32), count)

    def stop(self, data: Record, t1: Array) -> Array:
        index = data.cursor
        if self.interpolate:
            index = jnp.minimum((index // self.block + 1) * self.block, data.count) - 1
        return jnp.where(data.cursor < data.count, data.ts[jnp.minimum(index, data.ts.shape[0] - 1)], t1)

    def update(self, data: Record, attempt: Attempt, method: Method) -> Record:
        if self.interpolate:
            assert isinstance(method, Interpolating)
            return _interpolated(data, attempt, method)
        due = attempt.accepted & (data.cursor < data.count) & (attempt.t_new >= _pick(data.ts, data.cursor))
        return _store(data, due, attempt.step.u)

    def full(self, data: Record) -> Array:
        return jnp.zeros((), bool) if self.whole else data.cursor >= data.ts.shape[0]

    def empty(self, data: Record, ts: Array, count: Array) -> Record:
        return Record(ts, data.us, jnp.zeros_like(data.cursor), count)


class Steps(Observer):
    """Keeps the state after every accepted step."""

    def init(self, ts: Array, count: Array, t0: Array, u: State) -> Record:
        us = jax.tree.map(lambda v: jnp.zeros((ts.shape[0], *v.shape), v.dtype).at[0].set(v), u)
        # `count` is 1 where the start itself belongs to the record, 0 in later stretches.
        return Record(jnp.where(count > 0, ts.at[0].set(t0), ts), us, count, count)

    def stop(self, data: Record, t1: Array) -> Array:
        return t1

    def update(self, data: Record, attempt: Attempt, method: Method) -> Record:
        ts = data.ts.at[data.cursor].set(
            jnp.where(attempt.accepted, attempt.t_new, _pick(data.ts, data.cursor))
        )
        return _store(data._replace(ts=ts), attempt.accepted, attempt.step.u)

    def full(self, data: Record) -> Array:
        return data.cursor >= data.ts.shape[0]

    def empty(self, data: Record, ts: Array, count: Array) -> Record:
        return Record(ts, data.us, jnp.zeros_like(data.cursor), jnp.zeros_like(count))


def _pick(ts: Array, index: Array) -> Array:
    return ts[jnp.minimum(index, ts.shape[0] - 1)]


def _store(data: Record, due: Array, u: State) -> Record:
    """Put u into the next slot if it is due. Written in place: a slot outside the record is dropped."""
    slot = jnp.where(due, data.cursor, data.ts.shape[0])
    us = jax.tree.map(lambda b, v: b.at[slot].set(v, mode="drop"), data.us, u)
    return data._replace(us=us, cursor=data.cursor + due.astype(jnp.int32))


def _interpolated(data: Record, attempt: Attempt, method: Interpolating) -> Record:
    """Keep every time that the accepted step has passed."""

    def due(d: Record) -> Array:
        return attempt.accepted & (d.cursor < d.count) & (_pick(d.ts, d.cursor) <= attempt.t_new)

    def keep(d: Record) -> Record:
        theta = jnp.clip((_pick(d.ts, d.cursor) - attempt.t) / attempt.h, 0.0, 1.0)
        inside = method.interpolate(theta, attempt.h, attempt.u, attempt.step, attempt.memory)
        end = _pick(d.ts, d.cursor) == attempt.t_new
        value = jax.tree.map(lambda a, b: jnp.where(end, a, b), attempt.step.u, inside)
        return _store(d, due(d), value)

    return jax.lax.while_loop(due, keep, data)
