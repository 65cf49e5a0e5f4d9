"""Implicit–explicit methods: tables, coupled orders, stiff limits, and what they ask of equations."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from coloured_trees import coupled_residuals
from scipy.integrate import solve_ivp

import duhamel as dh
from duhamel.errors import InputError
from duhamel.methods import AdditiveRungeKutta, ImplicitExplicitMultistep
from duhamel.methods.imex import Additive
from duhamel.problems import get
from problems import START, fitted, forcing, semilinear, semilinear_end

PAIRS = [m for m in dh.METHODS.values() if issubclass(m, AdditiveRungeKutta)]
MULTISTEP = [m for m in dh.METHODS.values() if issubclass(m, ImplicitExplicitMultistep)]
NAMES = {
    *("ars222", "ars443", "kencarp3", "kencarp4", "kencarp5", "ark43", "ark54"),
    *("sbdf1", "sbdf2", "sbdf3", "sbdf4", "cnab2"),
}


def named(methods):
    return pytest.mark.parametrize("method", methods, ids=lambda m: m.name)


def test_all_are_there():
    assert {m.name for m in PAIRS + MULTISTEP} == NAMES
    assert {m.name for m in PAIRS if m.table.globally_stiffly_accurate} == {"ars222", "ars443"}
    assert {m.name for m in MULTISTEP if not m.formula.globally_stiffly_accurate} == {"cnab2"}


@named(PAIRS)
def test_tables_meet_every_coupled_condition_of_their_order(method):
    table = method.table
    found = coupled_residuals(table, table.weights, min(method.order + 1, 5))
    assert all(found[p] < 1e-25 for p in range(1, method.order + 1)), found
    assert all(found[p] > 1e-3 for p in found if p > method.order), found
    nodes = [sum(row) for row in table.implicit]
    assert all(abs(a - b) < Fraction(1, 10**25) for a, b in zip(nodes, table.c, strict=True))
    assert table.stiffly_accurate


@named(PAIRS)
def test_embedded_weights_have_their_coupled_order_and_no_more(method):
    table = method.table
    found = coupled_residuals(table, (table.embedded, table.embedded), method.error_order + 1)
    assert all(found[p] < 1e-25 for p in range(1, method.error_order + 1)), found
    assert found[method.error_order + 1] > 2e-4


@named(PAIRS)
def test_implicit_parts_are_l_stable(method):
    """|R| ≤ 1 on the imaginary axis, R(∞) = 0, and the embedded weights stay bounded."""
    n = method.table.stages
    a = np.array([[float(v) for v in row] + [0.0] * (n - len(row)) for row in method.table.implicit])

    def r(z, weights):
        stages = np.linalg.solve(np.eye(n) - z * a, np.ones(n))
        return 1 + z * np.array([float(w) for w in weights]) @ stages

    main, embedded = method.table.weights[1], method.table.embedded
    assert max(abs(r(1j * y, main)) for y in np.logspace(-2, 4, 400)) < 1 + 1e-12
    assert abs(r(-1e9, main)) < 1e-6
    assert abs(r(-1e9, embedded)) < 2.5


@named(MULTISTEP)
def test_formulas_are_exact_for_polynomials_of_their_order(method):
    """du/dt = mt^{m−1} in either part gives t^m at once; one degree more does not."""
    table = method.formula

    def defect(m, where):
        def rate(t):
            return m * Fraction(t) ** (m - 1) if m else Fraction(0)

        past = sum(w * Fraction(-j) ** m for j, w in enumerate(table.past))
        if where == "explicit":
            return past + sum(w * rate(-j) for j, w in enumerate(table.explicit)) - 1
        return past + sum(w * rate(1 - j) for j, w in enumerate(table.implicit)) - 1

    for where in ("explicit", "implicit"):
        assert all(defect(m, where) == 0 for m in range(method.order + 1))
        assert defect(method.order + 1, where) != 0


def test_wrong_tables_are_refused():
    with pytest.raises(ValueError, match="diagonal"):
        Additive(((), (1,)), ((1,), (0, 1)), ((1, 0), (0, 1)), (0, 1))
    with pytest.raises(ValueError, match="lengths 0, 1, 2"):
        Additive(((1,), (1,)), ((0,), (0, 1)), ((1, 0), (0, 1)), (0, 1))
    with pytest.raises(ValueError, match="as many weights"):
        Additive(((), (1,)), ((0,), (0, 1)), ((1,), (0, 1)), (0, 1))


# Orders of the algebraic and the differential component for ε = 1, 1e-1, …, 1e-6, by independent code.
KAPS = {
    "kencarp3": ((3.1, 2.9), (2.9, 2.6), (2.6, 3.0), (2.3, 2.5), (2.1, 3.4), (2.0, 3.1), (2.0, 3.1)),
    "kencarp4": ((3.9, 4.1), (3.8, 3.9), (3.2, 3.3), (1.6, 2.5), (1.3, 2.2), (2.2, 2.8), (2.8, 3.6)),
    "kencarp5": ((5.0, 4.4), (4.9, 4.9), (4.2, 5.0), (2.1, 3.3), (1.0, 1.2), (1.0, 3.2), (3.2, 4.4)),
}


def kaps_orders(name):
    """Least-squares orders over n = 20, 40, 80, 160, shape (7, 2). Traced steps: one program for all."""
    kaps = get("kaps")

    def end(epsilon, dt):
        u0 = jnp.asarray(kaps.u0)
        args = {"epsilon": epsilon}
        return dh.solve(kaps.equation, u0, t1=1.0, args=args, method=name, step=dh.Fixed(dt)).us[-1]

    n = 20 * 2.0 ** np.arange(4)
    ends = jax.jit(jax.vmap(jax.vmap(end, (0, None)), (None, 0)))(
        jnp.asarray(10.0 ** -np.arange(7)), 1 / jnp.asarray(n)
    )
    logs = np.log(abs(np.asarray(ends) - kaps.reference().u)).reshape(4, -1)
    return np.polyfit(-np.log(n), logs, 1)[0].reshape(7, 2)


@pytest.mark.parametrize("name", KAPS)
def test_orders_on_kaps_problem_are_the_published_ones(name):
    """The stiff term is iterated on by Newton down to round-off; orders fall where ε is about h."""
    assert np.max(abs(kaps_orders(name) - np.array(KAPS[name]))) < 0.11


@pytest.fixture(scope="module")
def kuramoto_sivashinsky():
    space = dh.Fourier(256, length=32 * np.pi)
    eq, u0 = dh.pde("u_t = -u_xx - u_xxxx - u*u_x", space), "cos(x/16)*(1+sin(x/16))"
    exact = dh.solve(eq, u0, t1=10.0, method="etd54", step=dh.Adaptive(rtol=1e-11, atol=1e-12)).us[-1]
    return eq, u0, np.asarray(exact)


@pytest.mark.parametrize("name", ["kencarp4", "ark43"])
def test_few_steps_and_fewer_rejections_on_a_stiff_spectrum(name, kuramoto_sivashinsky):
    """Linear stages are solved directly: no tolerance of an iteration can spoil a step."""
    eq, u0, exact = kuramoto_sivashinsky
    for rtol, most in ((1e-5, 45), (1e-7, 190), (1e-9, 720)):
        sol = dh.solve(eq, u0, t1=10.0, method=name, step=dh.Adaptive(rtol=rtol, atol=rtol))
        assert sol.stats.steps < most
        assert sol.stats.rejected <= 2 + sol.stats.steps / 6
        assert np.max(abs(np.asarray(sol.us[-1]) - exact)) < 150 * rtol
        assert sol.stats.solves == (sol.stats.steps + sol.stats.rejected) * (sol.method.table.stages - 1)


@named([dh.ARS443, dh.KenCarp4, dh.ARK54, dh.SBDF3, dh.CNAB2])
def test_advection_diffusion_far_beyond_the_explicit_limit(method):
    """Diffusion numbers up to 40: a travelling, decaying wave stays accurate and noise does not grow."""
    n, nu, speed, dt = 64, 0.5, 1.0, 0.02
    k = np.fft.rfftfreq(n, 1 / n)
    eq = dh.Linear(dh.Diagonal(jnp.asarray(-nu * k**2))) + dh.Nonlinear(
        lambda t, u, args: jnp.asarray(-1j * speed * np.where(k < n // 2, k, 0.0)) * u
    )
    x = 2 * np.pi * np.arange(n) / n
    noise = 1e-3 * np.random.default_rng(0).standard_normal(n)
    u0 = jnp.asarray(np.fft.rfft(np.sin(x) + noise))
    u = dh.solve(eq, u0, t1=1.0, method=method(), step=dh.Fixed(dt)).us[-1]
    exact = np.exp(-nu) * np.sin(x - speed)
    assert np.max(abs(np.fft.irfft(u) - exact)) < {1: 2e-2, 2: 5e-3}.get(method.order, 3e-3)


def test_an_explicit_method_is_unstable_there():
    stiff = dh.Linear(dh.Diagonal(jnp.asarray([-500.0]))) + dh.Nonlinear(lambda t, u, args: -u)
    run = dh.solve(stiff, jnp.ones(1), t1=1.0, method="rk4", step=dh.Fixed(0.02), on_failure="return")
    assert not abs(float(run.us[-1, 0])) < 1e3


def reaction(t, u, args):
    """A stiff cubic reaction with three equilibria."""
    return args["rate"] * (u - u**3) + 0.2 * jnp.sin(3 * t)


def mixed():
    """Diffusion on 12 nodes, a stiff reaction, and explicit forcing."""
    n = 12
    matrix = (n + 1) ** 2 * (
        np.diag(-2 * np.ones(n)) + np.diag(np.ones(n - 1), 1) + np.diag(np.ones(n - 1), -1)
    )
    eq = (
        dh.Linear(dh.Dense(jnp.asarray(matrix)))
        + dh.Nonlinear(reaction, stiff=True)
        + dh.Nonlinear(lambda t, u, args: jnp.cos(t) * u)
    )
    return eq, jnp.asarray(np.sin(np.arange(1, n + 1))), matrix


def test_linear_and_stiff_nonlinear_parts_together_against_scipy():
    eq, u0, matrix = mixed()

    def rhs(t, u):
        return matrix @ u + 50 * (u - u**3) + 0.2 * np.sin(3 * t) + np.cos(t) * u

    exact = solve_ivp(rhs, (0, 1), np.asarray(u0), method="Radau", rtol=1e-10, atol=1e-12).y[:, -1]
    args = {"rate": 50.0}
    sol = dh.solve(eq, u0, t1=1.0, args=args, method="ark43", step=dh.Adaptive(rtol=1e-6, atol=1e-8))
    assert np.max(abs(np.asarray(sol.us[-1]) - exact)) < 1e-5
    assert sol.stats.rejected < 0.2 * sol.stats.steps
    assert sol.stats.jacobians == sol.stats.steps + sol.stats.rejected


def test_newton_and_closed_solutions_agree():
    """A relaxation solved in closed form, and the same by Newton's iteration."""

    def f(t, u, args):
        return (jnp.cos(t) - u) / args

    def solved(t, shift, v, args):
        return (v + shift / args * jnp.cos(t)) / (1 + shift / args)

    slow = dh.Nonlinear(lambda t, u, args: u * u)
    step = dh.Adaptive(rtol=1e-7, atol=1e-9)
    runs = [
        dh.solve(slow + stiff, jnp.ones(3), t1=1.0, args=jnp.asarray(1e-3), method="ark43", step=step)
        for stiff in (dh.Nonlinear(f, stiff=True, solve=solved), dh.Nonlinear(f, stiff=True))
    ]
    assert np.allclose(runs[0].us, runs[1].us, rtol=1e-8)
    assert runs[0].stats.steps == runs[1].stats.steps
    assert runs[0].stats.jacobians == 0


