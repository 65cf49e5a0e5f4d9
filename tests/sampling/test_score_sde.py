"""The score-SDE frame: forward noise, reverse SDEs and their corrections, checked on moments that are
known exactly."""

import numpy as np
import pytest
import torch
from sampling_problem import Network, noise_for

from duhamel import sampling
from duhamel.errors import InputError

VP, VE = sampling.VP(), sampling.VE(0.02, 20.0)
WIDTH, MEAN = 0.5, 0.7


def moments(plan, mean, variance):
    """Mean and variance of the end when data are N(MEAN, WIDTH²): a plan is linear in (x, z) where ε is
    affine in x."""
    count = len(plan)
    # a state as coefficients of (1, x_start, z_0 … )
    states, outputs, size = [np.eye(count + 2)[1]], [], count + 2
    for i in range(count):
        alpha, sigma = plan.alpha[i], plan.sigma[i]
        gain = sigma / ((alpha * WIDTH) ** 2 + sigma**2)
        output = gain * states[i]
        output[0] -= gain * alpha * MEAN
        outputs.append(output)
        after = np.zeros(size)
        for k, c in enumerate(plan.x[i]):
            after += c * states[i - k] if c else 0
        for k, c in enumerate(plan.m[i]):
            after += c * outputs[i - k] if c else 0
        for k, c in enumerate(plan.z[i]):
            after[2 + i - k] += c
        states.append(after)
    end = states[-1]
    return end[0] + end[1] * mean, end[1] ** 2 * variance + np.sum(end[2:] ** 2)


def errors(schedule, rule, steps, **options):
    plan = sampling.plan(schedule, rule, steps=steps, grid=("power", 2.0), final="sigma_min", **options)
    alpha, sigma = float(plan.alpha[0]), float(plan.sigma[0])
    mean, variance = moments(plan, alpha * MEAN, (alpha * WIDTH) ** 2 + sigma**2)
    _, alpha, sigma = plan.end
    return abs(mean - alpha * MEAN), abs(variance / ((alpha * WIDTH) ** 2 + sigma**2) - 1)


@pytest.mark.parametrize("schedule", [VP, VE], ids=["vp", "ve"])
@pytest.mark.parametrize("rule", ["euler-maruyama", "reverse-diffusion", "ddim", "sde-dpm++"])
def test_reverse_sdes_reach_the_marginals_with_order_one(schedule, rule):
    options = {"ddim": {"eta": 1.0}, "sde-dpm++": {"order": 1}}.get(rule, {})
    mean, variance = zip(
        *(errors(schedule, rule, steps, **options) for steps in (100, 200, 400)), strict=True
    )
    assert mean[-1] < 0.03
    assert variance[-1] < 0.08
    assert np.all(np.abs(np.log2(np.array(variance[:-1]) / variance[1:]) - 1) < 0.25), variance


@pytest.mark.parametrize("schedule", [VP, VE], ids=["vp", "ve"])
@pytest.mark.parametrize("predictor", ["reverse-diffusion", "euler-maruyama", "ancestral", "flow"])
def test_correction_repairs_a_coarse_predictor(schedule, predictor):
    """From a wrong start (half the variance), Langevin steps bring the marginal back; without them it
    stays wrong where the predictor is the deterministic flow."""

    def off(corrections):
        plan = sampling.plan(
            schedule, "predictor-corrector", steps=60, predictor=predictor, corrections=corrections, snr=0.2,
            final="sigma_min", grid=("power", 2.0),
        )  # fmt: skip
        alpha, sigma = float(plan.alpha[0]), float(plan.sigma[0])
        _, variance = moments(plan, alpha * MEAN, 0.5 * ((alpha * WIDTH) ** 2 + sigma**2))
        _, alpha, sigma = plan.end
        return abs(variance / ((alpha * WIDTH) ** 2 + sigma**2) - 1)

    assert off(4) < 0.12
    if predictor == "flow":
        assert off(0) > 0.4


def test_annealed_langevin_alone():
    off = []
    for corrections in (6, 24):
        plan = sampling.plan(
            VE, "predictor-corrector", steps=40, predictor="none", corrections=corrections, snr=0.2,
            final="sigma_min", grid="logsnr",
        )  # fmt: skip
        assert plan.nfe == 40 * corrections
        assert not plan.asks[0]
        mean, variance = moments(plan, 0.0, VE.sigma_max**2)
        off.append((abs(mean - MEAN), abs(variance / WIDTH**2 - 1)))
    assert off[1][0] < 1e-6, off
    assert off[1][1] < min(0.15, 0.5 * off[0][1]), off


def test_the_end_without_noise_is_the_estimate_of_the_data():
    for rule in ("euler-maruyama", "reverse-diffusion", "predictor-corrector"):
        plan = sampling.plan(VP, rule, steps=5)
        assert not np.any(plan.z[-1])
        assert plan.end[2] == 0
        state = sampling.sample(Network("eps"), noise_for(plan), plan, noise=1, stop=len(plan) - 1)
        found = sampling.sample(Network("eps"), None, plan, noise=1, start=state)
        eps = Network("eps").bind(plan)(state.x, None, len(plan) - 1)
        np.testing.assert_allclose(found, (state.x - plan.sigma[-1] * eps) / plan.alpha[-1], rtol=1e-12)
    with pytest.raises(InputError, match="predictor="):
        sampling.plan(VP, "predictor-corrector", steps=3, predictor="heun")
    with pytest.raises(InputError, match="snr="):
        sampling.plan(VP, "predictor-corrector", steps=3, snr=2.0)


