"""Every method of the registry has the orders that it states: classical, stiff, of its estimate, of its
interpolant."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from problems import START, fitted, forcing, hochbruck_ostermann, semilinear, semilinear_end, slopes

import duhamel as dh
from duhamel.methods.base import Interpolating

METHODS = list(dh.METHODS.values())
T1 = 1.0


@pytest.fixture(scope="module")
def end():
    return semilinear_end(T1)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_classical_order_on_real_imaginary_and_complex_spectra(method, end):
    # Coarsest grids so that errors of high orders stay above round-off through five refinements.
    steps = (16 if method.order < 5 or method.family == "explicit" else 6) * 2 ** np.arange(5)
    eq, u0 = semilinear(), jnp.asarray(START)
    ends = [dh.solve(eq, u0, t1=T1, method=method(), step=dh.Fixed(T1 / n)).us[-1] for n in steps]
    errors = [abs(np.asarray(u) - end) for u in ends]
    orders = fitted(T1 / steps, errors)
    assert np.all(abs(orders - method.order) < 0.15), orders


@pytest.mark.parametrize("method", [m for m in METHODS if m.stiff_order is not None], ids=lambda m: m.name)
def test_stiff_order_on_a_nonlocal_parabolic_problem(method):
    eq, u0, nodal, bump = hochbruck_ostermann()
    steps = (4 if method.order >= 5 else 8) * 2 ** np.arange(5)
    ends = [dh.solve(eq, u0, t1=1.0, method=method(), step=dh.Fixed(1.0 / n)).us[-1] for n in steps]
    errors = np.array([np.max(abs(nodal(u) - bump * np.e)) for u in ends])
    above = errors > 3e-13
    found = slopes(1.0 / steps[above], errors[above])[-2:]
    # Cox–Matthews wanders between 2 and 2.45 on this problem; all others sit on their order.
    assert np.all(found > method.stiff_order - 0.2), found
    assert np.all(found < method.stiff_order + 0.45), found


@pytest.mark.parametrize("method", [m for m in METHODS if m.adaptive], ids=lambda m: m.name)
def test_order_of_the_error_estimate(method):
    eq, u0 = semilinear(), jnp.asarray(START)
    hs = 0.05 * 0.6 ** np.arange(5)

    @jax.jit
    def estimate(h):
        t = jnp.zeros_like(h)
        return abs(method().step(eq, t, h, u0, method().init(eq, t, u0, None), None).error)

    orders = fitted(hs, [estimate(jnp.asarray(h)) for h in hs])
    assert np.all(abs(orders - (method.error_order + 1)) < 0.15), orders


@pytest.mark.parametrize("method", [m for m in METHODS if issubclass(m, Interpolating)], ids=lambda m: m.name)
def test_interpolants_are_as_accurate_as_a_method_of_order_four_or_the_method_itself(method):
    eq, u0 = semilinear(), jnp.asarray(START)
    hs = 0.2 * 0.5 ** np.arange(5)
    exact = {h: semilinear_end(0.37 * h) for h in hs}

    @jax.jit
    def inside(h):
        t = jnp.zeros_like(h)
        memory = method().init(eq, t, u0, None)
        step = method().step(eq, t, h, u0, memory, None)
        return method().interpolate(jnp.asarray(0.37), h, u0, step, memory)

    orders = fitted(hs, [abs(np.asarray(inside(jnp.asarray(h))) - exact[h]) for h in hs])
    # The error inside one step is of local order: min(order, 4 with, 3 without an own interpolant) + 1.
    wanted = min(method.order, 4 if method.dense is not None else 3) + 1
    assert np.all(orders > wanted - 0.25), orders


def test_explicit_methods_know_nothing_of_the_parts(end):
    """A plain function and a sum of parts give the same numbers to an explicit method."""
    parts = dh.solve(semilinear(), jnp.asarray(START), t1=T1, method="tsit5").us
    symbol = semilinear().linear[0].operator.symbol

    def whole(t, u, args):
        return symbol * u + forcing(t, u, args)

    assert np.allclose(parts, dh.solve(whole, jnp.asarray(START), t1=T1, method="tsit5").us, rtol=1e-13)


@pytest.mark.parametrize("name", ["etd1", "etdrk2", "etdrk4", "krogstad", "etd54"])
def test_exponential_methods_are_exact_where_n_vanishes(name):
    symbol = jnp.asarray([-1e6, -3.0, 0.0, 0.4])
    u = dh.solve(dh.Linear(dh.Diagonal(symbol)), jnp.ones(4), t1=2.0, method=name, step=dh.Fixed(0.5)).us[-1]
    assert np.allclose(u, np.exp(2.0 * np.asarray(symbol)), rtol=1e-14)


@pytest.mark.parametrize(("name", "order"), [("lie", 1), ("strang", 2)])
def test_splitting_two_matrices_that_do_not_commute(name, order):
    """exp(A)exp(B) against exp(A+B): slopes 1 and 2, for any number of linear parts."""
    a = jnp.asarray([[0.0, 1.0, 0.2], [-1.0, 0.0, 0.0], [0.3, 0.0, -0.5]])
    b = jnp.asarray([[-0.3, 0.0, 0.9], [0.0, 0.4, 0.0], [0.0, -0.8, 0.1]])
    c = jnp.asarray([[0.1, 0.0, 0.0], [0.6, -0.2, 0.0], [0.0, 0.5, 0.0]])
    eq = dh.Linear(dh.Dense(a)) + dh.Linear(dh.Dense(b)) + dh.Linear(dh.Dense(c))
    exact = dh.Dense(a + b + c).exp(jnp.asarray(1.0), jnp.ones(3))
    steps = 8 * 2 ** np.arange(5)
    ends = [dh.solve(eq, jnp.ones(3), t1=1.0, method=name, step=dh.Fixed(1.0 / n)).us[-1] for n in steps]
    found = fitted(1.0 / steps, [np.max(abs(np.asarray(u - exact))) for u in ends])
    assert abs(found[0] - order) < 0.1


def test_splitting_uses_the_exact_flow_of_a_part():
    """With both flows exact and commuting, one Strang step is exact; with an inner Euler step it is not."""

    def growth(t, u, args):
        return u * 0.7

    exact = dh.Nonlinear(growth, flow=lambda t, h, u, args: u * jnp.exp(0.7 * h))
    eq = dh.Linear(dh.Scalar(-0.2)) + exact
    assert np.allclose(dh.solve(eq, jnp.ones(2), t1=1.0, method="strang", step=dh.Fixed(1.0)).us, np.exp(0.5))
    rough = dh.Linear(dh.Scalar(-0.2)) + dh.Nonlinear(growth)
    euler = dh.solve(rough, jnp.ones(2), t1=1.0, method=dh.Strang(inner=dh.Euler()), step=dh.Fixed(1.0)).us
    assert abs(float(euler[-1, 0]) - np.exp(0.5)) > 1e-3


def test_the_registry_is_complete_and_states_everything():
    assert dh.METHODS["etdrk4"] is dh.ETDRK4
    for name, method in dh.METHODS.items():
        assert method.name == name
        assert method.order >= 1
        assert method.stages >= 1
        assert method.family in ("explicit", "exponential", "splitting")
        assert method.reference
        assert method.__doc__
        assert not method.adaptive or method.error_order >= 1
