"""A run inside traced code, under the kind of gradient that was asked for."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from duhamel.drive import begin, proceed
from duhamel.errors import InputError
from duhamel.gradient.backsolve import backsolved
from duhamel.gradient.coupled import coupled
from duhamel.gradient.direct import directed
from duhamel.gradient.kinds import Backsolve, Direct, Forward, Gradient, Replay, Reversible
from duhamel.gradient.replay import replayed
from duhamel.gradient.steps import Job
from duhamel.loop import Run
from duhamel.methods import Tsit5
from duhamel.methods.explicit.stepper import ExplicitRungeKutta
from duhamel.observe import Times
from duhamel.plan import Plan
from duhamel.status import Status

__all__ = ["differentiable", "gradient_of", "prepared"]


def gradient_of(gradient: Any) -> Gradient:
    """The kind asked for; the default where there is none."""
    if gradient is None:
        return Replay()
    if isinstance(gradient, type) and issubclass(gradient, Gradient) and gradient is not Gradient:
        gradient = gradient()
    if not isinstance(gradient, Gradient):
        raise InputError(
            "gradient takes dh.Replay(), dh.Direct(), dh.Forward(), dh.Backsolve() or dh.Reversible(), got "
            f"{gradient!r}."
        )
    return gradient


def prepared(gradient: Gradient, plan: Plan) -> Plan:
    """The plan with the method that the kind of gradient needs."""
    if not isinstance(gradient, Reversible):
        return plan
    problem, observer = plan.problem, plan.problem.observer
    if isinstance(observer, Times):
        observer = Times(interpolate=False, block=observer.block)
    asked = isinstance(problem.method, ExplicitRungeKutta) or plan.why == "asked for"
    method = coupled(problem.method if asked else Tsit5(), gradient.coupling)
    return plan._replace(problem=problem._replace(method=method, observer=observer))


def differentiable(plan: Plan, gradient: Gradient, limit: int | None) -> tuple[Run, PyTree]:
    """The run, with its memory reduced to counters, and the saved states in the user's form (leading axis:
    slots). `limit` is max_steps where it was given."""
    if isinstance(gradient, Forward):
        run, us = proceed(plan.problem, _frozen(plan), plan.most, jnp.iinfo(jnp.int32).max)
        run = run._replace(memory=plan.problem.method.counters(run.memory))
    else:
        run, us = _result(plan, gradient, limit)
        us = jax.vmap(plan.problem.eq.decode)(us)
    return run._replace(status=jnp.where(run.status == Status.running, Status.max_steps, run.status)), us


def _result(plan: Plan, gradient: Gradient, limit: int | None) -> tuple[Run, PyTree]:
    job = Job(plan.problem, plan.t0, plan.u, *plan.window(0))
    if isinstance(gradient, Direct):
        result = directed(job, plan.most, limit)
    elif isinstance(gradient, Backsolve):
        result = backsolved(job, plan.most)
    elif isinstance(gradient, Reversible):
        result = replayed(job, plan.most, 2, limit, undo=True)
    else:
        assert isinstance(gradient, Replay)
        result = replayed(job, plan.most, gradient.memory, limit)
    return result.run, result.us


def _frozen(plan: Plan) -> Run:
    run = begin(plan.problem, plan.t0, plan.u, *plan.window(0))
    return run._replace(want=jax.lax.stop_gradient(run.want))
