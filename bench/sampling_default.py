"""How the default of `sampling.plan(schedule, steps=n)` was chosen.

    python -m bench.sampling_default vp            # or cosine, flow, edm: a table of the best combinations

Problems of its own, none of those on which samplers are compared elsewhere: three random mixtures with
diagonal covariances, in 3, 8 and 16 dimensions, whose scores are exact. Every combination of grid, variable,
linear part, order and corrector is run with 5, 10 and 20 evaluations; its error is the RMS distance per
coordinate to the exact end point of the same noise, the mean of the mean and the median over the samples. The
score is the geometric mean of error / best error over problems and evaluations.
"""

from __future__ import annotations

import itertools
import sys
from typing import Any

import numpy as np

from duhamel import sampling
from duhamel.errors import InputError

SCHEDULES = {
    "vp": sampling.Discrete.linear(),
    "cosine": sampling.Cosine(),
    "flow": sampling.Flow(),
    "edm": sampling.EDM(),
}
BUDGETS = (5, 10, 20)


class Mixture:
    """Σ wₖ N(μₖ, diag sₖ²): x̂₀ of x = α x₀ + σ z in closed form."""

    def __init__(self, seed: int, dimension: int, count: int, size: float, widths: tuple[float, float]):
        random = np.random.default_rng(seed)
        self.means = random.standard_normal((count, dimension)) * size
        self.square = random.uniform(*widths, (count, dimension)) ** 2
        self.log_weights = np.log(random.dirichlet(np.full(count, 3.0)))

    def x0(self, x: np.ndarray, alpha: float, sigma: float) -> np.ndarray:
        total = alpha**2 * self.square + sigma**2
        away = x[:, None] - alpha * self.means
        log = self.log_weights - 0.5 * np.sum(away**2 / total + np.log(total), axis=-1)
        share = np.exp(log - log.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        return np.einsum("bk,bkd->bd", share, self.means + alpha * self.square / total * away)

    def bind(self, plan: Any) -> Any:
        """A network that predicts v."""

        def ask(x: np.ndarray, t: Any, i: int) -> np.ndarray:
            alpha, sigma = plan.alpha[i], plan.sigma[i]
            eps = (x - alpha * (x0 := self.x0(x, alpha, sigma))) / sigma
            return (alpha * eps - sigma * x0) / np.hypot(alpha, sigma)

        return ask


PROBLEMS = (
    Mixture(101, 3, 7, 0.8, (0.05, 0.3)),
    Mixture(102, 8, 30, 0.6, (0.04, 0.06)),
    Mixture(103, 16, 12, 0.7, (0.1, 0.6)),
)
DIMENSIONS = (3, 8, 16)


def combinations() -> Any:
    """Every candidate, as arguments of `plan`."""
    grids: list[Any] = ["uniform", "quadratic", ("power", 2.5), "logsnr", ("karras", 7.0)]
    grids += [("arctan", c, p) for c in (0.25, 0.35, 0.5, 0.7, 1.0) for p in (1.0, 1.25, 1.5, 2.0)]
    linear = ("v", sampling.Gaussian(0.5), "x0")
    for grid, variable, form, order, corrector in itertools.product(
        grids, ("arctan", "t", "logsnr"), linear, (1, 2, 3, 4), (False, True)
    ):
        yield {"grid": grid, "variable": variable, "linear": form, "order": order, "corrector": corrector}


def error(found: np.ndarray, exact: np.ndarray) -> float:
    """The mean of mean and median of the RMS distance per coordinate."""
    distance = np.sqrt(np.mean((found - exact) ** 2, axis=1))
    return 0.5 * float(np.mean(distance) + np.median(distance))


def errors(name: str, samples: int = 48) -> dict[str, np.ndarray]:
    """For each combination, as text, its errors of shape (problems, budgets)."""
    schedule = SCHEDULES[name]
    start = 0.9946 if name == "cosine" else 1.0
    cases = []
    for place, problem in enumerate(PROBLEMS):
        noise = np.random.default_rng(7 + place).standard_normal((samples, DIMENSIONS[place]))
        fine = sampling.plan(schedule, "multistep", steps=500, order=3, grid=("arctan", 0.5, 1.5), linear="v",
                             variable="arctan", predicts="v", start=start)  # fmt: skip
        noise = noise * fine.start_scale
        cases.append((problem, noise, sampling.sample(problem, noise, fine)))
    found = {}
    for choice in combinations():
        try:
            plans = [
                sampling.plan(schedule, "multistep", steps=n, predicts="v", start=start, **choice)
                for n in BUDGETS
            ]
        except InputError:
            continue
        found[repr(choice)] = np.array(
            [[error(sampling.sample(p, x, plan), exact) for plan in plans] for p, x, exact in cases]
        )
    return found


def main() -> None:
    names = sys.argv[1:] or list(SCHEDULES)
    tables = {name: errors(name) for name in names}
    common = [choice for choice in tables[names[0]] if all(choice in table for table in tables.values())]
    whole = np.array([[tables[name][choice] for name in names] for choice in common])
    ratio = np.log(whole / whole.min(axis=0))
    for title, scores in [
        *((f"{n} evaluations", ratio[..., k].mean(axis=(1, 2))) for k, n in enumerate(BUDGETS)),
        *((f"schedule {name}", ratio[:, k].mean(axis=(1, 2))) for k, name in enumerate(names)),
        ("all together", ratio.mean(axis=(1, 2, 3))),
    ]:
        print(title)
        for i in np.argsort(scores)[:12]:
            print(f"  {np.exp(scores[i]):6.3f} {np.exp(ratio[i].max()):7.2f}  {common[i]}")


if __name__ == "__main__":
    main()
