"""A mixture in the plane as a network (x, t) -> ε on `VP`, in any array library."""

import functools

import numpy as np

from duhamel import sampling
from duhamel.sampling.arrays import constant, library

VP = sampling.VP()
MEANS = np.random.default_rng(21).normal(size=(5, 2))
WIDTHS = np.array([0.2, 0.3, 0.15, 0.4, 0.25])


def eps(x, t):
    """E[z | x] of Σ N(μ_k, w_k²)/5 at time t; t may be traced."""
    xp = library(x)
    exp = xp.exp if hasattr(t, "dtype") else np.exp
    alpha = exp(-t * (0.05 + 0.25 * 19.9 * t))
    sigma = (1 - alpha * alpha) ** 0.5
    total = (alpha * constant(WIDTHS, x)) ** 2 + sigma * sigma
    away = x[:, None] - alpha * constant(MEANS, x)
    share = exp_of(xp, -0.5 * (away**2).sum(-1) / total - xp.log(total))
    share = share / share.sum(1)[:, None]
    return sigma * ((share / total)[..., None] * away).sum(1)


def exp_of(xp, log):
    return xp.exp(log - log.max(1)[0][:, None] if xp.__name__ == "torch" else log - log.max(1)[:, None])


def noise(count, seed=4):
    return np.random.default_rng(seed).standard_normal((count, 2))


@functools.cache
def end_of(count):
    """The end of the flow from `noise(count)`, by a solution of its own."""
    fine = sampling.plan(
        VP, "multistep", steps=400, order=3, linear="v", variable="arctan", grid=("arctan", 0.5, 1.5)
    )
    return sampling.sample(eps, noise(count), fine)


def recomputed(report, name, count):
    """Choosing and held-out (mean, median) of an entry of a report on `noise(count)`, from its plan alone."""
    away = sampling.sample(eps, noise(count), report[name].plan) - end_of(count)
    away = np.sqrt(np.mean(away**2, axis=1))
    return [(away[part].mean(), np.median(away[part])) for part in (report.choosing, report.held_out)]
