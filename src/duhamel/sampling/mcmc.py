"""Denoising MCMC: a Markov chain over states and noise levels together, and short runs of any rule from
where it stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import constant, normal_like, spread
from duhamel.sampling.noise import seeds_of
from duhamel.sampling.planning import plan
from duhamel.sampling.running import sample
from duhamel.sampling.score import score_of
from duhamel.sampling.table import Plan

__all__ = ["Chain", "denoise", "denoising_mcmc"]

Array = Any


class Chain(NamedTuple):
    """Where chains stand: states `x`, for each the place of its noise level among the `times`, and
    iterations done."""

    x: Array
    level: np.ndarray
    count: int


def denoising_mcmc(
    model: Any,
    start: Array | Chain,
    schedule: Any,
    *,
    times: Any,
    posterior: Callable[[Array], Any],
    iterations: int,
    seed: Any,
    inner: int = 1,
    size: float = 0.1,
    predicts: str = "eps",
) -> Chain:
    """Denoising Langevin–Gibbs (2209.14593): the density p(x, k) ∝ w_k p_{t_k}(x) over states and noise
    levels k, by turns `inner` Langevin steps x + size σ² ∇log p_t + σ √(2 size) z at the present level,
    and a fresh level drawn from p(k | x). At high levels chains cross between modes, at low levels they
    stand near data; `denoise` finishes.

    `times`: those of the levels, rising. `posterior(x)`: log p(k | x) for every level, shape (B, levels),
    up to a constant per sample: a network that tells noise levels, or log w_k + log p_{t_k}(x). `start`:
    states (their level is drawn first) or the `Chain` of an earlier call, which is then continued to the
    same bits. Each sample of the batch is a chain of its own. One evaluation per inner step; the model is
    told a time per sample. The stationary density is exact up to O(size).
    """
    times = np.asarray(times, float)
    if times.ndim != 1 or np.any(np.diff(times) <= 0):
        raise InputError("denoising_mcmc needs the times of its levels as a rising list")
    chain = start if isinstance(start, Chain) else Chain(start, np.empty(0, int), 0)
    x, level, first = chain
    score = score_of(model, schedule, predicts)
    draw, pick = normal_like(x, seed), _uniform(seed, x.shape[0])
    for k in range(first, first + iterations):
        level = _drawn(posterior(x), pick(k), len(times))
        t = times[level]
        sigma = np.asarray(schedule.sigma(t), float)
        drift, spreading = (spread(constant(v, x), x) for v in (size * sigma**2, sigma * np.sqrt(2 * size)))
        for j in range(inner):
            x = x + drift * score(x, t) + spreading * draw(k * inner + j)
    return Chain(x, level, first + iterations)


def denoise(
    model: Any,
    chain: Chain,
    schedule: Any,
    rule: str = "default",
    *,
    times: Any,
    noise: Any = None,
    **options: Any,
) -> Array:
    """Bring chains to the data: each sample runs `rule` from its own noise level, all in one batch (a
    plan for each sample). `options` as in `plan`, `steps` among them."""
    times = np.asarray(times, float)
    known: dict[int, Plan] = {}
    for k in map(int, np.unique(chain.level)):
        known[k] = plan(schedule, rule, start=float(times[k]), **options)
    return sample(model, chain.x, Plan.stack([known[int(k)] for k in chain.level]), noise=noise)


def _uniform(seed: Any, batch: int) -> Callable[[int], np.ndarray]:
    seeds = seeds_of(seed, batch)

    def at(row: int) -> np.ndarray:
        # the third word of the counter keeps these apart from the normals of the same row
        bits = [np.random.Philox(key=np.array(key, np.uint64), counter=[0, 0, 1, row]) for key in seeds]
        return np.array([np.random.Generator(entry).random() for entry in bits])

    return at


def _drawn(log: Any, share: np.ndarray, count: int) -> np.ndarray:
    """A place for each sample, with probability ∝ exp(log), by the inverse distribution function."""
    log = np.asarray(log.detach().cpu() if hasattr(log, "detach") else log, dtype=np.float64)
    if log.shape != (len(share), count):
        raise InputError(
            f"posterior(x) gives shape {log.shape}; it needs one number per sample and level, "
            f"{(len(share), count)}"
        )
    mass = np.cumsum(np.exp(log - log.max(1, keepdims=True)), axis=1)
    return np.minimum((share[:, None] * mass[:, -1:] > mass).sum(1), count - 1)
