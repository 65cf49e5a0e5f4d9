"""ESDIRK, Radau and BDF methods on what stiffness does to them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from problems import START, fitted, semilinear, semilinear_end


def prothero_robinson(t, u, rate):
    """u' = λ(u − cos t) − sin t, whose solution is cos t whatever λ is."""
    return rate * (u - jnp.cos(t)) - jnp.sin(t)


def order_at(method, rate):
    """The observed order of the largest error at ten times."""
    steps, times = 10 * 2 ** np.arange(1, 5), np.linspace(0.1, 1.0, 10)

    def error(n):
        us = dh.solve(
            prothero_robinson,
            jnp.ones(1),
            t1=1.0,
            args=rate,
            method=method,
            step=dh.Fixed(1.0 / n),
            save=dh.Save(ts=times),
        ).us
        return np.max(abs(np.asarray(us)[:, 0] - np.cos(times)))

    return fitted(1.0 / steps, [[error(n)] for n in steps])[0]


@pytest.mark.parametrize(("method", "order"), [(dh.Kvaerno3, 3), (dh.Kvaerno4, 4), (dh.Kvaerno5, 5)])
def test_stage_order_is_what_is_left_on_stiff_problems(method, order):
    assert abs(order_at(method(), -1.0) - order) < 0.15
    for rate in (-1e4, -1e6):
        assert abs(order_at(method(), rate) - 2.0) < 0.1


def test_radau_keeps_order_three_and_more_on_stiff_problems():
    assert order_at(dh.Radau(), -1e6) > 2.9


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_bdf_has_each_of_its_orders(order):
    steps = 40 * 2 ** np.arange(5)
    eq, u0, end = semilinear(), jnp.asarray(START), semilinear_end(1.0)
    method = dh.BDF(order=order)
    ends = [dh.solve(eq, u0, t1=1.0, method=method, step=dh.Fixed(1.0 / n)).us[-1] for n in steps]
    found = fitted(1.0 / steps, [abs(np.asarray(u) - end) for u in ends])
    assert np.all(abs(found - order) < 0.15), found


@pytest.mark.parametrize("name", ["kvaerno5", "esdirk54", "radau", "bdf"])
def test_published_end_values_of_hires(name):
    problem = dh.problems.get("hires")
    step = dh.Adaptive(rtol=1e-7, atol=1e-11)
    sol = dh.solve(problem.equation, problem.u0, t1=problem.t1, args=problem.args, method=name, step=step)
    reference = problem.references[-1]
    assert np.allclose(sol.us[-1], reference.u, rtol=2e-5)
    assert sol.stats.rejected < 0.1 * sol.stats.steps
    # Jacobians and factors are kept over many steps.
    assert sol.stats.jacobians < 0.5 * sol.stats.steps


@pytest.mark.parametrize("name", ["radau", "bdf"])
def test_an_algebraic_equation_is_kept(name):
    """Robertson with its third equation replaced by conservation."""

    def f(t, u, args):
        x, y, z = u
        slow, fast, back = 0.04 * x, 3e7 * y * y, 1e4 * y * z
        return jnp.stack([back - slow, slow - back - fast, x + y + z - 1.0])

    eq = dh.with_mass(dh.Nonlinear(f), jnp.array([1.0, 1.0, 0.0]))
    step = dh.Adaptive(rtol=1e-8, atol=jnp.array([1e-10, 1e-13, 1e-10]))
    u = dh.solve(eq, jnp.array([1.0, 0.0, 0.0]), t1=40.0, method=name, step=step).us[-1]
    assert abs(float(jnp.sum(u)) - 1.0) < 1e-9
    # LSODE's user guide: 7.158e-1, 9.185e-6, 2.842e-1.
    assert np.allclose(u, [7.158e-1, 9.185e-6, 2.842e-1], rtol=1e-3)


@pytest.mark.parametrize("name", ["kvaerno5", "radau", "bdf"])
def test_samples_of_a_batch_step_as_they_do_alone(name):
    def van_der_pol(t, u, mu):
        return jnp.stack([u[1], mu * (1 - u[0] ** 2) * u[1] - u[0]])

    def run(mu):
        sol = dh.solve(van_der_pol, jnp.array([2.0, 0.0]), t1=3.0, args=mu, method=name)
        return sol.us[-1], sol.stats.steps, sol.stats.rejected

    mus = jnp.array([1.0, 50.0, 400.0])
    together = jax.jit(jax.vmap(run))(mus)
    for i, mu in enumerate(mus):
        alone = run(mu)
        assert np.allclose(together[0][i], alone[0], rtol=1e-9)
        assert (together[1][i], together[2][i]) == alone[1:]


def test_gradients_pass_through_fixed_steps():
    def end(rate):
        sol = dh.solve(
            lambda t, u, k: -k * u * u, jnp.ones(2), t1=1.0, args=rate, method=dh.Radau(), step=dh.Fixed(0.1)
        )
        return sol.us[-1, 0]

    exact = -1.0 / (1.0 + 3.0) ** 2  # u(1) = 1/(1 + k)
    assert abs(float(jax.grad(end)(jnp.asarray(3.0))) - exact) < 1e-5
