"""The loop: step, judge, keep, until done. Nothing but the loop."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.equation import Equation
from duhamel.methods.base import Method, where
from duhamel.norm import Tolerance, finite
from duhamel.observe.recorder import Attempt, Observer
from duhamel.status import Status
from duhamel.stepping import Adaptive, Fixed

__all__ = ["Problem", "Run", "advance", "start"]

# What a step shrinks to whose inner iteration did not converge.
_AFTER_FAILURE = 0.25


class Problem(NamedTuple):
    """Everything that stays the same during a run."""

    eq: Equation
    method: Method
    stepping: Fixed | Adaptive
    observer: Observer
    t1: Array
    args: Any


class Run(NamedTuple):
    """Everything that changes. It is all that is needed to go on: a run may be paused and continued bit for
    bit.

    t + low is the time (compensated sum), `want` the step size aimed at, `h` the last one taken, `previous`
    the logarithm of the last accepted error relative to the controller's target, `estimate` the sum of
    estimated local errors.
    """

    t: Array
    low: Array
    u: PyTree
    memory: Any
    want: Array
    h: Array
    previous: Array
    estimate: Array
    status: Array
    steps: Array
    rejected: Array
    saved: Any


def start(problem: Problem, t0: Array, u: PyTree, ts: Array, count: Array) -> Run:
    """The run at t0, before its first step."""
    p = problem
    zero, number = jnp.zeros_like(t0), jnp.zeros((), jnp.int32)
    memory = p.method.init(p.eq, t0, u, p.args)
    span = p.t1 - t0
    if isinstance(p.stepping, Adaptive):
        want = p.stepping.first(p.eq, p.method, t0, u, memory, p.args, span)
    else:
        want = jnp.asarray(p.stepping.dt).astype(t0.dtype)
    status = jnp.where(span > 0, Status.running, Status.done).astype(jnp.int32)
    status = jnp.where(finite(p.eq, u), status, Status.not_finite).astype(jnp.int32)
    saved = p.observer.init(ts, count, t0, u)
    return Run(
        t0, zero, u, memory, want, zero, jnp.zeros((), jnp.float32), zero, status, number, number, saved
    )


def advance(problem: Problem, run: Run, most: Array, pause: Array, samples: str | None = None) -> Run:
    """Go on until done, failed, `most` steps attempted in all, `pause` attempts from now, or the record is
    full.

    `samples` names the vmap axis of a batch: the loop then turns until no sample goes on, and each one stands
    still by itself. (Left to vmap, every turn would copy the whole state and record of every sample.)
    """
    begun = run.steps + run.rejected

    def going(r: Run) -> Array:
        used = r.steps + r.rejected
        ready = (r.status == Status.running) & (used < most) & (used - begun < pause)
        return ready & ~problem.observer.full(r.saved)

    if samples is None:
        run = jax.lax.while_loop(going, lambda r: attempt(problem, r), run)
    else:
        run = jax.lax.while_loop(
            lambda r: jax.lax.pmax(going(r), samples), lambda r: attempt(problem, r, going(r)), run
        )
    spent = (run.status == Status.running) & (run.steps + run.rejected >= most)
    return run._replace(status=jnp.where(spent, Status.max_steps, run.status).astype(jnp.int32))


def attempt(problem: Problem, run: Run, live: Array | None = None) -> Run:
    """One attempted step; with `live` false, none."""

    def still(new: Array, old: Array) -> Array:
        return new if live is None else jnp.where(live, new, old)

    p = problem
    stop = p.observer.stop(run.saved, p.t1)
    h, lands = _length(p, run, stop)
    step = p.method.step(p.eq, run.t, h, run.u, run.memory, p.args, _tolerance(p.stepping))
    step = step._replace(u=p.eq.project(step.u))
    ok, accepted, error, previous, want = _judge(p, run, step, h, lands)
    t_new, low_new = _sum(run.t, run.low, h)
    collapsed = _collapsed(p, run, h, lands, accepted, t_new)
    accepted = accepted & ~collapsed
    rejected = ~accepted
    if live is not None:
        accepted, rejected = accepted & live, rejected & live
    t_new, low_new = jnp.where(lands, stop, t_new), jnp.where(lands, 0.0, low_new)
    status = jnp.where(accepted & lands & (stop >= p.t1), Status.done, Status.running)
    status = jnp.where(collapsed, jnp.where(ok, Status.step_too_small, Status.not_finite), status)
    seen = Attempt(run.t, h, run.u, run.memory, step, t_new, accepted)
    return Run(
        t=jnp.where(accepted, t_new, run.t),
        low=jnp.where(accepted, low_new, run.low),
        u=where(accepted, step.u, run.u),
        memory=p.method.keep(accepted, step.memory, run.memory),
        want=still(want, run.want),
        h=still(h, run.h),
        previous=still(previous, run.previous),
        estimate=run.estimate + jnp.where(accepted, error, 0.0),
        status=still(status.astype(jnp.int32), run.status),
        steps=run.steps + accepted.astype(jnp.int32),
        rejected=run.rejected + rejected.astype(jnp.int32),
        saved=p.observer.update(run.saved, seen, p.method),
    )


def _length(p: Problem, run: Run, stop: Array) -> tuple[Array, Array]:
    """The step to attempt, and whether it ends at `stop`.

    Explicit adaptive steps are cut at the stop. All others divide the way to the stop into equal steps, so
    that weights which depend on h stay valid; a step equal to the last one up to the round-off of the clock
    is taken to be the same.
    """
    distance = (stop - run.t) - run.low
    if isinstance(p.stepping, Adaptive) and not p.method.held:
        lands = run.want * 1.0000001 >= distance
        return jnp.where(lands, distance, run.want), lands
    pieces = jnp.ceil(distance / run.want * (1.0 - 1e-9))
    h = distance / jnp.maximum(pieces, 1.0)
    clock = 16.0 * jnp.finfo(run.t.dtype).eps * jnp.maximum(abs(stop), abs(run.t))
    same = jnp.maximum(jnp.minimum(clock, 1e-6 * h), 1e-13 * h)
    h = jnp.where(abs(h - run.h) <= same, run.h, h)
    return h, pieces <= 1.0


def _collapsed(p: Problem, run: Run, h: Array, lands: Array, accepted: Array, t_new: Array) -> Array:
    """Whether the run cannot go on: a step that does not move the clock, or is rejected at its least
    length."""
    if isinstance(p.stepping, Fixed):
        return ~accepted
    stuck = ~lands & (t_new <= run.t)
    if p.stepping.dt_min is not None:
        stuck = stuck | (~accepted & (h <= jnp.asarray(p.stepping.dt_min).astype(h.dtype)))
    return stuck


def _judge(p: Problem, run: Run, step: Any, h: Array, lands: Array) -> tuple[Array, ...]:
    """Whether the step is finite, and good enough; its error in tolerances, what to remember, next aim."""
    ok = finite(p.eq, step.u)
    if isinstance(p.stepping, Fixed):
        good = ok if step.failed is None else ok & ~step.failed
        return ok, good, jnp.full_like(h, jnp.nan), run.previous, run.want
    tolerance = Tolerance(p.stepping.rtol, p.stepping.atol)
    error = tolerance.measure(p.eq, step.error, (run.u, step.u)).astype(h.dtype)
    error = jnp.where(ok, error, jnp.inf)
    accepted = error <= 1.0 if step.failed is None else (error <= 1.0) & ~step.failed
    factor, previous = p.stepping.factor(error, run.previous, accepted, p.method, step.error_order)
    if step.factor is not None:
        factor = jnp.where(ok, step.factor.astype(factor.dtype), factor)
    if step.failed is not None:
        factor = jnp.where(step.failed & ok, _AFTER_FAILURE, factor)
    # A step that was shortened to land says little about the next: keep the aim unless it may grow.
    kept = accepted & (factor == 1.0) if p.method.held else accepted & lands
    want = jnp.where(kept, jnp.maximum(run.want, h * factor), h * factor)
    if step.limit is not None:
        want = jnp.minimum(want, step.limit.astype(want.dtype))
    # How long steps are is a decision, not a value: no derivative passes through it.
    error, previous, want = jax.lax.stop_gradient((error, previous, p.stepping.bounded(want)))
    return ok, accepted, error, previous, want


def _tolerance(stepping: Fixed | Adaptive) -> Tolerance | None:
    return Tolerance(stepping.rtol, stepping.atol) if isinstance(stepping, Adaptive) else None


def _sum(t: Array, low: Array, h: Array) -> tuple[Array, Array]:
    """t + low + h as a new pair: Kahan's compensated sum."""
    y = h + low
    total = t + y
    return total, y - (total - t)
