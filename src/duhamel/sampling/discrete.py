"""A schedule given by numbers: `alphas_cumprod` of a network trained at discrete times."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.schedules import numbers_of

__all__ = ["Discrete"]

Numbers = Any


@dataclass(frozen=True, eq=False)
class Discrete:
    """Variance preserving, α² = `alphas_cumprod`[k] at the times t = (k + 1)/N, k = 0 … N − 1.

    Between them log α/σ is linear in t; below the first time ρ² = σ²/α² is proportional to t, so that σ(0) =
    0. If the last value is 0 (zero terminal SNR, 2305.08891), α is linear in the last cell. The network is
    told k = N t − 1, a fraction where t lies between two times; with `integer` grids are rounded to whole k,
    states and model times alike.
    """

    alphas_cumprod: Any
    integer: bool = False
    _log_snr: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        values = np.array(self.alphas_cumprod, dtype=np.float64)
        falling = values.ndim == 1 and len(values) > 0 and bool(np.all(np.diff(values) < 0))
        if not falling or values[0] >= 1 or values[-1] < 0 or values[0] == 0:
            raise InputError(
                "Discrete needs alphas_cumprod as a falling sequence of numbers with 1 > first > 0 and last "
                "≥ 0; pass np.cumprod(1 − betas), not the betas"
            )
        with np.errstate(divide="ignore"):
            log_snr = 0.5 * (np.log(values) - np.log1p(-values))
        object.__setattr__(self, "alphas_cumprod", tuple(values.tolist()))
        object.__setattr__(self, "_log_snr", log_snr)

    @classmethod
    def linear(cls, start: float = 1e-4, end: float = 0.02, size: int = 1000, **options: Any) -> Discrete:
        """DDPM's betas, equally spaced (2006.11239, Sec. 4)."""
        return cls(np.cumprod(1 - np.linspace(start, end, size)), **options)

    @classmethod
    def scaled_linear(
        cls, start: float = 0.00085, end: float = 0.012, size: int = 1000, **options: Any
    ) -> Discrete:
        """Latent diffusion's betas: their square roots are equally spaced."""
        return cls(np.cumprod(1 - np.linspace(start**0.5, end**0.5, size) ** 2), **options)

    def __eq__(self, other: object) -> bool:
        same = isinstance(other, Discrete) and self.integer == other.integer
        return same and self.alphas_cumprod == other.alphas_cumprod  # pyright: ignore

    def __hash__(self) -> int:
        return hash((self.alphas_cumprod, self.integer))

    def __repr__(self) -> str:
        return (
            f"Discrete({self.size} values from {self.alphas_cumprod[0]:.6g} to {self.alphas_cumprod[-1]:.3g})"
        )

    @property
    def size(self) -> int:
        return len(self.alphas_cumprod)

    def _zero_terminal(self) -> bool:
        return bool(np.isneginf(self._log_snr[-1]))

    def log_snr(self, t: Numbers) -> Numbers:
        t = numbers_of(t)
        count, known = self.size, self._log_snr
        place = count * t - 1
        finite = known[:-1] if self._zero_terminal() else known
        inside = np.interp(place, np.arange(len(finite)), finite)
        with np.errstate(divide="ignore"):
            below = known[0] - 0.5 * np.log(np.maximum(count * t, 0))
        value = np.where(place < 0, below, inside)
        if self._zero_terminal():
            alpha = np.sqrt(self.alphas_cumprod[-2]) * np.clip(count - 1 - place, 0, 1)
            with np.errstate(divide="ignore"):
                last = np.log(alpha) - 0.5 * np.log1p(-(alpha**2))
            value = np.where(place > count - 2, last, value)
        return np.asarray(value)[()]

    def time(self, log_snr: Numbers) -> Numbers:
        level = numbers_of(log_snr)
        count, known = self.size, self._log_snr
        finite = known[:-1] if self._zero_terminal() else known
        place = np.interp(-level, -finite, np.arange(len(finite)))
        below = np.exp(2 * (known[0] - np.maximum(level, known[0]))) - 1
        place = np.where(level > known[0], below, place)
        if self._zero_terminal():
            alpha = np.exp(-0.5 * np.logaddexp(0, -2 * np.minimum(level, finite[-1])))
            place = np.where(level < finite[-1], count - 1 - alpha / np.sqrt(self.alphas_cumprod[-2]), place)
        return np.asarray((place + 1) / count)[()]

    def alpha(self, t: Numbers) -> Numbers:
        return np.exp(-0.5 * np.logaddexp(0, -2 * self.log_snr(t)))

    def sigma(self, t: Numbers) -> Numbers:
        return np.exp(-0.5 * np.logaddexp(0, 2 * self.log_snr(t)))

    def _log_snr_rate(self, t: Numbers) -> Numbers:
        """d(log α/σ)/dt, from the cell to the right of t; only where both ends of the cell are finite."""
        t = numbers_of(t)
        if self.size == 1:
            return np.asarray(-0.5 / t)[()]
        cell = np.clip(np.floor(self.size * t - 1 + 1e-9).astype(int), 0, self.size - 2)
        with np.errstate(invalid="ignore", divide="ignore"):
            inside = np.diff(self._log_snr)[cell] * self.size
            return np.where(self.size * t < 1 - 1e-9, -0.5 / t, inside)[()]

    def alpha_rate(self, t: Numbers) -> Numbers:
        alpha, sigma = self.alpha(t), self.sigma(t)
        with np.errstate(invalid="ignore"):
            value = alpha * sigma**2 * self._log_snr_rate(t)
        if self._zero_terminal():
            last = -np.sqrt(self.alphas_cumprod[-2]) * self.size
            value = np.where(self.size * numbers_of(t) > self.size - 1 + 1e-9, last, value)
        return np.asarray(value)[()]

    def sigma_rate(self, t: Numbers) -> Numbers:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(-self.alpha(t) * self.alpha_rate(t) / self.sigma(t))[()]

    def model_time(self, t: Numbers) -> Numbers:
        return self.size * numbers_of(t) - 1
