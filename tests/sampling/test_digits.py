"""The shipped networks: one function on all arrays, trained for what they say; errors measured right."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from duhamel import sampling
from duhamel.errors import InputError
from duhamel.sampling import digits
from duhamel.sampling.digits import errors, train
from duhamel.sampling.digits.network import WEIGHTS
from duhamel.sampling.guidance import Conditioned
from duhamel.sampling.predictions import to_x0

FORMS = list(digits.FORMS)
LABELS = np.arange(20) % 10


def data():
    return load_digits().data / 8 - 1, load_digits().target


@pytest.mark.parametrize("form", FORMS)
def test_the_same_in_numpy_torch_and_jax(form):
    net = digits.load(form)
    x = np.random.default_rng(0).standard_normal((20, 64))
    expected = net(x, 0.4, LABELS)
    assert expected.dtype == np.float64
    by_torch = net(torch.from_numpy(x), torch.tensor(0.4, dtype=torch.float64), torch.from_numpy(LABELS))
    np.testing.assert_allclose(by_torch.numpy(), expected, rtol=1e-12, atol=1e-12)
    by_jax = jax.jit(net)(jnp.asarray(x), jnp.asarray(0.4), jnp.asarray(LABELS))
    np.testing.assert_allclose(by_jax, expected, rtol=1e-12, atol=1e-12)
    single = net(torch.from_numpy(x).float().reshape(20, 1, 8, 8), 0.4, LABELS)
    assert single.dtype == torch.float32
    assert single.shape == (20, 1, 8, 8)
    np.testing.assert_allclose(single.reshape(20, 64).numpy(), expected, atol=2e-4)


def test_times_and_labels_may_differ_by_sample():
    net = digits.load("vp")
    x = np.random.default_rng(0).standard_normal((3, 64))
    times, labels = np.array([0.1, 0.5, 0.9]), np.array([3, digits.UNKNOWN, 7])
    together = net(x, times, labels)
    apart = [net(x[i : i + 1], times[i], labels[i : i + 1])[0] for i in range(3)]
    np.testing.assert_allclose(together, apart, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(net(x, times)[1], together[1])


@pytest.mark.parametrize("form", FORMS)
def test_networks_find_the_digit_below_the_noise(form):
    """At σ/α = 0.3 the estimate x̂₀ is much nearer to the data than the noisy picture is."""
    net = digits.load(form)
    x0, labels = data()
    x0, labels = x0[::18], labels[::18]
    t = float(net.schedule.time(-np.log(0.3)))
    alpha, sigma = float(net.schedule.alpha(t)), float(net.schedule.sigma(t))
    x = alpha * x0 + sigma * np.random.default_rng(1).standard_normal(x0.shape)
    scale = 1 / np.hypot(sigma, net.schedule.data) if form == "edm" else 1.0
    m = net(scale * x, net.schedule.model_time(t), labels)
    found = to_x0(m, x, net.predicts, alpha, sigma, getattr(net.schedule, "data", 0.5))
    assert np.sqrt(np.mean((found - x0) ** 2)) < 0.21 < 0.29 < np.sqrt(np.mean((x / alpha - x0) ** 2))


@pytest.mark.parametrize("form", FORMS)
def test_samples_are_the_digits_that_were_asked_for(form):
    """The nearest pictures of the data have the label in at least eight of ten samples."""
    net = digits.load(form)
    labels = np.arange(100) % 10
    plan = sampling.plan(net.schedule, "unipc", steps=25, predicts=net.predicts)
    noise = np.random.default_rng(0).standard_normal((100, 64)) * plan.start_scale
    x = sampling.sample(Conditioned(net, labels), noise, plan)
    pictures, truth = data()
    nearest = np.argmin(((x[:, None] - pictures) ** 2).sum(-1), axis=1)
    assert np.mean(truth[nearest] == labels) > 0.8


@pytest.mark.parametrize("form", FORMS)
def test_two_fine_plans_agree(form):
    net = digits.load(form)
    noise = np.random.default_rng(0).standard_normal((8, 64))
    ends = []
    for steps in (200, 400):
        plan = errors.reference(net.schedule, net.predicts, 1.0, steps)
        ends.append(sampling.sample(net, noise * plan.start_scale, plan))
    assert errors.distance(*ends).max() < 1e-3


def test_errors_fall_with_evaluations_and_say_what_cannot_be():
    net = digits.load("flow")
    noise = np.random.default_rng(0).standard_normal((8, 64))
    rules = [("euler", "ddim", {}), ("heun", "heun", {"grid": "uniform"}), ("random", "sde-dpm++", {})]
    found = list(
        errors.scores(net, noise, rules, schedule=net.schedule, predicts=net.predicts, evaluations=(10, 40))
    )
    assert [(s.rule, s.asked, s.nfe) for s in found[:4]] == [
        ("euler", 10, 10), ("euler", 40, 40), ("heun", 10, 9), ("heun", 40, 39),
    ]  # fmt: skip
    assert found[1].mean < 0.5 * found[0].mean
    assert found[3].mean < 0.2 * found[2].mean
    assert all("no end point" in s.reason and np.isnan(s.mean) for s in found[4:])
    with pytest.raises(InputError, match="more than 1 evaluations"):
        errors.plan_within(net.schedule, "dpm-3", 1, predicts="flow", final="sigma_min")


def test_a_few_steps_of_training_lower_the_loss():
    """The script itself: after 200 steps the prediction of noise is better than that of silence."""
    found = train.train("vp", 0, steps=200)
    shipped = digits.load("vp").weights
    assert {name: value.shape for name, value in found.items()} == {
        name: value.shape for name, value in shipped.items()
    }
    x0, labels = data()
    noise = np.random.default_rng(2).standard_normal((200, 64))
    schedule = digits.FORMS["vp"][0]
    x = schedule.alpha(0.5) * x0[:200] + schedule.sigma(0.5) * noise
    errors_of = [
        np.mean((digits.Digits("vp", w)(x, 0.5, labels[:200]) - noise) ** 2)
        for w in ({name: value.astype(np.float32) for name, value in found.items()}, shipped)
    ]
    assert errors_of[1] < 0.9 * errors_of[0] < 0.9


def test_it_is_small_and_imports_nothing_heavy():
    assert WEIGHTS.stat().st_size < 1_000_000
    with pytest.raises(InputError, match="vp, edm, flow"):
        digits.load("ve")
    code = "import sys, duhamel.sampling; print('duhamel.sampling.digits' in sys.modules)\n"
    code += "from duhamel.sampling import digits; import numpy as np\n"
    code += "digits.load('vp')(np.zeros((1, 64)), 0.5)\n"
    code += "print(*{'torch', 'jax', 'sklearn', 'matplotlib'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert done.stdout.split() == ["False"]
