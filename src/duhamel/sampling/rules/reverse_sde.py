"""The reverse-time SDE of the score-SDE frame as rows: Euler–Maruyama, reverse diffusion, and Langevin
corrections between them.

    dx = [f x − g² ∇log p] dt + g dw,    f = α'/α,    g² = 2 σ (σ' − f σ)

run from t = 1 to 0 (2011.13456, Eq. 6), with ∇log p = −ε/σ. The last step, to σ = 0, is the mean alone:
x̂₀.
"""

from __future__ import annotations

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.builder import Builder, Sum
from duhamel.sampling.weights import Point

__all__ = ["predictor_corrector", "reverse_sde"]

PREDICTORS = ("euler-maruyama", "reverse-diffusion", "ancestral", "flow", "none")


def predicted(b: Builder, s: Point, t: Point, scheme: str) -> Sum:
    """One step of a predictor from s to t, without its noise in the step to σ = 0."""
    if t.sigma == 0 or scheme == "flow":
        return b.integrate(b.x(), s, t, [b.now])
    if s.alpha == 0:
        raise InputError("the reverse SDE has no drift at α = 0: give start=0.99 or so, or use 'sde-dpm++'")
    if scheme == "ancestral":
        ratio = t.sigma * s.alpha / (t.alpha * s.sigma)
        noise = t.sigma * np.sqrt(1 - ratio**2)
        return b.x0() * t.alpha + b.eps() * (t.sigma * ratio) + b.fresh() * noise
    if scheme == "euler-maruyama":
        gap = s.t - t.t
        drift = gap * float(b.schedule.alpha_rate(s.t)) / s.alpha
        variance = 2 * s.sigma * (gap * float(b.schedule.sigma_rate(s.t)) - drift * s.sigma)
        return b.x() * (1 - drift) - b.eps() * (variance / s.sigma) + b.fresh() * np.sqrt(variance)
    kept = s.alpha / t.alpha
    variance = s.sigma**2 - (kept * t.sigma) ** 2
    return b.x() * (2 - kept) - b.eps() * (variance / s.sigma) + b.fresh() * np.sqrt(variance)


def reverse_sde(b: Builder, order: int, *, scheme: str) -> None:
    """x_t = (1 − fΔ) x − g²Δ ε/σ + g √Δ z ("euler-maruyama"), or the forward chain's own numbers with its
    mean turned round, x_t = (2 − a) x − v ε/σ + √v z, a = α_s/α_t, v = σ_s² − a²σ_t²
    ("reverse-diffusion", 2011.13456, Eq. 46)."""
    for i in range(b.steps):
        s, t = b.point(i), b.point(i + 1)
        b.advance(predicted(b, s, t, scheme), t, 1)


def predictor_corrector(b: Builder, order: int, *, predictor: str, corrections: int, snr: float) -> None:
    """After each step `corrections` steps of Langevin at the new level (2011.13456, Alg. 1), x + δσ² ∇log
    p + σ √(2δ) z with δ = 2 snr². The step there is 2 (snr ‖z‖/‖∇log p‖)²; here the norms are replaced by
    what they are for the exact score in many dimensions, ‖z‖ ≈ σ ‖∇log p‖, so that a row is linear and no
    sample depends on its batch."""
    if predictor not in PREDICTORS:
        raise InputError(f"predictor={predictor!r}: use one of {', '.join(PREDICTORS)}")
    if corrections < 0 or not 0 < snr < 1:
        raise InputError(
            f"corrections={corrections!r}, snr={snr!r}: a count of steps, and a number between 0 and 1"
        )
    delta = 2 * snr**2
    for i in range(b.steps):
        s, t = b.point(i), b.point(i + 1)
        if predictor == "none" and t.sigma > 0:
            # annealed Langevin dynamics: only the scale of the signal follows the level
            b.advance(b.x() * (t.alpha / s.alpha), t, 1, ask=False)
        else:
            b.advance(predicted(b, s, t, predictor), t, 1)
        for _ in range(corrections if t.sigma > 0 else 0):
            b.advance(b.x() - b.eps() * (delta * t.sigma) + b.fresh() * (t.sigma * np.sqrt(2 * delta)), t, 1)
