"""Error-controlled sampling: DPM-Solver-12 and -23, on arrays of any library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.builder import Builder, Sum
from duhamel.sampling.forms import linear_part
from duhamel.sampling.grids import Points, floor
from duhamel.sampling.rules.multistep import CHANGES
from duhamel.sampling.rules.singlestep import SCHEMES
from duhamel.sampling.weights import Point

__all__ = ["Report", "adaptive"]

Array = Any


@dataclass(frozen=True)
class Report:
    """What a controlled run did: times it passed, evaluations, accepted and rejected steps."""

    times: tuple[float, ...]
    nfe: int
    accepted: int
    rejected: int


def adaptive(
    model: Any,
    x: Array,
    schedule: Any,
    rule: str = "dpm-23",
    *,
    rtol: float = 0.05,
    atol: float = 0.0078,
    predicts: str = "eps",
    linear: Any = "eps",
    start: float | None = None,
    first: float = 0.05,
    safety: float = 0.9,
    most: int = 10_000,
    data: float | None = None,
) -> tuple[Array, Report]:
    """Sample with steps chosen by an error estimate (2206.00927, App. C): the rule's last row against the row
    of one order less, E = max over samples of the RMS of their difference divided by max(atol, rtol max(|x|,
    |x'|)); accepted if E ≤ 1, the next step in λ is safety · h · E^{−1/q}. All samples of the batch share a
    step. The last step to σ = 0 is of order 1.

    `rule`: "dpm-12" (2 evaluations a step) or "dpm-23" (3). Returns the state and a `Report`. Waits for the
    device once a step. Raises `InputError` if the steps vanish (`most` attempts are used up), with the time.
    """
    if rule not in ("dpm-12", "dpm-23"):
        raise InputError(f"adaptive has the rules 'dpm-12' and 'dpm-23', not {rule!r}")
    order = int(rule[-1])
    data = float(getattr(schedule, "data", 0.5)) if data is None else data
    common = {"predicts": predicts, "linear": linear_part(linear, data), "variable": "logsnr", "data": data}
    begin = _beginning(schedule) if start is None else start
    times, rejected, nfe, h = [begin], 0, 0, first
    level, last = float(schedule.log_snr(begin)), float(schedule.log_snr(floor(schedule)))
    kept: Array = None
    for _ in range(most):
        if level >= last:
            break
        goal = level + h if last - level - h > 1e-9 else last
        end = float(schedule.time(goal)) if goal < last else floor(schedule)
        b = _builder(schedule, times[-1], end, common)
        low, high = _pair(b, order)
        arrays: dict[tuple[str, int], Array] = {("x", 0): x}
        kept, asked = _ask(b, model, arrays, kept)
        nfe += asked
        rough, fine = _total(low, arrays), _total(high, arrays)
        error = _error(rough, fine, x, rtol, atol)
        if error <= 1:
            x, level, kept = fine, goal, None
            times.append(b.point(1).t)
        else:
            rejected += 1
        h = safety * (goal - b.point(0).log_snr) * max(error, 1e-8) ** (-1 / order)
    else:
        raise InputError(f"{rule} used {most} attempts and stands at t = {times[-1]:.4g}: raise rtol or most")
    b = _builder(schedule, times[-1], None, common)
    arrays = {("x", 0): x}
    b.advance(b.integrate(b.x(), b.point(0), b.point(1), [0]), b.point(1), 1)
    _, asked = _ask(b, model, arrays, None)
    report = Report((*times, 0.0), nfe + asked, len(times), rejected)
    return _total(b.rows[0], arrays), report


def _beginning(schedule: Any) -> float:
    return 1.0 if float(schedule.alpha(1.0)) > 0 else float(schedule.time(-5.1))


def _builder(schedule: Any, s: float, t: float | None, common: dict[str, Any]) -> Builder:
    """A table of one step; to σ = 0 if t is None."""
    when = np.array([s, 0.0 if t is None else t])
    sigma = np.array(schedule.sigma(when), float)
    if t is None:
        sigma[1] = 0.0
    return Builder(schedule, Points(when, np.array(schedule.alpha(when), float), sigma), **common)


def _pair(b: Builder, order: int) -> tuple[Sum, Sum]:
    """The rows of the stages in the builder, and the ends of the lower and of the higher order."""
    stages = SCHEMES["middle" if order == 2 else "thirds"]
    s, t = b.point(0), b.point(1)
    for stage in stages[:-1]:
        end = b.between(s, t, stage.share)
        assert isinstance(end, Point)
        b.advance(b.integrate(b.x(0), s, end, stage.use, change=CHANGES[stage.change]), end, 1)
    high = b.integrate(b.x(0), s, t, stages[-1].use, change=CHANGES[stages[-1].change])
    low = b.integrate(b.x(0), s, t, [0]) if order == 2 else b.integrate(b.x(0), s, t, [0, 1])
    b.asked = [True] * len(stages)
    return low, high


def _ask(b: Builder, model: Any, arrays: dict[tuple[str, int], Array], kept: Array) -> tuple[Array, int]:
    """Fill in states and outputs; the output at the start is kept when a step is tried again."""
    asked = 0
    for j in range(len(b.asked)):
        if j:
            arrays["x", j] = _total(b.rows[j - 1], arrays)
        if j == 0 and kept is not None:
            arrays["m", 0] = kept
            continue
        scale = 1.0 if b.predicts != "edm" else 1 / float(np.hypot(b.data * b.at[j].alpha, b.at[j].sigma))
        state = arrays["x", j]
        arrays["m", j] = model(state * scale if scale != 1.0 else state, _told(state, b.model_times[j]))
        asked += 1
    return arrays["m", 0], asked


def _told(x: Array, t: float) -> Any:
    """The model time as the array library has it."""
    if type(x).__module__.startswith("torch"):
        wide = x.float().dtype if x.dtype.itemsize < 4 else x.dtype
        return x.new_tensor(t, dtype=wide)
    return t


def _total(terms: Sum, arrays: dict[tuple[str, int], Array]) -> Array:
    pairs = [(arrays[key], float(c)) for key, c in terms.items()]
    total = pairs[0][0] * pairs[0][1]
    for array, factor in pairs[1:]:
        total = total + array * factor
    return total


def _error(rough: Array, fine: Array, before: Array, rtol: float, atol: float) -> float:
    size = abs(rough).clip(abs(before)) if hasattr(rough, "clamp") else np.maximum(abs(rough), abs(before))
    scaled = (fine - rough) / (size * rtol).clip(atol)
    flat = (scaled * scaled).reshape(scaled.shape[0], -1)
    return float(flat.mean(1).max()) ** 0.5
