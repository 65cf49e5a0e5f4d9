"""Tables that were searched and learned for one problem, on trajectories that are never scored."""

from __future__ import annotations

import numpy as np

from bench.sampling_problems import Asked, Network, Problem
from duhamel import sampling
from duhamel.sampling.digits.network import UNKNOWN

__all__ = ["BUDGET", "LEARNED", "SEARCHED", "TRAJECTORIES", "tuned"]

SEARCHED, LEARNED = "searched", "learned"
TRAJECTORIES, BUDGET = 96, 40.0
_HELD = 0.25


def tuned(problem: Problem, evaluations: int) -> dict[str, sampling.Plan]:
    """The plan that `search` finds with a small budget, and that plan with its coefficients fitted by `learn`
    (least squares, row by row). Their noise has a seed of its own; a quarter of it is held out for their
    reports. A search takes samples out of the batch, so a network is asked for any digit, not for those in
    turn."""
    what = problem.what
    model = Asked(Network(what.net, UNKNOWN) if isinstance(what, Network) else what)
    start = sampling.plan(problem.schedule, steps=evaluations, predicts=problem.predicts).start_scale
    noise = np.random.default_rng(1001).standard_normal((TRAJECTORIES, problem.dimension)) * start
    found, _ = sampling.search(
        model, noise, problem.schedule, evaluations, budget=BUDGET, held=_HELD, predicts=problem.predicts
    )
    learned, _ = sampling.learn(found, model, noise, what=("coefficients",), held=_HELD)
    return {SEARCHED: found, LEARNED: learned}
