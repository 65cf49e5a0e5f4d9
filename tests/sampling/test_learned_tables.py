"""Learned entries, times and ratios: better on held-out noise than the plan they start from."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from learned_problem import VP, eps, noise, recomputed

from duhamel import sampling
from duhamel.errors import InputError

X = noise(96)


def test_gradient_in_torch():
    plan = sampling.plan(VP, "dpm++2m", steps=5)
    best, report = sampling.learn(plan, eps, torch.tensor(X), iterations=80)
    assert report.won("start") > 1.7
    for name in ("found", "start", "default"):
        choosing, held = recomputed(report, name, len(X))
        np.testing.assert_allclose(report[name].choosing, choosing, rtol=0.02, atol=1e-5)
        np.testing.assert_allclose(report[name].held_out, held, rtol=0.02, atol=1e-5)
    assert best.provenance["learned"]["method"] == "gradient"
    assert np.array_equal(best.x != 0, plan.x != 0)
    assert best.model_time[0] == plan.model_time[0]
    assert np.any(best.model_time != plan.model_time)


def test_gradient_in_jax_with_strict_promotion():
    plan = sampling.plan(VP, "dpm++2m", steps=3)
    with jax.numpy_dtype_promotion("strict"):
        best, report = sampling.learn(plan, jax.jit(eps), jnp.asarray(X), iterations=60, fine=30)
    assert report.won("start") > 1.5
    assert best != plan


def test_few_trajectories_do_not_spoil_it():
    """Eight choose: the rest still gains."""
    plan = sampling.plan(VP, "dpm++2m", steps=5)
    _, report = sampling.learn(plan, eps, torch.tensor(X), iterations=50, held=88 / 96)
    assert len(report.choosing) == 8
    assert report.won("start") > 1.5


def test_rows_by_least_squares_in_numpy():
    plan = sampling.plan(VP, "dpm++2m", steps=8)
    best, report = sampling.learn(plan, eps, X, what=("coefficients",))
    assert report.won("start") > 1.5
    assert np.array_equal(best.model_time, plan.model_time)
    assert best.provenance["learned"]["method"] == "rows"
    kept, _ = sampling.learn(plan, eps, X, what=("coefficients",), ridge=1e12)
    np.testing.assert_allclose(kept.m, plan.m, rtol=1e-6, atol=1e-6)


def test_times_alone():
    plan = sampling.plan(VP, "dpm++2m", steps=6)
    best, report = sampling.learn(plan, eps, X, what=("times",))
    assert np.array_equal(best.m, plan.m)
    assert np.all(np.diff(best.model_time) < 0)
    assert report.won("start") > 1.1


def test_compensation_ratios():
    plan = sampling.plan(VP, "dc-solver", steps=5, ratios=[1.0] * 5)
    best, report = sampling.learn(plan, eps, X, what=("compensation",), fine=100)
    assert report.won("start") > 1.2
    assert best.provenance["ratios"][:2] == [1.0, 1.0]
    assert best.provenance["ratios"][2:] != [1.0] * 3


def test_ratios_for_numbers_of_steps_and_weights_that_were_not_learned():
    """Polynomials come back; between two numbers of steps, learned ratios help where none were learned."""

    def exact(u, w, n):
        return (0.9 + 0.2 * u - 0.1 * u**2) * (1 + 0.01 * w - 0.001 * w**2) + (0.3 * u + 0.1) / n**2

    def listed(n, w):
        return [1.0, 1.0, *(exact(i / (n - 1), w, n) for i in range(2, n))]

    learned = [(n, w, listed(n, w)) for n in (6, 9, 14) for w in (1.0, 4.0, 7.0)]
    found = sampling.Compensation.fitted(learned, (3, 2, 2))
    np.testing.assert_allclose(found.ratios(11, 5.5), listed(11, 5.5), rtol=1e-9)
    assert found.ratios(2) == [1.0, 1.0]
    near = []
    for n in (6, 8, 10):
        plan = sampling.plan(VP, "dc-solver", steps=n, ratios=[1.0] * n)
        best, _ = sampling.learn(plan, eps, X[:48], what=("compensation",), fine=100)
        near.append((n, 1.0, best.provenance["ratios"]))
    between = sampling.Compensation.fitted(near).ratios(7)
    exact_end = sampling.sample(eps, X, sampling.plan(VP, "multistep", steps=200, order=3, linear="v",
                                variable="arctan", grid=("arctan", 0.5, 1.5)))  # fmt: skip

    def error(ratios):
        found = sampling.sample(eps, X, sampling.plan(VP, "dc-solver", steps=7, ratios=ratios))
        return float(np.mean(np.sqrt(np.mean((found - exact_end) ** 2, axis=1))))

    assert error(between) < 0.9 * error([1.0] * 7)
    with pytest.raises(InputError, match="every number of steps with every weight"):
        sampling.Compensation.fitted([(4, 1.0, [1.0] * 4), (5, 2.0, [1.0] * 5)])
    with pytest.raises(InputError, match="three steps"):
        sampling.Compensation.fitted([(2, 1.0, [1.0, 1.0])])


def test_any_numbers_of_a_plan():
    """The scale and the power of a grid."""

    def build(theta):
        return sampling.plan(VP, "multistep", steps=5, order=2, grid=("arctan", *theta))

    _, theta, report = sampling.fit(build, [1.0, 1.0], eps, X, fine=100)
    assert report.won("start") > 1.2
    assert report["found"].plan == build(theta)


@pytest.mark.parametrize(
    ("given", "words"),
    [({"what": ("weights",)}, "what="), ({"what": ("compensation",)}, "dc-solver"),
     ({"method": "adam"}, "method="),
     ({"method": "gradient"}, "NumPy")],
)  # fmt: skip
def test_refusals(given, words):
    plan = sampling.plan(VP, "dpm++2m", steps=3)
    with pytest.raises(InputError, match=words):
        sampling.learn(plan, eps, X[:8], fine=10, **given)


def test_noise_is_refused():
    with pytest.raises(InputError, match="noise"):
        sampling.learn(sampling.plan(VP, "sde-dpm++", steps=3), eps, X[:8], fine=10)
