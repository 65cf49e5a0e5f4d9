"""Mechanics: symplectic steps, energy over very long times, reversibility, and how equations are stated."""

from collections import namedtuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import duhamel as dh
from duhamel.methods import Splitting
from problems import fitted

COMPLEX = ("conjugate-strang4", "complex-jump4", "castella4", "blanes-complex6")
SYMMETRIC = [
    name
    for name, method in dh.METHODS.items()
    if issubclass(method, Splitting)
    and not method.branches
    and name not in ("lie", "adjoint-lie", "ruth3", *COMPLEX)
]


def kepler():
    """Excentricity 0.3: the equation, the start, the energy."""
    eq = dh.separable(lambda p: p, lambda q: -q / jnp.sum(q * q) ** 1.5)
    start = jnp.asarray([[0.7, 0.0], [0.0, np.sqrt(1.3 / 0.7)]])
    return eq, start, lambda q, p: 0.5 * np.sum(p * p, -1) - 1.0 / np.sqrt(np.sum(q * q, -1))


def pendulum():
    eq = dh.hamiltonian(lambda p: 0.5 * jnp.sum(p * p), lambda q: -jnp.sum(jnp.cos(q)))
    return eq, jnp.asarray([[2.0], [0.0]]), lambda q, p: 0.5 * p[..., 0] ** 2 - np.cos(q[..., 0])


def henon_heiles():
    def force(q):
        x, y = q
        return jnp.stack([-x - 2 * x * y, -y - x * x + y * y])

    def energy(q, p):
        x, y = q[..., 0], q[..., 1]
        return 0.5 * np.sum(p * p + q * q, -1) + x * x * y - y**3 / 3

    return dh.separable(lambda p: p, force), jnp.asarray([[0.3, 0.2], [0.3, -0.1]]), energy


def drift(problem, method, dt, steps=100_000):
    """Largest energy errors in the first and in the last tenth of a run, with 1000 states saved."""
    eq, start, energy = problem()
    save = dh.Save(every=dt * steps / 1000)
    us = np.asarray(dh.solve(eq, start, t1=dt * steps, method=method, step=dh.Fixed(dt), save=save).us)
    error = abs(energy(us[:, 0], us[:, 1]) - energy(us[0, 0], us[0, 1]))
    return error[:100].max(), error[-100:].max()


@pytest.mark.parametrize(
    ("problem", "method", "dt"),
    [
        (kepler, "verlet", 0.05),
        (kepler, "blanes-moan-rkn4", 0.15),
        (pendulum, "verlet", 0.1),
        (pendulum, "blanes-moan4", 0.4),
        (henon_heiles, "yoshida4", 0.1),
        (henon_heiles, "kahan-li8", 0.6),
    ],
)
def test_energy_errors_stay_bounded_over_a_hundred_thousand_steps(problem, method, dt):
    """They go with the power of h that the order says, and do not grow; a drift would grow tenfold."""
    first, last = drift(problem, method, dt)
    assert 1e-13 < last < 1.3 * first
    half = max(drift(problem, method, dt / 1.5, steps=20_000))
    slope = np.log(max(first, last) / half) / np.log(1.5)
    assert -0.3 < slope - dh.METHODS[method].order < 1.3


def test_the_energy_of_a_runge_kutta_method_drifts():
    first, last = drift(kepler, "rk4", 0.05)
    assert last > 8 * first


@pytest.mark.parametrize("method", ["verlet", "yoshida6", "blanes-moan-rkn6a"])
def test_forward_and_with_opposite_momenta_back_to_the_start(method):
    eq, start, _ = kepler()
    there = dh.solve(eq, start, t1=50.0, method=method, step=dh.Fixed(0.05)).us[-1]
    back = dh.solve(
        eq, there * jnp.asarray([1.0, -1.0])[:, None], t1=50.0, method=method, step=dh.Fixed(0.05)
    ).us[-1]
    assert np.max(abs(np.asarray(there - start))) > 0.1
    assert np.allclose(back, start * jnp.asarray([1.0, -1.0])[:, None], atol=1e-11)


