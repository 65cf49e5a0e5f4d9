"""Every rule, on every schedule, with every prediction and grid: a finite result, or a refusal in words."""

import itertools

import numpy as np
import pytest
from sampling_problem import Network, noise_for

from duhamel import sampling
from duhamel.errors import InputError

ZERO_TERMINAL = sampling.Discrete(np.append(np.cumprod(1 - np.linspace(1e-4, 0.02, 999)), 0.0))
SCHEDULES = [
    sampling.VP(), sampling.SubVP(), sampling.Cosine(), sampling.VE(), sampling.EDM(), sampling.Flow(3.0),
    sampling.Discrete.linear(), ZERO_TERMINAL,
]  # fmt: skip
STEPS = 6
LEVELS = np.linspace(-6.0, 6.0, 13)
OPTIONS = {
    "dc-solver": {"ratios": [1.0, 0.9, 1.05, 1.0, 0.95, 1.0]},
    "dpm-solver-v3": {
        "statistics": sampling.Statistics(
            LEVELS, 1 / (1 + np.exp(-LEVELS)), 0.1 * np.sin(LEVELS), 0.01 * np.cos(LEVELS)
        )
    },
    "edm": {"churn": 2.0},
    "ddim": {"eta": 0.5},
    "time-shift": {"shift": 0.01},
}
# each rule meets each pair of the other three once in a while; the offset makes the choice different for
# every rule
PAIRS = list(itertools.product(range(len(SCHEDULES)), range(6)))


@pytest.mark.parametrize("rule", sampling.RULES)
def test_finite(rule):
    offset = list(sampling.RULES).index(rule)
    for place, (schedule, kind) in enumerate(PAIRS):
        schedule, predicts = SCHEDULES[schedule], sampling.PREDICTIONS[kind]
        grid = sampling.GRIDS[(place + offset) % len(sampling.GRIDS)]
        plan = sampling.plan(
            schedule, rule, steps=STEPS, grid=grid, predicts=predicts, **OPTIONS.get(rule, {})
        )
        assert plan.end[2] == 0
        found = sampling.sample(Network(predicts), noise_for(plan, 4), plan, noise=3)
        assert np.all(np.isfinite(found)), (schedule, predicts, grid)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=repr)
def test_variables_linear_parts_and_orders(schedule):
    for place, (variable, linear, order) in enumerate(
        itertools.product(("logsnr", "t", "rho", "arctan"), ("eps", "x0", "v", "flow", "gaussian"), (2, 3, 6))
    ):
        grid = ("uniform", "quadratic", "logsnr", "karras")[place % 4]
        choices = {
            "variable": variable,
            "linear": linear,
            "order": order,
            "grid": grid,
            "corrector": bool(place % 2),
        }
        plan = sampling.plan(schedule, "multistep", steps=7, predicts="v", **choices)
        found = sampling.sample(Network("v"), noise_for(plan, 3), plan)
        assert np.all(np.isfinite(found)), choices


@pytest.mark.parametrize("steps", [1, 2, 3])
@pytest.mark.parametrize("rule", [rule for rule in sampling.RULES if rule not in ("dc-solver",)])
def test_few_steps(rule, steps):
    plan = sampling.plan(sampling.VP(), rule, steps=steps, predicts="v", **OPTIONS.get(rule, {}))
    assert np.all(np.isfinite(sampling.sample(Network("v"), noise_for(plan, 2), plan, noise=0)))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"rule": "dpm++2m", "linear": "eps"}, "by its definition"),
        ({"rule": "dpm++2m", "order": 3}, "has order 2"),
        ({"rule": "multistep", "order": 7}, "has order"),
        ({"rule": "heum"}, "no rule"),
        ({"rule": "ddim", "noise": 0.3}, "deterministic"),
        ({"rule": "ddim", "eta": 2.0}, "between 0"),
        ({"rule": "ddim", "corrector": True}, "no corrector"),
        ({"rule": "unipc", "solver": "bh3"}, "bh1"),
        ({"rule": "unipc", "etaa": 1}, "its options"),
        ({"rule": "bdia", "gamma": 0.0}, "gamma"),
        ({"rule": "dc-solver"}, "needs ratios"),
        ({"rule": "dpm-solver-v3"}, "needs statistics"),
        ({"predicts": "noise"}, "predicts one of"),
        ({"variable": "sigma"}, "use one of"),
        ({"linear": "none"}, "no linear part"),
        ({"grid": "cubic"}, "no grid"),
        ({"grid": [1.0, 0.5]}, "needs 6 times"),
        ({"grid": [1.0, 0.5, 0.6, 0.3, 0.2, 0.0]}, "fall strictly"),
        ({"grid": "quadratic", "steps": 0}, "at least one step"),
        ({"final": "none"}, "use 'zero'"),
        ({"start": 1.0, "linear": "eps", "schedule": sampling.Flow()}, "start"),
        ({"start": 1.0, "predicts": "eps", "schedule": sampling.Cosine()}, "start later"),
        (
            {"schedule": sampling.Discrete.linear(integer=True, size=12), "steps": 11, "grid": "karras"},
            "rounded",
        ),
    ],
)
def test_refused_in_words(arguments, says):
    arguments = {"schedule": sampling.VP(), "rule": "multistep", "steps": 5} | arguments
    with pytest.raises(InputError, match=says):
        sampling.plan(arguments.pop("schedule"), arguments.pop("rule"), **arguments)


def test_integer_times_are_whole_in_state_and_model():
    plan = sampling.plan(sampling.Discrete.linear(integer=True), steps=10, grid="quadratic")
    np.testing.assert_allclose(plan.model_time, np.round(plan.model_time), atol=1e-9)
    np.testing.assert_allclose(plan.t * 1000 - 1, plan.model_time, atol=1e-9)
