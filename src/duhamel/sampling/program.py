"""A plan as a list of short rows of Python numbers: what `sample` walks over. Zeros are left out."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.predictions import relation
from duhamel.sampling.table import Plan

__all__ = ["Row", "forgotten", "program", "shaped"]

Terms = tuple[tuple[int, Any], ...]


class Row(NamedTuple):
    """One row: whether and how the network is asked, then pairs (index, factor) of states, outputs and
    noises."""

    asks: bool
    scale: Any
    x: Terms
    m: Terms
    z: Terms
    bias: Any
    forget_x: tuple[int, ...]
    forget_m: tuple[int, ...]


def shaped(value: Any, plan: Plan, ndim: int) -> Any:
    """A coefficient as a number, or as an array that broadcasts with a state of `ndim` axes."""
    if np.ndim(value) == 0:
        return float(value)
    return value.reshape(-1, *(1,) * (ndim - 1)) if plan.axis == "sample" else value


def program(plan: Plan, ndim: int) -> list[Row]:
    """The rows of a plan for states of `ndim` axes; made once for each plan and kept with it."""
    kept = plan.__dict__.setdefault("_programs", {})
    key = ndim if plan.axis == "sample" else 0
    if key not in kept:
        kept[key] = _compiled(plan, ndim)
    return kept[key]


def _terms(table: np.ndarray, i: int, plan: Plan, ndim: int) -> Terms:
    return tuple((i - k, shaped(value, plan, ndim)) for k, value in enumerate(table[i]) if np.any(value))


def _compiled(plan: Plan, ndim: int) -> list[Row]:
    count = len(plan)
    terms = {kind: [_terms(getattr(plan, kind), i, plan, ndim) for i in range(count)] for kind in "xmz"}
    lost = {kind: forgotten(terms[kind], count) for kind in "xm"}
    rows = []
    for i in range(count):
        bias = None if plan.bias is None or not np.any(plan.bias[i]) else shaped(plan.bias[i], plan, ndim)
        scale = shaped(plan.scale_in[i], plan, ndim)
        x, m, z = (terms[kind][i] for kind in "xmz")
        rows.append(Row(bool(plan.asks[i]), scale, x, m, z, bias, lost["x"][i], lost["m"][i]))
    return rows


def forgotten(terms: list[Terms], count: int) -> list[tuple[int, ...]]:
    """For each row, which indices no later row needs."""
    last = {}
    for i, row in enumerate(terms):
        last |= {j: i for j, _ in row}
    lists: list[list[int]] = [[] for _ in range(count)]
    for j in range(count):
        lists[last.get(j, j)].append(j)
    return [tuple(entry) for entry in lists]


def x0_relation(plan: Plan, i: int) -> tuple[Any, Any]:
    """(a, b) of x̂₀ = a x + b m in row i."""
    a, b, _, _ = relation(plan.predicts, plan.alpha[i], plan.sigma[i], plan.data)
    return a, b


def check_reach(plan: Plan, start: int, stop: int) -> None:
    """Refuse to start in the middle of a multistep rule without its history."""
    for row in program(plan, 1)[start:stop]:
        if (row.x and min(j for j, _ in row.x) < start) or (row.m and min(j for j, _ in row.m) < start):
            raise InputError(
                f"row {start} needs states or outputs of earlier rows: resume from the State that stop= "
                "returned, or make a plan that "
                f"starts there with plan(..., start={float(np.max(plan.t[start])):.4g})"
            )
