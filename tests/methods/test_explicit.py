"""Explicit Runge–Kutta methods: strong stability, the estimate of Dop853, dense output of high order."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import DOP853, solve_ivp

import duhamel as dh
from duhamel.coefficients import Butcher
from duhamel.methods import ExplicitRungeKutta
from duhamel.norm import Tolerance


class Wild(ExplicitRungeKutta):
    """Order 2 with a negative weight (Gottlieb & Shu, Math. Comp. 67 (1998), 73–85): not strong stability
    preserving."""

    name: ClassVar[str] = "wild"
    order: ClassVar[int] = 2
    stages: ClassVar[int] = 2
    reference: ClassVar[str] = "Gottlieb & Shu"
    table: ClassVar[Butcher] = Butcher(a=[[], ["-20"]], b=["41/40", "-1/40"])


def limited_burgers(t, u, args):
    """u_t + (u²/2)_x = 0 on a periodic grid with Δx = 1: minmod slopes and the Godunov flux, for u > 0."""
    back, ahead = u - jnp.roll(u, 1), jnp.roll(u, -1) - u
    slope = jnp.where(back * ahead > 0, jnp.sign(back) * jnp.minimum(abs(back), abs(ahead)), 0.0)
    flux = 0.5 * (u + 0.5 * slope) ** 2
    return jnp.roll(flux, 1) - flux


def variations(method):
    """Total variation after every step of a moving jump, at the longest step that Euler's method keeps
    bounded: h max|u| = 1/2 with limited slopes."""
    start = jnp.where(jnp.arange(100) < 40, 1.0, 0.1)
    us = dh.solve(
        limited_burgers, start, t1=60.0, method=method, step=dh.Fixed(0.5), save=dh.Save(steps=True)
    ).us
    return np.sum(abs(np.diff(np.asarray(us), axis=1, append=np.asarray(us)[:, :1])), axis=1)


@pytest.mark.parametrize("method", [dh.Euler(), dh.Heun(), dh.SSPRK3()], ids=lambda m: m.name)
def test_strong_stability_preserving_methods_do_not_raise_the_total_variation(method):
    assert np.all(np.diff(variations(method)) < 1e-13)


def test_a_method_of_the_same_order_that_is_not_strongly_stable_does():
    assert np.max(np.diff(variations(Wild()))) > 1e-3


def orbit(t, u, args):
    """Kepler's problem."""
    x, y, vx, vy = u
    cube = (x * x + y * y) ** 1.5
    return jnp.stack([vx, vy, -x / cube, -y / cube])


ORBIT = np.array([0.5, 0.0, 0.0, np.sqrt(3.0)])  # eccentricity 1/2, period 2π


def scipy_orbit(t, u):
    return np.asarray(orbit(t, jnp.asarray(u), None))


def test_dop853_estimates_and_interpolates_as_scipy_does():
    """One step of the same length: same state, same norm of the estimate, same states inside the step."""
    rtol, atol = 1e-7, 1e-9
    theirs = DOP853(scipy_orbit, 0.0, ORBIT, 1.0, first_step=0.1, rtol=rtol, atol=atol)
    theirs.step()
    h = theirs.t - theirs.t_old
    method, eq, u0, t = dh.Dop853(), dh.Nonlinear(orbit), jnp.asarray(ORBIT), jnp.zeros(())
    eq = dh.Equation((eq,))
    memory = method.init(eq, t, u0, None)
    tolerance = Tolerance(jnp.asarray(rtol), jnp.asarray(atol))
    step = method.step(eq, t, jnp.asarray(h), u0, memory, None, tolerance)
    assert np.allclose(step.u, theirs.y, rtol=1e-14)
    scale = atol + rtol * np.maximum(abs(ORBIT), abs(theirs.y))
    assert float(tolerance.measure(eq, step.error, (u0, step.u))) == pytest.approx(
        theirs._estimate_error_norm(theirs.K, h, scale), rel=1e-6
    )
    for theta in (0.1, 0.5, 0.93):
        ours = method.interpolate(jnp.asarray(theta), jnp.asarray(h), u0, step, memory)
        assert np.allclose(ours, theirs.dense_output()(theta * h), rtol=0, atol=2e-14)


@pytest.mark.parametrize("method", [dh.Vern6(), dh.Dop853()], ids=lambda m: m.name)
def test_states_inside_long_steps_are_nearly_as_good_as_those_at_their_ends(method):
    times = np.linspace(0.01, 2 * np.pi, 400)
    exact = solve_ivp(scipy_orbit, (0, 7), ORBIT, method="DOP853", rtol=1e-13, atol=1e-14, t_eval=times).y.T
    step = dh.Adaptive(rtol=1e-9, atol=1e-9)
    sol = dh.solve(orbit, ORBIT, t1=2 * np.pi, method=method, step=step, save=dh.Save(ts=times))
    errors = np.max(abs(np.asarray(sol.us) - exact), axis=1)
    assert sol.stats.steps < 100  # most states lie inside steps
    # A cubic through the ends would be off by 1e-3.
    assert np.max(errors) < 1e-7


def test_high_order_pays_at_tight_tolerances():
    """Evaluations for a relative error of 1e-11 after one period."""
    work = {}
    for method in (dh.Tsit5(), dh.Vern6(), dh.Dop853()):
        step = dh.Adaptive(rtol=1e-12, atol=1e-12)
        sol = dh.solve(orbit, ORBIT, t1=2 * np.pi, method=method, step=step)
        assert np.max(abs(np.asarray(sol.us[-1]) - ORBIT)) < 2e-10
        work[method.name] = int(sol.stats.evaluations)
    assert work["dop853"] < 0.7 * work["vern6"] < 0.7 * work["tsit5"]


def test_dop853_keeps_single_precision_and_batches():
    def end(u0):
        return dh.solve(orbit, u0, t1=1.0, method=dh.Dop853(), step=dh.Adaptive(rtol=1e-5, atol=1e-5)).us[-1]

    starts = jnp.asarray(np.stack([ORBIT, 1.1 * ORBIT]), jnp.float32)
    batch = jax.vmap(end)(starts)
    assert batch.dtype == jnp.float32
    assert np.allclose(batch, np.stack([end(u0) for u0 in starts]), rtol=2e-5)
