"""An observer that keeps what a reverse pass needs: all accepted steps, and some of the states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.methods import Method
from duhamel.observe import Observer
from duhamel.observe.recorder import Attempt

__all__ = ["Point", "Recording", "Room", "Trail", "room_for"]

# Accepted steps that fit where max_steps does not say how many there may be.
_STEPS = 8192
# Bytes of states that are kept at no regard: small states so that the loop stays in the first cache.
_SMALL, _LARGE, _MANY = 96 * 2**10, 4 * 2**20, 64


class Point(NamedTuple):
    """Where a step begins: the state and what the method remembers."""

    u: PyTree
    memory: Any


class Trail(NamedTuple):
    """A run as its accepted steps: step i goes from times[i] and is lengths[i] long, i < count.

    `points` (leading axis: slots) are the states before some of the steps, all multiples of `stride`;
    `places` says which.
    """

    times: Array
    lengths: Array
    count: Array
    places: Array
    stride: Array
    points: Point


@dataclass(frozen=True)
class Room:
    """How many steps and how many states fit, and the greatest number of steps from one state to the next."""

    steps: int
    slots: int

    @property
    def stride(self) -> int:
        stride = 1
        while stride * self.slots < self.steps:
            stride *= 2
        return stride

    def larger(self) -> Room:
        """Room for eight times as many steps."""
        every = self.slots >= self.steps
        return Room(8 * self.steps, 8 * self.slots if every else 2 * (int(self.slots * 8**0.5) // 2))


def room_for(memory: Any, most: int | None, point: Point) -> Room:
    """The room for a run of at most so many steps, with points of this form."""
    steps = max(_STEPS if most is None else most, 1)
    if memory == "all":
        return Room(steps, steps)
    if memory == "sqrt":
        size = sum(v.size * v.dtype.itemsize for v in jax.tree.leaves(point))
        free = (_SMALL if size * _MANY <= _SMALL else _LARGE) // max(size, 1)
        memory = max(int(steps**0.5) + 1, min(free, _MANY))
    return Room(steps, min(2 * ((memory + 1) // 2), 2 * ((steps + 1) // 2)))


class Recording(Observer):
    """Another observer, and a `Trail` beside its data.

    Every state is kept as long as there are free slots; when there are none, every second one is given up.
    The slots are not moved, so that nothing is copied.
    """

    inner: Observer
    memory: Any
    room: Room = eqx.field(static=True)

    def init(self, ts: Array, count: Array, t0: Array, u: PyTree) -> Any:
        room, none = self.room, jnp.zeros((), jnp.int32)
        points = jax.tree.map(
            lambda v: jnp.zeros((room.slots, *v.shape), v.dtype).at[0].set(v), Point(u, self.memory)
        )
        places = jnp.full(room.slots, -1, jnp.int32).at[0].set(0)
        times, lengths = jnp.zeros(room.steps, t0.dtype), jnp.zeros(room.steps, t0.dtype)
        return self.inner.init(ts, count, t0, u), Trail(times, lengths, none, places, none + 1, points)

    def stop(self, data: Any, t1: Array) -> Array:
        return self.inner.stop(data[0], t1)

    def update(self, data: Any, attempt: Attempt, method: Method) -> Any:
        inner, trail = data
        return self.inner.update(inner, attempt, method), self._longer(trail, attempt, method)

    def _longer(self, trail: Trail, attempt: Attempt, method: Method) -> Trail:
        room, accepted = self.room, attempt.accepted
        row = jnp.where(accepted, trail.count, room.steps)
        times = trail.times.at[row].set(attempt.t, mode="drop")
        lengths = trail.lengths.at[row].set(attempt.h, mode="drop")
        count = trail.count + accepted.astype(jnp.int32)
        stride, free = trail.stride, None
        if room.slots < room.steps:
            full = jnp.all((trail.places >= 0) & (trail.places % stride == 0))
            stride = jnp.where(accepted & full & (count % stride == 0), 2 * stride, stride)
            free = (trail.places < 0) | (trail.places % stride != 0)
        slot = count if free is None else jnp.argmax(free).astype(jnp.int32)
        slot = jnp.where(accepted & (count % stride == 0), slot, room.slots)
        point = Point(attempt.step.u, method.keep(jnp.ones((), bool), attempt.step.memory, attempt.memory))
        points = jax.tree.map(lambda b, v: b.at[slot].set(v, mode="drop"), trail.points, point)
        places = trail.places.at[slot].set(count, mode="drop")
        return Trail(times, lengths, count, places, stride, points)

    def full(self, data: Any) -> Array:
        return self.inner.full(data[0]) | (data[1].count >= self.room.steps)

    def empty(self, data: Any, ts: Array, count: Array) -> Any:
        return self.inner.empty(data[0], ts, count), data[1]
