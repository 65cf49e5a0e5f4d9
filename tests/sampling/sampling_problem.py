"""A mixture whose score is known, as a network of any kind of prediction. Used by several tests."""

import numpy as np

from duhamel.sampling.predictions import form_of

MEANS = np.random.default_rng(5).normal(size=(5, 3))
WIDTH = 0.25


def both(x, alpha, sigma, xp=np):
    """x̂₀ and ε of the mixture at x = α x₀ + σ z."""
    total = (alpha * WIDTH) ** 2 + sigma**2
    away = x[:, None] - alpha * xp.asarray(MEANS, dtype=x.dtype)
    log = -(away**2).sum(-1) / (2 * total)
    share = xp.exp(log - log.max(1, keepdims=True))
    share = share / share.sum(1, keepdims=True)
    mean = (share[..., None] * away).sum(1)
    x0 = (share[..., None] * xp.asarray(MEANS, dtype=x.dtype)).sum(1) + alpha * WIDTH**2 / total * mean
    return x0, mean * (sigma / total)


class Network:
    """Predicts what it is told to; knows its place in the plan by the row."""

    def __init__(self, predicts, xp=np):
        self.predicts, self.xp = predicts, xp

    def bind(self, plan):
        form, factor = form_of(self.predicts, plan.sigma, plan.data)
        slopes = form.slopes(plan.alpha, plan.sigma)
        columns = np.broadcast_arrays(plan.alpha, plan.sigma, plan.scale_in, *slopes, factor)
        table = [self.xp.asarray(column) for column in columns]

        def ask(x, t, i):
            alpha, sigma, scale, by_alpha, by_sigma, by = (column[i] for column in table)
            x0, eps = both(x / scale, alpha, sigma, self.xp)
            return (by_alpha * eps - by_sigma * x0) / by

        return ask


def noise_for(plan, batch=8):
    return np.random.default_rng(1).normal(size=(batch, 3)) * plan.start_scale
