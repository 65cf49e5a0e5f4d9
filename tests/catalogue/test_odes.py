"""The ODEs: end values from the literature, closed orbits, invariants, and SciPy for the rest."""

import jax
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import duhamel as dh
from duhamel.pde import catalogue

ODES = [name for name, entry in catalogue.EQUATIONS.items() if isinstance(entry, catalogue.OdeEntry)]


def ode(name) -> catalogue.OdeEntry:
    entry = catalogue.get(name)
    assert isinstance(entry, catalogue.OdeEntry)
    return entry


def final(name, t1=None, rtol=None, atol=None):
    """The state at the end of the default run, or of one that is shorter or more exact."""
    entry = ode(name)
    step = dh.Adaptive(rtol=rtol or entry.rtol, atol=atol or entry.atol)
    sol = dh.solve(
        entry.f, entry.u0, t1=t1 or entry.t1, args=dict(entry.parameters), step=step, max_steps=10**6
    )
    return np.asarray(sol.us[-1])


def scipy_final(name, t1):
    """The same by SciPy at tight tolerance."""
    entry = ode(name)
    f = jax.jit(lambda t, u: entry.f(t, u, entry.parameters))
    found = solve_ivp(
        lambda t, u: np.asarray(f(t, u)), (0.0, t1), entry.u0, method="DOP853", rtol=1e-12, atol=1e-13
    )
    return found.y[:, -1]


def close(value, wanted, tolerance):
    scale = np.maximum(np.abs(wanted), 1e-3 * np.max(np.abs(wanted)))
    assert np.max(np.abs(value - wanted) / scale) < tolerance


# Hairer & Wanner, Solving Ordinary Differential Equations II, and the Bari test set for IVP solvers.
HIRES_END = [
    7.371312573325668e-4, 1.442485726316185e-4, 5.888729740967575e-5, 1.175651343283149e-3,
    2.386356198831331e-3, 6.238968252742796e-3, 2.849998395185769e-3, 2.850001604814231e-3,
]  # fmt: skip
PLEIADES_END = [
    0.3706139143970502, 3.237284092057233, -3.222559032418324, 0.6597091455775310, 0.3425581707156584,
    1.562172101400631, -0.7003092922212495, -3.943437585517392, -3.271380973972550, 5.225081843456543,
    -2.590612434977470, 1.198213693392275, -0.2429682344935824, 1.091449240428980,
]  # fmt: skip
ROBERTSON_40 = [0.7158270688, 9.185534765e-6, 0.2841637457]
BRUSSELATOR_20 = [0.4986370712683478, 4.596780349452011]


def test_hires_ends_at_the_value_of_the_test_set():
    assert np.allclose(final("hires", rtol=1e-9, atol=1e-13), HIRES_END, rtol=1e-5, atol=0)


def test_pleiades_ends_at_the_value_of_the_test_set():
    close(final("pleiades", rtol=1e-12, atol=1e-12)[:14], np.array(PLEIADES_END), 1e-7)


def test_robertson_at_40():
    assert np.allclose(final("robertson"), ROBERTSON_40, rtol=1e-4, atol=0)


def test_brusselator_at_20():
    assert np.allclose(final("brusselator-ode"), BRUSSELATOR_20, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("name", "tolerance"), [("arenstorf", 1e-3), ("three-body", 1e-6)])
def test_closed_orbits_return(name, tolerance):
    end = final(name, rtol=1e-12, atol=1e-12)
    assert np.max(np.abs(end - ode(name).u0)) < tolerance


@pytest.mark.parametrize(
    ("name", "t1"),
    [
        ("lorenz", 5.0),
        ("rossler", 10.0),
        ("lorenz96", 1.0),
        ("van-der-pol", 10.0),
        ("henon-heiles", 20.0),
        ("lotka-volterra", 10.0),
    ],
)
def test_agrees_with_scipy(name, t1):
    close(final(name, t1=t1, rtol=1e-10, atol=1e-11), scipy_final(name, t1), 1e-6)


def test_lotka_volterra_stays_on_its_curve():
    entry = ode("lotka-volterra")
    p = entry.parameters

    def invariant(u):
        return p["d"] * u[0] - p["c"] * np.log(u[0]) + p["b"] * u[1] - p["a"] * np.log(u[1])

    assert abs(invariant(final("lotka-volterra")) - invariant(entry.u0)) < 1e-6


@pytest.mark.parametrize("name", ODES)
def test_right_hand_side_keeps_single_precision(name):
    entry = ode(name)
    args = {key: np.float32(value) for key, value in entry.parameters.items()}
    u0 = jax.numpy.asarray(entry.u0, "float32")
    du = entry.f(jax.numpy.float32(0), u0, args)
    assert du.shape == u0.shape
    assert du.dtype == u0.dtype
    assert len(entry.labels) == entry.u0.size
    assert len(set(entry.labels)) == len(entry.labels)
