"""DETEST: the equations are those of the paper, and the published numbers are their solutions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle import states
from scipy.special import ellipj

import duhamel as dh
from duhamel.problems import PROBLEMS
from duhamel.problems.detest import moderate

DETEST = [name for name in PROBLEMS if name.startswith("detest-")]
QUICK = ("detest-a5", "detest-b4", "detest-b5", "detest-c4", "detest-c5", "detest-d5", "detest-e2")
UNSOLVED = [name for name in DETEST if PROBLEMS[name].exact is None]


@pytest.mark.parametrize("name", [name for name in DETEST if name not in UNSOLVED])
def test_published_ends_are_those_of_the_exact_solutions(name):
    problem = PROBLEMS[name]
    (published,) = problem.references
    assert problem.error(published.u) < 1e-14


@pytest.mark.parametrize("name", UNSOLVED)
def test_published_ends_are_those_of_scipy(name):
    problem = PROBLEMS[name]
    (published,) = problem.references
    assert problem.distance(states(problem, 1e-13, "DOP853")[20.0], published) < published.accuracy


@pytest.mark.slow
@pytest.mark.parametrize("name", DETEST)
def test_scipy_reaches_every_published_end(name):
    problem = PROBLEMS[name]
    (published,) = problem.references
    assert problem.distance(states(problem, 1e-13, "DOP853")[20.0], published) < 5e-11


@pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in DETEST
        if not PROBLEMS[name].breaks
    ],
)
def test_tsit5_reaches_every_published_end(name):
    problem = PROBLEMS[name]
    assert problem.error(problem.solve("tsit5", rtol=1e-10)) < 2e-7


@pytest.mark.parametrize("name", [name for name in DETEST if PROBLEMS[name].breaks])
def test_step_control_notices_jumps_and_kinks(name):
    """Right-hand sides that jump cost rejected steps, not correctness."""
    problem = PROBLEMS[name]
    sol = problem.solve("tsit5", dh.Adaptive(rtol=1e-8, atol=1e-8, dt_max=0.5))
    assert problem.error(sol) < 5e-5
    assert sol.stats.rejected >= 15 or name == "detest-f4"


def test_elliptic_functions_solve_the_rigid_body():
    sine, cosine, delta, _ = ellipj(20.0, 0.51)
    (published,) = PROBLEMS["detest-b5"].references
    assert np.allclose(published.u, [sine, cosine, delta], rtol=0, atol=2e-13)


def test_the_spiral_keeps_its_invariant():
    (published,) = PROBLEMS["detest-a5"].references
    end = np.log(20.0**2 + published.u[0] ** 2) + 2 * np.arctan2(published.u[0], 20.0)
    assert end == pytest.approx(np.log(16.0) + np.pi, abs=1e-12)


# What copies of these problems got wrong, each with a check that tells the two apart.


def jacobian(f, n):
    return np.asarray(jax.jit(jax.jacfwd(lambda u: f(jnp.zeros(()), u, None)))(jnp.ones(n)))


def loses_nothing(f):
    """The members of a decay chain add up to a constant."""
    return np.all(np.sum(jacobian(f, 10), axis=0) == 0)


def conducts(f, n):
    """Heat between two ends at zero: every diagonal entry is -2, the matrix symmetric and stable."""
    matrix = jacobian(f, n)
    eigenvalues = np.linalg.eigvalsh(matrix)
    return np.all(np.diag(matrix) == -2) and np.array_equal(matrix, matrix.T) and eigenvalues.max() < 0


@jax.jit
def energy(u):
    """Energy of sun and planets about their centre of mass, from positions and velocities about the sun."""
    q, v = u[:15].reshape(5, 3), u[15:].reshape(5, 3)
    masses, sun = jnp.asarray(moderate.MASSES), moderate.SUN
    momentum = masses @ v
    kinetic = 0.5 * masses @ jnp.sum(v**2, axis=1) - 0.5 * momentum @ momentum / (sun + jnp.sum(masses))
    near_sun = sun * jnp.sum(masses / jnp.linalg.norm(q, axis=1))
    rows, columns = np.triu_indices(5, 1)
    pairs = masses[rows] * masses[columns] / jnp.linalg.norm(q[rows] - q[columns], axis=1)
    return kinetic - moderate.GRAVITY * (near_sun + jnp.sum(pairs))


def keeps_energy(slope, gradient):
    """dE/dt = 0, against the size of its terms."""
    return abs(gradient @ slope) < 1e-12 * (abs(gradient) @ abs(slope))


def starts_at_jupiter(u0):
    return 4.95 < np.linalg.norm(u0[:3]) < 5.46 and np.all(np.linalg.norm(u0[:15].reshape(5, 3), axis=1) < 50)


def comes_to_rest(f):
    """The falling body has a limit speed √(0.032/0.4)."""
    return abs(f(jnp.zeros(()), jnp.asarray([30.0, np.sqrt(0.08)]), None)[1]) < 1e-15


def test_decay_chains_lose_nothing_and_a_wrong_last_entry_is_seen():
    for name in ("detest-c1", "detest-c2"):
        f = PROBLEMS[name].equation
        assert loses_nothing(f)
        assert not loses_nothing(lambda t, u, args, f=f: f(t, u, args).at[-1].add(-u[-1]))


def test_heat_is_conducted_and_a_wrong_last_entry_is_seen():
    for name, n in (("detest-c3", 10), ("detest-c4", 51)):
        f = PROBLEMS[name].equation
        assert conducts(f, n)
        assert not conducts(lambda t, u, args, f=f: f(t, u, args).at[-1].add(2 * u[-1]), n)


def test_planets_keep_their_energy_and_wrong_forces_are_seen():
    problem = PROBLEMS["detest-c5"]
    u0, masses, gravity = problem.u0, moderate.MASSES[:, None], moderate.GRAVITY
    gradient = np.asarray(jax.grad(energy)(jnp.asarray(u0)))
    slope = np.asarray(jax.jit(problem.equation)(jnp.zeros(()), jnp.asarray(u0), None))
    assert keeps_energy(slope, gradient)
    assert starts_at_jupiter(u0)
    assert not starts_at_jupiter(np.where(u0 == u0[0], 342947415189.0, u0))
    q, whole = u0[:15].reshape(5, 3), slope[15:].reshape(5, 3)
    near = q / np.linalg.norm(q, axis=1, keepdims=True) ** 3
    indirect = gravity * (np.sum(masses * near, axis=0) - masses * near)
    sun = -gravity * (moderate.SUN + masses) * near
    wrong = {
        "no motion of the sun": whole + indirect,
        "the sun repels": whole - 2 * sun,
        "no constant of gravitation on the sum": sun + (whole - sun) / gravity,
    }
    for what, forces in wrong.items():
        assert not keeps_energy(np.concatenate([u0[15:], forces.reshape(-1)]), gradient), what


def test_the_falling_body_comes_to_its_limit_speed_and_a_wrong_constant_is_seen():
    f = PROBLEMS["detest-e4"].equation
    assert comes_to_rest(f)
    assert not comes_to_rest(lambda t, u, args: jnp.stack([u[1], 0.32 - 0.4 * u[1] ** 2]))
