"""Hamiltonian problems keep what they should, whatever form they are stated in."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.problems import PROBLEMS, get

MOVING = [name for name in PROBLEMS if PROBLEMS[name].kind == "hamiltonian"]
# Their momenta are momenta; the others state velocities.
CANONICAL = ["kepler", "pendulum", "henon-heiles", "fput", "fput-springs"]


def nearby(problem):
    """The initial state, moved a little: at the start itself too much vanishes."""
    random = np.random.default_rng(7)
    return jax.tree.map(lambda v: jnp.asarray(v + 0.1 * random.normal(size=v.shape)), problem.u0)


@pytest.mark.parametrize("name", MOVING)
def test_the_energy_does_not_change_along_the_flow_of_both_forms(name):
    """dH/dt = ∇H·f = 0; and where momenta are momenta, f is made of the gradients of H."""
    problem = PROBLEMS[name]
    u, motion, t = nearby(problem), problem.hamiltonian, jnp.zeros(())

    @jax.jit
    def slopes(u):
        gradient = jax.grad(motion.energy, (0, 1))(*u, problem.args)
        return gradient, motion.f(t, u, problem.args), problem.posed.rhs(t, u, problem.args)

    gradient, plain, parts = slopes(u)
    terms = [np.asarray(g * s).ravel() for g, s in zip(gradient, plain, strict=True)]
    size = sum(np.sum(abs(term)) for term in terms)
    assert size > 0
    assert abs(sum(np.sum(term) for term in terms)) < 1e-13 * size
    assert all(np.allclose(a, b, rtol=1e-14, atol=0) for a, b in zip(parts, plain, strict=True))
    if name in CANONICAL:
        assert np.allclose(plain[0], gradient[1], rtol=1e-13)
        assert np.allclose(plain[1], -gradient[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    ("name", "rtol", "wanted"), [("pendulum", 1e-10, 1e-8), ("henon-heiles", 1e-10, 1e-7)]
)
def test_references_of_small_systems_are_reached(name, rtol, wanted):
    problem = PROBLEMS[name]
    assert problem.error(problem.solve("dop853", rtol=rtol)) < wanted


@pytest.mark.parametrize(
    ("name", "rtol", "wanted"),
    [
        ("pleiades", 1e-11, 1e-7),
        pytest.param("fput", 1e-11, 1e-8, marks=pytest.mark.slow),
        pytest.param("outer-solar-system", 1e-12, 1e-6, marks=pytest.mark.slow),
        pytest.param("fput-springs", 1e-11, 1e-7, marks=pytest.mark.slow),
    ],
)
def test_references_of_larger_systems_are_reached(name, rtol, wanted):
    problem = PROBLEMS[name]
    assert problem.error(problem.solve("dop853", rtol=rtol)) < wanted


def test_arenstorf_returns_after_one_period():
    problem = get("arenstorf")
    assert problem.error(problem.solve("dop853", rtol=1e-12)) < 1e-5


def test_a_symplectic_method_keeps_the_energy_and_an_explicit_one_does_not():
    problem = get("kepler", orbits=50.0)
    energies = {}
    for method in ("verlet", "heun"):
        u = problem.solve(method, dh.Fixed(problem.t1 / 20000)).us
        energies[method] = float(problem.hamiltonian.energy(u[0][-1], u[1][-1], None))
    assert abs(energies["verlet"] + 0.5) < 2e-3
    assert abs(energies["heun"] + 0.5) > 1e-2
