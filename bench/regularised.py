"""Networks that stay cheap to solve: evaluations at prediction with penalties, beside those without.

    python -m bench regularised                          # three seeds a problem; also fills docs/learn.md
    python -m bench.regularised digits ernode=1e5 …      # one training on the seed that weights are chosen on

Every training of a problem has the same data, network, optimiser and number of updates for one seed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bench.machine import describe, sentence
from bench.regularised_problems import PROBLEMS, Outcome, Problem, trained
from bench.table import Row, fill
from bench.timing import ROOT

__all__ = ["SEEDS", "Compared", "compared", "measure", "page"]

GROUP = "Regularised training"
PAGE = ROOT / "docs" / "learn.md"
SEEDS = (0, 1, 2)
BAR = 0.65
NAMES = {
    "none": "none",
    "ernode": "`ernode`, Σ h‖e‖",
    "local": "`local`, h‖e‖ at a random time",
    "srnode": "`srnode`, Σ h‖J‖",
    "steps": "`step_count`, steps asked for",
    "kinetic": "`kinetic`, ∫‖f‖²",
}
# Which have a bar, and what is claimed of them.
CLAIMS = {
    "ernode": "half the prediction time (Pal et al., 2021)",
    "srnode": "half the prediction time (Pal et al., 2021)",
    "local": "0.556–0.733 (Pal et al., 2023)",
}
BARRED = ("ernode", "local")
NOTE = (
    "evaluations for all test data at once, means of three seeds; a bar is met only if the mean accuracy is "
    "within the spread of the unregularised nets, or half a point of their mean."
)


@dataclass(frozen=True)
class Compared:
    """A penalty beside none: what came of every seed."""

    problem: Problem
    kind: str
    ours: tuple[Outcome, ...]
    plain: tuple[Outcome, ...]

    def mean(self, name: str) -> float:
        return float(np.mean([getattr(o, name) for o in self.ours]))

    @property
    def ratio(self) -> float:
        return self.mean("evaluations") / float(np.mean([o.evaluations for o in self.plain]))

    @property
    def slower(self) -> float:
        """Seconds of training over those without a penalty, the median over the seeds."""
        pairs = zip(self.ours, self.plain, strict=True)
        return float(np.median([a.seconds / b.seconds for a, b in pairs]))

    @property
    def as_good(self) -> bool:
        """Whether the mean accuracy lies within the spread of the unregularised nets, or half a point of
        their mean."""
        plain = [o.accuracy for o in self.plain]
        return self.mean("accuracy") >= min(*plain, float(np.mean(plain)) - 0.005) - 1e-9


def compared(problem: Problem, seeds: tuple[int, ...] = SEEDS) -> Iterator[Compared]:
    """Every penalty with a weight, after the nets without any."""
    plain = tuple(trained(problem, "none", 0.0, seed) for seed in seeds)
    yield Compared(problem, "none", plain, plain)
    for kind, weight in problem.weights.items():
        yield Compared(problem, kind, tuple(trained(problem, kind, weight, s) for s in seeds), plain)


def measure(quick: bool = False) -> Iterator[Row]:
    found = []
    for problem in PROBLEMS.values():
        for c in compared(problem, SEEDS[:1] if quick else SEEDS):
            found.append(c)
            if c.kind != "none":
                yield _row(c)
    if not quick:
        fill(PAGE, page(found))


def _row(c: Compared) -> Row:
    plain = Compared(c.problem, "none", c.plain, c.plain)
    accuracy = f"{100 * c.mean('accuracy'):.1f} % right, {100 * plain.mean('accuracy'):.1f} % without"
    worse = "" if c.as_good else ", less accurate"
    return Row(
        GROUP,
        f"{c.problem.title}, {c.kind}: evaluations at prediction ({accuracy}{worse})",
        c.mean("evaluations"),
        "unregularised",
        plain.mean("evaluations"),
        c.ratio if c.as_good else np.inf,
        BAR if c.kind in BARRED else None,
        unit="",
        note=NOTE,
    )


def page(found: list[Compared]) -> str:
    """The table of the documentation."""
    head = (
        "problem",
        "penalty",
        "λ at first",
        "evaluations",
        "× plain",
        "right, %",
        "training time",
        "claimed",
    )
    lines = [f"| {' | '.join(head)} |", "|---|---|--:|--:|--:|--:|--:|---|"]
    for c in found:
        weight = f"{c.problem.weights[c.kind]:g}" if c.kind != "none" else ""
        right = [100 * o.accuracy for o in c.ours]
        cells = (
            c.problem.title,
            NAMES[c.kind],
            weight,
            _spread([o.evaluations for o in c.ours], 0),
            "1" if c.kind == "none" else f"{c.ratio:.2f}",
            _spread(right, 1) + ("" if c.as_good else " (worse)"),
            "1" if c.kind == "none" else f"{c.slower:.2f}",
            CLAIMS.get(c.kind, ""),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", sentence(describe())])


def _spread(values: list[float], digits: int) -> str:
    return f"{np.mean(values):.{digits}f} ({min(values):.{digits}f}–{max(values):.{digits}f})"


def main(arguments: list[str]) -> None:
    """Trainings on the seed and the part of the data that weights are chosen on."""
    problem = PROBLEMS[arguments[0]]
    for argument in arguments[1:]:
        kind, weight = argument.split("=")
        print(problem.name, argument, trained(problem, kind, float(weight), 100, "choose"), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
