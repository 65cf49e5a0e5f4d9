"""Multistep rules: one loop, and the small changes that tell the published ones apart.

x_{i+1} = a x_i + Σ_j w_j f_{i−j} + n z with the exact weights of `weights.step` (exponential
Adams–Bashforth). A change acts on the nodes and the moments μₖ: with μ₁ = μ₀/2 the line is taken at its
middle (DPM++2M, UniPC's shortcut B2), with μ₂ halved the rule is the third-order one that is shipped
elsewhere, with uniform nodes and μₖ = μ₀/(k + 1) it is iPNDM.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.builder import Builder, Sum
from duhamel.sampling.forms import Constant

__all__ = ["CHANGES", "compensated", "multistep", "shifted", "unipc"]

Change = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray]]


def midpoint(nodes: np.ndarray, moments: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Two values: the line at the middle of the step (DPM-Solver-2, 2206.00927, Alg. 1; DPM++2M, 2211.01095,
    Alg. 2)."""
    if len(moments) == 2:
        moments = np.array([moments[0], 0.5 * moments[0]])
    return nodes, moments


def first_shortcut(nodes: np.ndarray, moments: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Two values, UniPC's B(h) = h: the difference weighs ½ B where the exact exponential would be e^z −
    1."""
    if len(moments) == 2:
        moments = np.array([moments[0], 0.5 * moments[0] * (z / np.expm1(z) if z else 1.0)])
    return nodes, moments


def halved(nodes: np.ndarray, moments: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    """Three values: the quadratic term with half its weight, as 3M is shipped elsewhere; its order is 2."""
    if len(moments) == 3:
        moments = moments * np.array([1.0, 1.0, 0.5])
    return nodes, moments


def adams(nodes: np.ndarray, moments: np.ndarray, z: float) -> tuple[np.ndarray, np.ndarray]:
    """The Adams–Bashforth weights of a uniform grid times μ₀, whatever the grid (iPNDM; PNDM, 2202.09778, Eq.
    12)."""
    count = len(nodes)
    return -np.arange(float(count)), moments[0] / np.arange(1.0, count + 1)


CHANGES: dict[str, Change | None] = {
    "exact": None,
    "midpoint": midpoint,
    "bh2": midpoint,
    "bh1": first_shortcut,
    "halved": halved,
    "adams": adams,
}


def multistep(
    b: Builder,
    order: int,
    *,
    change: str = "exact",
    corrector: bool = False,
    lower: bool = False,
    skip: int = 0,
    ratios: Sequence[float] | None = None,
) -> None:
    """Write the rows of a multistep rule.

    `lower`: fall to order 1 towards the last step (order ≤ steps left). `corrector`: correct x_i with the
    value at x_i (exponential Adams–Moulton; UniC, 2302.04867, Alg. 1), without asking again, but in the first
    `skip` steps. The noise of the step is kept by the correction (SA-Solver, 2309.05019, Alg. 1). `ratios`:
    see `compensated`.
    """
    altered, made, used = CHANGES[change], Sum(), 0
    values: dict[int, Sum] = {}
    for i in range(b.steps):
        s, t, base = b.point(i), b.point(i + 1), b.x()
        values[i] = b.f()
        value = values.__getitem__
        if corrector and i > skip and b.between(b.point(i - 1), s, 1.0):
            past = b.point(i - 1)
            inside = range(i, i - used - 1, -1)
            better = b.integrate(Sum(), past, s, inside, change=altered, tau=b.tau(past), value=value)
            base = base + better - made
        if ratios is not None and i >= 2:
            values[i] = _moved(b, values, i, float(ratios[i]))
        used = min(order, i + 1, b.steps - i if lower else order)
        tau = b.tau(s)
        made = b.integrate(Sum(), s, t, range(i, i - used, -1), change=altered, tau=tau, value=value)
        total = b.carried(base, s, t, tau) + made
        if tau and (deviation := b.deviation(s, t, tau)):
            total = total + b.fresh() * deviation
        b.advance(total, t, used)


def unipc(b: Builder, order: int, *, corrector: bool, solver: str, lower: bool, skip: int) -> None:
    """UniPC (2302.04867, Alg. 1–2): `multistep` with the shortcut B1 or B2 ("bh1", "bh2"), or with exact
    weights."""
    if solver not in ("bh1", "bh2", "exact"):
        raise InputError(f"unipc has solver 'bh1', 'bh2' or 'exact', not {solver!r}")
    if solver == "bh1" and not isinstance(b.linear, Constant):
        raise InputError(
            "B1 of UniPC is defined with a constant linear part: use linear='x0' or 'eps', or solver='bh2'"
        )
    multistep(b, order, change=solver, corrector=corrector, lower=lower, skip=skip)


def compensated(
    b: Builder, order: int, *, ratios: Sequence[float] | None, corrector: bool, lower: bool
) -> None:
    """DC-Solver (2409.03755): before step i the newest value is moved to t' = ρ_i t_i + (1 − ρ_i) t_{i−1} by
    interpolation in t through the last three, and stays moved in the history. `ratios`: ρ_i for every step; 1
    changes nothing."""
    if ratios is None or len(ratios) != b.steps:
        raise InputError(f"dc-solver needs ratios, one for each of its {b.steps} steps (1.0 changes nothing)")
    multistep(b, order, change="bh2", corrector=corrector, lower=lower, ratios=ratios)


def _moved(b: Builder, values: dict[int, Sum], i: int, ratio: float) -> Sum:
    times = [b.points.t[i - k] for k in range(3)]
    at = ratio * times[0] + (1 - ratio) * times[1]
    total = Sum()
    for k in range(3):
        others = [times[j] for j in range(3) if j != k]
        weight = np.prod([(at - other) / (times[k] - other) for other in others])
        total = total + values[i - k] * float(weight)
    return total


def shifted(b: Builder, order: int, *, shift: float, above: float, lower: bool) -> None:
    """The time-shift sampler (2305.15583) with a fixed shift: where t > `above` the network is told the time
    t + shift."""
    multistep(b, order, lower=lower)
    for i in range(len(b.rows)):
        if b.at[i].t > above:
            b.model_times[i] = float(b.schedule.model_time(min(b.at[i].t + shift, 1.0)))