def kick_and_drift(sin):
    """Flows of a nonlinear oscillator as functions (h, u), for NumPy (symmetry) or JAX (derivatives)."""

    def kick(h, u):
        return (u[0], u[1] - h * sin(u[0]))

    def move(h, u):
        return (u[0] + h * u[1], u[1])

    return [kick, move]


@pytest.mark.parametrize("method", SYMMETRIC)
def test_a_step_and_a_step_back_are_nothing(method):
    """Φ(−h)Φ(h) = 1 to round-off for symmetric methods, however long the step."""
    step = dh.compose(kick_and_drift(np.sin), method)
    u = step(-0.7, step(0.7, (np.float64(1.2), np.float64(0.4))))
    assert np.allclose(u, (1.2, 0.4), rtol=0, atol=1e-12)


@pytest.mark.parametrize(("method", "order"), [("lie", 1), ("ruth3", 3), ("palindromic4", 7)])
def test_the_defect_of_a_step_and_a_step_back_shows_the_order(method, order):
    """O(h^{p+1}) for odd p; the mean of a method of order 3 and its adjoint is symmetric up to order 7."""
    step, hs, defects = dh.compose(kick_and_drift(np.sin), method), 0.4 * 0.7 ** np.arange(5), []
    for h in hs:
        u = step(-h, step(h, (np.float64(1.2), np.float64(0.4))))
        defects.append(np.max(abs(np.asarray(u) - (1.2, 0.4))))
    assert abs(fitted(hs, defects)[0] - (order + 1)) < 0.3


@pytest.mark.parametrize("method", ["ruth3", "kahan-li8", "blanes-moan-rkn6a"])
def test_derivatives_of_a_step_are_symplectic(method):
    step = dh.compose(kick_and_drift(jnp.sin), method)
    rows = jax.jacfwd(lambda q, p: step(0.9, (q, p)), argnums=(0, 1))(1.2, 0.4)
    assert abs(np.linalg.det(np.asarray(rows)) - 1) < 1e-13
    mean = dh.compose(kick_and_drift(jnp.sin), "palindromic4")
    rows = jax.jacfwd(lambda q, p: mean(0.9, (q, p)), argnums=(0, 1))(1.2, 0.4)
    assert abs(np.linalg.det(np.asarray(rows)) - 1) > 1e-6


def test_a_hamiltonian_is_its_gradients():
    eq, start, _ = henon_heiles()

    def potential(t, q, args):
        x, y = q
        return args * (0.5 * (x * x + y * y) + x * x * y - y**3 / 3)

    same = dh.hamiltonian(lambda p: 0.5 * jnp.sum(p * p), potential)
    for method, step in (("verlet", dh.Fixed(0.1)), ("tsit5", dh.Adaptive(rtol=1e-9, atol=1e-9))):
        one = dh.solve(eq, start, t1=2.0, method=method, step=step)
        two = dh.solve(same, start, t1=2.0, args=1.0, method=method, step=step)
        assert np.allclose(one.us, two.us, rtol=1e-13)
        assert one.stats == two.stats


def test_a_force_that_depends_on_time():
    """q'' = −sin q + cos 2t: time stands still in a kick."""
    eq = dh.separable(lambda p: p, lambda t, q, args: args * jnp.cos(2 * t) - jnp.sin(q))

    def rhs(t, u):
        return [u[1], 0.7 * np.cos(2 * t) - np.sin(u[0])]

    end = solve_ivp(rhs, (0.5, 2.5), [1.0, 0.2], method="DOP853", rtol=1e-13, atol=1e-15).y[:, -1]
    for method, first in (("verlet", 16), ("blanes-moan4", 4)):
        steps, errors = first * 2 ** np.arange(5), []
        for n in steps:
            step = dh.Fixed(2.0 / n)
            u = dh.solve(eq, jnp.asarray([1.0, 0.2]), t0=0.5, t1=2.5, args=0.7, method=method, step=step).us[
                -1
            ]
            errors.append(abs(np.asarray(u) - end))
        assert np.all(abs(fitted(2.0 / steps, errors) - dh.METHODS[method].order) < 0.15)


