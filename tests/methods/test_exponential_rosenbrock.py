"""Exponential Rosenbrock methods: matrices and subspaces, the price of a wrong Jacobian, and everything a
run may be put through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import duhamel as dh
from problems import START, fitted, forcing, hochbruck_ostermann

RATES = np.array([-3.0, -0.5, -1.0])
U0 = jnp.asarray([1.0, 0.6, -0.8])


def coupled(t, u, args):
    return jnp.sin(2.0 * jnp.roll(u, 1)) + jnp.cos(t)


def equation(dtype=float):
    return dh.Linear(dh.Diagonal(jnp.asarray(RATES, dtype))) + dh.Nonlinear(coupled)


@pytest.fixture(scope="module")
def end():
    def rhs(t, u):
        return RATES * u + np.sin(2.0 * np.roll(u, 1)) + np.cos(t)

    return solve_ivp(rhs, (0.0, 1.0), np.asarray(U0), method="DOP853", rtol=1e-13, atol=1e-15).y[:, -1]


@pytest.mark.parametrize(("name", "order"), [("exprb43", 2), ("exprb54s4", 1)])
def test_with_l_in_place_of_the_jacobian_the_order_drops(name, order, end):
    wrong = dh.Nonlinear(coupled, jacobian=lambda t, u, args: jnp.zeros((3, 3)))
    eq, counts = dh.Linear(dh.Diagonal(jnp.asarray(RATES))) + wrong, 8 * 2 ** np.arange(5)
    ends = [dh.solve(eq, U0, t1=1.0, method=name, step=dh.Fixed(1.0 / n)).us[-1] for n in counts]
    orders = fitted(1.0 / counts, [np.linalg.norm(np.asarray(u) - end) for u in ends])
    assert abs(orders[0] - order) < 0.15


def test_subspaces_give_what_matrices_give():
    """With a stiff L, and an N that depends on t and on u and its conjugate, so that N' is only
    real-linear."""
    eq = dh.Linear(dh.Diagonal(jnp.asarray([-300.0 + 0j, 40.0j, -1.0 + 4.0j]))) + dh.Nonlinear(forcing)
    ends = [
        dh.solve(eq, jnp.asarray(START), t1=0.5, method=method, step=dh.Fixed(1 / 16)).us[-1]
        for method in (dh.EPIRK4s3A(krylov=False), dh.EPIRK4s3A(krylov=True))
    ]
    assert np.allclose(*ends, rtol=0, atol=1e-13)


def test_adaptive_subspaces_follow_the_tolerance():
    eq, u0, nodal, bump = hochbruck_ostermann(31, nonlocal_=False)
    method, products = dh.ExpRB43(krylov=True), []
    for tolerance in (1e-4, 1e-6, 1e-8):
        sol = dh.solve(eq, u0, t1=1.0, method=method, step=dh.Adaptive(rtol=tolerance, atol=tolerance))
        assert np.max(abs(nodal(sol.us[-1]) - bump * np.e)) < tolerance
        assert sol.stats.rejected == 0
        products.append(int(sol.why.split("; ")[1].split()[0]) / sol.stats.steps)
    # Shorter steps need smaller subspaces, even at a tighter tolerance.
    assert products[2] < products[0]


def test_a_subspace_too_small_shortens_the_step_or_fails():
    eq, u0, nodal, bump = hochbruck_ostermann(31, nonlocal_=False)
    small = dh.ExpRB43(krylov=True, subspace=8)
    sol = dh.solve(eq, u0, t1=0.02, method=small, step=dh.Adaptive(rtol=1e-6, atol=1e-6, dt0=0.02))
    assert sol.stats.rejected > 0
    assert np.max(abs(nodal(sol.us[-1]) - bump * np.exp(0.02))) < 1e-6
    failed = dh.solve(eq, u0, t1=0.5, method=small, step=dh.Fixed(0.25), on_failure="return")
    assert failed.status == dh.Status.step_too_small


def test_large_states_use_subspaces():
    """du/dt = λu + cos t, solved by hand."""
    rates = np.linspace(-1.0, -50.0, 200)
    eq = dh.Linear(dh.Diagonal(jnp.asarray(rates))) + dh.Nonlinear(
        lambda t, u, args: jnp.cos(t) * jnp.ones_like(u)
    )
    sol = dh.solve(eq, jnp.ones(200), t1=0.5, method="exprb43")
    assert "products with the Jacobian" in sol.why

    def forced(t):
        return (np.sin(t) - rates * np.cos(t)) / (1 + rates**2)

    assert np.allclose(sol.us[-1], np.exp(0.5 * rates) * (1 - forced(0)) + forced(0.5), rtol=0, atol=1e-6)


def test_a_plain_function_needs_no_parts():
    """Van der Pol with μ = 20, which no linear part makes mild."""

    def van_der_pol(t, u, args):
        return jnp.stack([u[1], 20.0 * (1 - u[0] ** 2) * u[1] - u[0]])

    def rhs(t, u):
        return [u[1], 20.0 * (1 - u[0] ** 2) * u[1] - u[0]]

    exact = solve_ivp(rhs, (0, 5), [2.0, 0.0], method="DOP853", rtol=1e-12, atol=1e-12).y[:, -1]
    sol = dh.solve(van_der_pol, jnp.asarray([2.0, 0.0]), t1=5.0, method="exprb54s4")
    assert np.allclose(sol.us[-1], exact, rtol=1e-5)
    # An explicit method of order 5 is bound by the rate 60: 5·60/3.3 steps.
    assert sol.stats.steps < 60
    assert "products" not in sol.why


def test_linear_equations_are_solved_exactly():
    matrix = jnp.asarray([[-1.0, 30.0], [-30.0, -1.0]])
    u = dh.solve(dh.Linear(dh.Dense(matrix)), jnp.ones(2), t1=1.0, method="exprb32", step=dh.Fixed(0.5)).us[
        -1
    ]
    assert np.allclose(u, dh.Dense(matrix).exp(jnp.asarray(1.0), jnp.ones(2)), rtol=0, atol=1e-13)


@pytest.mark.parametrize("krylov", [False, True])
def test_gradient_through_fixed_steps(krylov):
    eq = dh.Linear(dh.Diagonal(jnp.asarray(RATES))) + dh.Nonlinear(
        lambda t, u, args: jnp.sin(args * jnp.roll(u, 1))
    )
    method = dh.ExpRB32(krylov=krylov, subspace=8)

    @jax.jit
    @jax.value_and_grad
    def end(rate):
        return jnp.sum(dh.solve(eq, U0, t1=0.5, args=rate, method=method, step=dh.Fixed(0.125)).us[-1] ** 2)

    e = 1e-5
    slope = (float(end(1.7 + e)[0]) - float(end(1.7 - e)[0])) / (2 * e)
    assert float(end(1.7)[1]) == pytest.approx(slope, rel=1e-7)


def test_each_sample_of_a_batch_takes_its_own_steps():
    def run(scale):
        step = dh.Adaptive(rtol=1e-6, atol=1e-6)
        sol = dh.solve(equation(), scale * U0, t1=1.0, method="exprb32", step=step, on_failure="return")
        return sol.us[-1], sol.stats.steps

    scales = jnp.asarray([0.0, 1.0, 5.0])
    together, steps = jax.jit(jax.vmap(run))(scales)
    for i, scale in enumerate(scales):
        alone, count = run(scale)
        assert int(count) == int(steps[i])
        assert np.allclose(together[i], alone, rtol=1e-12)
    assert len(set(np.asarray(steps).tolist())) == 3


@pytest.mark.parametrize("krylov", [False, True])
def test_single_precision_states_stay_single(krylov, end):
    method, step = dh.ExpRB43(krylov=krylov), dh.Adaptive(rtol=1e-4, atol=1e-4)
    sol = dh.solve(equation(jnp.float32), U0.astype(jnp.float32), t1=1.0, method=method, step=step)
    assert sol.us.dtype == jnp.float32
    assert np.allclose(sol.us[-1], end, rtol=0, atol=2e-4)


def test_a_fixed_step_that_no_subspace_can_follow_is_told():
    """Diffusion in steps of 8000 times the stable one: the largest subspace is too small."""
    n = 200

    def heat(t, u, args):
        wide = jnp.concatenate([jnp.zeros(1), u, jnp.zeros(1)])
        return (n + 1) ** 2 * (wide[2:] - 2 * u + wide[:-2]) + 1 / (1 + u * u)

    x = jnp.linspace(0.0, 1.0, n + 2)[1:-1]
    with pytest.raises(dh.SolveError, match="fixed length could not be taken"):
        dh.solve(heat, x * (1 - x), t1=1.0, method="exprb32", step=dh.Fixed(0.1))