@pytest.mark.parametrize("name", ["ars443", "sbdf2"])
def test_gradients_through_newton_are_exact(name):
    """Reverse = forward = finite differences, for the parameter of an iterated stage."""

    def loss(rate):
        eq = dh.Nonlinear(lambda t, u, args: jnp.cos(t) * u) + dh.Nonlinear(reaction, stiff=True)
        u0, args = jnp.asarray([0.3, -0.6]), {"rate": rate}
        return jnp.sum(dh.solve(eq, u0, t1=0.5, args=args, method=name, step=dh.Fixed(0.1)).us[-1] ** 3)

    at, width = jnp.asarray(20.0), 1e-4
    both = jax.jit(jax.value_and_grad(loss))
    backward = both(at)[1]
    assert np.allclose(backward, (both(at + width)[0] - both(at - width)[0]) / (2 * width), rtol=1e-7)
    assert np.allclose(backward, jax.jvp(loss, (at,), (jnp.ones_like(at),))[1], rtol=1e-11)


@pytest.mark.parametrize("name", ["kencarp3", "sbdf3"])
def test_gradients_through_linear_stages_are_exact(name):
    def loss(symbol):
        eq = dh.Linear(dh.Diagonal(symbol)) + dh.Nonlinear(forcing)
        end = dh.solve(eq, jnp.asarray(START), t1=0.5, method=name, step=dh.Fixed(0.1)).us[-1]
        return jnp.sum(abs(end) ** 2)

    symbol = semilinear().linear[0].operator.symbol
    step = 1e-5 * jnp.asarray([0.3 + 0.1j, -0.2j, 0.5 - 0.4j])
    both = jax.jit(jax.value_and_grad(loss))
    along = jnp.real(jnp.sum(both(symbol)[1] * step))
    assert np.allclose(along, (both(symbol + step)[0] - both(symbol - step)[0]) / 2, rtol=1e-7)


