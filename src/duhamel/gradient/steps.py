"""The steps of a recorded run as functions of the numbers that went into it."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient as frozen
from jaxtyping import Array, PyTree

from duhamel.gradient.coupled import Coupled
from duhamel.gradient.observed import Taken, quantities
from duhamel.gradient.recording import Point
from duhamel.loop import Problem
from duhamel.methods.base import Interpolating, Step
from duhamel.norm import Tolerance
from duhamel.observe import Nothing, Steps, Times
from duhamel.stepping import Adaptive

__all__ = ["Job", "Place", "Walk"]


class Job(NamedTuple):
    """A run, and all it starts from."""

    problem: Problem
    t0: Array
    u: PyTree
    ts: Array
    count: Array
    observe: tuple[str, ...] = ()


class Place(NamedTuple):
    """Where a recorded step lies: it goes from t to t_next and is h long; `low` and `high` are the first slot
    of the record that it may fill and the first that it does not."""

    t: Array
    h: Array
    t_next: Array
    low: Array
    high: Array


class Walk:
    """The steps of a job, one at a time. Made anew inside each trace."""

    def __init__(self, job: Job):
        self.job, problem = job, job.problem
        self.eq = problem.eq.rounded(job.u)
        stepping = problem.stepping
        adaptive = isinstance(stepping, Adaptive)
        self.tolerance = Tolerance(stepping.rtol, stepping.atol) if adaptive else None

    @property
    def inside(self) -> bool:
        """Whether states are saved inside steps."""
        observer = self.job.problem.observer
        return isinstance(observer, Times) and observer.interpolate

    def first(self) -> Point:
        """Where the first step begins."""
        p, job = self.job.problem, self.job
        return Point(job.u, p.method.init(self.eq, job.t0, job.u, p.args))

    def place(self, index: Array, t: Array, h: Array, t_next: Array) -> Place:
        """Step `index` and the slots of the record it fills."""
        observer = self.job.problem.observer
        if isinstance(observer, Times):
            return Place(t, h, t_next, self._saved(t), self._saved(t_next))
        first = index + 1 if isinstance(observer, Steps) else jnp.zeros_like(index)
        return Place(t, h, t_next, first, first if isinstance(observer, Nothing) else first + 1)

    def at_start(self) -> Array:
        """Whether the initial state is the first of the record."""
        job = self.job
        if isinstance(job.problem.observer, Nothing):
            return jnp.zeros((), bool)
        if isinstance(job.problem.observer, Steps):
            return job.count > 0
        return (job.count > 0) & (job.ts[0] <= job.t0)

    def clock(self, place: Place) -> tuple[Array, Array]:
        """Start and length of a step. They move with the times that had to be met before and after it, as if
        all steps between these were stretched alike; as values they are those recorded."""
        begin, end = self._stretch(place)
        moved, grown = begin - frozen(begin), (end - frozen(end)) - (begin - frozen(begin))
        whole = frozen(end - begin)
        whole = jnp.where(whole > 0, whole, 1.0)
        t = place.t + (moved + grown * ((place.t - frozen(begin)) / whole))
        return t, place.h + grown * (place.h / whole)

    def step(self, point: Point, place: Place) -> tuple[Point, Step]:
        p = self.job.problem
        t, h = self.clock(place)
        step = p.method.step(self.eq, t, h, point.u, point.memory, p.args, self.tolerance)
        step = step._replace(u=self.eq.project(step.u))
        memory = p.method.keep(jnp.ones((), bool), step.memory, point.memory)
        return Point(step.u, memory), step

    def observed(self, point: Point, new: Point, step: Step, place: Place) -> Array:
        """What a step adds to each of the quantities observed; of shape (0,) if there are none."""
        job = self.job
        t, h = self.clock(place)
        if not job.observe:
            return jnp.zeros(0, h.dtype)
        p = job.problem
        taken = Taken(
            self.eq, p.method, t, h, point.u, point.memory, step, new.memory, p.args, self.tolerance
        )
        return quantities(job.observe, taken)

    def undo(self, point: Point, place: Place) -> Point:
        """The point before a step from the one after it, for methods that can undo their steps."""
        method = self.job.problem.method
        assert isinstance(method, Coupled)
        t, h = self.clock(place)
        return Point(*method.undo(self.eq, t, h, point.u, point.memory, self.job.problem.args))

    def value(self, point: Point, step: Step, place: Place, slot: Array) -> PyTree:
        """The state that a step puts into a slot of the record."""
        if not self.inside:
            return step.u
        method, ts = self.job.problem.method, self.job.ts
        assert isinstance(method, Interpolating)
        t, h = self.clock(place)
        wanted = ts[jnp.minimum(slot, ts.shape[0] - 1)]
        theta = jnp.clip((wanted - t) / h, 0.0, 1.0)
        within = method.interpolate(theta, h, point.u, step, point.memory)
        return jax.tree.map(lambda a, b: jnp.where(wanted == place.t_next, a, b), step.u, within)

    def _saved(self, t: Array) -> Array:
        """How many of the times to save at have passed."""
        found = jnp.searchsorted(self.job.ts, t, side="right").astype(jnp.int32)
        return jnp.minimum(found, self.job.count)

    def _stretch(self, place: Place) -> tuple[Array, Array]:
        """The times between which the steps had to fit."""
        p, job = self.job.problem, self.job
        observer, t0, t1 = p.observer, jnp.asarray(job.t0), jnp.asarray(p.t1)
        if not isinstance(observer, Times):
            return t0, t1
        ts, block = job.ts, observer.block if observer.interpolate else 1
        done = place.low
        before = jnp.where(done < job.count, (done // block) * block, job.count) - 1
        after = jnp.minimum((done // block + 1) * block, job.count) - 1
        begin = ts[jnp.maximum(before, 0)]
        begin = jnp.where((before >= 0) & (begin > t0), begin, t0)
        return begin, jnp.where(done < job.count, ts[jnp.maximum(after, 0)], t1)
