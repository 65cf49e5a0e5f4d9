"""Predictions: exact conversions, and finite where the relation is."""

import itertools

import numpy as np
import pytest

from duhamel import sampling
from duhamel.sampling.predictions import form_of, in_form

PLACES = [(0.9, 0.3), (0.6, 0.8), (1.0, 7.0), (0.3, 0.7), (1e-3, 1.0), (1.0, 1e-3)]


def predicted(kind, x0, eps, alpha, sigma):
    """By definition, each in its own words."""
    x = alpha * x0 + sigma * eps
    data = 0.5
    skip, out = (
        data**2 * alpha / (data**2 * alpha**2 + sigma**2),
        data * sigma / np.hypot(data * alpha, sigma),
    )
    return {
        "eps": eps,
        "x0": x0,
        "score": -eps / sigma,
        "v": (alpha * eps - sigma * x0) / np.hypot(alpha, sigma),
        "flow": eps - x0,
        "edm": (x0 - skip * x) / out,
    }[kind]


@pytest.mark.parametrize(("alpha", "sigma"), PLACES)
@pytest.mark.parametrize(("source", "target"), list(itertools.product(sampling.PREDICTIONS, repeat=2)))
def test_conversions(source, target, alpha, sigma):
    x0, eps = np.array([0.3, -1.2]), np.array([0.8, 0.1])
    x = alpha * x0 + sigma * eps
    m = predicted(source, x0, eps, alpha, sigma)
    found = sampling.convert(m, x, source, target, alpha, sigma)
    expected = predicted(target, x0, eps, alpha, sigma)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-11 * max(1 / alpha, 1 / sigma) ** 2)


@pytest.mark.parametrize("kind", ["x0", "v", "flow", "edm"])
def test_nothing_divides_by_a_vanishing_alpha(kind):
    a, b, c, d = sampling.relation(kind, 0.0, 1.0)
    assert np.all(np.isfinite([a, b, c, d]))


@pytest.mark.parametrize("kind", ["eps", "x0", "v", "flow", "edm", "score"])
def test_the_data_are_known_at_sigma_zero(kind):
    a, b, _, _ = sampling.relation(kind, 1.0, 0.0)
    assert np.isfinite(a)
    assert np.isfinite(b)


def test_own_form_needs_no_state():
    for kind in ("eps", "x0", "v", "flow", "edm"):
        p, _ = in_form(form_of(kind, 0.3)[0], kind, 0.8, 0.3)
        assert p == 0
