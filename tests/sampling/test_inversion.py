"""Back to noise: exact where rows can be undone, as good as the solution elsewhere; edits with a closed
form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from guided_problem import Gaussians, condition
from sampling_problem import MEANS, WIDTH, Network

from duhamel import sampling
from duhamel.errors import InputError

VP, FLOW = sampling.VP(), sampling.Flow()
X0 = MEANS[np.arange(8) % 5] + WIDTH * np.random.default_rng(3).normal(size=(8, 3))
X0_32 = X0.astype(np.float32)


class Narrow(Network):
    """The mixture computed in the precision of the state."""

    def bind(self, plan):
        ask = super().bind(plan)
        return lambda x, t, i: ask(x.astype(np.float64), t, i).astype(x.dtype)


@pytest.mark.parametrize("predicts", ["eps", "x0", "v", "edm"])
@pytest.mark.parametrize("gamma", [1.0, 0.9])
@pytest.mark.parametrize("steps", [10, 50])
def test_round_trip_of_bdia_in_single_precision(predicts, gamma, steps):
    plan = sampling.plan(VP, "bdia", steps=steps, gamma=gamma, predicts=predicts)
    state = sampling.invert(Narrow(predicts), X0_32, plan)
    back = sampling.sample(Narrow(predicts), None, plan, start=state)
    assert state.i == 1
    assert back.dtype == state.narrow == np.float32
    assert np.abs(back - X0_32).max() <= 1e-6 * np.abs(X0_32).max()
    assert np.abs(state.x).max() < 5


@pytest.mark.parametrize(("gamma", "low", "high"), [(1.0, 0.0, 1e-5), (0.9, 0.0, 1e-4), (0.5, 1e2, np.inf)])
def test_the_price_of_gamma_is_paid_in_digits_of_the_noise(gamma, low, high):
    plan = sampling.plan(VP, "bdia", steps=50, gamma=gamma)
    noise = np.random.default_rng(0).normal(size=(8, 3)).astype(np.float32)
    first = sampling.sample(Narrow("eps"), noise, plan, stop=1)
    last = sampling.sample(Narrow("eps"), None, plan, start=first, stop=49)
    end = sampling.sample(Narrow("eps"), None, plan, start=last)
    found = sampling.invert(Narrow("eps"), end, plan, last=last)
    assert found.x.dtype == np.float64  # what is left is the rounding of `end` and `last`
    error = np.abs(found.states[0] - noise).max()
    assert low <= error <= high


@pytest.mark.parametrize("gamma", [1.0, 0.9])
def test_round_trip_in_single_precision_in_torch_and_jax(gamma):
    plan = sampling.plan(VP, "bdia", steps=20, gamma=gamma)
    seen = []

    class InTorch:
        def bind(self, plan):
            ask = Network("eps").bind(plan)

            def told(x, t, i):
                seen.append((x.dtype, t.dtype))
                return torch.from_numpy(ask(x.double().numpy(), None, i)).to(x.dtype)

            return told

    x0 = torch.from_numpy(X0_32)
    back = sampling.edit(InTorch(), InTorch(), x0, plan)
    assert set(seen) == {(torch.float32, torch.float32)}
    assert back.dtype == torch.float32
    assert float((back - x0).abs().max()) <= 1e-6 * float(x0.abs().max())

    def network(x, t):
        seen.append((np.dtype(x.dtype), np.dtype(t.dtype)))
        return jnp.tanh(x) * (1 - t)

    seen.clear()
    given = jnp.asarray(X0_32)
    back = jax.jit(lambda x: sampling.edit(network, network, x, plan))(given)
    assert set(seen) == {(np.dtype("float32"), np.dtype("float32"))}
    assert back.dtype == jnp.float32
    assert float(jnp.abs(back - given).max()) <= 1e-6 * float(jnp.abs(given).max())


def test_exact_inversion_beats_the_naive_one_by_digits():
    steps = 50
    naive = sampling.encoder(VP, "ddim", steps=steps, grid="quadratic")
    ddim = sampling.plan(VP, "ddim", steps=steps, grid="quadratic")
    there = sampling.sample(Network("eps"), X0, naive)
    rough = np.abs(sampling.sample(Network("eps"), there, ddim) - X0).max()
    plan = sampling.plan(VP, "bdia", steps=steps)
    exact = sampling.edit(Network("eps"), Network("eps"), X0, plan)
    assert rough > 1e-2
    assert np.abs(exact - X0).max() < 1e-12


def test_a_plan_of_three_states_is_undone():
    made = sampling.plan(VP, "bdia", steps=8)
    x = np.zeros((8, 3))
    x[:, 0], x[0, 0], x[1, 0] = 0.4, 0.9, 0.9
    x[2:, 1], x[2:, 2] = 0.1, 0.5
    m = np.zeros((8, 2))
    m[:, 0], m[1:, 1] = 0.3, -0.1
    plan = made.replace(x=x, m=m)
    noise = np.random.default_rng(0).normal(size=(4, 3))

    def model(x, t):
        return np.tanh(x)

    last = sampling.sample(model, noise, plan, stop=7)
    end = sampling.sample(model, None, plan, start=last)
    found = sampling.invert(model, end, plan, last=last)
    assert found.i == 2
    np.testing.assert_allclose(found.states[0], noise, rtol=1e-10)
    with pytest.raises(InputError, match="undone from 3 states"):
        sampling.invert(model, end, plan)


def test_torch_and_jax():
    plan = sampling.plan(VP, "bdia", steps=6, gamma=0.95)
    expected = sampling.invert(Network("eps"), X0, plan)

    class InTorch:
        def bind(self, plan):
            ask = Network("eps").bind(plan)
            return lambda x, t, i: torch.from_numpy(ask(x.numpy(), None, i))

    found = sampling.invert(InTorch(), torch.from_numpy(X0), plan)
    np.testing.assert_allclose(found.x, expected.x, rtol=1e-10)
    back = sampling.sample(InTorch(), None, plan, start=found)
    assert float((back - torch.from_numpy(X0)).abs().max()) < 1e-12
    network = Network("eps", jnp)
    trip = jax.jit(lambda x: sampling.edit(network, network, x, plan))
    np.testing.assert_allclose(trip(jnp.asarray(X0)), X0, atol=1e-12)


@pytest.mark.parametrize(("rule", "order"), [("multistep", 1), ("rf-solver", 3)])
def test_rf_solver_there_and_back(rule, order):
    # the midpoint rule is of order 2; the leading errors of the two ways cancel
    options = {"predicts": "flow", "grid": "uniform"}
    if rule == "multistep":
        options |= {"order": 1, "linear": "flow", "variable": "t"}
    errors = []
    for steps in (20, 40, 80):
        encoding = sampling.encoder(FLOW, rule, steps=steps, start=0.98, **options)
        plan = sampling.plan(FLOW, rule, steps=steps, start=0.98, **options)
        back = sampling.edit(Network("flow"), Network("flow"), X0, plan, encoding=encoding)
        errors.append(np.sqrt(np.mean((back - X0) ** 2)))
    rates = np.log2(np.array(errors[:-1]) / errors[1:])
    assert np.all(np.abs(rates - order) < 0.3), (errors, rates)


def test_rf_solver_is_of_second_order_one_way():
    """x + h u + h²/2 (u_mid − u)/(h/2), and against a fine solution."""
    options = {"predicts": "flow", "start": 0.98}
    ends = [
        sampling.sample(
            Network("flow"), X0, sampling.encoder(FLOW, "rf-solver", steps=n, grid="uniform", **options)
        )
        for n in (20, 40, 80, 640)
    ]
    errors = [np.abs(end - ends[-1]).max() for end in ends[:-1]]
    assert np.all(np.abs(np.log2(np.array(errors[:-1]) / errors[1:]) - 2) < 0.2)
    plan = sampling.encoder(FLOW, "rf-solver", steps=1, grid=[0.5, 0.3], final=3 / 7, **options)
    ask, h = Network("flow").bind(plan), 0.2
    u = ask(X0, None, 0)
    middle = ask(X0 + 0.5 * h * u, None, 1)
    by_hand = X0 + h * u + 0.5 * h**2 * (middle - u) / (0.5 * h)
    np.testing.assert_allclose(sampling.sample(Network("flow"), X0, plan), by_hand, rtol=1e-12)


def exact_edit(x, source, target, width, rho):
    there = source + (x - source) * np.hypot(width, rho) / width
    return target + (there - target) * width / np.hypot(width, rho)


@pytest.mark.parametrize("exact", [True, False])
def test_an_edit_moves_one_gaussian_to_another(exact):
    source, target = np.array([1.0, 0.0, 0.5]), np.array([-0.5, 1.0, 0.0])
    x = source + 0.3 * np.random.default_rng(0).normal(size=(6, 3))
    one = sampling.Conditioned(Gaussians(), condition(source, 0.3))
    other = sampling.Conditioned(Gaussians(), condition(target, 0.3))
    rho = float(VP.sigma(1.0) / VP.alpha(1.0))
    if exact:
        found = sampling.edit(one, other, x, sampling.plan(VP, "bdia", steps=200, gamma=0.98))
    else:
        options = {"steps": 300, "variable": "arctan", "grid": ("arctan", 2.0, 2.0)}
        plan = sampling.plan(VP, "multistep", order=3, **options)
        encoding = sampling.encoder(VP, "multistep", order=3, **options)
        found = sampling.edit(one, other, x, plan, encoding=encoding)
    np.testing.assert_allclose(found, exact_edit(x, source, target, 0.3, rho), atol=2e-4 if exact else 2e-3)


def test_an_edit_from_halfway_stays_closer():
    one = sampling.Conditioned(Gaussians(), condition(1.0, 0.3))
    other = sampling.Conditioned(Gaussians(), condition(-1.0, 0.3))
    plan = sampling.plan(VP, "bdia", steps=40)
    x = np.ones((6, 3))
    moved = [np.abs(sampling.edit(one, other, x, plan, stop=stop) - x).mean() for stop in (1, 20, 35)]
    assert moved[0] > moved[1] > moved[2] > 0


def test_what_cannot_be_undone_is_refused():
    with pytest.raises(InputError, match="cannot be undone"):
        sampling.invert(Network("eps"), X0, sampling.plan(VP, steps=5))
    assert sampling.invertible(sampling.plan(VP, "bdia", steps=5))
    for rule in ("ddim", "unipc", "sde-dpm++", "dpm-3"):
        assert not sampling.invertible(sampling.plan(VP, rule, steps=5))
    plan = sampling.plan(VP, "bdia", steps=5)
    with pytest.raises(InputError, match="rows 1 to 4"):
        sampling.invert(Network("eps"), X0, plan, stop=0)
    with pytest.raises(InputError, match="no model time"):
        sampling.encoder(sampling.EDM(), "ddim", steps=5)
    with pytest.raises(InputError, match="adds noise"):
        sampling.encoder(VP, "ddim", steps=5, eta=1.0)
