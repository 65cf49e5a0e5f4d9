"""A plan for each sample of a batch, as one table with a sample axis."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.table import Plan

__all__ = ["stack"]


def stack(plans: Sequence[Plan]) -> Plan:
    """One plan whose entries have a last axis over the samples: sample b follows plans[b]. They may differ in
    schedule, rule, grid and times; they must have as many rows, ask the network in the same rows, and predict
    the same."""
    if not plans:
        raise InputError("stack needs at least one plan")
    first = plans[0]
    for plan in plans:
        if plan.axis != "none":
            raise InputError("only plans with plain numbers can be stacked")
        if len(plan) != len(first) or not np.array_equal(plan.asks, first.asks):
            raise InputError(
                f"plans of one batch must have the same rows: {len(plan)} and {len(first)} were given"
            )
        if (plan.predicts, plan.data) != (first.predicts, first.data):
            raise InputError("plans of one batch must be for the same network: predicts and data differ")
    columns: dict[str, Any] = {}
    for name in ("t", "alpha", "sigma", "model_time", "scale_in"):
        columns[name] = np.stack([getattr(plan, name) for plan in plans], axis=-1)
    for name in "xmz":
        lags = max(getattr(plan, name).shape[1] for plan in plans)
        padded = [
            np.pad(getattr(plan, name), ((0, 0), (0, lags - getattr(plan, name).shape[1]))) for plan in plans
        ]
        columns[name] = np.stack(padded, axis=-1)
    if any(plan.bias is not None for plan in plans):
        zero = np.zeros(len(first))
        columns["bias"] = np.stack([zero if plan.bias is None else plan.bias for plan in plans], axis=-1)
    same = all(plan.end == first.end for plan in plans)
    end: Any = first.end if same else tuple(zip(*(plan.end for plan in plans), strict=True))
    order = np.max([plan.order for plan in plans], axis=0)
    made = {"rule": "stacked", "plans": [plan.provenance for plan in plans]}
    schedule = first.schedule if all(plan.schedule == first.schedule for plan in plans) else None
    return Plan(
        predicts=first.predicts,
        data=first.data,
        asks=first.asks,
        order=order,
        end=end,
        axis="sample",
        schedule=schedule,
        provenance=made,
        **columns,
    )
