"""The end state that errors are measured against, with an error of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, islice
from typing import Any

from duhamel.compare.case import Case
from duhamel.compare.runs import attempt, refusal, tolerance
from duhamel.equation import as_equation
from duhamel.errors import SolveError
from duhamel.methods import METHODS, Method

__all__ = ["Reference", "reference"]

# How much tighter than the tightest tolerance of the study; no tighter than round-off lets a step be.
_TIGHTER, _FLOOR = 1e-3, 1e-13
# So many methods are tried, and so many of those that reach the end are compared.
_TRIED, _COMPARED = 6, 3
# Which family can be trusted with what, with and without a linear part.
_FAMILIES = {
    True: ("exponential", "imex", "explicit"),
    False: ("explicit", "stiff", "exponential"),
}


@dataclass(frozen=True)
class Reference:
    """`u`: the end state in the user's form. `error`: how far a second method is from it, in the measure of
    the study. `text`: who computed it and how, in words."""

    u: Any
    error: float
    text: str


def reference(case: Case, rtol: float, limit: float) -> Reference:
    """The end state by a method of high order at a tolerance 1000 times tighter than `rtol` (1e-13 at the
    tightest), in double precision, and how far another method is from it.

    Up to six methods are tried, each for about `limit` seconds; up to three that reach the end are compared,
    and the pair that agrees best is taken. If only one method gets there, it is compared with itself at a
    tolerance ten times looser. Raises `SolveError` if none does.
    """
    exact, tight = case.in_double(), max(rtol * _TIGHTER, _FLOOR)
    found: list[tuple[Method, Any]] = []
    reasons: list[str] = []
    for method in islice(_candidates(exact), _TRIED):
        done = attempt(exact, method, tolerance(exact, tight), limit)
        if done.reason:
            reasons.append(f"{method.name}: {done.reason}")
        else:
            found.append((method, done.u))
        if len(found) == _COMPARED or (
            len(found) == 2 and exact.distance(found[1][1], found[0][1]) < 0.1 * rtol
        ):
            break
    if not found:
        raise SolveError(
            f"no method reached t1 = {case.t1:g} at rtol = {tight:.0e} within {limit:g} s, so there is no "
            "reference: give a shorter time, looser tolerances, a finer grid, or a higher limit. "
            + (reasons[0] if reasons else "No method with an error estimate can treat the equation.")
        )
    if len(found) == 1:
        method, u = found[0]
        looser = attempt(exact, method, tolerance(exact, 10 * tight), limit)
        error = exact.distance(looser.u, u) if not looser.reason else float("nan")
        return Reference(
            u, error, f"{method.name} at rtol = {tight:.0e}, checked at a tolerance ten times looser"
        )
    pairs = [(exact.distance(b, a), m, a, n) for (m, a), (n, b) in combinations(found, 2)]
    error, method, u, other = min(pairs, key=lambda pair: pair[0])
    return Reference(u, error, f"{method.name} at rtol = {tight:.0e}, checked by {other.name}")


def _candidates(case: Case) -> Iterator[Method]:
    """Methods with error estimates that can treat the case: by families in turn, one-step methods and high
    orders first."""
    families = _FAMILIES[bool(as_equation(case.equation).linear)]
    able = [METHODS[name] for name in METHODS if METHODS[name].adaptive and METHODS[name].order >= 3]
    groups = [
        sorted((m for m in able if m.family == f), key=lambda m: (m.past > 1, -m.order)) for f in families
    ]
    for place in range(max(map(len, groups), default=0)):
        for group in groups:
            if place < len(group):
                method = group[place]()
                if not refusal(case, method):
                    yield method
