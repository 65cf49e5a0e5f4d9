"""Runs from the outside: stretch by stretch, so that Python can listen to Ctrl-C and hand out results."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from duhamel.batch import batched_well
from duhamel.compiled import compiled
from duhamel.loop import Problem, Run, advance, start
from duhamel.methods import Method
from duhamel.observe.recorder import Record
from duhamel.plan import Plan
from duhamel.status import Status

__all__ = ["Pace", "Stretch", "begin", "join", "proceed", "stretches", "warm_up"]


def _start(problem: Problem, t0: Any, u: PyTree, ts: Any, count: Any) -> Run:
    return start(problem, t0, u, ts, count)


def _proceed(problem: Problem, run: Run, most: Any, pause: Any) -> tuple[Run, Any]:
    problem = problem._replace(eq=problem.eq.rounded(run.u))
    numbers, rest = eqx.partition((problem, run, most, pause), eqx.is_array)

    def loop(values: PyTree, samples: str | None) -> Run:
        problem, run, most, pause = eqx.combine(values, rest)
        return advance(problem, run, most, pause, samples)

    run = batched_well(loop)(numbers)
    saved = run.saved.us if isinstance(run.saved, Record) else jax.tree.map(lambda v: v[None], run.u)
    return run, jax.vmap(problem.eq.decode)(saved)


begin = compiled(_start)
proceed = compiled(_proceed)
_empty = compiled(lambda problem, saved, ts, count: problem.observer.empty(saved, ts, count))


def warm_up(plan: Plan) -> Run:
    """The run at its start, with everything compiled that it needs."""
    run = begin(plan.problem, plan.t0, plan.u, *plan.window(0))
    jax.block_until_ready(proceed(plan.problem, run, plan.most, 0))
    return run


class Stretch(NamedTuple):
    """A piece of a run: where it stands (numbers on the host, no state), and what was newly saved."""

    run: Run
    status: Status
    ts: np.ndarray
    us: Any


class Pace:
    """How many attempts to make before Python looks up again: about `seconds` of work."""

    def __init__(self, size: int, seconds: float):
        self.seconds = seconds
        self.attempts = int(min(max(4e7 * seconds / max(size, 1), 1), 200_000))

    def learn(self, attempts: int, elapsed: float) -> None:
        """Take note of a stretch that made so many attempts in so many seconds."""
        if attempts > 0:
            wanted = attempts * self.seconds / max(elapsed, 1e-9)
            self.attempts = int(min(max(wanted, 1), 20 * self.attempts, 2**30))


def stretches(plan: Plan, run: Run, pace: Pace) -> Iterator[Stretch]:
    """A run that was begun, piece by piece. A piece ends when the record is full, the pace says so, or with
    the run."""
    number, handed, attempts = 0, 0, 0
    while True:
        began = time.perf_counter()
        run, us = proceed(plan.problem, run, plan.most, pace.attempts)
        seen = _on_host(run, plan.problem.method)
        made = int(seen.steps) + int(seen.rejected)
        pace.learn(made - attempts, time.perf_counter() - began)
        attempts = made
        stretch, handed = _new(seen, us, handed)
        yield stretch
        if stretch.status != Status.running:
            return
        if isinstance(run.saved, Record) and handed == run.saved.ts.shape[0]:
            number, handed = number + 1, 0
            run = run._replace(saved=_empty(plan.problem, run.saved, *plan.window(number)))


def _on_host(run: Run, method: Method) -> Run:
    """The numbers of a run, fetched together; of the memory, the counters."""
    saved = run.saved._replace(us=None) if isinstance(run.saved, Record) else None
    return jax.device_get(run._replace(u=None, memory=method.counters(run.memory), saved=saved))


def _new(run: Run, us: Any, handed: int) -> tuple[Stretch, int]:
    """What was saved since `handed` slots of the record had been given out."""
    status = Status(int(run.status))
    if isinstance(run.saved, Record):
        filled = int(run.saved.cursor)
        # Cut on the host: a slice on the device would be compiled for every new pair of ends.
        states = jax.tree.map(lambda v: np.asarray(v)[handed:filled], us)
        return Stretch(run, status, np.asarray(run.saved.ts)[handed:filled], states), filled
    if status == Status.running:
        return Stretch(run, status, np.empty(0), jax.tree.map(lambda v: np.asarray(v)[:0], us)), 0
    return Stretch(run, status, np.asarray(run.t)[None], us), 0


def join(parts: list[Any]) -> Any:
    """Saved states of several stretches in one, on the device."""
    full = [p for p in parts if jax.tree.leaves(p)[0].shape[0]] or parts[:1]
    if len(full) == 1:
        return jax.tree.map(jnp.asarray, full[0])
    return jax.tree.map(lambda *v: jnp.asarray(np.concatenate(v)), *full)
