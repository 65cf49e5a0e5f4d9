"""Guidance against closed forms of Gaussian classes, in every library."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from guided_problem import Gaussians, carried, condition

from duhamel import sampling
from duhamel.errors import InputError

VP = sampling.VP()
WIDTH, WIDE = 0.3, 1.2
COND, UNCOND = condition(0.0, WIDTH), condition(0.0, WIDE)
X = np.random.default_rng(0).normal(size=(6, 3))
RHO = float(VP.sigma(1.0) / VP.alpha(1.0))
W = np.array([0.0, 0.5, 1.0, 2.0, 4.0, 7.5])


@pytest.mark.parametrize("predicts", ["eps", "x0", "v", "score", "flow", "edm"])
def test_a_weight_for_each_sample_gives_the_exact_flow(predicts):
    plan = sampling.plan(VP, steps=400, order=3, predicts=predicts)
    guided = sampling.cfg(Gaussians(predicts), COND, UNCOND, W)
    found = sampling.sample(guided, X, plan)
    exact = carried(X / VP.alpha(1.0), RHO, 0.0, W[:, None], WIDTH, WIDE)
    np.testing.assert_allclose(found, exact, rtol=3e-4)


def test_guided_means_are_extrapolated():
    mean = np.array([1.0, -0.5, 0.2])
    plan = sampling.plan(VP, steps=400, order=3)
    w = 3.0
    found = sampling.sample(
        sampling.cfg(Gaussians(), condition(mean, WIDTH), condition(0.0, WIDTH), w), X, plan
    )
    shrink = WIDTH / np.hypot(WIDTH, RHO)
    exact = w * mean + (X / VP.alpha(1.0) - w * mean) * shrink
    np.testing.assert_allclose(found, exact, atol=1e-3)


def test_an_interval_is_exact_and_saves_evaluations():
    low, high = 0.4, 5.0
    times = [float(VP.time(-np.log(r))) for r in (high, low)]
    grid = np.concatenate(
        [np.linspace(1, times[0], 201), np.linspace(*times, 201)[1:], np.linspace(times[1], 0, 401)[1:]]
    )
    plan = sampling.plan(VP, "dpm-2", steps=len(grid) - 1, grid=grid, variable="t")
    net = Gaussians()
    found = sampling.sample(sampling.cfg(net, COND, UNCOND, 4.0, interval=(low, high)), X, plan)
    y = carried(X / VP.alpha(1.0), RHO, high, 1.0, WIDTH, WIDE)
    y = carried(y, high, low, 4.0, WIDTH, WIDE)
    np.testing.assert_allclose(found, carried(y, low, 0.0, 1.0, WIDTH, WIDE), rtol=4e-3)
    level = plan.sigma / plan.alpha
    assert net.asked.count(12) == np.sum((level > low) & (level <= high))
    assert net.asked.count(6) > 300
    at = sampling.Guided(sampling.Twice(net, net), 4.0, (times[1], times[0]), "t").bind
    by_ratio = sampling.Guided(sampling.Twice(net, net), 4.0, (low, high), "ratio").bind
    inside = (plan.t > times[1] + 1e-9) & (plan.t < times[0] - 1e-9)
    edges = np.abs(level / low - 1) + np.abs(level / high - 1)
    assert np.array_equal(at(plan).on[inside], by_ratio(plan).on[inside])
    assert np.all(edges > 0)


def test_one_call_equals_two_calls():
    plan = sampling.plan(VP, steps=6, predicts="v")
    both, each = Gaussians("v"), Gaussians("v")
    once = sampling.sample(sampling.cfg(both, COND, UNCOND, W), X, plan)
    twice = sampling.sample(sampling.cfg(each, COND, UNCOND, W, batched=False), X, plan)
    np.testing.assert_allclose(once, twice, rtol=1e-14)
    assert both.asked == [12] * 6
    assert each.asked == [6] * 12
    strong, weak = sampling.Conditioned(each, COND), sampling.Conditioned(each, UNCOND)
    np.testing.assert_array_equal(sampling.sample(sampling.contrast(strong, weak, W), X, plan), twice)


def test_rescaling_brings_back_the_deviation():
    plan = sampling.plan(VP, steps=5)
    wanted = sampling.Conditioned(Gaussians(), COND).bind(plan)(X, 1.0, 3)
    plain = sampling.cfg(Gaussians(), COND, UNCOND, 6.0).bind(plan)(X, 1.0, 3)
    whole = sampling.cfg(Gaussians(), COND, UNCOND, 6.0, rescale=1.0).bind(plan)(X, 1.0, 3)
    half = sampling.cfg(Gaussians(), COND, UNCOND, 6.0, rescale=0.5).bind(plan)(X, 1.0, 3)
    np.testing.assert_allclose(whole.std(1), wanted.std(1), rtol=1e-12)
    np.testing.assert_allclose(half, 0.5 * (whole + plain), rtol=1e-12)


def test_projection():
    random = np.random.default_rng(1)
    u, wanted = random.normal(size=(2, 4, 5, 3))
    left = sampling.Projection()(u, wanted)
    np.testing.assert_allclose((left * wanted).sum((1, 2)), 0, atol=1e-14)
    np.testing.assert_allclose(sampling.Projection(parallel=1.0)(u, wanted), u, rtol=1e-14)
    short = sampling.Projection(parallel=1.0, threshold=0.5)(u, wanted)
    np.testing.assert_allclose(np.linalg.norm(short.reshape(4, -1), axis=1), 0.5, rtol=1e-14)
    np.testing.assert_allclose(
        short / np.linalg.norm(short), u * (short / u)[:, :1, :1] / np.linalg.norm(short)
    )


@pytest.mark.parametrize("predicts", ["eps", "v", "edm"])
def test_apg_without_its_changes_is_cfg(predicts):
    plan = sampling.plan(VP, steps=6, predicts=predicts)
    cond = condition([1.0, 0.3, -0.2], WIDTH)
    same = sampling.apg(Gaussians(predicts), cond, UNCOND, W, parallel=1.0, momentum=0.0)
    expected = sampling.sample(sampling.cfg(Gaussians(predicts), cond, UNCOND, W), X, plan)
    np.testing.assert_allclose(sampling.sample(same, X, plan), expected, rtol=1e-9)
    one = sampling.apg(Gaussians(predicts), cond, UNCOND, 1.0)
    alone = sampling.sample(sampling.Conditioned(Gaussians(predicts), cond), X, plan)
    np.testing.assert_array_equal(sampling.sample(one, X, plan), alone)


def test_apg_saturates_less():
    random = np.random.default_rng(0)
    mean, x = random.normal(size=64), random.normal(size=(6, 64))
    cond, uncond = condition(mean, WIDTH, entries=64), condition(0.0, 1.0, entries=64)
    plan = sampling.plan(VP, "ddim", steps=50)
    size = {
        (name, w): np.linalg.norm(sampling.sample(make(Gaussians(), cond, uncond, w), x, plan), axis=1).mean()
        for name, make in (("cfg", sampling.cfg), ("apg", sampling.apg))
        for w in (1.0, 3.0, 10.0)
    }
    for w in (3.0, 10.0):
        growth = {name: size[name, w] - size[name, 1.0] for name in ("cfg", "apg")}
        assert growth["cfg"] > 0.5
        assert abs(growth["apg"]) < 0.6 * growth["cfg"]


def momentum_by_hand(plan, x, cond, uncond, w, momentum, threshold):
    """Alg. 1 of the paper on ε-DDIM, written out."""
    net, average = Gaussians().bind(plan), np.zeros_like(x)
    for i in range(len(plan)):
        alpha, sigma = plan.alpha[i], plan.sigma[i]
        wanted, other = ((x - sigma * net(x, None, i, c)) / alpha for c in (cond, uncond))
        average = wanted - other + momentum * average
        u = average * np.minimum(1, threshold / np.linalg.norm(average, axis=1, keepdims=True))
        unit = wanted / np.linalg.norm(wanted, axis=1, keepdims=True)
        u = u - (u * unit).sum(1, keepdims=True) * unit
        x0 = wanted + (w - 1) * u
        alpha1, sigma1 = (plan.alpha[i + 1], plan.sigma[i + 1]) if i + 1 < len(plan) else (1.0, 0.0)
        x = alpha1 * x0 + sigma1 * (x - alpha * x0) / sigma
    return x


def test_momentum_belongs_to_the_run():
    plan = sampling.plan(VP, "ddim", steps=7)
    cond = condition([1.0, 0.3, -0.2], WIDTH)
    guided = sampling.apg(Gaussians(), cond, UNCOND, 5.0, momentum=-0.5, threshold=0.8)
    whole = sampling.sample(guided, X, plan)
    np.testing.assert_allclose(whole, momentum_by_hand(plan, X, cond, UNCOND, 5.0, -0.5, 0.8), rtol=1e-10)
    half = sampling.sample(guided, X, plan, stop=3)
    assert np.array_equal(sampling.sample(guided, X, plan), whole)
    assert np.array_equal(sampling.sample(guided, None, plan, start=half), whole)
    assert np.array_equal(sampling.sample(guided, None, plan, start=half), whole)
    without = sampling.sample(
        sampling.apg(Gaussians(), cond, UNCOND, 5.0, momentum=0.0, threshold=0.8), X, plan
    )
    assert np.abs(without - whole).max() > 1e-3


MADE = {
    "cfg": lambda net, c, u, w: sampling.cfg(net, c, u, w, interval=(0.1, 20.0), rescale=0.3),
    "apg": lambda net, c, u, w: sampling.apg(net, c, u, w, threshold=1.0, interval=(0.1, 20.0)),
    "twice": lambda net, c, u, w: sampling.cfg(net, c, u, w, batched=False),
}


@pytest.mark.parametrize("name", MADE)
def test_torch_and_jax_agree_with_numpy(name):
    plan = sampling.plan(VP, steps=7, predicts="v")
    cond = condition([1.0, 0.3, -0.2], WIDTH)
    expected = sampling.sample(MADE[name](Gaussians("v"), cond, UNCOND, W), X, plan)

    def turned(entry, kind):
        return {key: kind(value) for key, value in entry.items()}

    c, u = turned(cond, torch.from_numpy), turned(UNCOND, torch.from_numpy)
    in_torch = MADE[name](Gaussians("v", convert=torch.from_numpy), c, u, W)
    np.testing.assert_allclose(
        sampling.sample(in_torch, torch.from_numpy(X), plan), expected, rtol=1e-10, atol=1e-12
    )
    c, u = turned(cond, jnp.asarray), turned(UNCOND, jnp.asarray)
    in_jax = MADE[name](Gaussians("v", jnp), c, u, W)
    found = jax.jit(lambda x: sampling.sample(in_jax, x, plan))(jnp.asarray(X))
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)
    half = sampling.sample(in_jax, jnp.asarray(X), plan, stop=4)
    np.testing.assert_allclose(
        sampling.sample(in_jax, None, plan, start=half), expected, rtol=1e-10, atol=1e-12
    )


def test_what_cannot_be_is_refused():
    plan = sampling.plan(VP, steps=3)
    for options in ({"interval": (2.0, 1.0)}, {"over": "steps"}, {"rescale": 2.0}):
        with pytest.raises(InputError):
            sampling.sample(sampling.cfg(Gaussians(), COND, UNCOND, 2.0, **options), X, plan)
