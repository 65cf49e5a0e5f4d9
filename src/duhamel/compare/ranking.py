"""Which method is the cheapest for an error."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import groupby, pairwise
from math import exp, inf, log
from typing import NamedTuple

from duhamel.compare.runs import Row

__all__ = ["RULE", "Choice", "recommend"]

# Times of one study that differ by less than this part are not told apart.
_NOISE = 0.25

RULE = (
    "the fewest seconds for the error asked for, read off the line (log–log) through those runs of a method "
    "that no other of its runs beats; times within a quarter of the least are a draw, which the fewest "
    "evaluations and solves decide"
)


class Choice(NamedTuple):
    """A method, the seconds and the work (evaluations and solves) that the error asked for takes with it (inf
    if it does not get there), and the least error it reached."""

    method: str
    seconds: float
    work: float
    best_error: float


def recommend(rows: Iterable[Row], error: float) -> list[Choice]:
    """All methods that came to an end, the cheapest for `error` first (`RULE`); those that do not get there
    follow by the least error they reached. Empty if nothing came to an end."""
    useful = sorted((row for row in rows if row.useful), key=lambda row: row.method)
    found = [_choice(name, list(group), error) for name, group in groupby(useful, key=lambda row: row.method)]
    least = min((choice.seconds for choice in found), default=inf)

    def place(choice: Choice) -> tuple[bool, float, float]:
        draw = choice.seconds <= (1 + _NOISE) * least < inf
        return not draw, choice.work if draw else choice.seconds, choice.best_error

    return sorted(found, key=place)


def _choice(name: str, rows: Sequence[Row], error: float) -> Choice:
    seconds = _cost(rows, error, lambda row: row.seconds)
    work = _cost(rows, error, lambda row: float(row.evaluations + row.solves))
    return Choice(name, seconds, work, min(row.error for row in rows))


def _cost(rows: Sequence[Row], error: float, of: Callable[[Row], float]) -> float:
    """What an error costs on the line through the runs; the cost of the cheapest if all are better, inf if
    none is as good."""
    front = _front(rows, of)
    if front[0].error <= error:
        return of(front[0])
    for rough, fine in pairwise(front):
        if fine.error <= error:
            # An error of zero, or a cost of zero, has no place on logarithmic axes.
            if fine.error == 0 or of(rough) <= 0:
                return of(fine)
            part = log(rough.error / error) / log(rough.error / fine.error)
            return exp((1 - part) * log(of(rough)) + part * log(of(fine)))
    return inf


def _front(rows: Sequence[Row], of: Callable[[Row], float]) -> list[Row]:
    """The runs that no other beats in both error and cost, by falling error."""
    kept: list[Row] = []
    for row in sorted(rows, key=lambda row: (row.error, of(row))):
        if not kept or of(row) < of(kept[-1]):
            kept.append(row)
    return kept[::-1]