def test_a_batch_takes_the_steps_of_single_runs():
    kaps = get("kaps")

    def run(epsilon):
        step = dh.Adaptive(rtol=1e-5, atol=1e-7)
        u0 = jnp.asarray([1.5, 1.0])
        sol = dh.solve(kaps.equation, u0, t1=1.0, args={"epsilon": epsilon}, method="kencarp3", step=step)
        return sol.us[-1], sol.stats.steps, sol.stats.rejected

    several = jnp.asarray([1.0, 1e-2, 1e-6])
    us, steps, rejected = jax.vmap(run)(several)
    for i, epsilon in enumerate(several):
        u, n, r = run(epsilon)
        assert (int(steps[i]), int(rejected[i])) == (n, r)
        assert np.allclose(us[i], u, rtol=1e-13)


def test_several_linear_parts_are_one():
    a, b = jnp.asarray([-3.0, -40.0]), jnp.asarray([1.0, -2.0])
    rest = dh.Nonlinear(lambda t, u, args: jnp.cos(u))
    parts = dh.Linear(dh.Diagonal(a)) + dh.Linear(dh.Scalar(-0.5)) + dh.Linear(dh.Diagonal(b)) + rest
    matrices = dh.Linear(dh.Dense(jnp.diag(a))) + dh.Linear(dh.Dense(jnp.diag(b - 0.5))) + rest
    one = dh.Linear(dh.Diagonal(a + b - 0.5)) + rest
    runs = [dh.solve(eq, jnp.ones(2), t1=1.0, method="ars222").us[-1] for eq in (one, parts, matrices)]
    assert np.allclose(runs[0], runs[1], rtol=1e-13)
    assert np.allclose(runs[0], runs[2], rtol=1e-11)


