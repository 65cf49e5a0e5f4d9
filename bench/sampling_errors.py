"""Error to the exact end point against network evaluations: our default beside every scheduler of diffusers.

    python -m bench sampling_errors            # also writes docs/sampling-errors.md

The error of a sample is its RMS distance per coordinate to the exact end point of the same noise. Their
tables are read off the schedulers (`Plan.from_scheduler`) and run through the same loop on the same networks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.machine import describe, sentence
from bench.sampling_peers import CONFIGURATIONS, recovered
from bench.sampling_problems import Asked, Problem, problems
from bench.sampling_tuned import BUDGET, LEARNED, SEARCHED, TRAJECTORIES, tuned
from bench.table import Row
from bench.timing import ROOT
from duhamel import sampling
from duhamel.sampling.digits.errors import distance

__all__ = ["EVALUATIONS", "Result", "best", "measure", "page", "results"]

EVALUATIONS = (5, 6, 8, 10, 15, 20, 50)
SCORED = (5, 10, 20)
BAR = 0.6
PAGE = ROOT / "docs" / "sampling-errors.md"
OURS = "our default"
TUNED = (SEARCHED, LEARNED)
GROUP = "Sampling errors"
NOTE = (
    "mean error of the default plan over that of the best configuration of diffusers at as many evaluations; "
    "the page sampling-errors of the documentation has medians and the others."
)


@dataclass(frozen=True)
class Result:
    """The error of a sampler on a problem, mean and median over the samples; NaN with a reason."""

    problem: str
    sampler: str
    evaluations: int
    mean: float
    median: float
    reason: str = ""


def results(
    problem: Problem, evaluations: Sequence[int], samples: int, tune: Sequence[int] = ()
) -> Iterator[Result]:
    """Our default, and every configuration that fits the problem; with the evaluations in `tune` also
    tables that were searched and learned for it."""
    noise = problem.noise(samples)
    exact = problem.ends(noise)
    for n in evaluations:
        ours = sampling.plan(problem.schedule, steps=n, predicts=problem.predicts)
        plans = {OURS: ours} | recovered(problem.path, n) | (tuned(problem, n) if n in tune else {})
        for name, plan in plans.items():
            if isinstance(plan, str):
                yield Result(problem.name, name, n, np.nan, np.nan, plan)
                continue
            with np.errstate(all="ignore"):
                found = sampling.sample(Asked(problem.what), noise * plan.start_scale, plan) / plan.end[1]
                away = distance(found, exact)
            yield Result(problem.name, name, n, float(away.mean()), float(np.median(away)))


def best(found: Sequence[Result], n: int, by: str = "mean") -> Result:
    """The best configuration of theirs at n evaluations."""
    mine = (OURS, *TUNED)
    rows = [r for r in found if r.evaluations == n and r.sampler not in mine and np.isfinite(getattr(r, by))]
    return min(rows, key=lambda r: getattr(r, by))


def own(found: Sequence[Result], n: int, sampler: str = OURS) -> Result:
    """The result of our default, or of a tuned table, at n evaluations."""
    return next(r for r in found if r.evaluations == n and r.sampler == sampler)


def measure(quick: bool = False) -> Iterator[Row]:
    evaluations = SCORED if quick else EVALUATIONS
    tables = []
    for problem in problems():
        found = list(results(problem, evaluations, 16 if quick else 64, () if quick else SCORED))
        tables.append(found)
        for n in evaluations:
            ours, theirs = own(found, n), best(found, n)
            yield Row(
                GROUP, f"{problem.name}, {n} evaluations", ours.mean, theirs.sampler, theirs.mean,
                ours.mean / theirs.mean, BAR if n in SCORED else None, "", NOTE,
            )  # fmt: skip
    if not quick:
        PAGE.write_text(page(tables, sentence(describe())), "utf-8")


INTRODUCTION = f"""# Sampling errors, measured

