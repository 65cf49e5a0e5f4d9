"""One formula for predictions and linear parts alike.

Let Q(α, σ) be homogeneous of degree one and f = Q_α ε − Q_σ x̂₀, with Q_α, Q_σ its derivatives. Along the
probability flow α dx̂₀ + σ dε = 0, so that Euler's relation Q = α Q_α + σ Q_σ gives

    d(x/Q) = f (α dσ − σ dα)/Q²,    x̂₀ = (Q_α x − σ f)/Q,    ε = (Q_σ x + α f)/Q.

Q = α: f = ε (DDIM, DPM-Solver, DEIS). Q = σ: f = −x̂₀ (DPM-Solver++). Q = √(α² + σ²): f = v. Q = α + σ: f = ε
− x̂₀, the velocity of straight paths. Q = √(s²α² + σ²): EDM's network, and the exact solution when data are
Gaussian of scale s. A network's prediction is such an f times a number; a rule's linear part is such a Q, l =
σ Q_σ/Q. Any pair of the two is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from duhamel.errors import InputError

__all__ = ["Constant", "Form", "Gaussian", "Straight", "Tabulated", "linear_part"]

Numbers = Any


@dataclass(frozen=True)
class Constant:
    """Q = α^{1−l} σ^l: a constant `share` l of the linear part; 0 is the ε form, 1 the x̂₀ form."""

    share: float = 0.0

    def value(self, alpha: Numbers, sigma: Numbers) -> Numbers:
        return alpha ** (1 - self.share) * sigma**self.share

    def slopes(self, alpha: Numbers, sigma: Numbers) -> tuple[Numbers, Numbers]:
        if self.share in (0.0, 1.0):
            return (1 - self.share) * np.ones_like(alpha), self.share * np.ones_like(sigma)
        ratio = sigma / alpha
        return (1 - self.share) * ratio**self.share, self.share * ratio ** (self.share - 1)


@dataclass(frozen=True)
class Gaussian:
    """Q = √(s²α² + σ²): exact for Gaussian data of standard deviation s; s = 1 is the form of v."""

    s: float = 1.0

    def value(self, alpha: Numbers, sigma: Numbers) -> Numbers:
        return np.hypot(self.s * alpha, sigma)

    def slopes(self, alpha: Numbers, sigma: Numbers) -> tuple[Numbers, Numbers]:
        total = self.value(alpha, sigma)
        return self.s**2 * alpha / total, sigma / total


@dataclass(frozen=True)
class Straight:
    """Q = α + σ: the form of the velocity ε − x̂₀ of straight paths; on `Flow` dx/dσ = f, without a linear
    part."""

    def value(self, alpha: Numbers, sigma: Numbers) -> Numbers:
        return alpha + sigma

    def slopes(self, alpha: Numbers, sigma: Numbers) -> tuple[Numbers, Numbers]:
        return np.ones_like(alpha), np.ones_like(sigma)


@dataclass(frozen=True)
class Tabulated:
    """Q = α exp(−∫ l dλ), l linear between the given values at rising λ = log α/σ and constant beyond
    (DPM-Solver-v3's l, 2310.13268, Eq. 4, as one number per λ)."""

    log_snr: tuple[float, ...]
    share: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.log_snr) != len(self.share) or len(self.share) < 2 or np.any(np.diff(self.log_snr) <= 0):
            raise InputError(
                "a tabulated linear part needs as many values l as rising log-SNRs, at least two"
            )

    def _share(self, level: Numbers) -> Numbers:
        return np.interp(level, self.log_snr, self.share)

    def _integral(self, level: Numbers) -> Numbers:
        known, share = np.array(self.log_snr), np.array(self.share)
        total = np.concatenate([[0.0], np.cumsum(0.5 * (share[1:] + share[:-1]) * np.diff(known))])
        cell = np.clip(np.searchsorted(known, level) - 1, 0, len(known) - 2)
        inside = np.clip(level, known[0], known[-1])
        part = 0.5 * (share[cell] + self._share(inside)) * (inside - known[cell])
        return total[cell] + part + self._share(level) * (level - inside)

    def value(self, alpha: Numbers, sigma: Numbers) -> Numbers:
        return alpha * np.exp(-self._integral(np.log(alpha / sigma)))

    def slopes(self, alpha: Numbers, sigma: Numbers) -> tuple[Numbers, Numbers]:
        total, share = self.value(alpha, sigma), self._share(np.log(alpha / sigma))
        return (1 - share) * total / alpha, share * total / sigma


Form = Constant | Gaussian | Straight | Tabulated

_NAMES = {"eps": Constant(0.0), "x0": Constant(1.0), "v": Gaussian(1.0), "flow": Straight()}


def linear_part(given: Any, data: float = 1.0) -> Form:
    """A linear part from its name ("eps", "x0", "v", "flow", "gaussian"), a number l, or a form itself."""
    if isinstance(given, Form):
        return given
    if given == "gaussian":
        return Gaussian(data)
    if isinstance(given, str) and given in _NAMES:
        return _NAMES[given]
    if isinstance(given, int | float) and 0 <= given <= 1:
        return Constant(float(given))
    raise InputError(
        f"no linear part {given!r}: use 'eps' (0), 'x0' (1), 'v', 'flow', 'gaussian', a number between 0 "
        "and 1, Gaussian(s) or "
        "Tabulated(log_snr, l)"
    )
