"""Errors at a sequence of steps, and the orders they show."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import duhamel as dh

__all__ = ["errors", "family", "norms", "observed", "say"]

# Errors below this are round-off.
ROUND_OFF = 1e-12


def family(*names: str) -> list[str]:
    """The registered methods of some families, by family."""
    return [name for wanted in names for name, method in dh.METHODS.items() if method.family == wanted]


def errors(
    problem: Any, name: str, counts: Sequence[int], measure: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray | None:
    """`measure(state at t1)` for equal steps of each number, shape (len(counts), …); None if the method
    cannot treat the problem, nan where a run fails."""
    rows = []
    for count in counts:
        dt = problem.t1 / count
        try:
            sol = problem.solve(method=name, step=dh.Fixed(dt), on_failure="return")
        except dh.InputError:
            return None
        failed = sol.status.failed
        found = measure(np.asarray(sol.us[-1]))
        rows.append(np.full_like(found, np.nan) if failed else found)
    return np.array(rows)


def norms(difference: np.ndarray) -> np.ndarray:
    """L∞, L² and L¹ of a grid function on the unit interval."""
    d = abs(difference)
    return np.array([d.max(), np.sqrt(np.mean(d**2)), np.mean(d)])


def observed(counts: Sequence[int], e: np.ndarray, floor: float = ROUND_OFF) -> str:
    """The order over the last two refinements above `floor` as text: one number, or two where they differ."""
    n, e = np.asarray(counts, float), np.asarray(e, float)
    good = np.isfinite(e) & (e > floor)
    if np.count_nonzero(good) < 2:
        return "–"
    n, e = n[good][-3:], e[good][-3:]
    slopes = np.log(e[:-1] / e[1:]) / np.log(n[1:] / n[:-1])
    if len(slopes) == 1 or np.ptp(slopes) < 0.15:
        return f"{slopes[-1]:.2f}"
    return f"{slopes[0]:.1f}, {slopes[1]:.1f}"


def say(what: str) -> None:
    """One line on stderr: these tables take minutes."""
    print(what, file=sys.stderr, flush=True)
