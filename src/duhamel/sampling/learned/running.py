"""Runs of plans for learning: ends and states as NumPy arrays, and the fine solution beside them."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import kind_of
from duhamel.sampling.planning import plan as planned
from duhamel.sampling.running import sample
from duhamel.sampling.table import Plan

__all__ = ["ends", "numpy_of", "reference", "walked"]

Array = Any
_POWER = 1.5  # sub-steps are even in arctan(σ/(0.7 α)) to the power 1/1.5, as the default grid


def numpy_of(value: Array) -> np.ndarray:
    """An array of any library as float64 in NumPy."""
    if kind_of(value) == "torch":
        value = value.detach().double().cpu().numpy()
    return np.asarray(value, dtype=np.float64)


def ends(model: Any, x: Array, plan: Plan) -> np.ndarray:
    """The last state of a run, in NumPy. JAX runs row by row: each plan's scan would be compiled."""
    look = (lambda seen: None) if kind_of(x) == "jax" else None
    return numpy_of(sample(model, x, plan, callback=look))


def walked(model: Any, x: Array, plan: Plan) -> tuple[list[np.ndarray], list[np.ndarray | None]]:
    """All states x_0 … x_n and outputs m_0 … m_{n−1} of a run."""
    states, outputs = [numpy_of(x)], []

    def look(seen: Any) -> None:
        outputs.append(None if seen.m is None else numpy_of(seen.m))
        states.append(numpy_of(seen.after))

    sample(model, x, plan, callback=look)
    return states, outputs


def reference(model: Any, x: Array, plan: Plan, fine: int) -> list[np.ndarray]:
    """States of the fine solution where the rows of `plan` stand, n + 1 of them; the first is x.

    The same model, multistep of order 3 in the form of v, with about `fine` steps between the points of the
    plan. Raises `InputError` for plans without a schedule, or with noise.
    """
    schedule = plan.schedule
    if schedule is None or isinstance(schedule, str):
        raise InputError(
            "a reference needs the plan's schedule: make the plan with sampling.plan(schedule, …)"
        )
    if plan.stochastic:
        raise InputError("a plan that adds noise has no reference trajectory: learn a deterministic one")
    if plan.axis == "sample":
        raise InputError("plans for each sample are learned one at a time, before they are stacked")
    if getattr(schedule, "integer", False):
        schedule = replace(schedule, integer=False)
    place, times = _levels(plan)
    share = max(2, -(-fine // (len(times) - 1)))
    grid = [np.array(times[:1])]
    for i, (high, low) in enumerate(pairwise(times)):
        last = i == len(times) - 2
        grid.append(_between(schedule, high, low, share, last and plan.end[2] == 0))
    whole = np.concatenate(grid)
    steps = len(whole) - 1
    final = "zero" if plan.end[2] == 0 else plan.end[2] / plan.end[1]
    small = planned(schedule, "multistep", steps=steps, grid=whole, order=3, variable="arctan", linear="v",
                    predicts=plan.predicts, data=plan.data, final=final)  # fmt: skip
    states, _ = walked(model, x, small)
    index = np.cumsum([0] + [len(part) for part in grid[1:]])
    return [states[index[k]] for k in place]


def _levels(plan: Plan) -> tuple[list[int], list[float]]:
    """For each state its place among the distinct points, and their times, falling in noise."""
    with np.errstate(divide="ignore"):
        level = np.append(np.log(plan.alpha / plan.sigma), np.log(plan.end[1]) - np.log(plan.end[2]))
    times = np.append(plan.t, plan.end[0])
    known, first, place = np.unique(np.round(level, 12), return_index=True, return_inverse=True)
    if len(known) < 2 or place[0] != 0 or place[-1] != len(known) - 1:
        raise InputError("the plan does not go from its highest noise to its lowest: it has no reference")
    return place.tolist(), times[first].tolist()


def _between(schedule: Any, high: float, low: float, share: int, zero: bool) -> np.ndarray:
    """`share` times from high (left out) to low, or less where an exploding schedule jumps to σ = 0."""
    jump = zero and float(schedule.sigma(0.0)) > 0
    if jump and float(schedule.log_snr(high)) >= float(schedule.log_snr(0.0)) - 1e-9:
        return np.array([low])
    ratio = [float(schedule.sigma(t) / a) if (a := float(schedule.alpha(t))) else np.inf for t in (high, low)]
    a, b = np.arctan(np.array(ratio) / 0.7) ** (1 / _POWER)
    if zero and not jump:
        b = 0.0
    inside = 0.7 * np.tan((a + (b - a) * np.arange(1, share) / share) ** _POWER)
    times = np.asarray(schedule.time(-np.log(inside)), float)
    return np.concatenate([times, [0.0, low] if jump else [low]])
