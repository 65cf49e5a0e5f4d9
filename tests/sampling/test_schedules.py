"""Schedules: against mpmath, against difference quotients, and their inverses."""

import mpmath as mp
import numpy as np
import pytest

from duhamel import sampling
from duhamel.errors import InputError

SCHEDULES = [
    sampling.VP(),
    sampling.SubVP(),
    sampling.Cosine(),
    sampling.VE(),
    sampling.EDM(),
    sampling.Flow(),
    sampling.Flow(shift=3.0),
    sampling.Discrete.linear(),
    sampling.Discrete.scaled_linear(),
]
TIMES = np.array([1e-6, 1e-3, 0.0123, 0.25, 0.5009, 0.87651, 0.9987])


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_inverse_and_ratio(schedule):
    level = schedule.log_snr(TIMES)
    np.testing.assert_allclose(schedule.time(level), TIMES, rtol=1e-11, atol=1e-15)
    np.testing.assert_allclose(
        level, np.log(schedule.alpha(TIMES)) - np.log(schedule.sigma(TIMES)), rtol=1e-12, atol=1e-12
    )
    one = schedule.log_snr(float(TIMES[3]))
    assert np.ndim(one) == 0
    assert one == level[3]


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_rates_are_derivatives(schedule):
    t, h = (
        np.array([2.5e-4, 1.3e-3, 0.0123, 0.2503, 0.50093, 0.87651, 0.99871]),
        1e-6,
    )  # in the open cells of discrete ones
    for of, rate in ((schedule.alpha, schedule.alpha_rate), (schedule.sigma, schedule.sigma_rate)):
        step = np.minimum(h, 1e-3 * t)
        slope = (of(t + step) - of(t - step)) / (2 * step)
        np.testing.assert_allclose(rate(t), slope, rtol=2e-5, atol=1e-9)


@pytest.mark.parametrize("t", [1e-9, 1e-4, 0.3, 0.999])
def test_continuous_schedules_to_the_last_digits(t):
    with mp.workdps(50):
        one = mp.mpf(t)
        log_alpha = -one * mp.mpf(0.1) / 2 - one**2 * (mp.mpf(20) - mp.mpf(0.1)) / 4
        vp = (mp.exp(log_alpha), mp.sqrt(1 - mp.exp(2 * log_alpha)))
        sub = (mp.exp(log_alpha), 1 - mp.exp(2 * log_alpha))
        s = mp.mpf(0.008)
        cosine = mp.cos(mp.pi / 2 * (one + s) / (1 + s)) / mp.cos(mp.pi / 2 * s / (1 + s))
        cases = {
            sampling.VP(): vp,
            sampling.SubVP(): sub,
            sampling.Cosine(): (cosine, mp.sqrt(1 - cosine**2)),
        }
        for schedule, (alpha, sigma) in cases.items():
            assert schedule.alpha(t) == pytest.approx(float(alpha), rel=1e-13)
            assert schedule.sigma(t) == pytest.approx(float(sigma), rel=1e-13)


def test_ends():
    assert sampling.Cosine().alpha(1.0) == 0
    assert sampling.Flow().time(np.inf) == 0
    assert sampling.Flow().time(-np.inf) == 1
    for schedule in SCHEDULES:
        if not isinstance(schedule, sampling.VE):
            assert schedule.sigma(0.0) == 0
            assert schedule.time(np.inf) == 0


def test_discrete_at_its_own_times_and_zero_terminal():
    values = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    schedule = sampling.Discrete(values)
    t = (np.arange(1000) + 1) / 1000
    np.testing.assert_allclose(schedule.alpha(t) ** 2, values, rtol=1e-13)
    np.testing.assert_allclose(schedule.model_time(t), np.arange(1000), atol=1e-10)
    shifted = (np.sqrt(values) - np.sqrt(values[-1])) ** 2
    zero = sampling.Discrete(np.append(shifted[:-1], 0.0))
    assert zero.alpha(1.0) == 0
    assert zero.sigma(1.0) == 1
    np.testing.assert_allclose(zero.time(zero.log_snr(t[500:])), t[500:], rtol=1e-12)
    near = np.array([0.9991, 0.9995, 0.9999])
    np.testing.assert_allclose(zero.time(zero.log_snr(near)), near, rtol=1e-12)
    with pytest.raises(InputError, match="falling"):
        sampling.Discrete(np.linspace(1e-4, 0.02, 10))


def test_flow_is_shifted_once():
    schedule = sampling.Flow(shift=3.0, model_scale=1000)
    assert schedule.sigma(0.5) == pytest.approx(0.75)
    assert schedule.model_time(0.5) == pytest.approx(750)


@pytest.mark.parametrize("schedule", [sampling.VP(), sampling.Flow(), sampling.Cosine(), sampling.EDM()])
def test_grids_that_are_even_in_a_function_of_the_ratio(schedule):
    """θ^(1/p) falls in equal steps down to σ = 0, with θ = rᵃ/(1 + rᵃ) or log(1 + rᵃ), r = σ/(c α)."""
    for name, (c, a, p) in (("logistic", (0.7, 0.8, 1.5)), ("softplus", (0.5, 2.0, 3.5))):
        plan = sampling.plan(
            schedule,
            "multistep",
            order=1,
            steps=9,
            grid=(name, c, a, p),
            linear="v",
            predicts="x0",
            start=0.9,
        )
        with np.errstate(divide="ignore"):
            power = (np.append(plan.sigma, plan.end[2]) / np.append(plan.alpha, plan.end[1]) / c) ** a
        theta = power / (1 + power) if name == "logistic" else np.log1p(power)
        steps = np.diff(theta ** (1 / p))
        np.testing.assert_allclose(steps, np.full(9, steps[0]), rtol=1e-7)
        assert plan.end[2] == 0.0


def test_a_single_training_time():
    schedule = sampling.Discrete([0.3])
    assert np.isclose(schedule.alpha(1.0), np.sqrt(0.3))
    assert schedule.sigma(0.0) == 0
    assert np.isclose(schedule.time(schedule.log_snr(0.2)), 0.2)
    assert np.isfinite(sampling.plan(schedule, "unipc", steps=4, predicts="v").m).all()
    with pytest.raises(InputError, match="falling"):
        sampling.Discrete([0.0])
