"""Kuramoto–Sivashinsky by every adaptive method: what errors of 1e-5, 1e-7 and 1e-9 cost each family.

Fills docs/ks-families.md. A method collapses if at a tight tolerance it rejects its steps, stops converging,
or takes hundreds of times the steps of its neighbours; such rows say so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import describe, sentence
from bench.table import Row
from bench.timing import ROOT
from duhamel.compare.case import Case
from duhamel.compare.runs import attempt, refusal, tolerance
from duhamel.methods import METHODS, Method
from duhamel.methods.base import Interpolating
from duhamel.problems import get

__all__ = ["GOALS", "Cost", "costs", "family", "measure", "page", "truth"]

GROUP = "Kuramoto–Sivashinsky, by family"
GOALS = (1e-5, 1e-7, 1e-9)
PAGE = ROOT / "docs" / "ks-families.md"
# Tolerances are tried from the loosest on, a power of ten apart.
LADDER = tuple(10.0**-k for k in range(2, 14))
HEADINGS = ("family", "method", "rtol", "error", "steps", "rejected", "evaluations", "solves", "seconds", "")
INTRODUCTION = """# Kuramoto–Sivashinsky, by every family

`u_t = -u_xx - u_xxxx - u u_x` on 256 points, L = 32π, u₀ = cos(x/16)(1 + sin(x/16)), to t = 10, without the
2/3 rule, by every method that adapts its steps. The relative error (mean square over the grid) is measured
against a solution on 512 points at rtol 1e-12. For each goal the loosest tolerance that reaches it was looked
for; seconds are the best of three runs after compilation, called from Python;
a run that would take longer than six was given up.

L is diagonal in Fourier space, with rates down to -4032: explicit methods are bound by stability, methods
with a Jacobian factorise a full matrix of 258 rows. So the tables say what a family costs where exponential
and implicit–explicit methods are at home, and whether its step control holds at tight tolerances.

