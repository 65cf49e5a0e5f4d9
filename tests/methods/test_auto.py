"""Changing between an explicit and an implicit method: when it happens, and that nothing is lost."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.problems import get


def lorenz(t, u, args):
    x, y, z = u
    return jnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])


def van_der_pol(t, u, mu):
    x, v = u
    return jnp.stack([v, mu * (1 - x * x) * v - x])


def test_where_nothing_is_stiff_it_is_the_explicit_method_bit_for_bit():
    for tolerance in (1e-4, 1e-8):
        step = dh.Adaptive(rtol=tolerance, atol=tolerance)
        auto = dh.solve(lorenz, jnp.ones(3), t1=20.0, method="auto", step=step)
        alone = dh.solve(lorenz, jnp.ones(3), t1=20.0, method="tsit5", step=step)
        assert auto.stats == alone.stats
        assert auto.stats.switches == auto.stats.jacobians == 0
        assert np.array_equal(auto.us, alone.us)
        assert auto.why == "asked for"


def test_fast_oscillations_are_not_taken_for_stiffness():
    """An undamped mode limits an explicit method too, but an implicit one would only do away with it."""
    frequencies = jnp.asarray([1.0, 30.0])

    def rotation(t, u, args):
        return jnp.concatenate([u[2:], -(frequencies**2) * u[:2]])

    sol = dh.solve(rotation, jnp.asarray([1.0, 0.0, 0.0, 1e-3]), t1=20.0, method="auto")
    assert sol.stats.switches == 0


def test_relaxation_oscillation_changes_both_ways():
    problem = get("van-der-pol")
    auto, alone = problem.solve("auto", rtol=1e-8), problem.solve("rodas5p", rtol=1e-8)
    assert problem.error(auto) < 1e-6
    assert auto.stats.switches == 5
    assert auto.stats.evaluations < alone.stats.evaluations
    assert auto.stats.jacobians < 0.6 * alone.stats.jacobians
    told = auto.why.split("began with tsit5, ")[1].split(", ")
    assert [t.split()[0] for t in told] == ["rodas5p", "tsit5", "rodas5p", "tsit5", "rodas5p"]
    times = [float(t.split("= ")[1]) for t in told]
    # The first jump is at t = 807.
    assert times == sorted(times)
    assert times[0] < 1.0
    assert 806 < times[1] < times[2] < 808


@pytest.mark.parametrize("name", ["robertson", "hires"])
def test_problems_that_stay_stiff_stay_with_the_implicit_method(name):
    problem = get(name)
    auto, alone = problem.solve("auto", rtol=1e-6), problem.solve("rodas5p", rtol=1e-6)
    assert problem.error(auto) < 1e-5
    assert auto.stats.switches == 1
    assert auto.stats.evaluations < 1.3 * alone.stats.evaluations
    assert "rodas5p from t = " in auto.why


def test_samples_of_a_batch_change_by_themselves():
    step = dh.Adaptive(rtol=1e-6, atol=1e-8)

    def run(mu):
        sol = dh.solve(van_der_pol, jnp.asarray([2.0, 0.0]), t1=50.0, args=mu, method="auto", step=step)
        return sol.us[-1], sol.stats

    rates = jnp.asarray([1.0, 20.0, 1000.0])
    us, stats = jax.jit(jax.vmap(run))(rates)
    assert int(stats.switches[0]) == 0 < int(stats.switches[2])
    for i, rate in enumerate(rates):
        u, alone = run(rate)
        assert [int(v[i]) for v in stats] == [int(v) for v in alone]
        assert np.allclose(us[i], u, rtol=1e-8)


def test_states_between_steps_are_accurate_in_either_method():
    ts = np.concatenate([np.linspace(0.0, 800.0, 5), np.linspace(806.0, 808.0, 21), [1000.0]])
    problem = get("van-der-pol")
    saved = problem.solve("auto", rtol=1e-7, t1=1000.0, save=dh.Save(ts=ts))
    finer = problem.solve("rodas5p", rtol=1e-11, t1=1000.0, save=dh.Save(ts=ts))
    assert saved.stats.switches >= 2
    # A jump is a thousand times as fast as what comes before it, so errors in its time are errors in x.
    assert np.allclose(saved.us[:, 0], finer.us[:, 0], atol=1e-4)
    dense = problem.solve("auto", rtol=1e-7, t1=1000.0, save=dh.Save(dense=True))
    assert np.allclose(dense(ts)[:, 0], finer.us[:, 0], atol=1e-4)


def test_runs_in_pieces_are_the_same_bit_for_bit():
    problem = get("van-der-pol")
    step = dh.Adaptive(rtol=1e-6)
    whole = problem.solve("auto", step, t1=900.0, save=dh.Save(steps=True))
    pieces = dh.march(
        problem.equation,
        problem.u0,
        t1=900.0,
        args=problem.args,
        method="auto",
        step=step,
        save=dh.Save(steps=True),
        seconds=0.0,
    )
    assert np.array_equal(np.concatenate([np.asarray(p.us) for p in pieces]), whole.us)


def test_fixed_steps_are_implicit():
    step = dh.Fixed(0.01)
    auto = dh.solve(van_der_pol, jnp.asarray([2.0, 0.0]), t1=1.0, args=50.0, method="auto", step=step)
    alone = dh.solve(van_der_pol, jnp.asarray([2.0, 0.0]), t1=1.0, args=50.0, method="rodas5p", step=step)
    assert np.allclose(auto.us, alone.us, rtol=1e-12)
    assert "fixed" in auto.why


def test_large_states_without_structure_stay_explicit():
    def coupled(t, u, args):
        return -u * jnp.mean(u)

    assert dh.solve(coupled, jnp.ones(1001), t1=0.1, method="auto").method.name == "tsit5"


def test_pytrees_and_single_precision():
    def slope(t, u, args):
        return {"x": u["y"], "y": 500 * (1 - u["x"] ** 2) * u["y"] - u["x"]}

    u0 = {"x": jnp.full(1, 2.0, jnp.float32), "y": jnp.zeros(1, jnp.float32)}
    step = dh.Adaptive(rtol=1e-4, atol=1e-5)
    sol = dh.solve(slope, u0, t1=100.0, method="auto", step=step)
    assert sol.us["x"].dtype == jnp.float32
    assert sol.stats.switches == 1
    exact = dh.solve(van_der_pol, jnp.asarray([2.0, 0.0]), t1=100.0, args=500.0, method="rodas5p").us[-1, 0]
    assert float(sol.us["x"][-1, 0]) == pytest.approx(float(exact), rel=1e-3)


def test_a_mass_matrix_is_refused_with_the_methods_that_take_one():
    eq = dh.with_mass(lambda t, u, a: -u, jnp.ones(2))
    with pytest.raises(dh.InputError, match="rodas5p"):
        dh.solve(eq, jnp.ones(2), t1=1.0, method="auto")
