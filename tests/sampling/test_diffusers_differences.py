"""Each line of docs/sampling-diffusers.md: where our tables and those of diffusers agree, and where and why
not."""

import numpy as np
import pytest

from bench import sampling_tables as tables
from duhamel import sampling


@pytest.mark.parametrize(
    "case", tables.CASES, ids=lambda case: f"{case.name}-{case.rule}-{len(case.options)}"
)
def test_the_same_rule_on_the_same_levels(case):
    assert tables.compared(case) < case.tolerance


def test_a_wrong_rule_is_seen():
    case = tables.Case("UniPCMultistepScheduler", {"solver_order": 3}, "unipc", {"order": 2})
    assert tables.compared(case) > 1e-3


def test_third_order_is_shipped_with_half_a_term():
    shipped, exact = tables.third_order()
    assert shipped < 1e-5
    assert exact > 0.1


def test_third_order_with_noise_has_a_wrong_sign():
    assert tables.third_order_with_noise() > 1
    options = {
        "solver_order": 3,
        "algorithm_type": "sde-dpmsolver++",
        "lower_order_final": False,
        "euler_at_final": True,
    }
    found = tables.theirs(tables.Case("DPMSolverMultistepScheduler", options | tables.X0, "sde-dpm++"))
    ours = tables.ours_on(found, "sde-dpm++", order=3)
    level = np.log(found.alpha) - np.log(found.sigma)
    for i in range(3, len(found) - 1):
        h, before, first = level[i + 1] - level[i], level[i] - level[i - 1], level[i - 1] - level[i - 2]
        k = 2 * h
        base = (1 - np.exp(-k) - k) / k**2
        # D2 = (D1₀ − D1₁)/(r0 + r1) with D1₀ = (m₀ − m₁)/r0, D1₁ = (m₁ − m₂)/r1, r: earlier steps over h
        r0, r1 = before / h, first / h
        pattern = np.array([1 / r0, -1 / r0 - 1 / r1, 1 / r1]) / (r0 + r1)
        gap = found.alpha[i + 1] * ((base - 0.5) - 2 * (base + 0.5)) * pattern
        np.testing.assert_allclose(found.m[i, :3] - ours.m[i], gap, rtol=1e-3, atol=1e-3 * np.abs(gap).max())


def test_the_first_b_of_unipc_reaches_the_data():
    theirs, ours = tables.first_b()
    assert not theirs
    assert ours


def test_whole_times_coincide_on_a_cosine_schedule():
    theirs, ours = tables.whole_times()
    assert theirs < 20
    assert ours == 20


@pytest.mark.parametrize(
    ("spacing", "steps", "agrees"), [("linspace", 10, False), ("trailing", 16, False), ("trailing", 20, True)]
)
def test_ddim_stands_where_the_network_is_told(spacing, steps, agrees):
    theirs, ours = tables.previous_time(spacing, steps)
    assert ours < 1e-9
    assert (theirs == 0) == agrees


def test_a_flow_is_shifted_once():
    theirs, ours, once = tables.shifts()
    assert ours == pytest.approx(once, rel=1e-4)
    assert theirs == pytest.approx(3 * once / (1 + 2 * once), rel=1e-4)


def test_a_flow_goes_on_to_the_data():
    theirs, ours = tables.stopping()
    assert theirs == pytest.approx(0.1, abs=0.01)
    assert ours == 0


def test_no_signal_is_no_signal():
    theirs, ours = tables.no_signal()
    assert theirs == 2**-24
    assert ours == 0


def test_ends_and_orders_are_choices():
    deis = tables.theirs(tables.Case("DEISMultistepScheduler", {}, "multistep"))
    assert deis.end[2] > 0
    schedule = sampling.Discrete.linear()
    assert sampling.plan(schedule, "multistep", steps=8, final="sigma_min").end[2] > 0
    assert sampling.plan(schedule, steps=8).end[2] == 0
    kept = sampling.plan(schedule, "multistep", steps=8, order=3, linear="v", variable="arctan").order[-1]
    lowered = sampling.plan(
        schedule, "multistep", steps=8, order=3, linear="v", variable="arctan", lower=True
    ).order[-1]
    assert (kept, lowered) == (3, 1)


def test_the_page_is_the_one_that_is_written():
    """Everything but the measured digits."""
    kept = tables.PAGE.read_text("utf-8").splitlines()
    text = [line for line in tables.TEXT.read_text("utf-8").splitlines() if "{" not in line]
    assert set(text) <= set(kept)
    assert sum(line.startswith("| ") for line in kept) == len(tables.CASES) + 14
