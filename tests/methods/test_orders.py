"""Every method of the registry has the orders that it states: classical, stiff, of its estimate, of its
interpolant."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.methods import ExponentialRosenbrock, Rosenbrock
from duhamel.methods.base import Interpolating
from problems import (
    START,
    fitted,
    forcing,
    hochbruck_ostermann,
    mechanical,
    semilinear,
    semilinear_end,
    slopes,
)

METHODS = list(dh.METHODS.values())
FAMILIES = (
    "explicit",
    "stabilised",
    "exponential",
    "splitting",
    "symplectic",
    "imex",
    "stiff",
    "multistep",
    "auto",
)
T1 = 1.0
# The principal error coefficients are so small that order 7 shows first; tests/coefficients has 6 exactly.
# In yoshida4 errors of the inner method cancel on coarse grids.
BETTER = {"vern6": 1.3, "yoshida4": 0.5}
# Splittings with errors so small that a longer way keeps them above round-off.
FAR = ("suzuki6", "mclachlan6", "kahan-li6", "blanes-moan6", "blanes-complex6", "mclachlan8", "kahan-li8")


def refinements(method):
    """Numbers of steps, the coarsest so coarse that errors of high orders stay above round-off."""
    if method.past > 1:  # far from its limit for longer than one-step methods
        return (16 if method.order < 6 else 32) * 2 ** np.arange(5)
    if method.order >= 6:
        return np.array([4, 6, 8, 12, 16])
    if method.name == "sbdf4":  # far from its limit for longer than one-step methods
        return 32 * 2 ** np.arange(5)
    if method.family == "splitting" and method.order == 4:
        return 6 * 2 ** np.arange(5)
    return (16 if method.order < 5 or method.family == "explicit" else 6) * 2 ** np.arange(5)


def posed(method, end):
    """An equation that the method can treat, its initial state, the end time, and the state there."""
    if method.family == "symplectic":
        return *mechanical(0.6), 0.6
    span = 2.0 if method.name in FAR or (method.past > 1 and method.order >= 6) else T1
    return semilinear(), jnp.asarray(START), end if span == T1 else semilinear_end(span), span


def better(method):
    """How far a slope may be above: in splittings of high order the inner method's order 7 shows first."""
    inner = method.family == "splitting" and method.order >= 6
    return BETTER.get(method.name, 1.4 if inner else room(method.order))


def room(order):
    """How far a slope may be off: high orders reach round-off while still far from their limit."""
    return 0.15 if order < 6 else 0.2 if order < 8 else 0.25


@pytest.fixture(scope="module")
def end():
    return semilinear_end(T1)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_classical_order_on_real_imaginary_and_complex_spectra(method, end):
    steps = refinements(method)
    eq, u0, exact, t1 = posed(method, end)
    ends = [dh.solve(eq, u0, t1=t1, method=method(), step=dh.Fixed(t1 / n)).us[-1] for n in steps]
    errors = [abs(np.asarray(u) - exact) for u in ends]
    orders = fitted(t1 / steps, errors)
    assert np.all(orders > method.order - room(method.order)), orders
    assert np.all(orders < method.order + better(method)), orders


@pytest.mark.parametrize("method", [m for m in METHODS if m.stiff_order is not None], ids=lambda m: m.name)
def test_stiff_order_on_a_nonlocal_parabolic_problem(method):
    # Functions of a full Jacobian of 99 unknowns would take minutes; 31 are as stiff for these steps.
    eq, u0, nodal, bump = hochbruck_ostermann(
        31 if issubclass(method, (ExponentialRosenbrock, Rosenbrock)) else 99
    )
    steps = (4 if method.stiff_order >= 5 else 8) * 2 ** np.arange(5)
    ends = [dh.solve(eq, u0, t1=1.0, method=method(), step=dh.Fixed(1.0 / n)).us[-1] for n in steps]
    errors = np.array([np.max(abs(nodal(u) - bump * np.e)) for u in ends])
    above = errors > 3e-13
    found = slopes(1.0 / steps[above], errors[above])[-2:]
    # Cox–Matthews wanders between 2 and 2.45 on this problem; all others sit on their order.
    assert np.all(found > method.stiff_order - 0.2), found
    assert np.all(found < method.stiff_order + 0.45), found


@pytest.mark.parametrize("method", [m for m in METHODS if m.adaptive and m.past == 1], ids=lambda m: m.name)
def test_order_of_the_error_estimate(method):
    eq, u0 = semilinear(), jnp.asarray(START)
    hs = 0.05 * 0.6 ** np.arange(5) if method.error_order < 5 else 0.12 * 0.8 ** np.arange(5)

    @jax.jit
    def estimate(h):
        # At 0 a leading coefficient of the estimate nearly vanishes for this one.
        t = jnp.full_like(h, 0.2 if method.name == "kencarp5" else 0.0)
        return abs(method().step(eq, t, h, u0, method().init(eq, t, u0, None), None).error)

    orders = fitted(hs, [estimate(jnp.asarray(h)) for h in hs])
    assert np.all(abs(orders - (method.error_order + 1)) < room(method.error_order)), orders


@pytest.mark.parametrize("method", [m for m in METHODS if m.adaptive and m.past > 1], ids=lambda m: m.name)
def test_order_of_the_error_estimate_of_multistep_methods(method):
    """The root mean square over a run, as soon as the method has all the past that it wants."""
    eq, u0, run = semilinear(), jnp.asarray(START), method()
    counts = np.array([32, 40, 50, 63, 80])

    @jax.jit
    def estimate(count):
        h = 1.0 / count

        def one(i, carry):
            u, memory, total = carry
            step = run.step(eq, i * h, h, u, memory, None)
            return step.u, step.memory, total + jnp.where(i < method.past - 1, 0.0, abs(step.error) ** 2)

        start = (u0, run.init(eq, 0 * h, u0, None), jnp.zeros(u0.shape))
        return jnp.sqrt(jax.lax.fori_loop(0, count.astype(int), one, start)[2] / count)

    orders = fitted(1.0 / counts, [estimate(jnp.asarray(float(n))) for n in counts])
    assert np.all(abs(orders - (method.error_order + 1)) < 0.15), orders


@pytest.mark.parametrize("method", [m for m in METHODS if issubclass(m, Interpolating)], ids=lambda m: m.name)
def test_interpolants_are_as_accurate_as_they_say_or_as_the_method_itself(method):
    eq, u0 = semilinear(), jnp.asarray(START)
    hs = 0.2 * 0.5 ** np.arange(5) if method.dense_order < 6 else 0.6 * 0.75 ** np.arange(5)
    exact = {h: semilinear_end(0.37 * h) for h in hs}

    @jax.jit
    def inside(h):
        t = jnp.zeros_like(h)
        memory = method().init(eq, t, u0, None)
        step = method().step(eq, t, h, u0, memory, None)
        return method().interpolate(jnp.asarray(0.37), h, u0, step, memory)

    orders = fitted(hs, [abs(np.asarray(inside(jnp.asarray(h))) - exact[h]) for h in hs])
    wanted = min(method.order, method.dense_order) + 1  # the local order, one above the global
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
        assert method.family in FAMILIES
        assert method.reference
        assert method.__doc__
        assert not method.adaptive or method.error_order >= 1
