"""A study: every method at every tolerance, against a reference, within a given time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import zip_longest
from math import ceil, log10
from typing import Any

import jax
import numpy as np

from duhamel.compare.case import Case
from duhamel.compare.ranking import RULE, Choice, recommend
from duhamel.compare.runs import Row, refusal, run_adaptive, run_fixed, tolerance
from duhamel.compare.truth import Reference, reference
from duhamel.errors import InputError
from duhamel.methods import METHODS, Method
from duhamel.plan import make_plan

__all__ = ["RTOLS", "UNTRIED", "Study", "study"]

UNTRIED = "not tried: the time for the study was used up"
RTOLS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9)


@dataclass(frozen=True)
class Study:
    """The rows, in the order of the ranking (methods that came to no end last), the error the ranking is made
    for, the reference with its own error, and whether the study was stopped before its end."""

    name: str
    rows: tuple[Row, ...]
    ranking: tuple[Choice, ...]
    target: float
    reference: Reference
    stopped: bool = False

    def summary(self) -> dict[str, Any]:
        """All but the reference state, as plain data."""
        return {
            "name": self.name,
            "target": self.target,
            "rule": RULE,
            "reference": self.reference.text,
            "reference_error": self.reference.error,
            "stopped": self.stopped,
            "device": jax.devices()[0].device_kind,
            "ranking": [choice._asdict() for choice in self.ranking],
            "rows": [asdict(row) for row in self.rows],
        }


def study(
    case: Case,
    methods: Sequence[str] | None = None,
    *,
    rtols: Sequence[float] = RTOLS,
    target: float | None = None,
    limit: float = 5.0,
    budget: float = 600.0,
    repeats: int = 5,
    progress: Callable[[str], None] = lambda name: None,
) -> Study:
    """Measure methods at the tolerances `rtols`, and rank them by what the error `target` costs (None: the
    usual tolerance of the case, or the least power of ten that half of the methods reach, if that is larger).

    `methods`: names. None: of those that can treat the case and have an order of at least 2, all with an
    error estimate, and of the others the first of each family and order. ("all",): all that can treat it.

    A run is cut after `limit` seconds, and no method is begun once the study has taken `budget` seconds;
    compilation counts only for the second. Times are medians of up to `repeats` runs, as many as fit into
    `limit`. A method that fails leaves a row that says why. Ctrl-C ends the study with what it has.

    Raises `InputError` for unknown methods and impossible numbers, and `SolveError` without a reference.
    """
    _check(methods, rtols, target)
    began = time.perf_counter()
    progress("reference")
    known = reference(case, min(rtols), 4 * limit)
    rows: list[Row] = []
    stopped = False
    try:
        for method in _chosen(case, methods):
            late = time.perf_counter() - began > budget
            progress(method.name)
            rows += [_left_out(method)] if late else _rows(case, method, rtols, known.u, limit, repeats)
    except KeyboardInterrupt:
        stopped = True
    if target is None:
        target = max(case.rtol, _reached(rows))
    ranking = recommend(rows, target)
    place = {choice.method: number for number, choice in enumerate(ranking)}
    rows.sort(key=lambda row: place.get(row.method, len(place)))
    return Study(case.name, tuple(rows), tuple(ranking), target, known, stopped)


def _check(methods: Sequence[str] | None, rtols: Sequence[float], target: float | None) -> None:
    for name in methods or ():
        if name not in METHODS and name != "all":
            raise InputError(f"there is no method {name!r}; there are {', '.join(METHODS)}.")
    if not rtols or any(not 1e-14 < rtol < 1 for rtol in rtols):
        raise InputError(f"tolerances lie between 1e-14 and 1, not {', '.join(f'{r:g}' for r in rtols)}.")
    if target is not None and not target > 0:
        raise InputError(f"the error asked for must be positive, not {target:g}.")


def _reached(rows: Sequence[Row]) -> float:
    """The least power of ten that at least half of the methods with a useful run reach; 0 without one."""
    best: dict[str, float] = {}
    for row in rows:
        if row.useful:
            best[row.method] = min(row.error, best.get(row.method, row.error))
    if not best:
        return 0.0
    middle = sorted(best.values())[(len(best) - 1) // 2]
    return 10.0 ** ceil(log10(max(middle, 1e-16)) - 1e-9)


def _chosen(case: Case, names: Sequence[str] | None) -> Iterator[Method]:
    """The methods asked for; without a wish the library's own choice, then one of each family in turn: the
    orders from above, one-step methods first, those without an error estimate last."""
    if names is not None and "all" not in names:
        yield from (METHODS[name]() for name in names)
        return
    case_of_plan = (case.equation, case.u0, case.t0, case.t1, case.args, None, tolerance(case, 1e-6))
    own = make_plan(*case_of_plan, None, None).problem.method.name
    wanted = list(METHODS) if names is not None else _sensible()
    turns: dict[str, list[str]] = {}
    for name in sorted(wanted, key=_rank):
        turns.setdefault(METHODS[name].family, []).append(name)
    mixed = [name for turn in zip_longest(*turns.values()) for name in turn if name is not None]
    for name in sorted(mixed, key=lambda name: name != own):
        method = METHODS[name]()
        if not refusal(case, method):
            yield method


def _rank(name: str) -> tuple[bool, bool, int]:
    method = METHODS[name]
    return not method.adaptive, method.past > 1, -method.order


def _sensible() -> list[str]:
    """Orders from 2 on: all with an error estimate, and of the others the first of each family and order."""
    first: dict[tuple[str, int], str] = {}
    for name, method in METHODS.items():
        if not method.adaptive:
            first.setdefault((method.family, method.order), name)
    kept = set(first.values())
    return [name for name, m in METHODS.items() if m.order >= 2 and (m.adaptive or name in kept)]


def _rows(
    case: Case, method: Method, rtols: Sequence[float], known: Any, limit: float, repeats: int
) -> list[Row]:
    reason = refusal(case, method)
    if reason:
        return [_empty(method, reason)]
    run = run_adaptive if method.adaptive else run_fixed
    return list(run(case, method, rtols, known, limit, repeats))


def _left_out(method: Method) -> Row:
    return _empty(method, UNTRIED)


def _empty(method: Method, reason: str) -> Row:
    return Row(method.name, method.family, method.order, method.adaptive, np.nan, reason=reason)
