"""What learning and searching won: errors on the noise that chose, and on noise that did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.table import Plan

__all__ = ["Entry", "Error", "Report", "distances", "divided", "robust"]


class Error(NamedTuple):
    """The mean and the median over samples of the RMS distance per coordinate to the reference."""

    mean: float
    median: float

    @property
    def score(self) -> float:
        """Half the sum of both: few samples that end elsewhere weigh, but do not decide alone."""
        return 0.5 * (self.mean + self.median)

    @classmethod
    def of(cls, distance: np.ndarray) -> Error:
        return cls(float(np.mean(distance)), float(np.median(distance)))


@dataclass(frozen=True)
class Entry:
    """A plan with its error on the trajectories that `choosing` used and on those `held_out`."""

    name: str
    plan: Plan
    choosing: Error
    held_out: Error


@dataclass(frozen=True, eq=False)
class Report:
    """Errors of several plans to the same reference.

    `entries`: the first is the plan that was found. `choosing`, `held_out`: which rows of x did which;
    `reference`: the end of the fine solution for every row of x, so that each number can be computed again.
    `runs`: how many runs of a plan of that length on all choosing noise were spent.
    """

    entries: tuple[Entry, ...]
    choosing: np.ndarray
    held_out: np.ndarray
    reference: np.ndarray
    runs: float

    def __getitem__(self, name: str) -> Entry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise InputError(f"no entry {name!r}: there are {', '.join(entry.name for entry in self.entries)}")

    def won(self, name: str) -> float:
        """How many times smaller the found plan's held-out error is than that of another entry."""
        return self[name].held_out.score / self.entries[0].held_out.score

    def __str__(self) -> str:
        title = ("plan", "NFE", "choosing mean", "median", "held-out mean", "median")
        lines = ["{:14} {:>4} {:>14} {:>9} {:>14} {:>9}".format(*title)]
        for entry in self.entries:
            numbers = "{:14.3e} {:9.2e} {:14.3e} {:9.2e}".format(*entry.choosing, *entry.held_out)
            lines.append(f"{entry.name:14} {entry.plan.nfe:4d} {numbers}")
        count = f"{len(self.choosing)} trajectories chose, {len(self.held_out)} others scored"
        return "\n".join([*lines, f"{count}; {self.runs:.3g} runs spent"])

    @classmethod
    def made(
        cls, plans: dict[str, Plan], ends: Any, choosing: Any, held: Any, exact: Any, runs: float
    ) -> Report:
        """A report from plans by name and a function that gives their ends."""
        entries = []
        for name, plan in plans.items():
            away = distances(ends(plan), exact)
            entries.append(Entry(name, plan, Error.of(away[choosing]), Error.of(away[held])))
        return cls(tuple(entries), choosing, held, exact, float(runs))


def distances(found: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """The RMS distance per coordinate of each sample; infinite where it is not finite."""
    away = np.sqrt(np.mean((found - exact).reshape(len(exact), -1) ** 2, axis=1))
    return np.where(np.isfinite(away), away, np.inf)


def divided(count: int, held: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which rows choose and which score: a share `held`, drawn at random, is held out."""
    kept = round(count * held)
    if not 0 < kept < count:
        raise InputError(
            f"{count} trajectories cannot be divided with held={held}: some must choose and others score; "
            "give more noise"
        )
    order = np.random.default_rng(seed).permutation(count)
    return np.sort(order[kept:]), np.sort(order[:kept])


def robust(distance: np.ndarray) -> np.ndarray:
    """Weights 1/(d + median d) of mean 1: with them a sum of squares weighs samples nearly by their distance,
    so that the few which end in another mode do not decide alone."""
    weight = 1 / (distance + np.median(distance) + np.finfo(float).tiny)
    return weight / weight.mean()
