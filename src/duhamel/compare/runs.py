"""One method at one tolerance, or one step size: its error, its time, its work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, NamedTuple

import jax
import numpy as np

from duhamel.compare.case import Case
from duhamel.errors import DuhamelError
from duhamel.jacobian import Full
from duhamel.march import march
from duhamel.methods import Method
from duhamel.plan import make_plan
from duhamel.status import Status
from duhamel.stepping import Adaptive, Fixed

__all__ = ["Outcome", "Row", "attempt", "refusal", "run_adaptive", "run_fixed", "tolerance"]

# A dense Jacobian of more rows than this is not tried: its factors alone would take seconds a step.
_DENSE = 1500
# Fixed steps: the first number of them, and by how much it grows while the result is of no use.
_FIRST, _GROWTH, _USELESS = 10, 4, 0.5


@dataclass(frozen=True)
class Row:
    """One run of a study. `setting` is its rtol, or its step size for a method without an error estimate;
    `error` is that at the end, relative; `seconds` the median over repeated, compiled runs. Where `reason` is
    not empty the run failed, was cut, or was not tried, and says why."""

    method: str
    family: str
    order: int
    adaptive: bool
    setting: float = np.nan
    error: float = np.nan
    seconds: float = np.nan
    first_seconds: float = np.nan
    steps: int = 0
    rejected: int = 0
    evaluations: int = 0
    solves: int = 0
    jacobians: int = 0
    reason: str = ""

    @property
    def useful(self) -> bool:
        """Whether the run came to its end with an error that means something."""
        return not self.reason and np.isfinite(self.error)


class Outcome(NamedTuple):
    """What a single run left: the end state in the user's form, its statistics and times; or a reason."""

    u: Any
    stats: Any
    seconds: float
    first_seconds: float
    reason: str


def tolerance(case: Case, rtol: float) -> Adaptive:
    """Adaptive steps for a relative tolerance, the absolute one in its usual ratio."""
    return Adaptive(rtol=np.asarray(rtol), atol=np.asarray(rtol * case.ratio))


def refusal(case: Case, method: Method) -> str:
    """Why a method cannot, or should not, be tried on a case; empty if it can."""
    step = tolerance(case, 1e-3) if method.adaptive else Fixed((case.t1 - case.t0) / _FIRST)
    try:
        plan = make_plan(case.equation, case.u0, case.t0, case.t1, case.args, method, step, None, None)
    except DuhamelError as cause:
        return _first_line(cause)
    structure = getattr(plan.problem.method, "structure", None)
    if isinstance(structure, Full) and structure.size > _DENSE:
        return f"would factorise a dense Jacobian of {structure.size} rows"
    return ""


def attempt(case: Case, method: Method, step: Fixed | Adaptive, limit: float) -> Outcome:
    """Run a case once, for at most about `limit` seconds without compilation. Only Ctrl-C raises."""
    try:
        for piece in march(
            case.equation,
            case.u0,
            t0=case.t0,
            t1=case.t1,
            args=case.args,
            method=method,
            step=step,
            seconds=0.5,
        ):
            spent = piece.run_seconds
            if piece.status.failed:
                return Outcome(None, piece.stats, spent, piece.compile_seconds, piece.message)
            if piece.status == Status.done:
                end = jax.tree.map(lambda v: np.asarray(v)[-1], piece.us)
                return Outcome(end, piece.stats, spent, piece.compile_seconds, "")
            if spent > limit:
                reached = (piece.t - case.t0) / (case.t1 - case.t0)
                reason = f"cut after {spent:.3g} s, {100 * reached:.2g} % of the way"
                return Outcome(None, piece.stats, spent, piece.compile_seconds, reason)
    except DuhamelError as cause:
        return Outcome(None, None, np.nan, np.nan, _first_line(cause))
    except Exception as cause:
        return Outcome(None, None, np.nan, np.nan, f"{type(cause).__name__}: {_first_line(cause)}")
    return Outcome(None, None, np.nan, np.nan, "The run ended without a result.")


def run_adaptive(
    case: Case, method: Method, rtols: Sequence[float], reference: Any, limit: float, repeats: int
) -> Iterator[Row]:
    """Rows for the tolerances, loosest first; the first that fails is the last."""
    for rtol in sorted(rtols, reverse=True):
        row = _measured(case, method, tolerance(case, rtol), rtol, reference, limit, repeats)
        yield row
        if row.reason:
            return


def run_fixed(
    case: Case, method: Method, rtols: Sequence[float], reference: Any, limit: float, repeats: int
) -> Iterator[Row]:
    """Rows for step sizes from the first useful one on, each shorter by what should divide the error as the
    tolerances do, until the tightest tolerance is reached or the time is up."""
    span, wanted = case.t1 - case.t0, sorted(rtols, reverse=True)

    def row_of(count: int, repeats: int) -> Row:
        dt = span / count
        return _measured(case, method, Fixed(dt), dt, reference, limit, repeats)

    first = _FIRST
    while (row := row_of(first, 1)).reason or row.error > _USELESS:
        if np.isnan(row.seconds) or row.seconds > limit / _GROWTH or first > 1e7:
            yield row
            return
        first *= _GROWTH
    ratio = (wanted[0] / wanted[-1]) ** (1 / (len(wanted) - 1)) if len(wanted) > 1 else 10.0
    factor = min(max(ratio ** (1 / method.order), 1.2), 10.0)
    for number in range(len(wanted) + 2):
        row = row_of(int(np.ceil(first * factor**number)), repeats)
        yield row
        if row.reason or row.error < wanted[-1] or row.seconds * factor > limit:
            return


def _measured(
    case: Case,
    method: Method,
    step: Fixed | Adaptive,
    setting: float,
    reference: Any,
    limit: float,
    repeats: int,
) -> Row:
    done = attempt(case, method, step, limit)
    base = Row(method.name, method.family, method.order, method.adaptive, setting)
    if done.stats is None:
        return replace(base, reason=done.reason)
    work = {name: int(getattr(done.stats, name)) for name in ("steps", "rejected", "evaluations", "solves")}
    work["jacobians"] = int(done.stats.jacobians)
    base = replace(base, first_seconds=done.first_seconds, seconds=done.seconds, **work)
    if done.reason:
        return replace(base, reason=done.reason)
    times = [done.seconds]
    while len(times) < repeats and sum(times) < limit:
        times.append(attempt(case, method, step, np.inf).seconds)
    return replace(base, error=case.distance(done.u, reference), seconds=median(times))


def _first_line(cause: BaseException) -> str:
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]
