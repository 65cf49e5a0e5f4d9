"""A search over plans: never worse than the default on the noise that chose, and honest about the rest."""

import numpy as np
import pytest
from learned_problem import VP, eps, noise, recomputed

from duhamel import sampling
from duhamel.errors import InputError

X = noise(100)


@pytest.fixture(scope="module")
def found():
    return sampling.search(eps, X, VP, 6, budget=60, seed=3, fine=200)


def test_no_worse_than_the_default_and_far_better_than_the_rules_without_a_grid(found):
    plan, report = found
    assert plan.nfe == 6
    assert plan.end[2] == 0
    assert report["found"].choosing.score <= report["default"].choosing.score
    assert report.won("default") > 0.9  # chosen by 50 trajectories: on others it may lose a little
    assert report.won("ddim") > 4.0
    assert report.won("dpm++2m") > 2.0
    assert report.runs <= 61


def test_numbers_are_reproduced_by_recomputation(found):
    _, report = found
    assert not set(report.choosing) & set(report.held_out)
    assert len(report.choosing) + len(report.held_out) == len(X)
    for name in ("found", "default", "ddim", "dpm++2m"):
        choosing, held = recomputed(report, name, len(X))
        np.testing.assert_allclose(report[name].choosing, choosing, rtol=0.02, atol=1e-5)
        np.testing.assert_allclose(report[name].held_out, held, rtol=0.02, atol=1e-5)
    text = str(report)
    assert "held-out" in text
    assert "50 trajectories chose, 50 others scored" in text


def test_says_how_it_was_made_and_survives_a_file(found, tmp_path):
    plan, _ = found
    assert plan.provenance["search"]["seed"] == 3
    plan.save(tmp_path / "plan.json")
    again = sampling.Plan.load(tmp_path / "plan.json")
    assert again == plan
    np.testing.assert_array_equal(sampling.sample(eps, X, again), sampling.sample(eps, X, plan))
    assert "search" in again.provenance


def test_same_seed_same_plan_and_held_out_noise_does_not_choose():
    """What is held out may be anything: the plan does not change."""
    first, report = sampling.search(eps, X[:40], VP, 4, budget=30, seed=1, fine=60)
    other = X[:40].copy()
    other[report.held_out] += 1.0
    second, _ = sampling.search(eps, other, VP, 4, budget=30, seed=1, fine=60)
    assert first == second


def test_refusals():
    with pytest.raises(InputError, match="budget"):
        sampling.search(eps, X, VP, 5, budget=1)
    with pytest.raises(InputError, match="divided"):
        sampling.search(eps, X[:1], VP, 5)
