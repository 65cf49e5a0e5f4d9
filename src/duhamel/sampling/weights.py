"""Weights of one step: the exponential quadrature of `coefficients`, for any linear part and interpolation
variable.

    x_t = a x_s + Σₖ μₖ cₖ + n z,    f(u) = Σₖ cₖ uᵏ,    u = (X − X_s)/(X_t − X_s)

with μₖ = ∫ uᵏ dμ exact. f is known at nodes u_j: f(u) = Σ_j L_j(u) f_j gives weights Σₖ μₖ c_jk. With noise
of level τ and κ = 1 + τ² (SA-Solver, 2309.05019), a = α_t^{1−κ} α_s^{κ−1} (Q_t/Q_s)^κ and dμ = κ α_t^{1−κ}
Q_t^κ α^{κ−1} Q^{−κ−1} (α dσ − σ dα), which at τ = 0 is the probability flow of `forms`. For X = λ and
constant l these are φ-functions; otherwise a 48-point Gauss rule.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from duhamel.coefficients import integrated, lagrange, stacked_phi
from duhamel.errors import InputError
from duhamel.sampling.forms import Constant, Form, Gaussian

__all__ = ["VARIABLES", "Point", "Step", "along", "node_weights", "step", "variable"]

VARIABLES = ("logsnr", "rho", "t", "arctan")
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(48)
_NODES, _WEIGHTS = 0.5 * (1 + _NODES), 0.5 * _WEIGHTS


class Point(NamedTuple):
    """One point of a path."""

    t: float
    alpha: float
    sigma: float

    @property
    def log_snr(self) -> float:
        with np.errstate(divide="ignore"):
            return float(np.log(self.alpha) - np.log(self.sigma))


class Step(NamedTuple):
    """What a step is made of: the factor of the state, the moments μₖ, the deviation of its noise."""

    factor: float
    moments: np.ndarray
    noise: float


def variable(name: str, schedule: Any, point: Point) -> float:
    """The interpolation variable X at a point: λ, ρ = σ/α, t, or arctan ρ. ±∞ where it has no value."""
    if name == "t":
        # an exploding schedule has no time at σ = 0
        return point.t if point.sigma > 0 or float(schedule.sigma(0.0)) == 0 else -np.inf
    if name == "logsnr":
        return point.log_snr
    if name == "arctan":
        return float(np.arctan2(point.sigma, point.alpha))
    if name == "rho":
        return point.sigma / point.alpha if point.alpha else np.inf
    raise InputError(f"no interpolation variable {name!r}: use one of {', '.join(VARIABLES)}")


def along(name: str, schedule: Any, alpha: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """X on a path of (α, σ) up to a common factor."""
    if name == "arctan":
        return np.arctan2(sigma, alpha)
    if name == "rho":
        return sigma / alpha
    level = np.log(alpha) - np.log(sigma)
    return level if name == "logsnr" else np.asarray(schedule.time(level), float)


def step(s: Point, t: Point, count: int, name: str, schedule: Any, form: Form, tau: float = 0.0) -> Step:
    """The factor, `count` moments and the noise of the step from s to t (less noise).

    Finite for every form and variable, at σ_t = 0 and α_s = 0 too, except for the factor 1/Q of a form that
    vanishes at s. Where X has no value at an end, only the first moment is given: the caller lowers the order
    to 1.
    """
    kappa = 1 + tau * tau
    ends = variable(name, schedule, s), variable(name, schedule, t)
    if not np.all(np.isfinite(ends)):
        count = 1
    factor = _factor(s, t, form, kappa)
    noise = _noise(s, t, form, tau)
    if t.sigma == 0 and isinstance(form, Constant) and form.share > 0:
        if form.share != 1:
            raise InputError(
                "a constant linear part between 0 and 1 cannot reach σ = 0: use 'eps', 'x0' or 'gaussian'"
            )
        return Step(factor, np.full(count, -t.alpha), 0.0)  # Q_t = 0: only the value at the end counts
    if isinstance(form, Constant) and name == "logsnr" and np.all(np.isfinite(ends)):
        found = _closed(s, t, count, form.share, kappa)
    else:
        found = _gauss(s, t, count, name, schedule, form, kappa, ends)
    return Step(factor, found, noise)


def _factor(s: Point, t: Point, form: Form, kappa: float) -> float:
    high, low = float(form.value(s.alpha, s.sigma)), float(form.value(t.alpha, t.sigma))
    if high == 0:
        raise InputError(
            f"the linear part {form} divides by zero at the start, where α = {s.alpha:.3g}: use linear='x0' "
            "or 'gaussian', or start later"
        )
    ratio = 1.0 if kappa == 1 else (s.alpha / t.alpha) ** (kappa - 1)
    return ratio * (low / high) ** kappa


def _closed(s: Point, t: Point, count: int, share: float, kappa: float) -> np.ndarray:
    """X = λ, Q = α^{1−l}σ^l: μₖ = −κ h α_t ρ_t^{1−l} k! φ_{k+1}(z), z = (1 − l(1 + κ)) h."""
    h = t.log_snr - s.log_snr
    values = stacked_phi(count, np.asarray((1 - share * (1 + kappa)) * h))[1:]
    scale = -kappa * h * t.alpha**share * t.sigma ** (1 - share)
    return scale * integrated(np.ones(count)) * values


def _path(s: Point, t: Point, form: Form) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(α, σ) up to a common factor at 48 points from s to t, and α dσ − σ dα as weights there, in a variable
    in which the measure of the form and the usual X are smooth: λ between finite ends, otherwise an angle or
    an asinh."""
    no_signal, no_noise = min(s.alpha, t.alpha) == 0, min(s.sigma, t.sigma) == 0
    if not no_signal and not no_noise:
        h = t.log_snr - s.log_snr
        half = 0.5 * (s.log_snr + h * _NODES)
        return np.exp(half), np.exp(-half), -h * _WEIGHTS
    if isinstance(form, Gaussian) or (no_signal and no_noise):
        c = form.s if isinstance(form, Gaussian) else 1.0
        a, b = np.arctan2(s.sigma, c * s.alpha), np.arctan2(t.sigma, c * t.alpha)
        angle = a + (b - a) * _NODES
        return np.cos(angle), c * np.sin(angle), c * (b - a) * _WEIGHTS
    if no_noise:
        a, b = np.arcsinh(s.sigma / s.alpha), np.arcsinh(t.sigma / t.alpha)
        place = a + (b - a) * _NODES
        return np.ones(48), np.sinh(place), (b - a) * np.cosh(place) * _WEIGHTS
    a, b = np.arcsinh(s.alpha / s.sigma), np.arcsinh(t.alpha / t.sigma)
    place = a + (b - a) * _NODES
    return np.sinh(place), np.ones(48), -(b - a) * np.cosh(place) * _WEIGHTS


