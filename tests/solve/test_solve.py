"""`solve`: results against SciPy and exact solutions, whatever is saved and however it is called."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import duhamel as dh
from conftest import decay, lorenz, pendulum

TIGHT = dh.Adaptive(rtol=1e-10, atol=1e-12)


def scipy_lorenz(t):
    def f(t, u):
        return [10 * (u[1] - u[0]), u[0] * (28 - u[2]) - u[1], u[0] * u[1] - 8 / 3 * u[2]]

    return solve_ivp(f, (0.0, t), np.ones(3), method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]


@pytest.mark.parametrize("method", ["tsit5", "dopri5", "bosh3"])
def test_adaptive_methods_reach_the_tolerance(method):
    rtol = 1e-10 if method != "bosh3" else 1e-7
    sol = dh.solve(lorenz, jnp.ones(3), t1=3.0, method=method, step=dh.Adaptive(rtol=rtol, atol=rtol))
    assert np.max(abs(sol.us[-1] - scipy_lorenz(3.0))) < 3e3 * rtol
    assert sol.status == dh.Status.done
    assert sol.ts.shape == (1,)
    assert sol.us.shape == (1, 3)
    assert sol.stats.steps > 0
    assert sol.stats.evaluations > sol.stats.steps


def test_error_falls_with_the_tolerance():
    """Tolerance proportionality: the error follows rtol over six decades."""
    exact = scipy_lorenz(1.5)
    rtols = 10.0 ** -np.arange(4, 11, 2)
    ends = [dh.solve(lorenz, jnp.ones(3), t1=1.5, step=dh.Adaptive(rtol=r, atol=r)).us[-1] for r in rtols]
    errors = np.array([np.max(abs(u - exact)) for u in ends])
    slope = np.polyfit(np.log(rtols), np.log(errors), 1)[0]
    assert 0.75 < slope < 1.25


def test_saving_at_times_interpolates_without_changing_the_steps():
    plain = dh.solve(lorenz, jnp.ones(3), t1=2.0, step=TIGHT)
    saved = dh.solve(lorenz, jnp.ones(3), t1=2.0, step=TIGHT, save=dh.Save(every=0.01))
    assert saved.ts.shape == (201,)
    assert float(saved.ts[0]) == 0.0
    assert float(saved.ts[-1]) == 2.0
    assert np.array_equal(saved.us[0], np.ones(3))
    assert np.array_equal(saved.us[-1], plain.us[-1])
    assert saved.stats.steps == plain.stats.steps
    for index in (37, 150):
        assert np.max(abs(saved.us[index] - scipy_lorenz(float(saved.ts[index])))) < 2e-7


def test_saving_more_than_one_block_of_times():
    saved = dh.solve(decay, jnp.ones(2), t1=1.0, args=2.0, step=TIGHT, save=dh.Save(every=1 / 700))
    assert saved.ts.shape == (701,)
    assert np.allclose(saved.us[:, 0], np.exp(-2.0 * np.asarray(saved.ts)), rtol=1e-8)


def test_saving_at_times_lands_on_them_where_nothing_interpolates(stiff):
    eq, symbol = stiff
    ts = jnp.asarray([0.1, 0.25, 1.0])
    sol = dh.solve(eq, jnp.ones(3), t1=2.0, step=dh.Adaptive(rtol=1e-9, atol=1e-12), save=dh.Save(ts=ts))
    lam = np.asarray(symbol)
    for t, u in zip(np.asarray(sol.ts), np.asarray(sol.us), strict=True):
        forced = (np.sin(t) - lam * np.cos(t)) / (1 + lam**2)
        exact = forced + np.exp(lam * t) * (1 + lam / (1 + lam**2))
        assert np.allclose(u, exact, rtol=1e-7, atol=1e-10)
    assert np.array_equal(sol.ts, ts)
    assert float(sol.t) == 2.0


def test_steps_and_dense_output(stiff):
    sol = dh.solve(lorenz, jnp.ones(3), t1=1.0, step=TIGHT, save=dh.Save(steps=True))
    assert sol.ts.shape[0] == sol.stats.steps + 1
    assert np.all(np.diff(sol.ts) > 0)
    dense = dh.solve(lorenz, jnp.ones(3), t1=1.0, step=TIGHT, save=dh.Save(dense=True))
    assert np.max(abs(dense(0.777) - scipy_lorenz(0.777))) < 1e-8
    assert dense(jnp.linspace(0.0, 1.0, 7)).shape == (7, 3)
    with pytest.raises(dh.InputError, match="covers"):
        dense(1.5)
    with pytest.raises(dh.InputError, match="dense=True"):
        sol(0.5)
    eq, symbol = stiff
    curve = dh.solve(
        eq, jnp.ones(3), t1=1.0, step=dh.Adaptive(rtol=1e-9, atol=1e-12), save=dh.Save(dense=True)
    )
    lam, t = np.asarray(symbol), 0.3141
    exact = (np.sin(t) - lam * np.cos(t)) / (1 + lam**2) + np.exp(lam * t) * (1 + lam / (1 + lam**2))
    assert np.allclose(curve(t), exact, rtol=1e-7, atol=1e-9)


def test_fixed_steps_divide_the_way_evenly():
    sol = dh.solve(
        decay, jnp.ones(1), t1=1.0, args=1.0, method="rk4", step=dh.Fixed(0.3), save=dh.Save(steps=True)
    )
    assert np.allclose(sol.ts, [0.0, 0.25, 0.5, 0.75, 1.0])
    assert np.isnan(sol.error_estimate)


def test_pytree_complex_and_single_precision_states():
    start = {"angle": jnp.asarray(0.5), "speed": jnp.asarray(0.0)}
    sol = dh.solve(pendulum, start, t1=2.0, step=TIGHT)
    exact = solve_ivp(
        lambda t, u: [u[1], -np.sin(u[0])], (0, 2), [0.5, 0.0], rtol=1e-12, atol=1e-12, method="DOP853"
    ).y[:, -1]
    assert np.allclose([sol.us["angle"][-1], sol.us["speed"][-1]], exact, atol=1e-8)
    turn = dh.solve(lambda t, u, args: u * 1j, jnp.asarray([1.0 + 0j]), t1=1.0, step=TIGHT)
    assert np.allclose(turn.us[-1], np.exp(1j), atol=1e-9)
    single = dh.solve(lorenz, jnp.ones(3, jnp.float32), t1=1.0, step=dh.Adaptive(rtol=1e-4, atol=1e-6))
    assert single.us.dtype == jnp.float32
    assert np.allclose(single.us[-1], scipy_lorenz(1.0), rtol=1e-2)


@pytest.mark.parametrize("name", list(dh.METHODS))
def test_every_method_keeps_single_precision(name, stiff):
    eq, shape = stiff[0], (3,)
    if dh.METHODS[name].family == "symplectic":
        eq, shape = dh.separable(lambda p: p, lambda q: -q), (2, 3)
    step = dh.Adaptive(rtol=1e-3, atol=1e-4) if dh.METHODS[name].adaptive else dh.Fixed(1e-6)
    sol = dh.solve(eq, jnp.ones(shape, jnp.float32), t1=2e-6, method=name, step=step)
    assert sol.us.dtype == jnp.float32
    assert np.all(np.isfinite(sol.us))


def test_time_is_compensated():
    """A million steps of 1e-6 end at 1, and the clock in between is not off by their round-off."""
    sol = dh.solve(
        lambda t, u, args: jnp.ones_like(u), jnp.zeros(1), t1=1.0, method="euler", step=dh.Fixed(1e-6)
    )
    assert float(sol.t) == 1.0
    assert sol.stats.steps == 1_000_000


def test_the_default_method_follows_the_structure(stiff):
    assert isinstance(dh.solve(lorenz, jnp.ones(3), t1=0.1).method, dh.Auto)
    chosen = dh.solve(stiff[0], jnp.ones(3), t1=0.1)
    assert isinstance(chosen.method, dh.ETD54)
    assert "linear part" in chosen.why
    assert isinstance(dh.solve(stiff[0], jnp.ones(3), t1=0.1, step=dh.Fixed(0.1)).method, dh.ETDRK4)


def test_tolerances_per_component():
    """A component with a loose tolerance of its own does not cost steps."""

    def f(t, u, args):
        return {"slow": -u["slow"], "fast": 100 * jnp.cos(100 * t)}

    u0 = {"slow": jnp.asarray(1.0), "fast": jnp.asarray(0.0)}
    loose = dh.Adaptive(rtol={"fast": 0.0, "slow": 1e-8}, atol={"fast": 1e3, "slow": 1e-10})
    both = dh.solve(f, u0, t1=1.0, step=dh.Adaptive(rtol=1e-8, atol=1e-10)).stats.steps
    assert dh.solve(f, u0, t1=1.0, step=loose).stats.steps < both / 3


def test_solve_is_differentiable_through_fixed_steps():
    def end(rate):
        return dh.solve(decay, jnp.ones(2), t1=1.0, args=rate, method="rk4", step=dh.Fixed(0.1)).us[-1].sum()

    difference = (end(2.0 + 1e-6) - end(2.0 - 1e-6)) / 2e-6
    assert jax.grad(end)(2.0) == pytest.approx(float(difference), rel=1e-8)
    saved = jax.grad(
        lambda r: (
            dh.solve(decay, jnp.ones(2), t1=1.0, args=r, step=dh.Fixed(0.1), save=dh.Save(every=0.5))
            .us[1]
            .sum()
        )
    )
    assert float(saved(2.0)) == pytest.approx(-0.5 * 2 * np.exp(-1.0), rel=1e-4)
    forward = jax.jvp(
        lambda r: dh.solve(decay, jnp.ones(2), t1=1.0, args=r, step=TIGHT).us[-1].sum(), (2.0,), (1.0,)
    )[1]
    assert float(forward) == pytest.approx(-2 * np.exp(-2.0), rel=1e-6)


def test_gradient_through_exponential_steps(stiff):
    eq, symbol = stiff

    def end(s):
        part = dh.Linear(dh.Diagonal(symbol * s)) + eq.nonlinear[0]
        return dh.solve(part, jnp.ones(3), t1=1.0, method="etdrk4", step=dh.Fixed(0.1)).us[-1].sum()

    difference = (end(1.0 + 1e-5) - end(1.0 - 1e-5)) / 2e-5
    assert float(jax.grad(end)(1.0)) == pytest.approx(float(difference), rel=1e-6)


def test_zero_length_run_returns_the_start():
    sol = dh.solve(lorenz, jnp.ones(3), t1=0.0)
    assert sol.status == dh.Status.done
    assert np.array_equal(sol.us[0], np.ones(3))
    assert sol.stats.steps == 0
