"""Noise schedules: x(t) = α(t) x₀ + σ(t) z, with t from 1 (noise) to 0 (data).

Every schedule answers the same questions, in float64, for floats and for arrays: `alpha(t)`, `sigma(t)`,
`log_snr(t)` = log α/σ, its inverse `time(log_snr)`, the rates `alpha_rate(t)` and `sigma_rate(t)`
(derivatives in t), and `model_time(t)`, what the network is told. Nothing is computed by a formula that
cancels: σ near t = 0 and α near t = 1 are exact to the last digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any, Protocol, runtime_checkable

import numpy as np

__all__ = ["EDM", "VE", "VP", "Cosine", "Flow", "Schedule", "SubVP", "numbers_of"]

Numbers = Any


@runtime_checkable
class Schedule(Protocol):
    """What the rest of the package asks of a schedule. `size` is the number of training times if they are
    discrete."""

    @property
    def size(self) -> int: ...
    def alpha(self, t: Numbers) -> Numbers: ...
    def sigma(self, t: Numbers) -> Numbers: ...
    def log_snr(self, t: Numbers) -> Numbers: ...
    def time(self, log_snr: Numbers) -> Numbers: ...
    def alpha_rate(self, t: Numbers) -> Numbers: ...
    def sigma_rate(self, t: Numbers) -> Numbers: ...
    def model_time(self, t: Numbers) -> Numbers: ...


def _log(value: Numbers) -> Numbers:
    with np.errstate(divide="ignore"):
        return np.log(value)


def numbers_of(t: Numbers) -> Any:
    """t in float64: a scalar, or an array."""
    return np.asarray(t, dtype=np.float64)[()]


def _log_ratio(schedule: Schedule, t: Numbers) -> Numbers:
    return _log(schedule.alpha(t)) - _log(schedule.sigma(t))


def _divided(a: Numbers, b: Numbers) -> Numbers:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(a / b)[()]


def _linear_beta_log_alpha(t: Numbers, low: float, high: float) -> Numbers:
    return -t * (0.5 * low + 0.25 * (high - low) * t)


def _linear_beta_time(minus_log_alpha: Numbers, low: float, high: float) -> Numbers:
    """The root t ≥ 0 of (high − low) t²/4 + low t/2 = −log α, in the form that does not cancel."""
    b, a = 0.5 * low, 0.25 * (high - low)
    with np.errstate(divide="ignore"):
        inverse = 1 / np.asarray(minus_log_alpha)
        return (2 / (b * inverse + np.sqrt((b * inverse) ** 2 + 4 * a * inverse)))[()]


@dataclass(frozen=True)
class VP:
    """Variance preserving, β linear in t: log α = −β_min t/2 − (β_max − β_min) t²/4, σ² = 1 − α² (score-SDE,
    2011.13456, Eq. 33). The continuous limit of DDPM's linear betas. `model_scale`: the network is told
    model_scale · t."""

    beta_min: float = 0.1
    beta_max: float = 20.0
    model_scale: float = 1.0
    size: int = 1000

    def alpha(self, t: Numbers) -> Numbers:
        return np.exp(_linear_beta_log_alpha(numbers_of(t), self.beta_min, self.beta_max))

    def sigma(self, t: Numbers) -> Numbers:
        return np.sqrt(-np.expm1(2 * _linear_beta_log_alpha(numbers_of(t), self.beta_min, self.beta_max)))

    def log_snr(self, t: Numbers) -> Numbers:
        return _linear_beta_log_alpha(numbers_of(t), self.beta_min, self.beta_max) - _log(self.sigma(t))

    def time(self, log_snr: Numbers) -> Numbers:
        return _linear_beta_time(
            0.5 * np.logaddexp(0, -2 * numbers_of(log_snr)), self.beta_min, self.beta_max
        )

    def alpha_rate(self, t: Numbers) -> Numbers:
        t = numbers_of(t)
        return -0.5 * (self.beta_min + (self.beta_max - self.beta_min) * t) * self.alpha(t)

    def sigma_rate(self, t: Numbers) -> Numbers:
        return _divided(-self.alpha(t) * self.alpha_rate(t), self.sigma(t))

    def model_time(self, t: Numbers) -> Numbers:
        return self.model_scale * numbers_of(t)


@dataclass(frozen=True)
class SubVP:
    """Sub-variance preserving: α as in `VP`, σ = 1 − α² (score-SDE, 2011.13456, Eq. 29)."""

    beta_min: float = 0.1
    beta_max: float = 20.0
    model_scale: float = 1.0
    size: int = 1000

    def alpha(self, t: Numbers) -> Numbers:
        return np.exp(_linear_beta_log_alpha(numbers_of(t), self.beta_min, self.beta_max))

    def sigma(self, t: Numbers) -> Numbers:
        return -np.expm1(2 * _linear_beta_log_alpha(numbers_of(t), self.beta_min, self.beta_max))

    def log_snr(self, t: Numbers) -> Numbers:
        return _linear_beta_log_alpha(numbers_of(t), self.beta_min, self.beta_max) - _log(self.sigma(t))

    def time(self, log_snr: Numbers) -> Numbers:
        # σ = αρ and σ = 1 − α² give log α = −asinh(ρ/2)
        minus_log_alpha = np.arcsinh(0.5 * np.exp(-numbers_of(log_snr)))
        return _linear_beta_time(minus_log_alpha, self.beta_min, self.beta_max)

    def alpha_rate(self, t: Numbers) -> Numbers:
        t = numbers_of(t)
        return -0.5 * (self.beta_min + (self.beta_max - self.beta_min) * t) * self.alpha(t)

    def sigma_rate(self, t: Numbers) -> Numbers:
        return -2 * self.alpha(t) * self.alpha_rate(t)

    def model_time(self, t: Numbers) -> Numbers:
        return self.model_scale * numbers_of(t)


@dataclass(frozen=True)
class Cosine:
    """Variance preserving, α = cos(½π (t+s)/(1+s)) / cos(½π s/(1+s)) (Improved DDPM, 2102.09672, Eq. 17).
    α(1) = 0 exactly, so predictions that divide by α start a little later (see `plan`)."""

    s: float = 0.008
    model_scale: float = 1.0
    size: int = 1000

    def _angles(self, t: Numbers) -> tuple[Numbers, float]:
        return 0.5 * pi * (numbers_of(t) + self.s) / (1 + self.s), 0.5 * pi * self.s / (1 + self.s)

    def alpha(self, t: Numbers) -> Numbers:
        start = self._angles(0.0)[1]
        return np.sin(0.5 * pi * (1 - numbers_of(t)) / (1 + self.s)) / np.cos(start)

    def sigma(self, t: Numbers) -> Numbers:
        angle, start = self._angles(t)
        # cos²a − cos²b = sin(b − a) sin(b + a)
        away = 0.5 * pi * numbers_of(t) / (1 + self.s)
        return np.sqrt(np.sin(away) * np.sin(angle + start)) / np.cos(start)

    def log_snr(self, t: Numbers) -> Numbers:
        return _log_ratio(self, t)

    def time(self, log_snr: Numbers) -> Numbers:
        start = self._angles(0.0)[1]
        ratio = np.exp(-numbers_of(log_snr))  # ρ; sin²(angle) = sin²a + σ² cos²a
        sigma = np.where(np.isinf(ratio), 1.0, ratio / np.hypot(1, np.where(np.isinf(ratio), 0, ratio)))
        alpha = 1 / np.hypot(1, ratio)
        cosine, sine = alpha * np.cos(start), np.hypot(np.sin(start), sigma * np.cos(start))
        # the angle between (cos, sin) and the start, so that t near 0 keeps its digits
        turned = np.arctan2(
            _difference(sine, cosine, sigma, start), cosine * np.cos(start) + sine * np.sin(start)
        )
        return np.asarray(turned * (1 + self.s) / (0.5 * pi))[()]

    def alpha_rate(self, t: Numbers) -> Numbers:
        angle, start = self._angles(t)
        return -0.5 * pi / (1 + self.s) * np.sin(angle) / np.cos(start)

    def sigma_rate(self, t: Numbers) -> Numbers:
        return _divided(-self.alpha(t) * self.alpha_rate(t), self.sigma(t))

    def model_time(self, t: Numbers) -> Numbers:
        return self.model_scale * numbers_of(t)


def _difference(sine: Numbers, cosine: Numbers, sigma: Numbers, start: float) -> Numbers:
    """sin(b − a) from sin b and cos b, by sin²b − sin²a = σ² cos²a = sin(b − a) sin(b + a)."""
    return _divided((sigma * np.cos(start)) ** 2, sine * np.cos(start) + cosine * np.sin(start))


@dataclass(frozen=True)
class VE:
    """Variance exploding: α = 1, σ = σ_min (σ_max/σ_min)^t (score-SDE, 2011.13456, Eq. 30). σ(0) = σ_min is
    not zero; a plan with final="zero" makes one more step from there. `model_time` is σ, as in NCSN++."""

    sigma_min: float = 0.01
    sigma_max: float = 50.0
    size: int = 1000

    def _rate(self) -> float:
        return float(np.log(self.sigma_max / self.sigma_min))

    def alpha(self, t: Numbers) -> Numbers:
        return np.ones_like(numbers_of(t))[()]

    def sigma(self, t: Numbers) -> Numbers:
        return self.sigma_min * np.exp(self._rate() * numbers_of(t))

    def log_snr(self, t: Numbers) -> Numbers:
        return -np.log(self.sigma_min) - self._rate() * numbers_of(t)

    def time(self, log_snr: Numbers) -> Numbers:
        return (-numbers_of(log_snr) - np.log(self.sigma_min)) / self._rate()

    def alpha_rate(self, t: Numbers) -> Numbers:
        return np.zeros_like(numbers_of(t))[()]

    def sigma_rate(self, t: Numbers) -> Numbers:
        return self._rate() * self.sigma(t)

    def model_time(self, t: Numbers) -> Numbers:
        return self.sigma(t)


@dataclass(frozen=True)
class EDM:
    """α = 1, σ = σ_max t (EDM, 2206.00364, Table 1, time scaled to end at 1). `data` is the data's standard
    deviation; the network is told c_noise = log(σ)/4. `sigma_min` is the last level of grids that cannot
    reach 0."""

    sigma_min: float = 0.002
    sigma_max: float = 80.0
    data: float = 0.5
    size: int = 1000

    def alpha(self, t: Numbers) -> Numbers:
        return np.ones_like(numbers_of(t))[()]

    def sigma(self, t: Numbers) -> Numbers:
        return self.sigma_max * numbers_of(t)

    def log_snr(self, t: Numbers) -> Numbers:
        return -_log(self.sigma(t))

    def time(self, log_snr: Numbers) -> Numbers:
        return np.exp(-numbers_of(log_snr)) / self.sigma_max

    def alpha_rate(self, t: Numbers) -> Numbers:
        return np.zeros_like(numbers_of(t))[()]

    def sigma_rate(self, t: Numbers) -> Numbers:
        return np.full_like(numbers_of(t), self.sigma_max)[()]

    def model_time(self, t: Numbers) -> Numbers:
        return 0.25 * _log(self.sigma(t))


@dataclass(frozen=True)
class Flow:
    """Straight paths: α = 1 − σ, σ = shift·t/(1 + (shift − 1) t) (flow matching, 2210.02747; the shift of
    2403.03206, Eq. 23). `model_scale`: the network is told model_scale · σ, the shifted time, once."""

    shift: float = 1.0
    model_scale: float = 1.0
    size: int = 1000

    def alpha(self, t: Numbers) -> Numbers:
        t = numbers_of(t)
        return (1 - t) / (1 + (self.shift - 1) * t)

    def sigma(self, t: Numbers) -> Numbers:
        t = numbers_of(t)
        return self.shift * t / (1 + (self.shift - 1) * t)

    def log_snr(self, t: Numbers) -> Numbers:
        t = numbers_of(t)
        return _log(1 - t) - _log(self.shift * t)

    def time(self, log_snr: Numbers) -> Numbers:
        # ρ = shift · t/(1 − t)
        with np.errstate(over="ignore"):
            return 1 / (1 + self.shift * np.exp(numbers_of(log_snr)))

    def alpha_rate(self, t: Numbers) -> Numbers:
        return -self.sigma_rate(t)

    def sigma_rate(self, t: Numbers) -> Numbers:
        return self.shift / (1 + (self.shift - 1) * numbers_of(t)) ** 2

    def model_time(self, t: Numbers) -> Numbers:
        return self.model_scale * self.sigma(t)
