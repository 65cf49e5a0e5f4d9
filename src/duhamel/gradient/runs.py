"""A run inside traced code, under the kind of gradient that was asked for."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.errors import InputError
from duhamel.gradient.backsolve import backsolved
from duhamel.gradient.coupled import coupled
from duhamel.gradient.direct import directed
from duhamel.gradient.kinds import Backsolve, Direct, Forward, Gradient, Replay, Reversible
from duhamel.gradient.replay import Result, onward, replayed
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
        observer = dataclasses.replace(observer, interpolate=False)
    asked = isinstance(problem.method, ExplicitRungeKutta) or plan.why == "asked for"
    method = coupled(problem.method if asked else Tsit5(), gradient.coupling)
    return plan._replace(problem=problem._replace(method=method, observer=observer))


def differentiable(
    plan: Plan, gradient: Gradient, limit: int | None, observe: tuple[str, ...] = ()
) -> tuple[Run, PyTree, Array]:
    """The run, with its memory reduced to counters, the saved states in the user's form (leading axis:
    slots), and the quantities observed. `limit` is max_steps where it was given."""
    result = _result(plan, gradient, limit, observe)
    run, us = result.run, jax.vmap(plan.problem.eq.decode)(result.us)
    status = jnp.where(run.status == Status.running, Status.max_steps, run.status)
    return run._replace(status=status), us, result.observed


def _result(plan: Plan, gradient: Gradient, limit: int | None, observe: tuple[str, ...]) -> Result:
    job = Job(plan.problem, plan.t0, plan.u, *plan.window(0), observe)
    if isinstance(gradient, Forward):
        return onward(job, plan.most)
    if isinstance(gradient, Direct):
        return directed(job, plan.most, limit)
    if isinstance(gradient, Backsolve):
        return backsolved(job, plan.most)
    if isinstance(gradient, Reversible):
        return replayed(job, plan.most, 2, limit, undo=True)
    assert isinstance(gradient, Replay)
    return replayed(job, plan.most, gradient.memory, limit)
