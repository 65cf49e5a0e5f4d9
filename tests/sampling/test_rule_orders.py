"""Measured orders of the rules on a mixture, between two levels of noise, in every kind of prediction; and
equalities of tables."""

import numpy as np
import pytest
from sampling_problem import Network, both
from scipy.integrate import solve_ivp

from duhamel import sampling

VP = sampling.VP()
START, FINAL = 0.75, 0.35  # the last is a ratio σ/α


def exact(x, start, ratios):
    """The flow of the mixture from t = `start` to the ratios σ/α (falling), by SciPy's reference integrator
    in y = x/α, log ρ."""
    shape, where = x.shape, np.log(ratios)
    high = -float(VP.log_snr(start))

    def slope(u, y):
        ratio = np.exp(u)
        return (ratio * both(y.reshape(shape), 1.0, ratio)[1]).ravel()

    begin = (x / float(VP.alpha(start))).ravel()
    found = solve_ivp(slope, (high, where[-1]), begin, "DOP853", t_eval=where, rtol=1e-13, atol=1e-14).y
    return [y.reshape(shape) / np.hypot(1, ratio) for y, ratio in zip(found.T, ratios, strict=True)]


X = np.random.default_rng(2).normal(size=(6, 3))
EXACT = exact(X, START, [FINAL])[0]
FROM_ONE = exact(X, 1.0, [FINAL])[0]


def begun(plan, predicts, rows):
    """The run's state before row `rows` with exact earlier states: a rule of high order cannot start by
    itself."""
    ratios = (plan.sigma / plan.alpha)[1 : rows + 1]
    states = dict(enumerate([X, *exact(X, START, ratios)]))
    ask = Network(predicts).bind(plan)
    outputs = {j: ask(states[j] * plan.scale_in[j], None, j) for j in range(rows)}
    return sampling.State(rows, states[rows], {j: states[j] for j in range(rows)}, outputs)


def observed(rule, counts, predicts="eps", started=0, begin=START, **choices):
    """The slope of log error against log steps between the last two of the refinements."""
    errors, goal = [], EXACT if begin == START else FROM_ONE
    for count in counts:
        plan = sampling.plan(VP, rule, steps=count, start=begin, final=FINAL, predicts=predicts, **choices)
        start = begun(plan, predicts, started) if started else 0
        errors.append(
            np.sqrt(np.mean((sampling.sample(Network(predicts), X, plan, start=start) - goal) ** 2))
        )
    return np.log(errors[-2] / errors[-1]) / np.log(counts[-1] / counts[-2])


CASES = [
    *[
        ("multistep", order, {"order": order, "started": order - 1}, counts)
        for order, counts in enumerate(
            [(80, 160), (160, 320), (160, 320), (160, 320), (400, 800), (80, 160)], 1
        )
    ],
    ("dpm-1", 1, {}, (80, 160)),
    ("dpm-2", 2, {}, (80, 160)),
    ("dpm-3", 3, {}, (80, 160)),
    ("dpm++2s", 2, {}, (80, 160)),
    ("dpm++2m", 2, {}, (160, 320)),
    ("dpm++3m", 3, {}, (160, 320)),
    ("3m-lu", 2, {}, (320, 640)),
    ("deis-tab", 3, {}, (160, 320)),
    ("rho-ab", 3, {}, (160, 320)),
    ("heun", 2, {"grid": "logsnr"}, (80, 160)),
    ("rf-solver", 2, {}, (80, 160)),
    ("ipndm", 1, {"grid": "logsnr", "order": 1}, (160, 320)),
    ("ipndm", 2, {"grid": "logsnr", "order": 2}, (320, 640)),
    ("er-sde", 3, {"scale": "ode", "started": 2}, (160, 320)),
    ("dpm-fast", 3, {}, (242, 482)),
    ("edm", 2, {"grid": "logsnr"}, (80, 160)),
    ("bdia", 1, {"gamma": 0.2}, (320, 640)),
]


