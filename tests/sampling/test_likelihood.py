"""Log densities against the exact ones of a mixture and of a Gaussian."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from guided_problem import Gaussians, condition
from sampling_problem import MEANS, WIDTH, Network

from duhamel import sampling
from duhamel.errors import InputError
from duhamel.sampling.likelihood import _Traced

VP = sampling.VP()
X0 = MEANS[np.arange(6) % 5] + WIDTH * np.random.default_rng(3).normal(size=(6, 3))


def density(x, alpha=1.0, sigma=0.0, xp=np):
    total = (alpha * WIDTH) ** 2 + sigma**2
    square = ((x[:, None] - alpha * xp.asarray(MEANS)) ** 2).sum(-1)
    return xp.log(xp.exp(-square / (2 * total)).mean(1)) - 1.5 * np.log(2 * np.pi * total)


class Closed:
    """The mixture with the trace of its network by the spread of its components."""

    def __init__(self, predicts):
        self.network = Network(predicts)

    def of(self, plan):
        ask = self.network.bind(plan)

        def trace(x, t, i):
            m, found, h = ask(x, t, i), 0.0, 1e-5
            for k in range(3):
                step = h * np.eye(3)[k]
                found = found + (ask(x + step, t, i) - ask(x - step, t, i))[:, k] / (2 * h)
            return m, found

        return trace


def ends(schedule, t=1.0):
    return float(schedule.alpha(t)), float(schedule.sigma(t))


@pytest.mark.parametrize("predicts", ["eps", "v", "flow", "edm"])
def test_the_exact_density_of_a_mixture(predicts):
    errors = []
    for steps in (96, 192):
        plan = sampling.encoder(
            VP,
            "multistep",
            steps=steps,
            order=4,
            variable="arctan",
            grid=("arctan", 2.0, 2.0),
            predicts=predicts,
        )
        found = sampling.log_likelihood(
            Network(predicts),
            X0,
            plan,
            trace=Closed(predicts).of(plan),
            prior=lambda x: density(x, *ends(VP)),
        )
        errors.append(np.abs(found.log_prob - density(X0)).max())
    assert errors[0] < 1e-3
    assert errors[1] < 3e-5


@pytest.mark.parametrize("schedule", [sampling.Cosine(), sampling.Flow()])
def test_jax_in_one_scan(schedule):
    start = 0.99
    network = Network("eps", jnp)

    @jax.jit
    def found(x):
        return sampling.log_likelihood(
            network,
            x,
            schedule,
            steps=150,
            start=start,
            prior=lambda x: density(x, *ends(schedule, start), jnp),
        ).log_prob

    np.testing.assert_allclose(found(jnp.asarray(X0)), density(X0), atol=5e-4)


def test_torch_and_its_slope():
    plan = sampling.encoder(VP, "multistep", steps=40, order=3, variable="arctan", grid=("arctan", 2.0, 2.0))
    x = torch.from_numpy(X0).requires_grad_()

    class InTorch:
        def bind(self, plan):
            alpha, sigma = plan.alpha, plan.sigma
            means = torch.from_numpy(MEANS)

            def ask(x, t, i):
                total = (alpha[i] * WIDTH) ** 2 + sigma[i] ** 2
                away = x[:, None] - alpha[i] * means
                share = torch.softmax(-(away**2).sum(-1) / (2 * total), 1)
                return (share[..., None] * away).sum(1) * (sigma[i] / total)

            return ask

    found = sampling.log_likelihood(InTorch(), x, plan)
    expected = sampling.log_likelihood(Network("eps"), X0, plan, trace=Closed("eps").of(plan))
    np.testing.assert_allclose(found.log_prob.detach(), expected.log_prob, atol=1e-6)
    np.testing.assert_allclose(found.latent.detach(), expected.latent, rtol=1e-9)
    # the slope of the log density is the score of the data
    found.log_prob.sum().backward()
    away = X0[:, None] - MEANS
    share = np.exp(-(away**2).sum(-1) / (2 * WIDTH**2))
    score = -((share / share.sum(1, keepdims=True))[..., None] * away).sum(1) / WIDTH**2
    np.testing.assert_allclose(x.grad, score, atol=0.05 * np.abs(score).max())


def test_hutchinson_is_unbiased():
    network, count = Network("eps", jnp), 40
    x = jnp.asarray(np.repeat(X0, count, axis=0))

    def estimate(x, **options):
        return sampling.log_likelihood(network, x, VP, steps=24, **options).log_prob

    exact = estimate(jnp.asarray(X0))
    # a sample's signs depend on its place in the batch: forty estimates of each density in one run
    many = np.asarray(estimate(x, trace="hutchinson", probes=10, seed=1))
    each = many.reshape(-1, count)
    error = each.std(1, ddof=1) / np.sqrt(count)
    assert np.all(error > 0)
    assert np.all(np.abs(each.mean(1) - exact) < 4.5 * error)
    signs = [_Traced(None, (3,), "hutchinson", 4, 1)._directions(X0[:count]) for count in (6, 2)]
    assert np.array_equal(signs[0][:, :2], signs[1])


def test_a_gaussian_in_single_precision_with_the_usual_prior():
    batch, width = 5, 0.4
    x = (width * np.random.default_rng(0).normal(size=(batch, 2, 2, 2))).astype(np.float32)

    class Wide(Gaussians):
        def bind(self, plan):
            ask = super().bind(plan)
            c = condition(0.0, width, batch, 8)

            def asked(x, t, i):
                flat = ask(x.reshape(batch, 8).astype(float), t, i, c)
                return flat.reshape(x.shape).astype(x.dtype)

            return asked

    plan = sampling.encoder(
        VP, "multistep", steps=120, order=4, variable="arctan", grid=("arctan", 2.0, 2.0), data=width
    )
    total = plan.sigma / ((plan.alpha * width) ** 2 + plan.sigma**2)

    def trace(x, t, i):
        return Wide().bind(plan)(x, t, i), np.full(batch, 8 * total[i], np.float32)

    found = sampling.log_likelihood(Wide(), x, plan, trace=trace)
    exact = -0.5 * (x.reshape(batch, 8) ** 2).sum(1) / width**2 - 4 * np.log(2 * np.pi * width**2)
    assert found.log_prob.dtype == np.float32
    assert found.latent.shape == x.shape
    np.testing.assert_allclose(found.log_prob, exact, atol=2e-3)


def test_refusals():
    with pytest.raises(InputError, match="from data to noise"):
        sampling.log_likelihood(Network("eps"), X0, sampling.plan(VP, steps=5))
    with pytest.raises(InputError, match="trace="):
        sampling.log_likelihood(Network("eps"), X0, VP, trace="some")
    with pytest.raises(InputError, match="says nothing"):
        sampling.log_likelihood(Network("x0"), X0, VP, predicts="x0", trace=lambda x, t, i: (x, x[:, 0]))
    with pytest.raises(InputError, match="NumPy has no derivatives"):
        sampling.log_likelihood(Network("eps"), X0, VP)
