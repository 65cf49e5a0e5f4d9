"""How the default of `sampling.plan(schedule, steps=n)` was chosen.

    python -m bench.sampling_default vp 5 10 20         # or edm, flow, v; other numbers of evaluations

On the problems of `sampling_held_out`, none of them used where samplers are compared elsewhere, every
combination of grid, variable, linear part, order and corrector is run with each number of evaluations. Its
figure on a problem is its mean error over that of the best configuration of diffusers there. Printed are the
combinations with the least geometric mean, and those whose largest figure is least. Five minutes for the
networks of a path, then about five for the rest.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any

import numpy as np

from bench.sampling_held_out import held_out
from bench.sampling_peers import recovered
from bench.sampling_problems import Asked, Problem
from duhamel import sampling
from duhamel.errors import InputError
from duhamel.sampling.digits.errors import distance

__all__ = ["combinations", "figures", "main"]

Case = tuple[Problem, np.ndarray, np.ndarray]


def combinations() -> list[dict[str, Any]]:
    """Every candidate, as arguments of `plan`."""
    grids: list[Any] = ["quadratic", ("power", 1.5), ("power", 2.5), "logsnr"]
    grids += [("arctan", c, p) for c in (0.35, 0.7, 1.0, 1.5, 2.0) for p in (1.0, 1.5, 2.0, 2.5)]
    grids += [
        ("logistic", c, a, p) for c in (0.3, 0.7, 1.5) for a in (0.3, 0.5, 0.7, 1.0) for p in (1.0, 1.5)
    ]
    grids += [
        ("softplus", c, a, p) for c in (0.1, 0.3, 1.0) for a in (0.7, 1.0, 2.0) for p in (1.0, 2.0, 4.0)
    ]
    axes = grids, ("arctan", "logsnr", "t"), ("v", sampling.Gaussian(0.5)), (2, 3), (False, True)
    names = "grid", "variable", "linear", "order", "corrector"
    return [dict(zip(names, values, strict=True)) for values in itertools.product(*axes)]


def mean_error(problem: Problem, noise: np.ndarray, exact: np.ndarray, plan: sampling.Plan) -> float:
    """The mean over samples of the RMS distance per coordinate."""
    with np.errstate(all="ignore"):
        found = sampling.sample(Asked(problem.what), noise * plan.start_scale, plan) / plan.end[1]
        value = float(distance(found, exact).mean())
    return value if np.isfinite(value) else np.inf


def cases(path: str, samples: int = 48) -> list[Case]:
    """The problems of a path with their noise and exact ends."""
    found = []
    for problem in held_out():
        if problem.path == path:
            noise = np.random.default_rng(77).standard_normal((samples, problem.dimension))
            found.append((problem, noise, problem.ends(noise)))
    return found


def figures(path: str, evaluations: int, known: list[Case]) -> dict[str, np.ndarray]:
    """For each combination, as text, its error over the best of diffusers', problem by problem."""
    theirs = [
        p for p in recovered({"v": "vp"}.get(path, path), evaluations).values() if not isinstance(p, str)
    ]
    best = np.array([min(mean_error(*case, plan) for plan in theirs) for case in known])
    found = {}
    for choice in combinations():
        problem = known[0][0]
        try:
            plan = sampling.plan(
                problem.schedule, "multistep", steps=evaluations, predicts=problem.predicts, **choice
            )
        except InputError:
            continue
        found[repr(choice)] = np.array([mean_error(*case, plan) for case in known]) / best
    return found


def main() -> None:
    path, *rest = sys.argv[1:] or ["vp"]
    known = cases(path)
    print(", ".join(case[0].name for case in known))
    for n in map(int, rest or ("5", "10", "20")):
        found = figures(path, n, known)
        for title, score in (
            ("geometric mean", lambda v: float(np.exp(np.mean(np.log(v))))),
            ("largest", lambda v: float(np.max(v))),
        ):
            print(f"{n} evaluations, by {title}")
            for name in sorted(found, key=lambda name: score(found[name]))[:10]:
                print(f"  {score(found[name]):6.3f} {np.round(found[name], 2)} {name}")


if __name__ == "__main__":
    main()
