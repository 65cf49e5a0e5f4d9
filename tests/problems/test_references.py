"""Published end states are reached: by our own stiff method everywhere, by SciPy where time allows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from oracle import states

import duhamel as dh
from duhamel.problems import PROBLEMS, get

slow = pytest.mark.slow


def last(problem):
    return problem.references[-1]


@pytest.mark.parametrize(
    ("name", "rtol", "wanted"),
    [
        ("robertson", 1e-8, 1e-8),
        ("robertson-dae", 1e-8, 1e-8),
        ("hires", 1e-8, 1e-9),
        ("e5", 1e-8, 1e-7),
        ("van-der-pol", 1e-8, 1e-6),
        ("transistor-amplifier", 1e-7, 1e-7),
        pytest.param("oregonator", 1e-8, 1e-6, marks=slow),
        pytest.param("chemical-akzo-nobel", 1e-8, 1e-8, marks=slow),
        pytest.param("pollution", 1e-8, 1e-7, marks=slow),
        pytest.param("van-der-pol-epsilon", 1e-8, 1e-6, marks=slow),
        pytest.param("cusp", 1e-8, 1e-6, marks=slow),
        pytest.param("plate", 1e-8, 1e-7, marks=slow),
        pytest.param("allen-cahn", 1e-8, 1e-7, marks=slow),
        pytest.param("beam", 1e-8, 1e-5, marks=slow),
        pytest.param("ring-modulator", 1e-8, 1e-5, marks=slow),
    ],
)
def test_a_rosenbrock_method_reaches_the_published_end(name, rtol, wanted):
    problem = PROBLEMS[name]
    published = last(problem)
    assert problem.error(problem.solve("rodas5p", rtol=rtol, t1=published.t), published.t) < wanted


def test_states_on_the_way_are_reached_too():
    for name, wanted in (("oregonator", 1e-5), ("hires", 1e-6)):
        problem = PROBLEMS[name]
        times = [found.t for found in problem.references][:4]
        sol = problem.solve("rodas5p", rtol=1e-8, t1=times[-1], save=dh.Save(ts=times))
        for published, state in zip(problem.references[:4], sol.us, strict=False):
            assert problem.distance(state, published) < wanted


@pytest.mark.parametrize(
    ("name", "method", "rtol", "wanted"),
    [
        ("ks", "etd54", 1e-8, 1e-6),
        pytest.param("diffusion-reaction", "etd54", 1e-8, 1e-7, marks=slow),
        pytest.param("ks-hairer-wanner", "etd54", 1e-9, 1e-6, marks=slow),
        pytest.param("brusselator-2d", "rock2", 1e-6, 1e-4, marks=slow),
    ],
)
def test_fields_are_reached(name, method, rtol, wanted):
    problem = PROBLEMS[name]
    assert problem.error(problem.solve(method, rtol=rtol)) < wanted


# The size of the error that SciPy makes at these tolerances.
STIFF = {
    "robertson": 1e-11,
    "oregonator": 1e-10,
    "hires": 1e-10,
    "e5": 1e-7,
    "pollution": 1e-10,
    "van-der-pol": 1e-9,
    "van-der-pol-epsilon": 1e-8,
    "cusp": 1e-10,
    "plate": 1e-9,
    "allen-cahn": 1e-9,
}


@pytest.mark.parametrize(
    "name", [name if name == "hires" else pytest.param(name, marks=slow) for name in STIFF]
)
def test_scipy_radau_reaches_every_published_state(name):
    problem = PROBLEMS[name]
    found = states(problem, 1e-10, "Radau")
    for published in problem.references:
        assert problem.distance(found[published.t], published) < STIFF[name], published.t


@pytest.mark.slow
@pytest.mark.parametrize("name", ["brusselator-1d", "medical-akzo-nobel"])
def test_scipy_lsoda_reaches_the_published_state_of_banded_systems(name):
    problem = PROBLEMS[name]
    (published,) = problem.references
    assert problem.distance(states(problem, 1e-11, "LSODA", band=2)[published.t], published) < 1e-9


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("pleiades", 1e-10),
        ("arenstorf", 1e-8),
        ("pendulum", 1e-12),
        ("henon-heiles", 1e-11),
        ("outer-solar-system", 1e-8),
        ("fput", 1e-11),
        ("fput-springs", 1e-10),
    ],
)
def test_scipy_dop853_reaches_the_states_of_moving_bodies(name, wanted):
    problem = PROBLEMS[name]
    published = last(problem)
    assert problem.distance(states(problem, 1e-13, "DOP853")[published.t], published) < wanted


def test_algebraic_equations_hold_at_the_start_and_at_the_end():
    for name in ("robertson-dae", "chemical-akzo-nobel", "transistor-amplifier"):
        problem = get(name)
        mass = problem.mass if problem.mass.ndim == 2 else np.diag(problem.mass)
        # Rows of combinations that the mass matrix does not see.
        left, sizes, _ = np.linalg.svd(mass / np.max(abs(mass)))
        free = left[:, sizes < 1e-12].T
        assert len(free) >= 1
        for state, t in ((problem.u0, problem.t0), (last(problem).u, last(problem).t)):
            slope = np.asarray(jax.jit(problem.equation)(jnp.asarray(t), jnp.asarray(state), problem.args))
            assert np.all(abs(free @ slope) < 1e-9 * (1e-4 + np.max(abs(slope)))), name


def test_pyrolysis_keeps_its_balance_in_round_off():
    """y = z + w at all times: the reason why the slope of z is taken as a difference."""
    problem = PROBLEMS["e5"]
    for t, tolerance in ((1e5, 1e-9), (1e11, 1e-3)):
        _, y, z, w = problem.solve("rodas5p", rtol=1e-8, t1=t).us[-1]
        assert abs(float(y - z - w)) < tolerance * float(y)
