"""PFGM++: its noise against the exact law, its flow against the exact density, and EDM as D → ∞."""

import numpy as np
import pytest
from scipy import stats

from duhamel import sampling
from duhamel.errors import InputError

DATA = np.random.default_rng(5).normal(size=(6, 3))


def estimate(schedule, x, sigma):
    """E[x₀ | x] of the points DATA under the kernel of the schedule, and log p_σ(x)."""
    square = ((x[:, None] - DATA) ** 2).sum(-1)
    log = schedule.log_kernel(square, 3, sigma)
    top = log.max(1, keepdims=True)
    share = np.exp(log - top)
    return share @ DATA / share.sum(1, keepdims=True), top[:, 0] + np.log(share.mean(1))


class Points:
    def __init__(self, schedule):
        self.schedule = schedule

    def bind(self, plan):
        return lambda x, t, i: estimate(self.schedule, x, plan.sigma[i])[0]


@pytest.mark.parametrize("extra", [1.0, 4.0, 128.0])
@pytest.mark.parametrize("size", [2, 12])
def test_the_radius_has_the_law_of_the_paper(extra, size):
    schedule = sampling.PFGM(extra=extra)
    found = schedule.prior((1500, size), 1)
    square = (found**2).sum(1)
    share = square / (square + schedule.sigma_max**2 * extra)
    assert stats.kstest(share, stats.beta(size / 2, extra / 2).cdf).pvalue > 1e-3
    angle = found[:, 0] / np.sqrt(square)
    assert abs(angle.mean()) < 4 / np.sqrt(1500 * size)
    np.testing.assert_array_equal(schedule.prior((4, size), 1), found[:4])


def test_noise_grows_into_that_of_edm():
    near = [sampling.PFGM(extra=extra).perturbation((200, 8), 2) for extra in (1e2, 1e4, 1e6, float("inf"))]
    gaps = [np.abs(z - near[-1]).mean() for z in near[:-1]]
    assert gaps[0] > 5 * gaps[1] > 25 * gaps[2]
    assert gaps[2] < 2e-3
    x0 = np.ones((5, 8))
    times = np.linspace(0.1, 0.5, 5)
    for_edm, z = sampling.noise_to(x0, sampling.EDM(), times, 3)
    for_pfgm, same = sampling.noise_to(x0, sampling.PFGM(), times, 3)
    assert np.array_equal(for_edm, for_pfgm)
    assert np.array_equal(z, same)
    heavy, other = sampling.noise_to(x0, sampling.PFGM(extra=3.0), times, 3)
    np.testing.assert_allclose(heavy, x0 + sampling.EDM().sigma(times)[:, None] * other, rtol=1e-14)


def test_the_kernel_is_a_density():
    for extra in (1.0, 7.0, 1e8, float("inf")):
        log = sampling.PFGM(extra=extra).log_kernel(np.array([0.0, 1.0, 30.0]), 3, 1.7)
        if np.isinf(extra) or extra > 1e7:
            expected = stats.multivariate_normal(np.zeros(3), 1.7**2).logpdf(
                np.sqrt([[0, 0, 0], [1, 0, 0], [30, 0, 0]])
            )
            np.testing.assert_allclose(log, expected, rtol=1e-6)
        else:
            law = stats.multivariate_t(np.zeros(3), 1.7**2 * np.eye(3), df=extra)
            np.testing.assert_allclose(
                log, law.logpdf(np.sqrt([[0, 0, 0], [1, 0, 0], [30, 0, 0]])), rtol=1e-10
            )


@pytest.mark.parametrize("extra", [2.0, 64.0])
def test_the_flow_carries_the_density_of_its_kernel(extra):
    """log p at σ = 0.3 by the change of variables along the flow up to σ = 3, against the kernel's own
    density."""
    schedule = sampling.PFGM(extra=extra, sigma_max=80.0)
    low, high = 0.3, 3.0
    plan = sampling.encoder(
        schedule, "dpm-3", steps=60, grid="logsnr", predicts="x0", start=high / 80, final=low,
    )  # fmt: skip

    def trace(x, t, i):
        found, h = 0.0, 1e-5
        for k in range(3):
            step = h * np.eye(3)[k]
            ends = [estimate(schedule, x + sign * step, plan.sigma[i])[0][:, k] for sign in (1, -1)]
            found = found + (ends[0] - ends[1]) / (2 * h)
        return estimate(schedule, x, plan.sigma[i])[0], found

    x = DATA + 0.3 * np.random.default_rng(0).normal(size=DATA.shape)
    found = sampling.log_likelihood(
        Points(schedule), x, plan, trace=trace, prior=lambda x: estimate(schedule, x, high)[1]
    )
    np.testing.assert_allclose(found.log_prob, estimate(schedule, x, low)[1], atol=2e-4)


def test_trajectories_become_those_of_edm():
    plan = sampling.plan(sampling.EDM(), "multistep", steps=40, predicts="x0")
    x = sampling.EDM().sigma_max * np.random.default_rng(0).normal(size=(20, 3))
    limit = sampling.sample(Points(sampling.PFGM()), x, plan, stop=30).x
    gaps = []
    for extra in (1e2, 1e4, 1e6):
        schedule = sampling.PFGM(extra=extra)
        own = sampling.plan(schedule, "multistep", steps=40, predicts="x0")
        assert own == plan
        gaps.append(np.abs(sampling.sample(Points(schedule), x, own, stop=30).x - limit).mean())
    assert gaps[0] > 20 * gaps[1] > 400 * gaps[2]


def test_from_the_prior_to_the_data():
    """With few extra dimensions the start must be heavy tailed; then each point is reached equally
    often."""
    schedule = sampling.PFGM(extra=2.0)
    plan = sampling.plan(schedule, "multistep", steps=60, predicts="x0", order=2, grid="karras")
    found = sampling.sample(Points(schedule), schedule.prior((1200, 3), 4), plan)
    nearest = ((found[:, None] - DATA) ** 2).sum(-1).argmin(1)
    assert np.quantile(np.abs(found - DATA[nearest]), 0.995) < 1e-3
    counts = np.bincount(nearest, minlength=6)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_saved_and_refused(tmp_path):
    plan = sampling.plan(sampling.PFGM(extra=16.0), steps=4, predicts="edm")
    plan.save(tmp_path / "plan.json")
    assert sampling.Plan.load(tmp_path / "plan.json").schedule == sampling.PFGM(extra=16.0)
    with pytest.raises(InputError, match="extra="):
        sampling.PFGM(extra=0.0)
