"""`solve`: an equation, an initial state and an end time in; a solution out."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from duhamel.compiled import is_traced
from duhamel.drive import Pace, begin, join, stretches
from duhamel.errors import InputError, SolveError
from duhamel.failure import explain, failed
from duhamel.fixed_run import fixed_run, runs_fixed
from duhamel.gradient import Direct, Forward, Gradient, Replay
from duhamel.gradient.observed import check_observed
from duhamel.gradient.runs import differentiable, gradient_of, prepared
from duhamel.loop import Run
from duhamel.observe import Save
from duhamel.observe.recorder import Record
from duhamel.plan import Plan, make_plan
from duhamel.solution import Dense, Solution, Stats
from duhamel.stepping import Adaptive, Fixed

__all__ = ["solution_of", "solve"]


def solve(
    eq: Any,
    u0: Any,
    *,
    t0: Any = 0.0,
    t1: Any,
    args: Any = None,
    method: Any = None,
    step: Fixed | Adaptive | None = None,
    save: Save | None = None,
    max_steps: int | None = None,
    gradient: Gradient | None = None,
    observe: str | tuple[str, ...] = (),
    on_failure: Literal["raise", "return"] = "raise",
) -> Solution:
    """Integrate du/dt = L u + N(t, u) from t0 to t1.

    `eq`: a function f(t, u, args) → du/dt on any pytree, a sum of `Linear` and `Nonlinear` parts, or
    `pde(text, space)`. `u0`: the initial state; its dtype is the dtype of the run. For an equation typed as
    text also a text, a function of the coordinates, or a dict of these by field. `method`: an instance, class
    or name; None lets the structure of the equation decide (`solution.why` says why). `step`: `Fixed(dt)` or
    `Adaptive(rtol, atol)` (default: rtol=1e-6, atol=1e-9). `save`: what to keep (default: the state at t1).
    `max_steps`: attempts before giving up. `gradient`: how derivatives are taken, `Replay()` (default),
    `Direct()`, `Forward()`, `Backsolve()` or `Reversible()`; without derivatives it costs nothing.

    `observe`: quantities summed over the accepted steps, with derivatives, for `solution.observed`: "error"
    Σ h‖e‖ (e the estimated local error), "stiffness" Σ h|J| (from two stages of an explicit method), "steps"
    (how many the tolerance asks for), "kinetic" ∫‖f‖² dt.

    Works under jit, vmap (each sample takes its own steps), grad, jvp and their combinations. A repeated call
    with new numbers (initial values, times, tolerances, parameters, args) does not compile again.

    Raises `InputError` for input that cannot be right, before anything is computed, and `SolveError` for a
    run that failed, unless `on_failure="return"`: then look at `solution.status`.
    """
    if on_failure not in ("raise", "return"):
        raise InputError(f'on_failure is "raise" or "return", got {on_failure!r}.')
    kind = gradient_of(gradient)
    plan = prepared(kind, make_plan(eq, u0, t0, t1, args, method, step, save, max_steps))
    names = check_observed(observe, plan.problem.method, plan.problem.stepping)
    run = None if plan.traced or names else begin(plan.problem, plan.t0, plan.u, *plan.window(0))
    if run is None or isinstance(run.status, Tracer):
        if run is not None or (names and not plan.traced):  # inside jit, but with constants only
            plan = make_plan(eq, u0, t0, t1, args, method, step, save, max_steps, traced=True)
            plan = prepared(kind, plan)
        return _solve_traced(plan, t0, t1, kind, max_steps, names, on_failure)
    size = sum(v.size for v in jax.tree.leaves(plan.u))
    pieces = list(stretches(plan, run, Pace(size, seconds=0.5)))
    last = pieces[-1]
    ts = jnp.asarray(pieces[0].ts if len(pieces) == 1 else np.concatenate([p.ts for p in pieces]))
    states = join([p.us for p in pieces])
    message = explain(plan, last.run, last.status)
    solution = solution_of(plan, last.run, ts, states, last.status, message)
    if last.status.failed and on_failure == "raise":
        raise SolveError(message, solution)
    return solution


def _solve_traced(
    plan: Plan,
    t0: Any,
    t1: Any,
    kind: Gradient,
    max_steps: int | None,
    names: tuple[str, ...],
    on_failure: str,
) -> Solution:
    """Under jit, vmap or grad: one program, nothing looked at from Python."""
    observed = None
    if runs_fixed(plan, t0, t1) and isinstance(kind, Replay | Direct | Forward) and not names:
        run, ts, us = fixed_run(plan, t0, t1, kind.memory if isinstance(kind, Replay) else "all")
    else:
        run, us, sums = differentiable(plan, kind, max_steps, names)
        observed = {n: sums[i] for i, n in enumerate(names)} if names else None
        ts, us = _reached(run, us)
    if on_failure == "raise":
        text = (
            "the run failed inside compiled code; call solve outside jit, or with on_failure='return', "
            "for the reason. (Under a derivative there is room for 8192 steps, or for max_steps.)"
        )
        us = eqx.error_if(us, failed(run.status), text)
    solution = solution_of(plan, run, ts, us, run.status, "")
    if observed is None:
        return solution
    return dataclasses.replace(solution, observed=observed)


def _reached(run: Run, us: Any) -> tuple[Any, Any]:
    """Times and states of a record, with nan at time inf where the run did not get to."""
    if not isinstance(run.saved, Record):
        return run.t[None], us
    reached = jnp.arange(run.saved.ts.shape[0], dtype=run.saved.cursor.dtype) < run.saved.cursor

    def mark(v: Any) -> Any:
        return jnp.where(reached.reshape((-1,) + (1,) * (v.ndim - 1)), v, jnp.nan)

    return jnp.where(reached, run.saved.ts, jnp.inf), jax.tree.map(mark, us)


def solution_of(plan: Plan, run: Run, ts: Any, us: Any, status: Any, message: str) -> Solution:
    """The public form of a finished run, whose memory has been reduced to its counters."""
    problem = plan.problem
    steps, rejected, t, h, estimate = run.steps, run.rejected, run.t, run.h, run.estimate
    if not plan.traced:
        steps, rejected, t, h, estimate = int(steps), int(rejected), float(t), float(h), float(estimate)
    work = problem.method.work(run.memory, steps + rejected)
    stats = Stats(steps, rejected, *(work if plan.traced else (int(v) for v in work)))
    relative = _largest(problem.stepping.rtol) if isinstance(problem.stepping, Adaptive) else np.nan
    eq = None if plan.traced else problem.eq
    dense = _dense(plan, ts, us)
    why = plan.why if plan.traced else "; ".join(filter(None, (plan.why, problem.method.notes(run.memory))))
    return Solution(ts, us, status, stats, t, h, relative * estimate, dense, eq, problem.method, why, message)


def _largest(tolerance: Any) -> Any:
    leaves = jax.tree.leaves(tolerance)
    if is_traced(leaves):
        return jnp.max(jnp.stack([jnp.max(v) for v in leaves]))
    return max(float(np.max(v)) for v in leaves)


def _dense(plan: Plan, ts: Any, us: Any) -> Dense | None:
    if not plan.save.dense:
        return None
    problem = plan.problem
    states = us if problem.eq.codec is None else jax.vmap(problem.eq.encode)(us)
    count = jnp.sum(jnp.isfinite(ts)).astype(jnp.int32)
    return Dense(problem.eq, problem.method, problem.args, jnp.asarray(ts), states, count)
