"""Chains over states and noise levels, on mixtures whose every conditional is known."""

import numpy as np
import pytest

from duhamel import sampling
from duhamel.errors import InputError

VE = sampling.VE(0.02, 80.0)
TIMES = VE.time(-np.log(np.geomspace(0.1, 3.0, 12)))
SIGMA = VE.sigma(TIMES)
MEANS = np.array([[-2.0, 0.0], [2.0, 0.0]])
WIDTH = 0.3


def log_density(x, sigma):
    """log p_σ(x) of the mixture; x (B, 2), σ any shape that broadcasts with (B, …)."""
    total = WIDTH**2 + sigma**2
    square = ((x[:, None, :] - MEANS) ** 2).sum(-1)
    return np.logaddexp(*(-square[:, k, None] / (2 * total) for k in (0, 1))) - np.log(4 * np.pi * total)


def model(x, sigma):
    """ε of the mixture; the model time of VE is σ, here one per sample."""
    sigma = np.broadcast_to(np.asarray(sigma, float).reshape(-1, 1), (len(x), 1))
    total = WIDTH**2 + sigma**2
    away = x[:, None, :] - MEANS
    log = -(away**2).sum(-1) / (2 * total)
    share = np.exp(log - log.max(1, keepdims=True))
    share /= share.sum(1, keepdims=True)
    return sigma / total * (share[..., None] * away).sum(1)


def posterior(x):
    return log_density(x, SIGMA)


def run(start, iterations, **options):
    return sampling.denoising_mcmc(
        model, start, VE, times=TIMES, posterior=posterior, iterations=iterations, seed=3, **options
    )


def stationary(batch, seed):
    """Draws of the product space: a level, then a state of it."""
    random = np.random.default_rng(seed)
    level = random.integers(0, 12, batch)
    deviation = np.hypot(WIDTH, SIGMA[level])[:, None]
    return MEANS[random.integers(0, 2, batch)] + deviation * random.normal(size=(batch, 2))


def test_the_chain_keeps_the_moments_of_the_product_space():
    batch, levels, seconds, right = 600, [], [], []
    chain = stationary(batch, 0)
    for _ in range(5):
        chain = run(chain, 4, size=0.05)
        levels.append(chain.level)
        seconds.append(chain.x[:, 1] ** 2 / (WIDTH**2 + SIGMA[chain.level] ** 2))
        right.append((chain.x[:, 0] > 0).mean())
    # the draws of a chain depend on each other: bounds of `batch` draws, and the bias of the step size
    share = np.bincount(np.concatenate(levels), minlength=12) / (5 * batch)
    assert np.all(np.abs(share - 1 / 12) < 4 * np.sqrt(1 / 12 / batch))
    assert abs(np.mean(seconds) - 1) < 4 * np.sqrt(2 / batch) + 0.025
    assert abs(np.mean(right) - 0.5) < 4 * 0.5 / np.sqrt(batch)


def test_chains_leave_a_mode_and_a_level():
    chain = run(np.full((60, 2), [-2.0, 0.0]), 120, size=0.2)
    assert 0.2 < (chain.x[:, 0] > 0).mean() < 0.8
    assert len(np.unique(chain.level)) > 6


def test_a_chain_goes_on_to_the_same_bits_in_any_batch():
    start = np.random.default_rng(0).normal(size=(6, 2)) * VE.sigma_max
    whole = run(start, 8, inner=2)
    half = run(run(start, 3, inner=2), 5, inner=2)
    assert np.array_equal(whole.x, half.x)
    assert np.array_equal(whole.level, half.level)
    assert half.count == 8
    part = run(start[:2], 8, inner=2)
    assert np.array_equal(part.x, whole.x[:2])


def energy_distance(a, b):
    def mean(a, b):
        return np.sqrt(((a[:, None] - b) ** 2).sum(-1)).mean()

    return 2 * mean(a, b) - mean(a, a) - mean(b, b)


@pytest.mark.parametrize("rule", ["ddim", "multistep", "heun"])
def test_chains_then_any_rule_beat_the_rule_from_the_prior(rule):
    """The same number of evaluations a sample: one of a chain in its stationary state (reaching it is paid
    once for all draws) and a short run, against one run from the prior."""
    random = np.random.default_rng(1)
    batch = 500
    data = MEANS[random.integers(0, 2, batch)] + WIDTH * random.normal(size=(batch, 2))
    options = {"steps": 3, "grid": "logsnr"}
    made = run(stationary(batch, 2), 1)
    found = sampling.denoise(model, made, VE, rule, times=TIMES, **options)
    cost = 1 + sampling.plan(VE, rule, **options).nfe
    alone = {"grid": "logsnr", "steps": cost if rule != "heun" else (cost + 1) // 2}
    plan = sampling.plan(VE, rule, **alone)
    assert plan.nfe >= cost - 1
    prior = sampling.sample(model, random.normal(size=(batch, 2)) * VE.sigma_max, plan)
    assert energy_distance(found, data) < min(0.08, 0.3 * energy_distance(prior, data))
    assert abs((found[:, 0] > 0).mean() - 0.5) < 4 * 0.5 / np.sqrt(batch)


def test_refusals():
    x = np.zeros((3, 2))
    with pytest.raises(InputError, match="rising"):
        sampling.denoising_mcmc(model, x, VE, times=[0.5, 0.5], posterior=posterior, iterations=1, seed=0)
    with pytest.raises(InputError, match="one number per sample and level"):
        sampling.denoising_mcmc(model, x, VE, times=TIMES, posterior=lambda x: x, iterations=1, seed=0)