This page is written by `python -m bench ks_families`.
"""


@dataclass(frozen=True)
class Cost:
    """What one method needed for one goal; `reason` says why it did not get there."""

    family: str
    method: str
    goal: float
    rtol: float = np.nan
    error: float = np.nan
    steps: int = 0
    rejected: int = 0
    evaluations: int = 0
    solves: int = 0
    seconds: float = np.nan
    reason: str = ""

    @property
    def remark(self) -> str:
        """The reason, or what is wrong with a run that did reach its goal."""
        if not self.reason and self.rejected > max(20, self.steps // 2):
            return "rejects every third step or more"
        return self.reason

    def cells(self) -> tuple[str, ...]:
        """The row of the page, in the order of `HEADINGS`."""
        name = (self.family, f"`{self.method}`")
        if self.reason:
            return (*name, *[""] * 7, self.reason)
        counts = (str(n) for n in (self.steps, self.rejected, self.evaluations, self.solves))
        return (*name, f"{self.rtol:.0e}", f"{self.error:.1e}", *counts, f"{self.seconds:.3g}", self.remark)


def family(method: type[Method]) -> str:
    """The class whose stepper a method shares, in words: methods of one `family` may differ in it."""
    bases = [c for c in method.__mro__ if issubclass(c, Method) and c not in (Method, Interpolating)]
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*", bases[-1].__name__)
    return " ".join(words).replace("Runge Kutta", "Runge–Kutta").lower().replace("runge–kutta", "Runge–Kutta")


def case() -> Case:
    """What is solved."""
    problem = get("ks")
    return Case(problem.equation, problem.u0, problem.t1, name="ks")


def truth() -> np.ndarray:
    """The end state on the 256 points, from a run on 512; checked against rkstiff by `bench.ks`."""
    fine = get("ks", points=512)
    return np.asarray(fine.solve("etd54", rtol=1e-12).us[-1])[::2]


def costs(name: str, exact: np.ndarray, limit: float, goals: Sequence[float] = GOALS) -> list[Cost]:
    """One method, all goals. No run takes much longer than `limit` seconds."""
    method, posed = METHODS[name](), case()
    label = family(METHODS[name])
    if reason := refusal(posed, method):
        return [Cost(label, name, goal, reason=reason) for goal in goals]
    ladder: list[Cost] = []
    for rtol in LADDER:
        ladder.append(_run(posed, method, label, rtol, exact, limit))
        if ladder[-1].reason or ladder[-1].error <= min(goals):
            break
    return [_loosest(ladder, goal, posed, method, exact, limit) for goal in goals]


def _run(posed: Case, method: Method, label: str, rtol: float, exact: np.ndarray, limit: float) -> Cost:
    done = attempt(posed, method, tolerance(posed, rtol), limit)
    row = Cost(label, method.name, np.nan, rtol, reason=done.reason)
    if done.stats is None:
        return row
    steps, rejected, evaluations, solves = (int(n) for n in done.stats[:4])
    row = replace(row, steps=steps, rejected=rejected, evaluations=evaluations, solves=solves)
    if done.reason:
        return row
    error = np.linalg.norm(np.asarray(done.u) - exact) / np.linalg.norm(exact)
    return replace(row, error=float(error), seconds=done.seconds)


def _loosest(
    ladder: Sequence[Cost], goal: float, posed: Case, method: Method, exact: np.ndarray, limit: float
) -> Cost:
    """The rung that reaches the goal, or one between it and the rung before, interpolated on logarithmic
    axes, if that reaches it too."""
    place = next((k for k, rung in enumerate(ladder) if not rung.reason and rung.error <= goal), None)
    if place is None:
        return replace(ladder[-1], goal=goal, reason=ladder[-1].reason or _stalled(ladder))
    best = ladder[place]
    before = ladder[place - 1] if place else best
    if np.isfinite(before.error) and best.error < 0.5 * goal < before.error:
        share = np.log(before.error / (0.6 * goal)) / np.log(before.error / best.error)
        between = float(before.rtol * (best.rtol / before.rtol) ** share)
        tried = _run(posed, method, best.family, between, exact, limit)
        best = tried if not tried.reason and tried.error <= goal else best
    again = [attempt(posed, method, tolerance(posed, best.rtol), limit).seconds for _ in range(2)]
    return replace(best, goal=goal, seconds=float(np.nanmin([best.seconds, *again])))


def _stalled(ladder: Sequence[Cost]) -> str:
    least = min(rung.error for rung in ladder)
    return f"error stays at {least:.0e} or above, down to rtol {ladder[-1].rtol:.0e}"


def measure(quick: bool = False) -> Iterator[Row]:
    exact = truth()
    names = [name for name, method in METHODS.items() if method.adaptive]
    if quick:
        names = list({family(METHODS[name]): name for name in names}.values())
    goals = GOALS[:2] if quick else GOALS
    rows = [cost for name in names for cost in costs(name, exact, 2.0 if quick else 6.0, goals)]
    if not quick:
        fill(rows)
    yield from summary(rows)


def summary(rows: Sequence[Cost]) -> Iterator[Row]:
    """The cheapest method of each family at the middle goal, beside the cheapest of all."""
    reached = sorted((r for r in rows if r.goal == GOALS[1] and not r.reason), key=lambda r: r.seconds)
    best = {r.family: r for r in reversed(reached)}
    for row in sorted(best.values(), key=lambda r: r.seconds):
        first = reached[0]
        ratio = row.seconds / first.seconds
        note = f"error of at most {GOALS[1]:.0e}; the page ks-families of the documentation has all methods."
        yield Row(
            GROUP, f"{row.family}: {row.method}", row.seconds, first.method, first.seconds, ratio, note=note
        )


def page(rows: Sequence[Cost], footer: str) -> str:
    """The page of the documentation: a table for each goal, the cheapest method first."""
    parts = [INTRODUCTION]
    for goal in dict.fromkeys(row.goal for row in rows):
        chosen = sorted((r for r in rows if r.goal == goal), key=lambda r: (bool(r.reason), r.seconds))
        lines = [f"| {' | '.join(HEADINGS)} |", "|---|---|--:|--:|--:|--:|--:|--:|--:|---|"]
        lines += [f"| {' | '.join(row.cells())} |" for row in chosen]
        parts.append(f"## Error of at most {goal:.0e}\n\n" + "\n".join(lines) + "\n")
    return "\n".join([*parts, footer]) + "\n"


def fill(rows: Sequence[Cost], path: Path = PAGE, facts: dict[str, Any] | None = None) -> None:
    """Write the page."""
    path.write_text(page(rows, sentence(facts or describe())), "utf-8")