def test_what_cannot_be_treated_is_refused():
    def f(t, u, args):
        return -u

    with pytest.raises(InputError, match="stiff=True"):
        dh.solve(f, jnp.ones(2), t1=1.0, method="ark43")
    both = dh.Linear(dh.Diagonal(-jnp.ones(2))) + dh.Linear(dh.Dense(-jnp.eye(2)))
    with pytest.raises(InputError, match="Diagonal and Dense"):
        dh.solve(both, jnp.ones(2), t1=1.0, method="sbdf2", step=dh.Fixed(0.1))


def test_factors_of_matrices_give_the_solution(complex_dtype):
    """Real and complex matrices, complex states in both precisions."""
    rng = np.random.default_rng(1)
    real, imaginary = rng.standard_normal((2, 4, 4))
    v = jnp.asarray(rng.standard_normal(4) + 1j * rng.standard_normal(4), complex_dtype)
    shift, close = jnp.asarray(0.3), 1e-5 if complex_dtype == np.complex64 else 1e-13
    for draw in (real, real + 1j * imaginary):
        operator = dh.Dense(jnp.asarray(draw))
        x = operator.solve_factored(operator.factored(shift), shift, v)
        assert x.dtype == v.dtype
        assert np.allclose(np.asarray(x) - 0.3 * draw @ np.asarray(x), v, atol=close)
        blocks = dh.BlockDiagonal(jnp.asarray(draw.reshape(2, 2, 4)))
        w = jnp.stack([v, v[::-1]])
        y = blocks.solve_factored(blocks.factored(shift), shift, w)
        assert np.allclose(y, blocks.solve(shift, w), atol=close)


@named([dh.SBDF2, dh.SBDF4, dh.CNAB2])
def test_a_change_of_the_step_starts_anew_and_keeps_the_order(method):
    """Saving at uneven times makes three step sizes; in the loop (traced steps) and in the scan alike."""
    eq, u0, save = semilinear(), jnp.asarray(START), dh.Save(ts=np.array([0.3, 0.7, 1.0]))

    def run(dt):
        return dh.solve(eq, u0, t1=1.0, method=method(), step=dh.Fixed(dt), save=save).us[-1]

    exact, steps, loop = semilinear_end(1.0), 8 * 2 ** np.arange(5), jax.jit(run)
    errors = [np.linalg.norm(np.asarray(loop(jnp.asarray(0.4 / n))) - exact) for n in steps]
    assert abs(fitted(1 / steps, errors)[0] - method.order) < 0.15
    scan = np.linalg.norm(np.asarray(run(0.4 / int(steps[1]))) - exact)
    assert 0.3 * errors[1] < scan < 1.5 * errors[1]


def test_work_is_counted():
    sol = dh.solve(semilinear(), jnp.asarray(START), t1=1.0, method="sbdf4", step=dh.Fixed(0.1))
    # Three starting steps of seven evaluations and six solutions each, and one of either per step after.
    assert (sol.stats.steps, sol.stats.evaluations, sol.stats.solves) == (10, 1 + 3 * 7 + 7, 3 * 6 + 7)