def test_one_force_per_step_of_verlet():
    calls = {"force": 0, "velocity": 0}

    def force(q):
        jax.debug.callback(lambda: calls.update(force=calls["force"] + 1))
        return -q

    def velocity(p):
        jax.debug.callback(lambda: calls.update(velocity=calls["velocity"] + 1))
        return p

    sol = dh.solve(
        dh.separable(velocity, force), jnp.ones((2, 1)), t1=1.0, method="verlet", step=dh.Fixed(0.1)
    )
    jax.effects_barrier()
    assert calls == {"force": 11, "velocity": 10}
    assert sol.stats.evaluations == 21


Bodies = namedtuple("Bodies", "q p")


@pytest.mark.parametrize(
    "pair",
    [
        lambda q, p: (q, p),
        lambda q, p: [q, p],
        lambda q, p: {"q": q, "p": p},
        lambda q, p: Bodies(q, p),
        lambda q, p: ({"sun": q}, {"sun": p}),
    ],
)
def test_forms_of_the_state(pair, dtype):
    nested = isinstance(pair(1, 2), tuple) and isinstance(pair(1, 2)[0], dict)
    negative = (lambda q: {"sun": -q["sun"]}) if nested else (lambda q: -q)
    start = pair(jnp.ones(2, dtype), jnp.zeros(2, dtype))
    us = dh.solve(dh.separable(lambda p: p, negative), start, t1=1.0, method="verlet", step=dh.Fixed(0.1)).us
    assert jax.tree.structure(us) == jax.tree.structure(start)
    for leaf in jax.tree.leaves(us):
        assert leaf.dtype == dtype
    q = jax.tree.leaves(us["q"] if isinstance(us, dict) else us[0])[0]
    assert np.allclose(q, np.cos(1.0), atol=2e-3)


def test_gradients_and_batches_of_orbits():
    eq, start, _ = kepler()

    def end(scale):
        return dh.solve(eq, start * scale, t1=1.0, method="verlet", step=dh.Fixed(0.05)).us[-1, 0, 0]

    slope = (end(1.0 + 1e-5) - end(1.0 - 1e-5)) / 2e-5
    assert abs(jax.grad(end)(1.0) - slope) < 1e-8
    assert np.allclose(jax.vmap(end)(jnp.asarray([1.0, 1.1])), [end(1.0), end(1.1)], rtol=1e-13)


def test_wrong_input_is_refused_in_words():
    plain = dh.separable(lambda p: p, lambda q: -q)
    fixed = {"t1": 1.0, "step": dh.Fixed(0.1)}
    with pytest.raises(dh.InputError, match=r"state \(q, p\)"):
        dh.solve(plain, jnp.ones(3), method="verlet", **fixed)
    with pytest.raises(dh.InputError, match=r"dh\.separable"):
        dh.solve(lambda t, u, args: -u, jnp.ones(2), method="verlet", **fixed)
    with pytest.raises(dh.InputError, match="one half of the state"):
        dh.separable(1.0, lambda q: -q)
    with pytest.raises(dh.InputError, match="takes 2 arguments"):
        dh.separable(lambda p: p, lambda t, q: -q)
    with pytest.raises(dh.InputError, match="the force returned shape"):
        dh.solve(dh.separable(lambda p: p, lambda q: q[0]), jnp.ones((2, 3)), method="verlet", **fixed)
    bent = dh.separable(lambda p: p / jnp.sqrt(1 + p * p), lambda q: -q)
    with pytest.raises(dh.InputError, match="linear in p"):
        dh.solve(bent, jnp.ones((2, 1)), method="blanes-moan-rkn6", **fixed)
    assert dh.solve(bent, jnp.ones((2, 1)), method="blanes-moan6", **fixed).us.shape == (1, 2, 1)
