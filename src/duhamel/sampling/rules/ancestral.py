"""Rules with formulas of their own for noise: DDIM's η, EDM's churn, ER-SDE."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.builder import Builder, Sum
from duhamel.sampling.forms import Constant
from duhamel.sampling.weights import Point, Step, along, variable

__all__ = ["ddim", "edm", "er_sde"]


def ddim(b: Builder, order: int, *, eta: float) -> None:
    """x_t = α_t x̂₀ + √(σ_t² − n²) ε + n z with n = η σ_t √(1 − ρ_t²/ρ_s²) (2010.02502, Eq. 12 and 16, for
    any schedule); η = 1 is DDPM's ancestral step, η = 0 the exponential quadrature of order 1."""
    if not 0 <= eta <= 1:
        raise InputError(f"ddim has eta between 0 (deterministic) and 1 (DDPM), not {eta!r}")
    for i in range(b.steps):
        s, t = b.point(i), b.point(i + 1)
        if eta == 0:
            b.advance(b.integrate(b.x(), s, t, [i]), t, 1)
            continue
        ratio = t.sigma * s.alpha / (t.alpha * s.sigma)
        noise = eta * t.sigma * np.sqrt(1 - ratio**2)
        total = b.x0() * t.alpha + b.eps() * np.sqrt(t.sigma**2 - noise**2)
        b.advance(total + b.fresh() * noise if noise else total, t, 1)


def edm(b: Builder, order: int, *, churn: float, s_min: float, s_max: float, s_noise: float) -> None:
    """EDM's stochastic sampler (2206.00364, Alg. 2), for any schedule in terms of ρ = σ/α: noise is raised by
    γ = min(churn/N, √2 − 1) where s_min ≤ ρ ≤ s_max, never above the schedule's first level; then Heun's step
    (`order` 2) or Euler's."""
    most = b.points.sigma[0] / b.points.alpha[0] if b.points.alpha[0] else np.inf

    def raised(point: Point) -> Point:
        ratio = point.sigma / point.alpha if point.alpha else np.inf
        gamma = min(churn / b.steps, np.sqrt(2) - 1) if s_min <= ratio <= s_max else 0.0
        if gamma == 0 or ratio * (1 + gamma) > most:
            return point
        t = float(b.schedule.time(-np.log(ratio * (1 + gamma))))
        return Point(t, float(b.schedule.alpha(t)), float(b.schedule.sigma(t)))

    def churned(total: Sum, point: Point, up: Point) -> Sum:
        if up == point:
            return total
        added = (up.sigma / up.alpha) ** 2 - (point.sigma / point.alpha) ** 2
        return total * (up.alpha / point.alpha) + b.fresh() * (s_noise * up.alpha * np.sqrt(added))

    here = b.point(0)
    for i in range(b.steps):
        t = b.point(i + 1)
        start, up = b.now, raised(t) if i + 1 < b.steps else t
        if order == 1 or t.sigma == 0:
            b.advance(churned(b.integrate(b.x(), here, t, [start]), t, up), up, 1)
        else:
            b.advance(b.integrate(b.x(), here, t, [start]), t, 1)
            total = b.integrate(b.x(start), here, t, [start, start + 1])
            b.advance(churned(total, t, up), up, 2)
        here = up


SCALES: dict[str, Callable[[Any], Any]] = {
    "ode": lambda ratio: ratio,
    "sde": lambda ratio: ratio**2,
    "er": lambda ratio: ratio * (np.exp(ratio**0.3) + 10),
}


def er_sde(b: Builder, order: int, *, scale: Any) -> None:
    """Extended reverse-time SDEs (2309.06169): with φ(ρ) the scale of noise ("ode": ρ, "sde": ρ², "er":
    ρ(e^{ρ^0.3} + 10), or a rising function), y = x/α: y_t = (φ_t/φ_s) y_s + φ_t ∫ φ'/φ² x̂₀ dρ + √(ρ_t² −
    ρ_s²(φ_t/φ_s)²) z; x̂₀ interpolated."""
    phi = SCALES.get(scale, scale) if isinstance(scale, str) else scale
    if not callable(phi):
        raise InputError(f"er-sde has scale {', '.join(map(repr, SCALES))} or a function of ρ, not {scale!r}")
    for i in range(b.steps):
        s, t = b.point(i), b.point(i + 1)
        used = min(order, i + 1)
        found = _er_step(b, s, t, used, phi)
        total = b.integrate(
            b.x() * found.factor,
            s,
            t,
            range(i, i - used, -1),
            form=Constant(1.0),
            found=found._replace(factor=1.0),
        )
        b.advance(total + b.fresh() * found.noise if found.noise else total, t, min(used, len(found.moments)))


def _er_step(b: Builder, s: Point, t: Point, count: int, phi: Callable[[Any], Any]) -> Step:
    ends = variable(b.variable, b.schedule, s), variable(b.variable, b.schedule, t)
    count = count if np.all(np.isfinite(ends)) else 1
    if t.sigma == 0:
        return Step(0.0, np.full(count, -t.alpha), 0.0)
    if s.alpha == 0:
        raise InputError("er-sde needs α > 0 at its start: give start=0.99 or so")
    high, low = s.sigma / s.alpha, t.sigma / t.alpha
    share = float(phi(low) / phi(high))
    gap = 1 - (high * share / low) ** 2
    noise = t.alpha * low * np.sqrt(gap) if gap > 1e-12 else 0.0
    # ∫ φ'/φ² (·) dρ is a Stieltjes integral in 1/φ: exact for the first moment, Gauss in λ with a difference
    # quotient otherwise
    nodes, weights = np.polynomial.legendre.leggauss(48)
    level = s.log_snr + (t.log_snr - s.log_snr) * 0.5 * (1 + nodes)
    delta = 1e-4
    slope = (np.log(phi(np.exp(-level + delta))) - np.log(phi(np.exp(-level - delta)))) / (2 * delta)
    density = phi(low) / phi(np.exp(-level)) * slope * 0.5 * weights * (t.log_snr - s.log_snr)
    density = density * (1 - share) / density.sum()
    u = (along(b.variable, b.schedule, np.exp(0.5 * level), np.exp(-0.5 * level)) - ends[0]) / (
        ends[1] - ends[0]
    )
    moments = np.array([-t.alpha * np.sum(density * (u**k if k else 1.0)) for k in range(count)])
    return Step(t.alpha / s.alpha * share, moments, float(noise))
