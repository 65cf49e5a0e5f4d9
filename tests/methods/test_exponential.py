"""Exponential methods on Kuramoto–Sivashinsky, and integrating factors against exponential time
differencing."""

import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh

START = "cos(x/16)*(1+sin(x/16))"


@pytest.fixture(scope="module")
def chaos():
    """The equation, and its state at t = 4 with 1e-13."""
    ks = dh.pde("u_t = -u_xx - u_xxxx - u*u_x", dh.Fourier(128, length=32 * jnp.pi))
    return ks, dh.solve(ks, START, t1=4.0, method="etd54", step=dh.Fixed(0.01)).us[-1]


@pytest.mark.parametrize(
    ("name", "steps"), [("krogstad43", 400), ("eab4", 250), ("eam6", 130), ("exprb43", 250)]
)
def test_no_collapse_at_tight_tolerances(chaos, name, steps):
    """Where stages are iterated, or weights lose digits, errors stop falling and steps are rejected in
    rows."""
    ks, exact = chaos
    sol = dh.solve(ks, START, t1=4.0, method=name, step=dh.Adaptive(rtol=1e-9, atol=1e-11))
    assert np.max(abs(np.asarray(sol.us[-1] - exact))) < 2e-7
    assert sol.stats.rejected <= 5
    assert sol.stats.steps < steps


def test_fixed_points_survive_stiffness_but_not_an_integrating_factor():
    """Lu + g = 0 at u = −g/L: exponential Runge–Kutta methods stay there, Lawson's does not."""
    rates = jnp.asarray([-1.0, -50.0])
    eq = dh.Linear(dh.Diagonal(rates)) + dh.Nonlinear(lambda t, u, args: jnp.ones_like(u))
    drift = {}
    for name in ("etdrk4", "hochbruck-ostermann", "strehmel-weiner", "lawson4"):
        end = dh.solve(eq, -1.0 / rates, t1=1.0, method=name, step=dh.Fixed(0.25)).us[-1]
        drift[name] = float(jnp.max(abs(end + 1.0 / rates)))
    assert drift.pop("lawson4") > 1e-2
    assert max(drift.values()) < 1e-15
