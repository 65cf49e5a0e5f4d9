"""The statistics of DPM-Solver-v3: closed forms where data are Gaussian, and what their tables win."""

import numpy as np
import pytest
import torch
from learned_problem import MEANS, VP, WIDTHS, eps, noise

from duhamel import sampling
from duhamel.errors import InputError
from duhamel.sampling.predictions import convert

SPREAD = np.array([0.05, 0.3, 1.0, 2.0])
TURN = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
FULL = TURN @ np.diag([0.1, 0.5, 1.5]) ** 2 @ TURN.T


def gaussian(x, t):
    """ε of N(0, diag SPREAD²)."""
    alpha, sigma = VP.alpha(t), VP.sigma(t)
    return sigma * x / ((alpha * SPREAD) ** 2 + sigma**2)


def turned(x, t):
    """ε of N(0, FULL)."""
    alpha, sigma = VP.alpha(t), VP.sigma(t)
    return sigma * np.linalg.solve(alpha**2 * FULL + sigma**2 * np.eye(3), x.T).T


def test_gaussian_data_have_the_known_linear_part():
    data = np.random.default_rng(1).normal(size=(40, 4)) * SPREAD
    found = sampling.statistics(gaussian, VP, data, points=60, probes=4, seed=2)
    ratio = np.exp(-2 * found.log_snr)[:, None]
    np.testing.assert_allclose(found.linear, ratio / (SPREAD**2 + ratio), rtol=1e-7)
    assert np.abs(found.scale).max() < 1e-4
    # where time ends there is no level beyond, and the difference is one-sided
    assert np.abs(found.bias[0]).max() < 0.05
    assert np.abs(found.bias[1:]).max() < 5e-3


@pytest.mark.parametrize("predicts", ["eps", "x0", "v", "edm"])
def test_scale_of_turned_gaussian_data(predicts):
    """f = M y and f′ = N y are linear: s = (M K Nᵀ)/(M K Mᵀ) on the diagonal, K the covariance of y."""
    levels = np.linspace(-1.5, 2.0, 29)

    class Network:
        def bind(self, plan):
            def ask(x, t, i):
                x = x / plan.scale_in[i]
                alpha, sigma = plan.alpha[i], plan.sigma[i]
                m = sigma * np.linalg.solve(alpha**2 * FULL + sigma**2 * np.eye(3), x.T).T
                return convert(m, x, "eps", predicts, alpha, sigma, plan.data)

            return ask

    data = np.random.default_rng(3).multivariate_normal(np.zeros(3), FULL, size=3000)
    found = sampling.statistics(Network(), VP, data, points=levels, predicts=predicts, probes=3, damping=0.0)

    def of(level):
        ratio = np.exp(-2 * level)
        gain = ratio * np.linalg.inv(FULL + ratio * np.eye(3))
        return gain, np.diag(np.diag(gain))

    for k in (4, 14, 24):
        gain, linear = of(levels[k])
        np.testing.assert_allclose(found.linear[k], np.diag(linear), rtol=1e-6)
        (up, up_l), (down, down_l) = of(levels[k] + 1e-4), of(levels[k] - 1e-4)
        first = gain - linear
        second = ((up - up_l) - (down - down_l)) / 2e-4 - first @ gain
        cover = FULL + np.exp(-2 * levels[k]) * np.eye(3)
        exact = np.diag(first @ cover @ second.T) / np.diag(first @ cover @ first.T)
        np.testing.assert_allclose(found.scale[k], exact, atol=0.08)


def test_random_signs_agree_with_the_whole_diagonal_and_torch_with_numpy():
    pick = np.random.default_rng(6).integers(5, size=400)
    data = MEANS[pick] + WIDTHS[pick, None] * noise(400, 7)
    levels = np.linspace(-3, 3, 9)
    exact = sampling.statistics(eps, VP, data, points=levels, probes=2)
    signs = sampling.statistics(eps, VP, data, points=levels, probes=1, batch=150)
    np.testing.assert_allclose(signs.linear, exact.linear, atol=0.06)
    single = sampling.statistics(eps, VP, torch.tensor(data, dtype=torch.float32), points=levels, probes=2)
    np.testing.assert_allclose(single.linear, exact.linear, atol=5e-3)
    np.testing.assert_allclose(single.scale, exact.scale, atol=0.03)


@pytest.mark.parametrize("problem", ["gaussian", "mixture"])
def test_measured_tables_beat_dpm_solver_pp(problem):
    """On noise that the statistics never saw; both on the same grid."""
    if problem == "gaussian":
        model, data = gaussian, np.random.default_rng(1).normal(size=(40, 4)) * SPREAD
        x, factor = np.random.default_rng(9).normal(size=(100, 4)), 0.2
    else:
        pick = np.random.default_rng(6).integers(5, size=400)
        model, data = eps, MEANS[pick] + WIDTHS[pick, None] * noise(400, 7)
        x, factor = noise(100, 9), 0.6
    table = sampling.statistics(model, VP, data, points=60, probes=4)
    exact = sampling.sample(model, x, sampling.plan(VP, steps=400))

    def error(rule, steps, **given):
        plan = sampling.plan(VP, rule, steps=steps, grid=("arctan", 0.7, 1.5), **given)
        return np.sqrt(np.mean((sampling.sample(model, x, plan) - exact) ** 2, axis=1)).mean()

    for steps in (5, 6, 8, 10):
        plain = min(error("dpm++2m", steps), error("dpm++3m", steps))
        assert error("dpm-solver-v3", steps, order=2, statistics=table) < factor * plain


def test_refusals():
    data = noise(8)
    with pytest.raises(InputError, match="two or more"):
        sampling.statistics(eps, VP, data[:1])
    with pytest.raises(InputError, match="direction"):
        sampling.statistics(eps, VP, data, probes=0)
    with pytest.raises(InputError, match="rise"):
        sampling.statistics(eps, VP, data, points=np.array([1.0, 0.0]))