@pytest.mark.parametrize(("rule", "order", "choices", "counts"), CASES)
def test_order(rule, order, choices, counts):
    choices = {"grid": "logsnr"} | choices
    assert observed(rule, counts, **choices) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize(
    ("order", "counts"), [(1, (80, 160)), (2, (160, 320)), (3, (320, 640)), (4, (480, 960))]
)
def test_unipc_gains_one_order_by_its_corrector(order, counts):
    """From t = 1, where x̂₀ hardly changes, so that the first steps of low order cost nothing."""
    found = observed("unipc", counts, begin=1.0, order=order, grid="logsnr", lower=False)
    assert found == pytest.approx(order + 1, abs=0.15)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_unip_alone(order):
    options = {"order": order, "corrector": False, "grid": "logsnr", "lower": False}
    assert observed("unipc", (160, 320), started=order - 1, **options) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize("predicts", sampling.PREDICTIONS)
@pytest.mark.parametrize("linear", ["eps", "x0", "v", "flow", "gaussian", 0.3])
def test_order_three_in_every_prediction_and_linear_part(predicts, linear):
    choices = {"order": 3, "linear": linear, "grid": "logsnr", "started": 2}
    assert observed("multistep", (120, 240), predicts, **choices) == pytest.approx(3, abs=0.15)


@pytest.mark.parametrize("variable", ["logsnr", "rho", "t", "arctan"])
def test_order_three_in_every_variable(variable):
    assert observed("multistep", (120, 240), order=3, variable=variable, grid="logsnr") == pytest.approx(
        3, abs=0.15
    )


def test_a_gaussian_is_exact_in_one_step():
    """Data N(0, s²): F = 0, so the state is only scaled."""
    plan = sampling.plan(VP, steps=1, order=1, linear=sampling.Gaussian(0.5), predicts="x0")
    x = np.array([[0.3, -2.0]])
    alpha, sigma = float(VP.alpha(1.0)), float(VP.sigma(1.0))
    found = sampling.sample(lambda x, t: 0.25 * alpha / (0.25 * alpha**2 + sigma**2) * x, x, plan)
    np.testing.assert_allclose(found, x * 0.5 / np.hypot(0.5 * alpha, sigma), rtol=1e-12)


def tables(rule, **choices):
    plan = sampling.plan(VP, rule, steps=9, grid="logsnr", **choices)
    return plan.x, plan.m


def equal(first, second):
    for a, b in zip(first, second, strict=True):
        lags = max(a.shape[1], b.shape[1])
        wide = [np.pad(c, ((0, 0), (0, lags - c.shape[1]))) for c in (a, b)]
        np.testing.assert_allclose(*wide, rtol=1e-11, atol=1e-13)


def test_tables_that_must_agree():
    equal(tables("dpm++3m"), tables("multistep", order=3, linear="x0"))
    for order in (1, 3, 4):
        unip = tables("unipc", order=order, corrector=False, solver="exact", lower=False)
        equal(unip, tables("multistep", order=order, linear="x0"))
    equal(tables("unipc", order=2, corrector=False, lower=False), tables("dpm++2m"))
    equal(tables("ddim"), tables("dpm-1"))
    equal(tables("ddim", linear="x0"), tables("multistep", order=1, linear="x0"))
    equal(tables("dc-solver", ratios=[1.0] * 9), tables("unipc", order=2))
    equal(tables("sde-dpm++", noise=0.0), tables("multistep", order=2, linear="x0"))
    equal(tables("er-sde", scale="ode", order=2), tables("multistep", order=2, linear="x0"))
    equal(tables("ddim", eta=1.0), tables("sde-dpm++", order=1, predicts="eps", noise=1.0))
    level = np.linspace(-6, 6, 41)
    plain = sampling.Statistics(level, np.ones(41), np.zeros(41), np.zeros(41))
    v3 = tables("dpm-solver-v3", statistics=plain, corrector=False, lower=False)
    equal([part[:-1] for part in v3], [part[:-1] for part in tables("multistep", order=3, linear="x0")])


def test_shipped_3m_is_not_the_exact_one():
    shipped, right = tables("3m-lu"), tables("dpm++3m")
    assert np.abs(shipped[1] - right[1]).max() > 1e-3


def test_unipc_shortcuts_differ_only_where_they_should():
    first, second = (
        tables("unipc", order=3, solver=kind, corrector=False, lower=False)[1] for kind in ("bh1", "bh2")
    )
    assert not np.allclose(first[1], second[1])
    np.testing.assert_array_equal(first[2:], second[2:])
