"""`plan`: from a schedule, a rule and a grid to a table of numbers."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.builder import Builder, Sum
from duhamel.sampling.forms import Form, Gaussian, linear_part
from duhamel.sampling.grids import points
from duhamel.sampling.predictions import PREDICTIONS
from duhamel.sampling.rules import Rule, rule_named
from duhamel.sampling.table import Plan
from duhamel.sampling.weights import VARIABLES

__all__ = ["finish", "first_time", "plain", "plan"]

_Choices = tuple[tuple[float, dict[str, Any]], ...]


def plan(
    schedule: Any,
    rule: str = "default",
    *,
    steps: int,
    order: int | None = None,
    grid: Any = None,
    variable: str | None = None,
    linear: Any = None,
    predicts: str = "eps",
    corrector: bool | None = None,
    noise: Any = None,
    final: Any = "zero",
    start: float | None = None,
    data: float | None = None,
    **options: Any,
) -> Plan:
    """A sampler as a table of float64 numbers, computed once.

    `rule`: a name of `RULES`; "default" is chosen by the study described in docs/sampling.md. `steps`:
    intervals of the grid (rules with stages ask the network several times in each). `order`, `grid` (a name,
    a pair (name, parameter), or the times), `variable` (of the interpolation: "logsnr", "rho", "t", "arctan")
    and `linear` (the linear part: "eps", "x0", "v", "flow", "gaussian", a number l, a form) are independent.
    `predicts`: what the network gives. `corrector`: UniC after each step. `noise`: level τ of stochastic
    rules, a number or a function of t. `final`: "zero", "sigma_min", or the last σ/α. `start`: the first
    time, 1 by default (a little later where a prediction says nothing at α = 0). `data`: the data's standard
    deviation, for "edm" and "gaussian". `options`: what the rule itself offers (`RULES[name].options`).
    Raises `InputError`, in words, for what cannot work together. Cost: milliseconds.
    """
    if isinstance(steps, bool) or not isinstance(steps, int | np.integer) or steps < 1:
        raise InputError(f"steps={steps!r}: a plan has at least one step, a whole number")
    free = {"order": order, "grid": grid, "variable": variable, "linear": linear, "corrector": corrector}
    rest = {"predicts": predicts, "final": final, "start": start, "data": data}
    if rule == "default":
        return _default(schedule, steps, free, noise=noise, **rest, **options)
    if predicts not in PREDICTIONS:
        raise InputError(f"predicts={predicts!r}: a network predicts one of {', '.join(PREDICTIONS)}")
    if variable is not None and variable not in VARIABLES:
        raise InputError(f"variable={variable!r}: use one of {', '.join(VARIABLES)}")
    entry = rule_named(rule)
    chosen = entry.choose(schedule, steps, predicts, {**free, "noise": noise}, options)
    return _written(schedule, entry, int(steps), chosen, **rest)


def _written(
    schedule: Any,
    rule: Rule,
    steps: int,
    chosen: dict[str, Any],
    *,
    predicts: str,
    final: Any,
    start: float | None,
    data: float | None,
) -> Plan:
    """The plan of a rule whose choices are complete."""
    data = float(getattr(schedule, "data", 0.5)) if data is None else float(data)
    form = linear_part(chosen["linear"], data)
    first = first_time(schedule, predicts, form, rule) if start is None else float(start)
    builder = Builder(
        schedule,
        points(schedule, steps, chosen["grid"], first, final),
        predicts=predicts,
        linear=form,
        variable=chosen["variable"],
        data=data,
        noise=chosen["noise"] or 0.0,
    )
    rule.build(builder, chosen)
    return finish(
        builder, {"rule": rule.name, "steps": steps, "final": final, "start": first, **plain(chosen)}
    )


# up to how many steps, and what then (bench/sampling_default.py): for predictions that are finite at α = 0,
# and for ε and the score on schedules of constant variance
_SMOOTH: _Choices = (
    (6, {"order": 3, "grid": ("arctan", 1.5, 2.0), "variable": "arctan", "corrector": False}),
    (12, {"order": 3, "grid": ("arctan", 1.5, 2.0), "variable": "arctan", "corrector": True}),
    (inf, {"order": 3, "grid": ("logistic", 0.7, 0.7, 1.0), "variable": "logsnr", "corrector": True}),
)
_NOISY: _Choices = (
    (5, {"order": 3, "grid": ("softplus", 0.55, 2.1, 3.5), "variable": "logsnr", "corrector": False}),
    (inf, {"order": 2, "grid": ("softplus", 0.55, 2.1, 3.5), "variable": "logsnr", "corrector": True}),
)


def _default(schedule: Any, steps: int, asked: dict[str, Any], **rest: Any) -> Plan:
    """The combination that did best on problems of its own (docs/sampling.md): multistep in the form of v,
    with a corrector but in the shortest runs.

    Networks that predict ε (or the score) on schedules of constant variance have a grid of their own, since a
    long first step would magnify the network's error in ε by σ/α, which is 157 at its start.
    """
    noisy = rest["predicts"] in ("eps", "score") and _constant_variance(schedule)
    best = next(choice for most, choice in (_NOISY if noisy else _SMOOTH) if steps <= most)
    best = best | {"linear": "v"}
    chosen = {name: best[name] if value is None else value for name, value in asked.items()}
    return plan(schedule, "multistep", steps=steps, **chosen, **rest)


def _constant_variance(schedule: Any) -> bool:
    """Whether α² + σ² = 1, as in diffusion models from VP on."""
    return abs(float(schedule.alpha(0.5)) ** 2 + float(schedule.sigma(0.5)) ** 2 - 1) < 1e-6


def first_time(schedule: Any, predicts: str, form: Form, rule: Rule) -> float:
    """t = 1, or where λ = −5.1 if α(1) = 0 and something would be divided by it (DPM-Solver's cut for
    cosine)."""
    needs_alpha = rule.needs_signal or predicts in ("eps", "score") or form == linear_part("eps")
    if float(schedule.alpha(1.0)) > 0 or not needs_alpha:
        return 1.0
    return float(schedule.time(-5.1))


def plain(chosen: dict[str, Any]) -> dict[str, Any]:
    """The choices as they are written into a plan's provenance."""
    kept = {}
    for name, value in chosen.items():
        if isinstance(value, np.ndarray):
            value = value.tolist()
        elif isinstance(value, Form):
            value = repr(value)
        elif callable(value):
            value = getattr(value, "__name__", "function")
        if value is not None:
            kept[name] = value
    return kept


