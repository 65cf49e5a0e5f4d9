"""Single-step rules: stages inside a step, each an exponential quadrature of its own.

A scheme is a tuple of stages (share of the step, evaluations used, change); the last has share 1. Evaluations
are counted from the start of the step. Shares are in the interpolation variable.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from duhamel.sampling.builder import Builder
from duhamel.sampling.rules.multistep import CHANGES
from duhamel.sampling.weights import Point, variable

__all__ = ["SCHEMES", "Stage", "fast", "singlestep"]


class Stage(NamedTuple):
    """One stage: where it ends, which evaluations it integrates, how its moments are changed."""

    share: float
    use: tuple[int, ...]
    change: str = "exact"


SCHEMES: dict[str, tuple[Stage, ...]] = {
    "one": (Stage(1, (0,)),),
    # DPM-Solver-2 (2206.00927, Alg. 1) and DPM++2S (2211.01095, Alg. 1)
    "middle": (Stage(1 / 2, (0,)), Stage(1, (0, 1), "midpoint")),
    # the same nodes with the weights that satisfy the stiff order conditions
    "refined": (Stage(1 / 2, (0,)), Stage(1, (0, 1))),
    # DPM-Solver-3 (2206.00927, Alg. 2)
    "thirds": (Stage(1 / 3, (0,)), Stage(2 / 3, (0, 1)), Stage(1, (0, 2))),
    # Heun's: both ends
    "ends": (Stage(1, (0,)), Stage(1, (0, 1))),
}


def singlestep(b: Builder, order: int, *, scheme: str | tuple[str, ...], refined: bool = False) -> None:
    """Write the rows of a single-step rule, `order` evaluations a step; a step whose end has no inner points
    (λ = ∞ at σ = 0) is of order 1. `scheme`: a name of `SCHEMES`, or one for each order."""
    name = scheme if isinstance(scheme, str) else scheme[order - 1]
    stages = SCHEMES["refined" if refined and name == "middle" else name]
    for i in range(b.steps):
        s, t = b.point(i), b.point(i + 1)
        inner = [b.between(s, t, stage.share) for stage in stages[:-1]]
        if any(p is None or p.sigma == 0 for p in inner):
            b.advance(b.integrate(b.x(), s, t, [b.now]), t, 1)
        else:
            _group(b, s, [p for p in inner if p is not None] + [t], stages)


def _group(b: Builder, s: Point, ends: list[Point], stages: tuple[Stage, ...]) -> None:
    start = b.now
    for stage, end in zip(stages, ends, strict=True):
        use = [start + j for j in stage.use]
        total = b.integrate(b.x(start), s, end, use, change=CHANGES[stage.change])
        b.advance(total, end, len(use) if stage is not stages[-1] else len(stages))


def fast(b: Builder, order: int) -> None:
    """DPM-Solver-fast (2206.00927, Sec. 3.4): exactly `steps` evaluations, in steps of orders 3 … 3 and a
    shorter end; the inner points are those of the grid."""
    count = b.steps
    orders = {0: [3] * (count // 3 - 1) + [2, 1], 1: [3] * (count // 3) + [1], 2: [3] * (count // 3) + [2]}[
        count % 3
    ]
    place = 0
    for group in orders:
        s, t = b.point(place), b.point(place + group)
        ends = [b.point(place + k) for k in range(1, group + 1)]
        if np.isfinite(variable(b.variable, b.schedule, s)) and np.isfinite(
            variable(b.variable, b.schedule, t)
        ):
            _group(b, s, ends, SCHEMES[("one", "middle", "thirds")[group - 1]])
        else:
            for k, end in enumerate(ends):
                b.advance(b.integrate(b.x(), b.point(place + k), end, [b.now]), end, 1)
        place += group
