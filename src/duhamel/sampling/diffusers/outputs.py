"""What is done to outputs and samples beside the table: clipping of the estimate, noise levels at given
times."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from duhamel.sampling.diffusers.paths import Path, alphas_cumprod_of, betas_of
from duhamel.sampling.diffusers.spacing import from_timesteps

__all__ = ["betas_and_alphas", "clipped", "levels"]

Tensor = torch.Tensor


def betas_and_alphas(config: Any) -> tuple[Tensor, Tensor, Tensor]:
    """βs, 1 − β and ᾱ of a configuration as diffusers keeps them, in float32."""
    square, beta = alphas_cumprod_of(config), betas_of(config)
    if config.rescale_betas_zero_snr:
        beta = 1 - np.concatenate([square[:1], square[1:] / square[:-1]])
    kept = torch.tensor(beta, dtype=torch.float32)
    return kept, 1 - kept, torch.tensor(square, dtype=torch.float32)


def clipped(config: Any, output: Tensor, sample: Tensor, a: float, b: float) -> Tensor:
    """The output whose estimate x̂₀ = a x + b m is inside the range of the configuration: clamped, or by
    dynamic thresholding (2205.11487, Sec. 2.3)."""
    estimate = a * sample + b * output
    if config.thresholding:
        bound = torch.quantile(estimate.float().abs().flatten(1), config.dynamic_thresholding_ratio, dim=1)
        bound = (
            bound.clamp(1.0, max(1.0, config.sample_max_value))
            .reshape(-1, *(1,) * (estimate.ndim - 1))
            .to(estimate.dtype)
        )
        inside = estimate.clamp(-bound, bound) / bound
    else:
        inside = estimate.clamp(-config.clip_sample_range, config.clip_sample_range)
    return output + (inside - estimate) / b


def levels(path: Path, timesteps: Any, like: Tensor, alphas_cumprod: Tensor | None) -> tuple[Tensor, Tensor]:
    """(α, σ) at times of the network, shaped to multiply `like`. Whole times of a trained schedule and
    times of flow models are looked up on the device; others pass through the host."""
    times = torch.as_tensor(timesteps, device=like.device)
    if alphas_cumprod is not None and not times.is_floating_point():
        square = alphas_cumprod.to(like.device)[times]
        alpha, sigma = square.sqrt(), (1 - square).sqrt()
    elif hasattr(path.schedule, "shift"):
        sigma = times.float() / path.schedule.model_scale
        sigma = 1 - sigma if path.told == "inverted" else sigma
        alpha = 1 - sigma
    else:
        t = np.array(from_timesteps(path, times.detach().cpu().double().ravel().tolist())[:-1])
        alpha, sigma = (
            torch.tensor(np.asarray(f(t)), device=like.device)
            for f in (path.schedule.alpha, path.schedule.sigma)
        )
    shape = (-1, *(1,) * (like.ndim - 1))
    return alpha.to(like.dtype).reshape(shape), sigma.to(like.dtype).reshape(shape)