def finish(b: Builder, provenance: dict[str, Any]) -> Plan:
    """The plan that a builder's rows make."""
    columns = {kind: _banded(b.rows, kind) for kind in "xmz"}
    at = b.at[:-1]
    scale = np.ones(len(at))
    if b.predicts == "edm":
        scale = np.array([1 / Gaussian(b.data).value(p.alpha, p.sigma) for p in at])
    return Plan(
        predicts=b.predicts,
        t=np.array([p.t for p in at]),
        alpha=np.array([p.alpha for p in at]),
        sigma=np.array([p.sigma for p in at]),
        model_time=np.array(b.model_times[: len(at)]),
        scale_in=scale,
        asks=np.array(b.asked),
        order=np.array(b.orders),
        **columns,
        bias=_bias(b.rows),
        axis="dimension" if any(np.ndim(v) for row in b.rows for v in row.values()) else "none",
        end=(b.at[-1].t, b.at[-1].alpha, b.at[-1].sigma),
        data=b.data,
        schedule=b.schedule,
        provenance=provenance,
    )


def _bias(rows: list[Sum]) -> np.ndarray | None:
    found = [[value for (of, _), value in row.items() if of == "1"] for row in rows]
    shape = max((np.shape(values[0]) for values in found if values), key=len, default=None)
    if shape is None:
        return None
    return np.stack([np.broadcast_to(values[0] if values else 0.0, shape) for values in found])


def _banded(rows: list[Sum], kind: str) -> np.ndarray:
    """Column k of the result belongs to what was made k rows before."""
    entries = [
        (i, i - j, value) for i, row in enumerate(rows) for (of, j), value in row.items() if of == kind
    ]
    entries = [entry for entry in entries if np.any(entry[2])]
    lags = 1 + max((lag for _, lag, _ in entries), default=0 if kind != "z" else -1)
    shape = max((np.shape(value) for _, _, value in entries), key=len, default=())
    table = np.zeros((len(rows), lags, *shape))
    for i, lag, value in entries:
        table[i, lag] = value
    return table
