"""What to tell a user whose run failed: what, where, the likely cause, and one thing to try."""

from __future__ import annotations

from typing import Any

from duhamel.loop import Run
from duhamel.plan import Plan
from duhamel.status import Status
from duhamel.stepping import Adaptive

__all__ = ["explain", "failed"]


def failed(status: Any) -> Any:
    """Whether a traced status is a failure."""
    return (status != Status.done) & (status != Status.running) & (status != Status.event)


def explain(plan: Plan, run: Run, status: Status) -> str:
    """One or two sentences about a failed run; empty for any other."""
    if not status.failed:
        return ""
    where = f"at t = {float(run.t):.6g} (aim: t1 = {float(plan.problem.t1):.6g})"
    work = f"last step {float(run.h):.3g}, {int(run.steps)} steps accepted, {int(run.rejected)} rejected"
    fixed = not isinstance(plan.problem.stepping, Adaptive)
    return f"{_what(status, fixed)} {where}; {work}. {_advice(plan, run, status)}"


def _what(status: Status, fixed: bool) -> str:
    if fixed and status == Status.step_too_small:
        return "A step of this fixed length could not be taken"
    return {
        Status.not_finite: "The state became infinite or not a number",
        Status.step_too_small: "The step size collapsed",
        Status.max_steps: "The allowed number of steps was used up",
    }[status]


def _advice(plan: Plan, run: Run, status: Status) -> str:
    adaptive = isinstance(plan.problem.stepping, Adaptive)
    if status == Status.not_finite:
        key = "start" if int(run.steps) == 0 else "blow-up" if adaptive else "fixed"
        return _ADVICE[key]
    if status == Status.step_too_small:
        return _ADVICE["collapse" if adaptive else "no-convergence"]
    return _ADVICE["adaptive-steps" if adaptive else "fixed-steps"]


_ADVICE = {
    "start": "The very first evaluation failed: check the initial state and the signs and domains "
    "(sqrt, log, 1/u) of the equation.",
    "fixed": "Either the solution blows up or the step is too long for the method: try a smaller dt, "
    "or dh.Adaptive(rtol=1e-6).",
    "blow-up": "The solution most likely blows up: check the signs of the highest derivatives "
    "(u_t = -u_xx is backward heat), or end before.",
    "collapse": "There is a singularity, or the equation is stiffer than this method can bear, or rtol and "
    "atol are below round-off: loosen them or try another method.",
    "no-convergence": "The equation is stiffer than this method can bear at this length (its iteration does "
    "not converge, or its stages are too few): try a smaller dt, dh.Adaptive(rtol=1e-6), or dh.Rodas5P().",
    "adaptive-steps": "Raise max_steps, loosen rtol and atol, or use a method for stiff equations.",
    "fixed-steps": "Raise max_steps or dt.",
}
