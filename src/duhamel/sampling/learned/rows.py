"""Coefficients of a plan by least squares, row by row: no gradient of the network is needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from duhamel.sampling.arrays import constant, telling
from duhamel.sampling.guidance import bound
from duhamel.sampling.learned.running import numpy_of
from duhamel.sampling.learned.statistics import quietly
from duhamel.sampling.table import Plan

__all__ = ["entries", "fitted"]

Array = Any
_RIDGES = (1e-9, 1e-7, 1e-5, 1e-3, 1e-1, 10.0)


def entries(plan: Plan, i: int) -> list[tuple[str, int]]:
    """The non-zero entries of row i: pairs of "x" or "m" and the lag."""
    return [(kind, int(k)) for kind in "xm" for k in np.flatnonzero(getattr(plan, kind)[i])]


def fitted(
    plan: Plan,
    model: Any,
    x: Array,
    states: list[np.ndarray],
    ridge: float | None,
    weights: np.ndarray,
    seed: int = 0,
) -> Plan:
    """The plan with each row's non-zero entries c chosen so that

        |A c − x̂_{i+1}|² + ridge Σ_k |A_k|² (c_k − c⁰_k)²

    is least: A holds the states and outputs the row may use, as the rows before, already fitted, have made
    them; x̂ is the reference; c⁰ the plan's own entries; samples count by `weights`. `ridge=None`: for each
    row, the value among six, or to keep c⁰, whose error on folds left out is least. Cost: one run of the plan
    and small linear systems."""
    ask = bound(model, plan)
    tables = {"x": plan.x.copy(), "m": plan.m.copy()}
    known: dict[str, list[Any]] = {"x": [numpy_of(x)], "m": []}
    folds = np.random.default_rng(seed).permutation(len(states[0])) % 4
    for i in range(len(plan)):
        now = known["x"][i]
        if plan.asks[i]:
            given = constant(now * plan.scale_in[i], x)
            known["m"].append(numpy_of(quietly(ask, given, telling(plan.model_time[i], x), i)))
        else:
            known["m"].append(None)
        named = entries(plan, i)
        columns = np.stack([known[kind][i - k].reshape(len(now), -1) for kind, k in named])
        prior = np.array([tables[kind][i, k] for kind, k in named])
        shift = 0.0 if plan.bias is None else plan.bias[i]
        target = (states[i + 1] - shift).reshape(len(now), -1)
        found = _solved(columns, target, prior, ridge, folds, weights)
        for (kind, k), value in zip(named, found, strict=True):
            tables[kind][i, k] = value
        known["x"].append(np.tensordot(found, columns, 1).reshape(now.shape) + shift)
    return plan.replace(**tables)


def _solved(
    columns: np.ndarray,
    target: np.ndarray,
    prior: np.ndarray,
    ridge: float | None,
    folds: np.ndarray,
    weights: np.ndarray,
) -> np.ndarray:
    """The entries of one row. Sums over samples are kept by fold, so that trying a ridge costs nothing."""
    missing = target - np.tensordot(prior, columns, 1)
    size = np.sqrt(np.mean(columns**2, axis=(1, 2))) + np.finfo(float).tiny
    columns = columns / size[:, None, None]
    by_sample = (
        np.einsum("s,ksd,lsd->skl", weights, columns, columns),
        np.einsum("s,ksd,sd->sk", weights, columns, missing),
    )
    gram, right = (np.stack([part[folds == f].sum(axis=0) for f in range(4)]) for part in by_sample)

    def change(value: float, kept: np.ndarray) -> np.ndarray:
        total = gram[kept].sum(axis=0)
        mean = np.trace(total) / len(prior)
        return np.linalg.solve(total + value * mean * np.eye(len(prior)), right[kept].sum(axis=0))

    if ridge is None:
        best, least = np.inf, 0.0
        for value in _RIDGES:
            total = 0.0
            for f in range(4):
                c = change(value, np.arange(4) != f) if np.any(folds != f) else np.zeros(len(prior))
                total += c @ gram[f] @ c - 2 * c @ right[f]
            if total < least:
                best, least = value, total
        ridge = best
    if not np.isfinite(ridge):
        return prior
    return prior + change(ridge, np.ones(4, bool)) / size
