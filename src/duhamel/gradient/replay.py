"""Replay: a run whose derivative is that of its accepted steps, each taken once more."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero
from jaxtyping import Array, PyTree

from duhamel.batch import batched_well
from duhamel.compiled import compiled, is_traced, joined, parted
from duhamel.errors import InputError
from duhamel.gradient.linear_map import Shape, linear_map
from duhamel.gradient.observed import Observing
from duhamel.gradient.reach import is_smooth
from duhamel.gradient.recording import Point, Recording, Room, Trail, room_for
from duhamel.gradient.steps import Job, Walk
from duhamel.gradient.sweep import Backward, Onward, Sweep
from duhamel.loop import Run, advance, start
from duhamel.observe import Nothing, Observer
from duhamel.observe.recorder import Record

__all__ = ["Result", "onward", "plainly", "recorded", "rejoined", "replayed"]


class Result(NamedTuple):
    """The saved states (leading axis: slots), the quantities observed, and the rest of the run, without
    derivatives."""

    us: PyTree
    observed: Array
    run: Run


class Manner(NamedTuple):
    """What of a job is no number, the room for its trail, and whether its steps can be undone: then the trail
    holds the last point alone."""

    key: Any
    room: Room
    undo: bool


def replayed(job: Job, most: Any, memory: Any, limit: int | None, undo: bool = False) -> Result:
    """A run of at most `most` attempts; `limit` says so statically, or None."""
    key, numbers = parted(job)
    form = jax.eval_shape(lambda values: Walk(joined(key, values)).first(), numbers)
    flat = _run(Manner(key, room_for(memory, limit, form), undo), [*numbers, most])
    return rejoined(job, flat)


def recorded(job: Job, most: Any, limit: int) -> tuple[Result, Trail]:
    """A run and its accepted steps, without derivatives."""
    key, numbers = parted(job)
    numbers = [jax.lax.stop_gradient(v) if is_smooth(v) else v for v in numbers]
    room = room_for(2, limit, Point(None, None))
    return _recording(joined(key, numbers), most, _Fixed(room, False))


def rejoined(job: Job, flat: list[Array]) -> Result:
    """The result from its leaves: the states come first, the form of the rest is the same for all jobs."""
    count = len(jax.tree.leaves(job.u))
    us = jax.tree.unflatten(jax.tree.structure(job.u), flat[:count])
    memory = jax.eval_shape(lambda: Walk(job).first().memory)
    counters = jax.eval_shape(job.problem.method.counters, memory)
    observer = job.problem.observer
    saved = None if isinstance(observer, Nothing) else Record(0, None, 0, 0)  # pyright: ignore[reportArgumentType]
    run = Run(*[None if n == "u" else 0 for n in Run._fields])._replace(memory=counters, saved=saved)  # pyright: ignore[reportArgumentType]
    return Result(us, flat[count], jax.tree.unflatten(jax.tree.structure(run), flat[count + 1 :]))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _run(static: Manner, numbers: list[Any]) -> list[Array]:
    """The leaves of the result: nothing is recorded where no derivative is asked for."""
    return jax.tree.leaves(plainly(joined(static.key, numbers[:-1]), numbers[-1]))


@partial(_run.defjvp, symbolic_zeros=True)
def _run_rule(static: Manner, primals: Any, tangents: Any) -> tuple[list[Array], list[Any]]:
    (numbers,), (dots,) = primals, tangents
    out, trail = _recorded(static, numbers)
    # Outside jit the room can follow the run.
    while (
        not is_traced(trail) and int(trail.count) >= static.room.steps and int(trail.count) < int(numbers[-1])
    ):
        static = static._replace(room=static.room.larger())
        out, trail = _recorded(static, numbers)
    return out, _changes(static, numbers, dots, out, trail, points=False)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _recorded(static: Manner, numbers: list[Any]) -> tuple[list[Array], Trail]:
    result, trail = _recording(
        joined(static.key, numbers[:-1]), numbers[-1], _Fixed(static.room, static.undo)
    )
    return jax.tree.leaves(result), trail


@partial(_recorded.defjvp, symbolic_zeros=True)
def _recorded_rule(static: Manner, primals: Any, tangents: Any) -> Any:
    (numbers,), (dots,) = primals, tangents
    if static.undo:
        raise InputError("gradient=dh.Reversible() has no second derivatives: use dh.Replay().")
    out, trail = _recorded(static, numbers)
    changes = _changes(static, numbers, dots, out, trail, points=True)
    form = jax.tree.structure(trail.points)
    moved = jax.tree.unflatten(form, changes[len(out) :])
    return (out, trail), (changes[: len(out)], jax.tree.map(_still, trail)._replace(points=moved))


def _changes(
    static: Manner,
    numbers: list[Any],
    dots: list[Any],
    out: list[Array],
    trail: Trail,
    points: bool,
) -> list[Any]:
    """Tangents of the leaves of the result, and of the points of the trail if wanted."""
    moving = tuple(i for i, d in enumerate(dots[:-1]) if type(d) is not SymbolicZero)
    leaves, form = jax.tree.flatten(trail)
    states = len(jax.tree.leaves(trail.points.u)) + 1
    kept = jax.tree.leaves(trail.points)
    wanted = out[:states] + (kept if points else [])
    rest = [_still(v) for v in out[states:]]
    if not moving:
        return [*[_still(v) for v in out], *([_still(v) for v in kept] if points else [])]
    sweep = Sweep(static.key, moving, len(numbers) - 1, static.room, form, static.undo)
    found = linear_map(
        Onward(sweep, points),
        Backward(sweep),
        [*numbers[:-1], out[states], *leaves],
        [dots[i] for i in moving],
        tuple(Shape(v.shape, v.dtype) for v in wanted),
    )
    changed = [
        v if jnp.issubdtype(k.dtype, jnp.inexact) else _still(k) for k, v in zip(wanted, found, strict=True)
    ]
    return [*changed[:states], *rest, *changed[states:]]


class _Fixed(NamedTuple):
    """Something that is compared by equality, and no number."""

    room: Room
    undo: bool


def _plain(job: Job, most: Any) -> Result:
    problem = job.problem._replace(observer=_observer(job))
    run = start(problem, job.t0, job.u, job.ts, job.count)
    run = _advanced(job._replace(problem=problem), run, most)
    return _result(job, run, run.saved)


def _observer(job: Job) -> Observer:
    inner, walk = job.problem.observer, Walk(job)
    if not job.observe:
        return inner
    return Observing(inner, job.observe, walk.eq, job.problem.args, walk.tolerance)


def _recording_run(job: Job, most: Any, fixed: _Fixed) -> tuple[Result, Trail]:
    first = Walk(job).first()
    problem = job.problem._replace(observer=Recording(_observer(job), first.memory, fixed.room))
    run = start(problem, job.t0, job.u, job.ts, job.count)
    run = _advanced(job._replace(problem=problem), run, most)
    saved, trail = run.saved
    if fixed.undo:
        trail = trail._replace(points=jax.tree.map(lambda v: v[None], Point(run.u, run.memory)))
    return _result(job, run, saved), trail


plainly, _recording = compiled(_plain), compiled(_recording_run)


def onward(job: Job, most: Any) -> Result:
    """A run without rules for derivatives: JAX takes them through the loop, forwards."""
    problem = job.problem._replace(observer=_observer(job), eq=Walk(job).eq)
    run = start(problem, job.t0, job.u, job.ts, job.count)
    run = run._replace(want=jax.lax.stop_gradient(run.want))
    run = advance(problem, run, most, jnp.asarray(jnp.iinfo(jnp.int32).max))
    return _result(job, run, run.saved)


def _advanced(job: Job, run: Run, most: Any) -> Run:
    problem = job.problem._replace(eq=job.problem.eq.rounded(job.u))
    numbers, rest = eqx.partition((problem, run, most), eqx.is_array)

    def loop(values: PyTree, samples: str | None) -> Run:
        problem, run, most = eqx.combine(values, rest)
        return advance(problem, run, most, jnp.asarray(jnp.iinfo(jnp.int32).max), samples)

    return batched_well(loop)(numbers)


def _result(job: Job, run: Run, saved: Any) -> Result:
    observed = jnp.zeros(0, run.t.dtype)
    if job.observe:
        saved, observed = saved
    us = saved.us if isinstance(saved, Record) else jax.tree.map(lambda v: v[None], run.u)
    times = saved._replace(us=None) if isinstance(saved, Record) else None
    counters = job.problem.method.counters(run.memory)
    return Result(us, observed, run._replace(u=None, memory=counters, saved=times))


def _still(v: Array) -> Any:
    """The tangent of a value that does not change."""
    if jnp.issubdtype(v.dtype, jnp.inexact):
        return jnp.zeros_like(v)
    return np.zeros(v.shape, jax.dtypes.float0)
