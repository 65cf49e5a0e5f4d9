"""A few numbers that make a plan, fitted by Gauss–Newton: ratios, times, any option of a rule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.learned.report import Report, distances, divided, robust
from duhamel.sampling.learned.running import ends, reference
from duhamel.sampling.table import Plan

__all__ = ["descended", "fit"]

Array = Any
Build = Callable[[np.ndarray], Plan]


def fit(
    build: Build,
    start: Sequence[float] | np.ndarray,
    model: Any,
    x: Array,
    *,
    iterations: int = 6,
    ridge: float = 0.01,
    held: float = 0.5,
    seed: int = 0,
    fine: int = 200,
) -> tuple[Plan, np.ndarray, Report]:
    """The numbers θ for which `build(θ)`, a plan, ends nearest to a fine solution of the same network:

        |end(θ) − reference|²/|end(θ₀) − reference|² + ridge |θ − θ₀|²/len(θ) least, from θ₀ = `start`,

    samples weighted by 1/(d + median d), d their first distance, so that a few far ones do not decide alone.

    `build` is any function from numbers to a plan: DC-Solver's ratios (`lambda r: plan(…, "dc-solver",
    ratios=r)`), the parameters of a grid, the γ of BDIA. Damped Gauss–Newton with differences: no gradient
    of the network, any array library. `held`: the share of x that only scores. Returns the plan, θ, and a
    report. Raises `InputError`. Cost: (len(θ) + 1) runs an iteration. For more than ~30 numbers use `learn`.
    """
    base = np.array(start, dtype=np.float64)
    if base.ndim != 1 or not len(base):
        raise InputError("start: a sequence of one or more numbers")
    choosing, kept = divided(len(x), held, seed)
    first = build(base)
    exact = reference(model, x, first, fine)[-1]
    theta, runs = descended(build, base, model, x[choosing], exact[choosing], iterations, ridge)
    best = build(theta)
    told = {"seed": seed, "choosing": len(choosing), "fine": fine, "ridge": ridge}
    best = best.replace(provenance={**best.provenance, "fit": told | {"values": theta.tolist()}})
    plans = {"found": best, "start": first}
    report = Report.made(plans, lambda plan: ends(model, x, plan), choosing, kept, exact, runs)
    return best, theta, report


def descended(
    build: Build, base: np.ndarray, model: Any, x: Array, exact: np.ndarray, iterations: int, ridge: float
) -> tuple[np.ndarray, int]:
    """θ by Levenberg–Marquardt with forward differences, and how many runs it took."""
    double = str(x.dtype).endswith("float64")
    step = 1e-5 if double else 1e-2
    runs = 1
    weight = np.sqrt(robust(distances(ends(model, x, build(base)), exact)))
    weight = np.broadcast_to(weight.reshape(-1, *(1,) * (exact.ndim - 1)), exact.shape)

    def residual(theta: np.ndarray) -> np.ndarray:
        nonlocal runs
        runs += 1
        try:
            with np.errstate(all="ignore"):
                return (weight * (ends(model, x, build(theta)) - exact)).ravel()
        except InputError:
            return np.full(exact.size, np.inf)

    theta, now = base.copy(), residual(base)
    size = np.linalg.norm(now)
    if not 0 < size < np.inf:
        return base, runs
    now, tie, damp = now / size, ridge / len(base), 1e-3
    cost = now @ now
    for _ in range(iterations):
        columns = [(residual(theta + step * unit) / size - now) / step for unit in np.eye(len(base))]
        slopes = np.stack(columns, axis=1)
        if not np.all(np.isfinite(slopes)):
            break
        gram = slopes.T @ slopes + tie * np.eye(len(base))
        right = slopes.T @ now + tie * (theta - base)
        for _ in range(6):
            moved = theta - np.linalg.solve(gram + damp * np.diag(np.diag(gram)), right)
            after = residual(moved) / size
            value = after @ after + tie * np.sum((moved - base) ** 2)
            if value < cost:
                break
            damp *= 8
        else:
            break
        gained = cost - value
        theta, now, cost, damp = moved, after, value, damp / 8
        if gained < 1e-6 * cost:
            break
    return theta, runs