def test_ancestral_prediction_is_ddim_with_eta_one():
    one = sampling.plan(VP, "predictor-corrector", steps=6, predictor="ancestral", corrections=0)
    other = sampling.plan(VP, "ddim", steps=6, eta=1.0, grid="uniform")
    for name in "xmz":
        np.testing.assert_allclose(getattr(one, name), getattr(other, name), rtol=1e-12)


def test_samples_of_a_run_have_the_moments_of_the_table():
    plan = sampling.plan(VP, "predictor-corrector", steps=20)

    def model(x, t):
        alpha, sigma = float(VP.alpha(t)), float(VP.sigma(t))
        return sigma * (x - alpha * MEAN) / ((alpha * WIDTH) ** 2 + sigma**2)

    x = np.random.default_rng(0).normal(size=(50, 200))
    found = sampling.sample(model, x, plan, noise=5)
    mean, variance = moments(plan, 0.0, 1.0)
    deviation = np.sqrt(variance / found.size)
    assert abs(found.mean() - mean) < 4 * deviation
    assert abs(found.var() / variance - 1) < 4 * np.sqrt(2 / found.size)


def test_forward_noise():
    x0 = np.full((120, 100), 2.0)
    x, z = sampling.noise_to(x0, VP, 0.5, 7)
    alpha, sigma = float(VP.alpha(0.5)), float(VP.sigma(0.5))
    np.testing.assert_allclose(x, alpha * x0 + sigma * z, rtol=1e-14)
    assert abs(z.mean()) < 0.04
    assert abs(z.var() - 1) < 0.06
    np.testing.assert_array_equal(sampling.noise_to(x0[:5], VP, 0.5, 7)[0], x[:5])
    times = np.array([0.0, 0.3, 1.0])
    each, z = sampling.noise_to(x0[:3], VP, times, [1, 2, 3])
    np.testing.assert_allclose(each, VP.alpha(times)[:, None] * 2 + VP.sigma(times)[:, None] * z, rtol=1e-14)
    np.testing.assert_array_equal(each[0], x0[0])
    in_torch, _ = sampling.noise_to(torch.from_numpy(x0[:3]), VP, times, [1, 2, 3])
    np.testing.assert_allclose(in_torch, each, rtol=1e-12)


def test_two_steps_of_noise_are_one():
    x0 = np.full((40, 500), 1.5)
    first, _ = sampling.noise_to(x0, VP, 0.2, 1)
    second = sampling.noise_between(first, VP, 0.2, 0.6, 2)
    alpha, sigma = float(VP.alpha(0.6)), float(VP.sigma(0.6))
    assert abs(second.mean() - 1.5 * alpha) < 4 * sigma / np.sqrt(20000)
    assert abs(second.var() / sigma**2 - 1) < 4 * np.sqrt(2 / 20000)
    with pytest.raises(InputError, match="noisier"):
        sampling.noise_between(first, VP, 0.6, 0.2, 2)


@pytest.mark.parametrize("predicts", ["eps", "v", "x0", "edm"])
def test_langevin_has_the_variance_it_must_have(predicts):
    """x' = (1 − δσ²/s) x + σ√(2δ) z has the stationary variance s/(1 − δσ²/(2s)) for the Gaussian s."""
    alpha, sigma, size = float(VP.alpha(0.4)), float(VP.sigma(0.4)), 0.1
    total = (alpha * WIDTH) ** 2 + sigma**2

    def model(x, t):
        scale = np.hypot(0.5 * alpha, sigma) if predicts == "edm" else 1.0
        return sampling.convert(sigma * (x * scale) / total, x * scale, "eps", predicts, alpha, sigma)

    score = sampling.score_of(model, VP, predicts)
    x = np.random.default_rng(0).normal(size=(100, 200))
    np.testing.assert_allclose(score(x, 0.4), -x / total, rtol=1e-10)
    found = sampling.langevin(score, x, VP, np.full(100, 0.4), steps=60, size=size, seed=1)
    expected = total / (1 - size * sigma**2 / (2 * total))
    assert abs(found.var() / expected - 1) < 4 * np.sqrt(2 / found.size)


def test_shifted_times():
    plan = sampling.plan(VP, "ddim", steps=20)
    x = noise_for(plan, 64)
    same = sampling.shift_times(Network("eps"), x, plan, window=0.0)
    assert same == plan

    class Gaussian:
        """Data N(0, WIDTH²), with the times it is told, and a bias when asked for."""

        def __init__(self, bias=0.0):
            self.bias = bias

        def __call__(self, x, t):
            alpha, sigma = float(VP.alpha(t)), float(VP.sigma(t))
            return sigma * x / ((alpha * WIDTH) ** 2 + sigma**2) * (1 - self.bias)

    fine = sampling.plan(VP, "multistep", steps=60, data=WIDTH)
    x = np.random.default_rng(0).normal(size=(500, 40))
    x *= np.hypot(VP.alpha(1.0) * WIDTH, VP.sigma(1.0)) / np.sqrt((x**2).mean())
    inside = fine.t > 0.1
    right = sampling.shift_times(Gaussian(), x, fine, window=0.1)
    assert np.abs(right.model_time - fine.model_time)[inside & (fine.t < 0.95)].max() < 0.01
    # a network that removes too little noise meets states noisier than the plan says, and is told so
    biased = Gaussian(0.03)
    moved = sampling.shift_times(biased, x, fine, window=0.1, above=0.05)
    assert np.all((moved.model_time - fine.model_time)[(fine.t > 0.2) & (fine.t < 0.8)] > 0)
    assert np.array_equal(moved.x, fine.x)
    assert np.array_equal(moved.model_time[fine.t <= 0.05], fine.model_time[fine.t <= 0.05])
    with pytest.raises(InputError, match="schedule"):
        sampling.shift_times(Network("eps"), x, plan.replace(schedule=None), window=0.1)