def _gauss(
    s: Point,
    t: Point,
    count: int,
    name: str,
    schedule: Any,
    form: Form,
    kappa: float,
    ends: tuple[float, float],
) -> np.ndarray:
    alpha, sigma, measure = _path(s, t, form)
    total, last = form.value(alpha, sigma), float(form.value(t.alpha, t.sigma))
    density = kappa * last**kappa / total ** (kappa + 1) * measure
    if kappa != 1:
        density = density * (alpha / t.alpha) ** (kappa - 1)
    if count == 1:
        return np.array([density.sum()])
    u = (along(name, schedule, alpha, sigma) - ends[0]) / (ends[1] - ends[0])
    return np.array([np.sum(density * u**k) for k in range(count)])


def _noise(s: Point, t: Point, form: Form, tau: float) -> float:
    """The deviation of the noise: τ² ∫ (α_t (Q_t α/(α_t Q))^κ)² dρ²."""
    if tau == 0 or t.sigma == 0:
        return 0.0
    kappa = 1 + tau * tau
    if isinstance(form, Constant):
        power = 2 - 2 * form.share * kappa
        low, high = np.log(t.sigma / t.alpha), (np.log(s.sigma / s.alpha) if s.alpha else np.inf)
        gap = high - low
        if power == 0:
            integral = 2 * gap
        else:
            integral = 2 * np.expm1(power * gap) / power
        return float(tau * t.sigma * np.sqrt(integral))
    alpha, sigma, measure = _path(s, t, form)
    gain = (float(form.value(t.alpha, t.sigma)) * alpha / (t.alpha * form.value(alpha, sigma))) ** (2 * kappa)
    integral = np.sum(gain * 2 * sigma / alpha**3 * -measure)
    return float(tau * t.alpha * np.sqrt(integral))


def node_weights(nodes: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Weights of values at `nodes` (in units of the step: 0 its start, 1 its end): Σₖ μₖ c_jk."""
    return lagrange(np.asarray(nodes, float)) @ moments[: len(nodes)]
