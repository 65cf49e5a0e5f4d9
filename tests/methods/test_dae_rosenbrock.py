"""Differential-algebraic equations of index 1: order, published values, consistent initial values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import brentq

import duhamel as dh
from duhamel.methods.stiff import ROS3P, Rodas3, Rodas4, Rodas5P
from duhamel.problems import get
from problems import fitted

METHODS = (ROS3P, Rodas3, Rodas4, Rodas5P)


def semi_explicit(t, u, args):
    """y' = −x y + cos 2t, 0 = x³ + x − y − sin t / 2."""
    y, x = u
    return jnp.stack([-x * y + jnp.cos(2 * t), x**3 + x - y - 0.5 * jnp.sin(t)])


def algebraic(t, y):
    return brentq(lambda x: x**3 + x - y - 0.5 * np.sin(t), -5, 5, xtol=1e-15, rtol=1e-15)


@pytest.fixture(scope="module")
def end():
    run = solve_ivp(
        lambda t, y: [-algebraic(t, y[0]) * y[0] + np.cos(2 * t)],
        (0, 0.5),
        [1.5],
        method="DOP853",
        rtol=1e-13,
        atol=1e-15,
    )
    y = run.y[0, -1]
    return np.array([y, algebraic(0.5, y)])


START = jnp.asarray([1.5, algebraic(0.0, 1.5)])


@pytest.mark.parametrize(("method", "order"), list(zip(METHODS, (3, 3, 4, 5), strict=True)))
def test_order_in_differential_and_algebraic_variables(method, order, end):
    eq = dh.with_mass(semi_explicit, jnp.asarray([1.0, 0.0]))
    counts = (2 if order == 5 else 4) * 2 ** np.arange(5)
    ends = [dh.solve(eq, START, t1=0.5, method=method, step=dh.Fixed(0.5 / n)).us[-1] for n in counts]
    orders = fitted(0.5 / counts, [abs(np.asarray(u) - end) for u in ends])
    assert np.all(abs(orders - order) < 0.2), orders


def test_a_full_singular_matrix_is_the_same_problem_in_other_words():
    """A M B dv/dt = A f(B v) for u = B v."""
    a, b = np.array([[2.0, 1.0], [-1.0, 1.5]]), np.array([[0.8, 0.6], [-0.6, 0.8]])
    eq = dh.with_mass(semi_explicit, jnp.asarray([1.0, 0.0]))
    mixed = dh.with_mass(
        lambda t, v, args: jnp.asarray(a) @ semi_explicit(t, jnp.asarray(b) @ v, args),
        a @ np.diag([1.0, 0.0]) @ b,
    )
    v0 = jnp.asarray(np.linalg.solve(b, np.asarray(START)))
    step = dh.Adaptive(rtol=1e-9, atol=1e-9)
    plain = dh.solve(eq, START, t1=1.0, method=Rodas5P, step=step)
    other = dh.solve(mixed, v0, t1=1.0, method=Rodas5P, step=step)
    assert np.allclose(b @ np.asarray(other.us[-1]), plain.us[-1], rtol=1e-8)


@pytest.mark.parametrize("method", [Rodas4, Rodas5P], ids=lambda m: m.name)
def test_robertson_with_its_sum_as_an_equation(method):
    problem = get("robertson-dae")
    # t = 40 and 1e11: Test Set for IVP Solvers; 4e10: the check of the CVODE example cvRoberts.
    late = np.array([5.2083474251394888e-08, 2.0833390772616859e-13, 9.9999994791631752e-01])
    early = next(r for r in get("robertson").references if r.t == 40.0).u
    ts = jnp.asarray([40.0, 4e10, 1e11])
    step = dh.Adaptive(rtol=1e-7, atol=1e-14)
    us = problem.solve(method, step, save=dh.Save(ts=ts)).us
    for u, wanted in zip(us, (early, late, problem.reference().u), strict=True):
        assert np.allclose(u, wanted, rtol=2e-6)
    assert np.max(abs(np.sum(us, axis=1) - 1.0)) < 1e-14


def test_transistor_amplifier():
    problem = get("transistor-amplifier")
    assert problem.error(problem.solve(Rodas4, rtol=1e-5)) < 1e-5
    assert problem.error(problem.solve(Rodas5P, rtol=1e-7)) < 1e-8


def test_single_precision_stays_single():
    eq = dh.with_mass(semi_explicit, jnp.asarray([1.0, 0.0]))
    sol = dh.solve(eq, START.astype(jnp.float32), t1=1.0, method=Rodas4, step=dh.Adaptive(1e-4, 1e-4))
    assert sol.us.dtype == jnp.float32
    exact = dh.solve(eq, START, t1=1.0, method=Rodas5P, step=dh.Adaptive(1e-9, 1e-9)).us
    assert np.allclose(sol.us, exact, atol=2e-4)


def test_inconsistent_initial_values_are_refused_and_can_be_mended():
    eq = dh.with_mass(semi_explicit, jnp.asarray([1.0, 0.0]))
    off = START + jnp.asarray([0.0, 0.1])
    with pytest.raises(dh.InputError, match=r"entry 1 is off by about 0\.09.*dh\.consistent"):
        dh.solve(eq, off, t1=1.0, method=Rodas4)
    mended = dh.consistent(eq, off)
    assert mended[0] == START[0]
    assert np.allclose(mended, START, rtol=1e-14)
    dh.solve(eq, mended, t1=0.1, method=Rodas4)
    # Within the tolerance of the run nothing need be mended; under jit nothing can be looked at.
    dh.solve(eq, START + jnp.asarray([0.0, 1e-4]), t1=0.1, method=Rodas4, step=dh.Adaptive(rtol=1e-3))
    jax.jit(lambda u: dh.solve(eq, u, t1=0.1, method=Rodas4, on_failure="return").us)(off)


def test_consistent_values_for_a_full_matrix_keep_what_the_matrix_sees():
    problem = get("transistor-amplifier")
    u0 = jnp.asarray(problem.u0).at[jnp.asarray([1, 4])].add(0.2)
    mended = dh.consistent(problem.posed, u0, args=problem.args)
    assert np.allclose(problem.mass @ np.asarray(mended), problem.mass @ np.asarray(u0), atol=1e-19)
    problem.solve(Rodas4, t1=1e-3)
    dh.solve(problem.posed, mended, t1=1e-4, args=problem.args, method=Rodas4)


def test_what_cannot_be_solved_for_is_said():
    index_two = dh.with_mass(lambda t, u, a: jnp.stack([u[1], u[0] - 1]), jnp.asarray([1.0, 0.0]))
    with pytest.raises(dh.InputError, match="index above 1"):
        dh.consistent(index_two, jnp.asarray([0.5, 0.0]))
    nowhere = dh.with_mass(lambda t, u, a: jnp.stack([u[0], u[1] ** 2 + 1]), jnp.asarray([1.0, 0.0]))
    with pytest.raises(dh.InputError, match="no consistent state"):
        dh.consistent(nowhere, jnp.asarray([1.0, 0.5]))
    with pytest.raises(dh.InputError, match="3 rows"):
        dh.solve(dh.with_mass(semi_explicit, jnp.ones(3)), START, t1=1.0, method=Rodas4)
    with pytest.raises(dh.InputError, match="with_mass"):
        dh.consistent(semi_explicit, START)
