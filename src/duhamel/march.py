"""`march`: the same run as `solve`, handed out piece by piece while it goes on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from duhamel.drive import Pace, stretches, warm_up
from duhamel.failure import explain
from duhamel.methods.base import Method
from duhamel.observe import Save
from duhamel.plan import make_plan
from duhamel.solution import Stats
from duhamel.solve import solution_of
from duhamel.status import Status
from duhamel.stepping import Adaptive, Fixed

__all__ = ["Chunk", "march"]


class Chunk(NamedTuple):
    """A piece of a run: what was newly saved, and where the run stands.

    `ts` (k,) and `us` (k, …), k ≥ 0, in the user's form. `status` is `Status.running` in all but the last
    piece; `message` says why a run failed.
    """

    ts: np.ndarray
    us: Any
    t: float
    h: float
    status: Status
    stats: Stats
    error_estimate: float
    compile_seconds: float
    run_seconds: float
    method: Method
    why: str
    message: str


def march(
    eq: Any,
    u0: Any,
    *,
    t0: float = 0.0,
    t1: float,
    args: Any = None,
    method: Any = None,
    step: Fixed | Adaptive | None = None,
    save: Save | None = None,
    max_steps: int | None = None,
    seconds: float = 0.2,
) -> Iterator[Chunk]:
    """Integrate as `solve` does, but yield a `Chunk` about every `seconds`: for progress, streaming and
    interruption. The pieces put together are bit for bit what `solve` returns. A failure is not raised: it is
    the last chunk's status. Arguments as in `solve`; checked at once, before the first piece is asked for.
    """
    plan = make_plan(eq, u0, t0, t1, args, method, step, save, max_steps)
    return _chunks(plan, seconds)


def _chunks(plan: Any, seconds: float) -> Iterator[Chunk]:
    size = sum(v.size for v in jax.tree.leaves(plan.u))
    began = time.perf_counter()
    run = warm_up(plan)
    compile_seconds = time.perf_counter() - began
    began = time.perf_counter()
    for piece in stretches(plan, run, Pace(size, seconds)):
        message = explain(plan, piece.run, piece.status)
        state = solution_of(plan, piece.run, piece.ts, piece.us, piece.status, message)
        stats = Stats(*(int(v) for v in state.stats))
        yield Chunk(
            piece.ts,
            piece.us,
            float(piece.run.t),
            float(piece.run.h),
            piece.status,
            stats,
            float(state.error_estimate),
            compile_seconds,
            time.perf_counter() - began,
            plan.problem.method,
            plan.why,
            message,
        )