Written by `python -m bench sampling_errors`. Our default, `plan(schedule, steps=n)`, beside the
deterministic schedulers of diffusers in {sum(map(len, CONFIGURATIONS.values()))} configurations: their
tables are read off with `Plan.from_scheduler` and run through the same loop on the same networks and the
same noise. The error of a sample is its RMS distance per coordinate to the exact end point of its noise; the
tables show the mean over 64 samples and, below, the median. Schedulers with two evaluations a step get the
most steps that ask no more often than the column says. The default was chosen on other problems
([how](sampling.md#how-the-default-was-chosen)).

- The scores of the first five problems are known in closed form; the end points are those of DOP853 in
  asinh(ρ/s) at 1e-9, or a formula. A network predicts ε on DDPM's linear betas. The guided problem is
  m_u + 4 (m_c − m_u), with the first five of its twenty modes wanted.
- The networks are the three that ship in `duhamel.sampling.digits`; their end points are those of 1600 steps
  of order 3.
- Searched and learned tables belong to one network. `search` had a budget of {BUDGET:g} runs over
  {TRAJECTORIES} trajectories, of which a quarter was held out, and `learn` fitted the coefficients of what it
  found by least squares on the same. No trajectory of theirs is among those that score. The networks are
  scored on the digits 0 to 9 in turn, and searched without a label.
- The goal is a mean error of at most {BAR} of the best of theirs with 5, 10 and 20 evaluations. Where it is
  missed, the ratio stands in bold.
"""


def page(tables: Sequence[Sequence[Result]], footer: str) -> str:
    """The page of the documentation: a summary, then a table for each problem."""
    parts = [INTRODUCTION, "## The default over the best of theirs\n\n" + summary(tables)]
    parts.append("## Tables for one network over the best of theirs\n\n" + beside(tables))
    for found in tables:
        parts.append(f"## {found[0].problem[:1].upper()}{found[0].problem[1:]}\n\n{table(found)}")
    failing = dict.fromkeys(
        f"- {r.sampler}, {r.evaluations} evaluations: {_short(r.reason)}"
        for found in tables
        for r in found
        if r.reason
    )
    parts.append("## What could not run\n\n" + "\n".join(failing) + "\n")
    return "\n".join([*parts, footer]) + "\n"


def _short(reason: str) -> str:
    return " ".join(reason.split())[:120]


def _header(first: str, evaluations: Sequence[int]) -> list[str]:
    return [f"| {first} | {' | '.join(map(str, evaluations))} |", "|---|" + "--:|" * len(evaluations)]


def summary(tables: Sequence[Sequence[Result]]) -> str:
    """Ratios of means, and in brackets of medians."""
    evaluations = list(dict.fromkeys(r.evaluations for r in tables[0]))
    lines = _header("problem", evaluations)
    for found in tables:
        cells = []
        for n in evaluations:
            ratio = own(found, n).mean / best(found, n).mean
            middle = own(found, n).median / best(found, n, "median").median
            missed = n in SCORED and ratio > BAR
            cells.append(f"{'**' if missed else ''}{ratio:.2g}{'**' if missed else ''} ({middle:.2g})")
        lines.append(f"| {found[0].problem} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def beside(tables: Sequence[Sequence[Result]]) -> str:
    """Ratios of means of the default, the searched and the learned table."""
    columns = " | ".join(f"{n}: default, searched, learned" for n in SCORED)
    lines = [f"| problem | {columns} |", "|---|--:|--:|--:|"]
    for found in tables:
        cells = []
        for n in SCORED:
            least = best(found, n).mean
            cells.append(", ".join(f"{own(found, n, name).mean / least:.2g}" for name in (OURS, *TUNED)))
        lines.append(f"| {found[0].problem} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def table(found: Sequence[Result], shown: int = 8) -> str:
    """Our default, then the configurations that are best over all budgets by the geometric mean."""
    evaluations = list(dict.fromkeys(r.evaluations for r in found))
    by_name: dict[str, dict[int, Result]] = {}
    for r in found:
        by_name.setdefault(r.sampler, {})[r.evaluations] = r
    least = {n: best(found, n).mean for n in evaluations}

    def score(rows: dict[int, Result]) -> float:
        value = np.mean([np.log(max(rows[n].mean, 1e-300) / least[n]) for n in evaluations])
        return float(value) if np.isfinite(value) else np.inf

    others = sorted(
        (name for name in by_name if name not in (OURS, *TUNED)), key=lambda name: score(by_name[name])
    )
    winners = dict.fromkeys(best(found, n).sampler for n in evaluations)
    chosen = list(dict.fromkeys([*others[:shown], *winners]))
    lines = _header("sampler", evaluations)
    for name in [OURS, *(name for name in TUNED if name in by_name), *chosen]:
        rows = by_name[name]
        cells = [
            "–" if n not in rows or rows[n].reason else f"{rows[n].mean:.2g}<br>{rows[n].median:.2g}"
            for n in evaluations
        ]
        lines.append(f"| {f'**{name}**' if name == OURS else name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main(path: Path = PAGE) -> None:
    for row in measure():
        print(row.cells())
    print(f"{path.name} written")


if __name__ == "__main__":
    main()
