"""Guidance by classifiers whose posterior is known, right and wrong."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch

from duhamel import sampling
from duhamel.errors import InputError

VE = sampling.VE(0.01, 30.0)
MEANS = np.array([[1.0, 0.0], [-1.0, 0.4], [0.2, -1.3]])
WIDTH = 0.4
X = np.random.default_rng(2).normal(size=(64, 2)) * 30.0


def logits(x, sigma, xp=np, means=MEANS):
    """log p(x | y) at level σ: up to a constant the exact classifier's logits."""
    away = x[:, None] - means
    return -(away**2).sum(-1) / (2 * (WIDTH**2 + sigma**2))


def wide(x, sigma, classes=slice(None), xp=np, means=MEANS):
    """ε of the mixture of some classes at level σ (the model time of VE)."""
    f = logits(x, sigma, xp, means)[:, classes]
    share = xp.exp(f - f.max(1)[0][:, None] if xp is torch else f - f.max(1, keepdims=True))
    share = share / share.sum(1)[:, None]
    return sigma / (WIDTH**2 + sigma**2) * (x - share @ means[classes])


def test_the_exact_classifier_makes_the_mixture_the_class():
    plan = sampling.plan(VE, steps=40, order=2)
    expected = sampling.sample(lambda x, s: wide(x, s, slice(1, 2)), X, plan)

    def slope(x, sigma):
        return (wide(x, sigma) - wide(x, sigma, slice(1, 2))) / sigma

    found = sampling.sample(sampling.Classified(wide, slope=slope), X, plan)
    np.testing.assert_allclose(found, expected, atol=1e-9)
    means = torch.from_numpy(MEANS)
    in_torch = sampling.Classified(
        lambda x, s: wide(x, s, xp=torch, means=means),
        sampling.tempered(lambda x, s: logits(x, s, torch, means), 1),
    )
    np.testing.assert_allclose(sampling.sample(in_torch, torch.from_numpy(X), plan), expected, atol=1e-9)
    means = jnp.asarray(MEANS)
    in_jax = sampling.Classified(
        lambda x, s: wide(x, s, xp=jnp, means=means),
        sampling.tempered(lambda x, s: logits(x, s, jnp, means), 1),
    )
    np.testing.assert_allclose(sampling.sample(in_jax, jnp.asarray(X), plan), expected, atol=1e-9)


@pytest.mark.parametrize("predicts", ["x0", "v", "score", "flow", "edm"])
def test_every_prediction_is_guided_alike(predicts):
    plain = sampling.plan(VE, steps=6, linear="x0")
    plan = sampling.plan(VE, steps=6, predicts=predicts, linear="x0")
    means = torch.from_numpy(MEANS)
    x = torch.from_numpy(X)

    def net(x, sigma, scale=1.0):
        return wide(x, sigma, xp=torch, means=means)

    class Turned:
        def bind(self, plan):
            def ask(x, t, i):
                x = x / plan.scale_in[i]
                sigma = plan.sigma[i]
                return sampling.convert(net(x, sigma), x, "eps", predicts, 1.0, sigma, plan.data)

            return ask

    class Judge:
        def bind(self, plan):
            return lambda x, t, i: sampling.tempered(
                lambda x, t: logits(x / plan.scale_in[i], plan.sigma[i], torch, means), 0
            )(x, t)

    expected = sampling.sample(sampling.Classified(net, Judge(), 2.0), x, plain)
    found = sampling.sample(sampling.Classified(Turned(), Judge(), 2.0), x, plan)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)


def test_a_classifier_of_clean_data_through_the_network():
    plan = sampling.plan(VE, "ddim", steps=5)
    means, i = torch.from_numpy(MEANS), 2
    sigma = float(plan.sigma[i])
    x = torch.from_numpy(X[:4] / 10)

    def net(x, s):
        return wide(x, s, xp=torch, means=means)

    def judged(x, s=None):
        return torch.log_softmax(3.0 * x @ means.T, 1)[:, 2]

    guided = sampling.Classified(net, judged, 1.5, on="x0").bind(plan)
    with torch.no_grad():
        found = guided(x, torch.tensor(sigma), i)
    h, slope = 1e-6, torch.zeros_like(x)
    for k in range(2):
        step = torch.zeros(2, dtype=x.dtype)
        step[k] = h
        ends = [judged(y - sigma * net(y, sigma)) for y in (x + step, x - step)]
        slope[:, k] = (ends[0] - ends[1]) / (2 * h)
    np.testing.assert_allclose(found, net(x, sigma) - 1.5 * sigma * slope, rtol=1e-6, atol=1e-9)


def test_calibration_is_found_and_heals():
    random = np.random.default_rng(4)
    labels = random.integers(0, 3, 4000)
    x = MEANS[labels] + random.normal(size=(4000, 2)) * np.hypot(WIDTH, 0.7)
    right = logits(x, 0.7)
    assert sampling.calibrate(right, labels) == pytest.approx(1.0, abs=0.05)
    tau = sampling.calibrate(4 * right, labels)
    assert tau == pytest.approx(0.25, abs=0.0125)

    def chances(f):
        share = np.exp(f - f.max(1, keepdims=True))
        return share / share.sum(1, keepdims=True)

    errors = [sampling.calibration_error(chances(f), labels) for f in (right, 4 * right, tau * 4 * right)]
    assert errors[1] > 3 * errors[0]
    assert errors[2] < 1.3 * errors[0] + 0.005
    # the overconfident classifier pulls samples off their class; the calibrated one does not
    plan, means = sampling.plan(VE, steps=20), torch.from_numpy(MEANS)
    start = torch.from_numpy(X)

    def net(x, s):
        return wide(x, s, xp=torch, means=means)

    ends = {}
    for name, factor in (("exact", 1.0), ("wrong", 4.0), ("healed", 4 * tau)):
        judged = sampling.tempered(
            lambda x, s: 4 * logits(x, s, torch, means), 0, joint=factor / 4, marginal=factor / 4
        )
        ends[name] = np.asarray(sampling.sample(sampling.Classified(net, judged), start, plan))
    off = {name: np.abs(ends[name] - ends["exact"]).mean() for name in ("wrong", "healed")}
    assert off["wrong"] > 10 * off["healed"]


def test_refusals():
    plan = sampling.plan(VE, steps=3)
    with pytest.raises(InputError, match="one of the two"):
        sampling.sample(sampling.Classified(wide), X, plan)
    with pytest.raises(InputError, match="NumPy has no derivatives"):
        sampling.sample(sampling.Classified(wide, lambda x, s: logits(x, s)[:, 0]), X, plan)
