"""PFGM++: the electrostatic family between PFGM and diffusion, as a schedule with its own noise."""

from __future__ import annotations

from dataclasses import dataclass
from math import lgamma
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.noise import normals, seeds_of
from duhamel.sampling.schedules import EDM

__all__ = ["PFGM"]


@dataclass(frozen=True)
class PFGM(EDM):
    """N-dimensional data in N + D dimensions (PFGM++, 2302.04265). In σ = r/√D (Eq. 9's alignment) its
    flow is dx/dσ = (x − x̂₀)/σ as in EDM, so plans and rules are EDM's; what differs is the noise, p(x |
    x₀) ∝ (‖x − x₀‖² + σ²D)^{−(N+D)/2}, and so what the network learns. `extra`: D; 1 is PFGM, ∞ is EDM.
    Start from `prior`, not from normals: at small D its radius has heavy tails.
    """

    extra: float = float("inf")

    def __post_init__(self) -> None:
        if not self.extra > 0:
            raise InputError(f"extra={self.extra!r}: the number D of extra dimensions is positive, ∞ for EDM")

    def perturbation(self, shape: tuple[int, ...], seed: Any) -> np.ndarray:
        """(x − x₀)/σ, float64: a unit normal z times √(D/χ²_D), a Student distribution; its radius has
        R²/(R² + σ²D) ~ Beta(N/2, D/2). `noise_to(x0, schedule, t, seed)` perturbs with it. A sample's
        normals are the same for every D and in every batch."""
        z = normals(seed, tuple(shape))(0)
        if np.isinf(self.extra):
            return z
        scale = np.empty(shape[0])
        for place, key in enumerate(seeds_of(seed, shape[0])):
            bits = np.random.Philox(key=np.array(key, np.uint64), counter=[0, 0, 2, 0])
            scale[place] = np.sqrt(self.extra / np.random.Generator(bits).chisquare(self.extra))
        return z * scale.reshape(-1, *(1,) * (len(shape) - 1))

    def prior(self, shape: tuple[int, ...], seed: Any, t: float = 1.0) -> np.ndarray:
        """States to begin a plan with, float64 of shape (B, …): the perturbation of the origin at time
        t."""
        return float(self.sigma(t)) * self.perturbation(shape, seed)

    def log_kernel(self, square: Any, size: int, sigma: float) -> Any:
        """log p(x | x₀) from ‖x − x₀‖² and N = `size`: a multivariate Student density with D degrees of
        freedom and scale σ."""
        if np.isinf(self.extra):
            return -0.5 * square / sigma**2 - 0.5 * size * np.log(2 * np.pi * sigma**2)
        d = self.extra
        fixed = lgamma((size + d) / 2) - lgamma(d / 2) - 0.5 * size * np.log(d * np.pi * sigma**2)
        return fixed - 0.5 * (size + d) * np.log1p(square / (d * sigma**2))
