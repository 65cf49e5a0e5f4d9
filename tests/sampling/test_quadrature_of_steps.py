"""Weights of a step against mpmath's integrals, in every variable and linear part, and their limits."""

import itertools

import mpmath as mp
import numpy as np
import pytest

from duhamel import sampling
from duhamel.coefficients import quadrature
from duhamel.sampling.forms import Constant, Gaussian, Straight, Tabulated
from duhamel.sampling.weights import Point, node_weights, step, variable

VP = sampling.VP()


def at(t):
    return Point(t, float(VP.alpha(t)), float(VP.sigma(t)))


FORMS = [Constant(0.0), Constant(1.0), Constant(0.4), Gaussian(0.5), Straight()]


@pytest.mark.parametrize("form", FORMS, ids=repr)
@pytest.mark.parametrize("name", ["logsnr", "t", "rho", "arctan"])
@pytest.mark.parametrize("tau", [0.0, 0.7])
def test_moments(form, name, tau):
    s, t = at(0.62), at(0.31)
    found = step(s, t, 3, name, VP, form, tau)
    kappa = 1 + tau**2
    ends = variable(name, VP, s), variable(name, VP, t)

    def density(level, k):
        level = float(level)
        alpha, sigma = np.exp(level / 2), np.exp(-level / 2)
        place = {
            "logsnr": level,
            "t": VP.time(level),
            "rho": np.exp(-level),
            "arctan": np.arctan(np.exp(-level)),
        }[name]
        u = (place - ends[0]) / (ends[1] - ends[0])
        total, last = form.value(alpha, sigma), form.value(t.alpha, t.sigma)
        return (
            -kappa * t.alpha ** (1 - kappa) * last**kappa * alpha ** (kappa - 1) / total ** (kappa + 1) * u**k
        )

    for k in range(3):
        expected = mp.quad(lambda level, k=k: density(level, k), [s.log_snr, t.log_snr])
        assert found.moments[k] == pytest.approx(float(expected), rel=2e-11)


@pytest.mark.parametrize("form", [Constant(0.0), Constant(1.0), Straight()], ids=repr)
def test_a_constant_value_is_integrated_exactly(form):
    """With x̂₀ and ε constant, x = α x̂₀ + σ ε after every step, however long."""
    x0, eps = 0.7, -1.3
    for s, t in ((at(1.0), at(0.02)), (at(0.4), Point(0.0, 1.0, 0.0))):
        by_alpha, by_sigma = form.slopes(s.alpha, s.sigma)
        found = step(s, t, 1, "logsnr", VP, form)
        value = found.factor * (s.alpha * x0 + s.sigma * eps) + found.moments[0] * (
            by_alpha * eps - by_sigma * x0
        )
        assert value == pytest.approx(t.alpha * x0 + t.sigma * eps, rel=1e-11)


def test_the_shared_quadrature_is_the_one_of_the_coefficients():
    s, t = at(0.62), at(0.31)
    h = t.log_snr - s.log_snr
    nodes = np.array([0.0, -0.8, -1.9])
    ours = node_weights(nodes, step(s, t, 3, "logsnr", VP, Constant(1.0)).moments)
    np.testing.assert_allclose(ours, -t.alpha * h * quadrature(nodes, np.array(-h)), rtol=1e-13)
    ours = node_weights(nodes, step(s, t, 3, "logsnr", VP, Constant(0.0)).moments)
    np.testing.assert_allclose(ours, -t.sigma * h * quadrature(nodes, np.array(h)), rtol=1e-13)


@pytest.mark.parametrize("form", [Constant(0.0), Constant(1.0), Gaussian(0.5), Straight()], ids=repr)
@pytest.mark.parametrize("name", ["t", "rho", "arctan"])
def test_the_end_at_sigma_zero_is_the_limit(form, name):
    s = at(0.2)
    near = step(s, at(1e-9), 3, name, VP, form)
    end = step(s, Point(0.0, 1.0, 0.0), 3, name, VP, form)
    np.testing.assert_allclose(end.moments, near.moments, rtol=2e-3, atol=1e-4)
    assert end.factor == pytest.approx(near.factor, abs=2e-3)


@pytest.mark.parametrize("form", [Constant(1.0), Gaussian(0.5), Straight()], ids=repr)
def test_the_start_at_alpha_zero_is_the_limit(form):
    flow = sampling.Flow()
    end = Point(0.6, 0.4, 0.6)
    for name in ("t", "arctan"):
        near = step(Point(1 - 1e-9, 1e-9, 1 - 1e-9), end, 3, name, flow, form)
        exact = step(Point(1.0, 0.0, 1.0), end, 3, name, flow, form)
        np.testing.assert_allclose(exact.moments, near.moments, rtol=1e-6)
        assert exact.factor == pytest.approx(near.factor, rel=1e-6)


@pytest.mark.parametrize("form", FORMS, ids=repr)
def test_noise_keeps_the_marginal_of_gaussian_data(form):
    """For data of no spread at 0, ε = x/σ: the variance after a step with the exact integral must be σ_t²; a
    chain of short steps of order 1 comes to it as the steps shrink."""
    tau, count = 0.8, 400
    times = np.linspace(0.9, 0.3, count + 1)
    variance = float(VP.sigma(0.9)) ** 2
    for a, b in itertools.pairwise(times):
        s, t = at(a), at(b)
        found = step(s, t, 1, "logsnr", VP, form, tau)
        by_alpha, _ = form.slopes(s.alpha, s.sigma)
        variance = (found.factor + found.moments[0] * by_alpha / s.sigma) ** 2 * variance + found.noise**2
    assert variance == pytest.approx(float(VP.sigma(0.3)) ** 2, rel=2e-2)


def test_a_tabulated_linear_part_is_its_constant_or_its_integral():
    """Constant l gives α^{1−l} σ^l up to a factor; otherwise d log(Q/α)/dλ = −l."""
    alpha, sigma = VP.alpha(np.array([0.1, 0.4, 0.9])), VP.sigma(np.array([0.1, 0.4, 0.9]))
    flat = Tabulated((-3.0, 0.5, 2.0), (0.3, 0.3, 0.3)).value(alpha, sigma)
    np.testing.assert_allclose(
        flat / flat[0], (ref := Constant(0.3).value(alpha, sigma)) / ref[0], rtol=1e-12
    )
    form, level, h = Tabulated((-3.0, 0.5, 2.0), (1.0, 0.6, 0.1)), np.array([-4.0, -1.0, 0.8, 3.0]), 1e-5
    ends = [np.log(form.value(np.exp(v / 2), np.exp(-v / 2))) - v / 2 for v in (level + h, level - h)]
    np.testing.assert_allclose(
        (ends[1] - ends[0]) / (2 * h), np.interp(level, *map(np.array, (form.log_snr, form.share))), rtol=1e-8
    )
    by_alpha, by_sigma = form.slopes(alpha, sigma)
    np.testing.assert_allclose(alpha * by_alpha + sigma * by_sigma, form.value(alpha, sigma), rtol=1e-13)
    # Q up to a constant: f is multiplied by it, the moments are divided
    whole = Tabulated((-9.0, 9.0), (1.0, 1.0))
    constant = whole.value(at(0.6).alpha, at(0.6).sigma) / at(0.6).sigma
    short = step(at(0.6), at(0.5), 2, "logsnr", VP, whole)
    usual = step(at(0.6), at(0.5), 2, "logsnr", VP, Constant(1.0))
    np.testing.assert_allclose(short.moments * constant, usual.moments, rtol=1e-12)
    assert short.factor == pytest.approx(usual.factor, rel=1e-12)
