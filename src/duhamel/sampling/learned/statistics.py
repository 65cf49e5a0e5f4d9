"""Empirical model statistics of DPM-Solver-v3, measured on any network by Monte Carlo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import constant, kind_of, telling
from duhamel.sampling.forms import Constant, Gaussian
from duhamel.sampling.grids import floor
from duhamel.sampling.learned.running import numpy_of
from duhamel.sampling.predictions import in_form
from duhamel.sampling.rules.v3 import Statistics
from duhamel.sampling.table import Plan

__all__ = ["quietly", "statistics"]

Array = Any


def statistics(
    model: Any,
    schedule: Any,
    x0_samples: Array,
    *,
    points: int | np.ndarray = 120,
    predicts: str = "eps",
    data: float | None = None,
    seed: int = 0,
    probes: int = 4,
    damping: float = 0.3,
    batch: int = 512,
) -> Statistics:
    """The EMS of a network: l, s and b at each λ and dimension (DPM-Solver-v3, 2310.13268, Sec. 3.2), for
    `plan(schedule, "dpm-solver-v3", statistics=…)`.

    With x = α x₀ + σ z, y = x/α and f = (σ ε − l x)/α,

        l = E[σ ∂ε/∂x] (diagonal),    s = Cov(f, f′)/Var f,    b = E f′ − s E f,

    f′ = df/dλ along the probability flow dy/dλ = −(σ/α) ε. `x0_samples` (B, …): data, or samples of the
    network itself; their array library is the network's. The same pairs (x₀, z) serve every λ, so that the
    tables are smooth in it. `points`: how many λ, or the λ themselves, rising. `probes`: random signs for
    the diagonal (Hutchinson); with as many probes as dimensions or more it is exact. Derivatives are
    central differences: no gradient is needed. `damping`: s and b fade out where f is below this share of the
    data's deviation; they are of order one even where f has all but vanished, and long steps magnify that
    (0: the paper's own regression, for short steps or without the corrector). Cost: (3 + 2 min(probes, d))
    evaluations of B samples for each λ. Gaussian data of scale s have l = σ²/(s²α² + σ²), s = b = 0. Raises
    `InputError`.
    """
    if len(x0_samples) < 2:
        raise InputError("statistics are means over samples: give two or more")
    if probes < 1:
        raise InputError(f"probes={probes}: at least one direction is needed")
    levels = _levels(schedule, points)
    step = float(np.finfo(_dtype(x0_samples)).eps) ** (1 / 3)
    gap = max(1e-3, 4 * step)  # in λ
    places = np.concatenate([levels - gap, levels, levels + gap]).reshape(3, -1)
    ask, alpha, sigma = _asked(model, schedule, places, predicts, data, x0_samples)
    random = np.random.default_rng(seed)
    clean = numpy_of(x0_samples)
    z = random.standard_normal(clean.shape)
    signs = _probes(random, clean.shape, probes)
    rows = [range(k, min(k + batch, len(clean))) for k in range(0, len(clean), batch)]
    count, tail = len(levels), clean.shape[1:]
    linear, values, slopes = np.empty((count, *tail)), [], []
    for i in range(count):
        total, kept = np.zeros(tail), []
        for part in rows:
            x = alpha[1, i] * clean[part] + sigma[1, i] * z[part]
            eps, diagonal = _diagonal(ask, x, i, signs[:, part], step, float(np.std(x)))
            total += sigma[1, i] * diagonal.sum(axis=0)
            kept.append((x / alpha[1, i], eps, _slope(ask, x, eps, i, alpha, sigma, gap)))
        linear[i] = total / len(clean)
        y, eps, slope = (np.concatenate(column) for column in zip(*kept, strict=True))
        values.append((y, eps * sigma[1, i] / alpha[1, i]))
        slopes.append(slope)
    small = (damping * clean.std(axis=0)) ** 2
    return Statistics(levels, linear, *_regressed(levels, linear, values, slopes, step**2.25, small))


def _dtype(x: Array) -> Any:
    return np.float64 if str(x.dtype).endswith("float64") else np.float32


def _levels(schedule: Any, points: Any) -> np.ndarray:
    """The λ asked for, or even ones from the start (α > 0) to the schedule's floor."""
    if isinstance(points, int | np.integer):
        if points < 2:
            raise InputError(f"points={points}: a table needs two or more λ")
        high = max(float(schedule.log_snr(1.0)), -5.1 if float(schedule.alpha(1.0)) == 0 else -np.inf)
        return np.linspace(high, float(schedule.log_snr(floor(schedule))), int(points))
    levels = np.array(points, float)
    if levels.ndim != 1 or len(levels) < 2 or np.any(np.diff(levels) <= 0) or not np.all(np.isfinite(levels)):
        raise InputError("points: a number, or two or more finite log-SNRs that rise")
    return levels


def _asked(
    model: Any, schedule: Any, levels: np.ndarray, predicts: str, data: float | None, like: Array
) -> tuple[Callable[..., np.ndarray], np.ndarray, np.ndarray]:
    """ε as a function of (x, kind, i) in NumPy, for the levels [kind, i]; with α and σ there."""
    data = float(getattr(schedule, "data", 0.5)) if data is None else float(data)
    t = np.clip(np.asarray(schedule.time(levels), float), 0.0, 1.0)
    alpha, sigma = np.asarray(schedule.alpha(t), float), np.asarray(schedule.sigma(t), float)
    told = np.array([[float(schedule.model_time(value)) for value in row] for row in t])
    scale = 1 / Gaussian(data).value(alpha, sigma) if predicts == "edm" else np.ones_like(alpha)
    flat = alpha.size
    rows = Plan(
        predicts=predicts, t=t.ravel(), alpha=alpha.ravel(), sigma=sigma.ravel(), model_time=told.ravel(),
        scale_in=scale.ravel(), asks=np.ones(flat, bool), order=np.ones(flat), x=np.ones((flat, 1)),
        m=np.zeros((flat, 1)), z=np.zeros((flat, 0)), end=(0.0, 1.0, 0.0), data=data, schedule=schedule,
    )  # fmt: skip
    bound = model.bind(rows) if hasattr(model, "bind") else (lambda x, t, i: model(x, t))
    p, q = in_form(Constant(0.0), predicts, alpha, sigma, data)
    if not np.all(np.isfinite(p)) or not np.all(np.isfinite(q)):
        raise InputError(f"a prediction of {predicts!r} says nothing about ε at one of these levels")
    p, q = np.broadcast_to(p, alpha.shape), np.broadcast_to(q, alpha.shape)

    def ask(x: np.ndarray, kind: int, i: int) -> np.ndarray:
        given = constant(np.asarray(x * scale[kind, i]), like)
        m = quietly(bound, given, telling(told[kind, i], like), kind * levels.shape[1] + i)
        return p[kind, i] * x + q[kind, i] * numpy_of(m)

    return ask, alpha, sigma


def quietly(ask: Any, x: Array, t: Any, i: int) -> Array:
    """A network's answer, without a record for derivatives."""
    if kind_of(x) != "torch":
        return ask(x, t, i)
    import torch

    with torch.no_grad():
        return ask(x, t, i)


def _probes(random: np.random.Generator, shape: tuple[int, ...], probes: int) -> np.ndarray:
    """Directions of shape (count, B, …): unit vectors if they are few, otherwise random signs."""
    size = int(np.prod(shape[1:]))
    if size <= probes:
        unit = np.eye(size).reshape(size, 1, *shape[1:])
        return np.broadcast_to(unit, (size, *shape))
    return random.choice([-1.0, 1.0], size=(probes, *shape))


def _diagonal(
    ask: Any, x: np.ndarray, i: int, signs: np.ndarray, step: float, size: float
) -> tuple[np.ndarray, np.ndarray]:
    """ε, and the diagonal of its Jacobian: Σ v ⊙ J v over unit vectors, the mean over random signs."""
    eps, total, h = ask(x, 1, i), np.zeros_like(x), step * size
    for v in signs:
        total += v * (ask(x + h * v, 1, i) - ask(x - h * v, 1, i)) / (2 * h)
    exact = bool(np.any(signs == 0)) or x[0].size == 1
    return eps, total if exact else total / len(signs)


def _slope(
    ask: Any, x: np.ndarray, eps: np.ndarray, i: int, alpha: np.ndarray, sigma: np.ndarray, gap: float
) -> np.ndarray:
    """d(σε/α)/dλ along the flow: Euler steps to both sides, whose second-order terms cancel."""
    y, ratio = x / alpha[1, i], sigma[:, i] / alpha[:, i]
    sides = []
    for kind in (0, 2):
        moved = (y + (ratio[kind] - ratio[1]) * eps) * alpha[kind, i]
        sides.append(ratio[kind] * ask(moved, kind, i))
    return (sides[1] - sides[0]) / np.log(ratio[0] / ratio[2])


def _regressed(
    levels: np.ndarray,
    linear: np.ndarray,
    values: list[Any],
    slopes: list[np.ndarray],
    ridge: float,
    small: Any,
) -> tuple[np.ndarray, np.ndarray]:
    """s and b at each λ. f′ = (σε/α)′ − l′ y + l σε/α. `ridge`: Var f at which f is taken for round-off."""
    rate = np.gradient(linear, levels, axis=0, edge_order=2 if len(levels) > 2 else 1)
    scale, bias = np.empty_like(linear), np.empty_like(linear)
    for i, ((y, noise), slope) in enumerate(zip(values, slopes, strict=True)):
        f = noise - linear[i] * y
        change = slope - rate[i] * y + linear[i] * noise
        away = f - f.mean(axis=0)
        floor_of = ridge * np.mean(noise**2) + small + np.finfo(float).tiny
        scale[i] = np.mean(away * (change - change.mean(axis=0)), axis=0) / (
            np.mean(away**2, axis=0) + floor_of
        )
        bias[i] = change.mean(axis=0) - scale[i] * f.mean(axis=0)
    return scale, bias
