"""Error against network evaluations, for several rules on one network."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.planning import plan as planned
from duhamel.sampling.running import sample
from duhamel.sampling.table import Plan

__all__ = ["EVALUATIONS", "RULES_COMPARED", "Score", "distance", "plan_within", "reference", "scores"]

EVALUATIONS = (5, 6, 8, 10, 15, 20, 50)
RULES_COMPARED = ("default", "ddim", "dpm++2m", "dpm++3m", "unipc", "deis-tab", "ipndm", "heun")
_FINE = 400


@dataclass(frozen=True)
class Score:
    """The error of one plan: mean and median over the samples of the per-coordinate RMS distance to the end
    of a fine plan, for the same network and noise. `asked`: the evaluations allowed; `nfe`: those made.
    Without a plan `reason` says why, and the errors are NaN."""

    rule: str
    asked: int
    steps: int
    nfe: int
    mean: float
    median: float
    reason: str = ""


def plan_within(schedule: Any, rule: str, evaluations: int, **choices: Any) -> Plan:
    """The plan of a rule with the most steps that asks at most `evaluations` times. Raises `InputError`."""
    steps = evaluations
    while steps >= 1:
        plan = planned(schedule, rule, steps=steps, **choices)
        if plan.nfe <= evaluations:
            return plan
        steps = min(steps - 1, max(1, steps * evaluations // plan.nfe + 1))
    raise InputError(f"{rule!r} needs more than {evaluations} evaluations")


def reference(schedule: Any, predicts: str, start: float, steps: int = _FINE) -> Plan:
    """A fine deterministic plan from `start` to σ = 0, of order 3 in arctan σ/α, linear part v.

    Its points are even in asinh(r/c) with 1/r = 1/ρ + 1/R, c = 0.02, R = 1000: networks have features at
    every level of noise, so the levels are resolved evenly on a logarithmic scale, and both ends are reached.
    """
    low, high = 0.02, 1000.0
    level = float(schedule.log_snr(start))
    first = 1 / (np.exp(level) + 1 / high)
    r = low * np.sinh(np.arcsinh(first / low) * np.linspace(1.0, 0.0, steps + 1)[1:-1])
    times = np.asarray(schedule.time(np.log(1 / r - 1 / high)))
    return planned(
        schedule,
        "multistep",
        steps=steps,
        order=3,
        grid=[start, *times, 0.0],
        variable="arctan",
        linear="v",
        predicts=predicts,
    )


def distance(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """The RMS distance per coordinate of each sample, (B,)."""
    return np.sqrt(np.mean((found - exact).reshape(len(exact), -1) ** 2, axis=1))


def scores(
    model: Any,
    noise: np.ndarray,
    contestants: Sequence[tuple[str, str, dict[str, Any]]],
    *,
    schedule: Any,
    predicts: str,
    evaluations: Sequence[int] = EVALUATIONS,
    progress: Callable[[str], None] = lambda text: None,
) -> Iterator[Score]:
    """Score the contestants (title, rule, choices of `plan`) on unit normals `noise`, (B, …), one by one.

    Rules may begin at different times (those that divide by α cannot begin at α = 0); each is compared with
    a reference from its own beginning. `progress(title)` is called before each score. Cost: the sum of all
    evaluations, and 400 for each beginning.
    """
    ends: dict[float, np.ndarray] = {}
    for title, rule, choices in contestants:
        for asked in evaluations:
            progress(title)
            try:
                plan = plan_within(schedule, rule, asked, predicts=predicts, **choices)
                if plan.stochastic:
                    raise InputError("adds noise, so it has no end point to be compared with")
            except InputError as cause:
                yield Score(title, asked, 0, 0, np.nan, np.nan, str(cause))
                continue
            start = float(plan.t[0])
            if start not in ends:
                fine = reference(schedule, predicts, start)
                ends[start] = sample(model, noise * fine.start_scale, fine)
            away = distance(sample(model, noise * plan.start_scale, plan), ends[start])
            steps = int(plan.provenance.get("steps", plan.nfe))
            yield Score(title, asked, steps, plan.nfe, float(away.mean()), float(np.median(away)))
