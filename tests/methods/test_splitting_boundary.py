"""Boundary values that are not zero: the orders that Strang loses, and gets back; sources of linear parts."""

from functools import cache

import jax.numpy as jnp
import numpy as np
import pytest
from bench.strang_boundary import CASES, errors, orders

import duhamel as dh


@cache
def found(name):
    return orders(CASES[name]())


@pytest.mark.parametrize(
    ("name", "wanted", "room"),
    [
        ("Dirichlet 1", (1.0, 1.25, 1.5), 0.03),
        ("Dirichlet 0", (2.0, 2.0, 2.0), 0.03),
        ("periodic", (2.0, 2.0, 2.0), 0.03),
        ("Dirichlet 1, corrected", (2.0, 2.0, 2.0), 0.08),
    ],
)
def test_orders_of_strang_by_boundary_condition(name, wanted, room):
    assert np.allclose(list(found(name).values()), wanted, atol=room), found(name)


def decaying(corrected):
    """u_t = u_xx + u² with u(t, 0) = 1 + t, u(t, 1) = 2 − t: values, source and correction all move."""
    n = 63
    x = np.arange(1, n + 1) / (n + 1)
    matrix = (n + 1) ** 2 * (np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1) - 2 * np.eye(n))
    left, right = (jnp.asarray((n + 1.0) ** 2 * (np.arange(n) == place)) for place in (0, n - 1))

    def source(t, args):
        return (1 + t) * left + (2 - t) * right

    def correction(t, args):
        return (1 + t) ** 2 * jnp.asarray(1 - x) + (2 - t) ** 2 * jnp.asarray(x)

    part = dh.affine(dh.Dense(jnp.asarray(matrix)), source)
    reaction = dh.Nonlinear(lambda t, u, args: u * u)
    eq = dh.boundary_corrected(part, reaction, correction) if corrected else part + reaction
    return eq, jnp.asarray(1 + x)


def test_the_correction_may_move_with_the_boundary_values():
    steps, ends = np.array([4, 8, 16, 32, 64]), {}
    exact = dh.solve(*decaying(True), t1=0.1, method="strang", step=dh.Fixed(0.1 / 512)).us[-1]
    for corrected in (False, True):
        eq, u0 = decaying(corrected)
        us = [dh.solve(eq, u0, t1=0.1, method="strang", step=dh.Fixed(0.1 / n)).us[-1] for n in steps]
        ends[corrected] = np.array([np.max(abs(u - exact)) for u in us])
    slope = {key: -np.polyfit(np.log(steps[-3:]), np.log(e[-3:]), 1)[0] for key, e in ends.items()}
    assert slope[True] > 1.85
    assert slope[False] < 1.35
    assert ends[True][-1] < ends[False][-1] / 20


def test_a_source_that_moves_linearly_is_flowed_exactly():
    """u' = λu + a + bt by one step, for real λ, and for complex times in a step that is exact as well."""
    rates = jnp.asarray([-3.0, 0.0, 0.5])

    def source(t, args):
        return jnp.asarray([1.0, 2.0, -1.0]) + t * args

    eq = dh.Equation((dh.affine(dh.Diagonal(rates), source),))
    slope = jnp.asarray([0.5, -1.0, 2.0])
    end = dh.solve(
        eq, jnp.ones(3), t1=2.0, args=slope, method="tsit5", step=dh.Adaptive(rtol=1e-10, atol=1e-12)
    )
    for name in ("lie", "castella4"):
        one = dh.solve(eq, jnp.ones(3), t1=2.0, args=slope, method=name, step=dh.Fixed(2.0))
        assert np.allclose(one.us, end.us, rtol=1e-8)
        assert one.stats.evaluations == 0


def test_a_fixed_source_is_flowed_exactly_over_complex_times():
    """A linear part with source, and decay: both flow exactly and commute, so any splitting is exact."""
    eq = dh.affine(dh.Dense(jnp.asarray([[-1.0, 0.5], [0.0, -2.0]])), jnp.asarray([1.0, 0.3])) + dh.Linear(
        dh.Scalar(0.0)
    )
    fine = dh.solve(eq, jnp.ones(2), t1=1.0, method="tsit5", step=dh.Adaptive(rtol=1e-11, atol=1e-12)).us
    for name in ("strang", "complex-jump4"):
        assert np.allclose(
            dh.solve(eq, jnp.ones(2), t1=1.0, method=name, step=dh.Fixed(0.5)).us, fine, rtol=1e-9
        )


def test_wrong_parts_are_refused_in_words():
    with pytest.raises(dh.InputError, match="affine takes an operator"):
        dh.affine(jnp.eye(2), jnp.ones(2))
    plain = dh.Nonlinear(lambda t, u, args: u)
    with pytest.raises(dh.InputError, match="boundary_corrected takes"):
        dh.boundary_corrected(plain, plain, jnp.ones(2))


def test_errors_fall_by_the_correction():
    few = (20,)
    plain, corrected = (
        errors(CASES[name](), steps=few)[0] for name in ("Dirichlet 1", "Dirichlet 1, corrected")
    )
    assert np.all(corrected < plain / (50, 20, 10))
