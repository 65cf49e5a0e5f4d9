"""Bad input and runs that fail: a clear sentence, a status, and everything computed until then."""

import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from conftest import lorenz


def square(t, u, args):
    return u * u


def test_blow_up_is_reported_with_what_was_computed():
    with pytest.raises(dh.SolveError, match=r"collapsed at t = 1.*accepted.*rejected") as caught:
        dh.solve(square, jnp.ones(1), t1=2.0, save=dh.Save(every=0.25))
    partial = caught.value.solution
    assert partial.status == dh.Status.step_too_small
    assert partial.status.failed
    assert np.allclose(partial.us[:4, 0], 1 / (1 - np.array([0.0, 0.25, 0.5, 0.75])), rtol=1e-4)


@pytest.mark.parametrize("method", ["bosh3", "tsit5", "dopri5"])
def test_a_collapsing_step_always_ends_the_run(method, dtype):
    sol = dh.solve(square, jnp.ones(1, dtype), t1=2.0, method=method, on_failure="return")
    assert sol.status in (dh.Status.step_too_small, dh.Status.not_finite)
    assert sol.message


def test_unstable_fixed_steps_stop_at_the_last_finite_state():
    with pytest.raises(dh.SolveError, match=r"infinite or not a number.*smaller dt") as caught:
        dh.solve(square, jnp.ones(1), t1=3.0, method="rk4", step=dh.Fixed(0.1))
    assert np.all(np.isfinite(caught.value.solution.us))


def test_growth_without_bound_in_the_exact_part():
    """Backward heat: every step is accepted until the numbers end."""
    eq = dh.Linear(dh.Diagonal(jnp.asarray([50.0, 1.0]))) + dh.Nonlinear(lambda t, u, args: jnp.zeros_like(u))
    with pytest.raises(dh.SolveError, match=r"infinite or not a number|collapsed"):
        dh.solve(eq, jnp.ones(2), t1=100.0)


def test_running_out_of_steps():
    sol = dh.solve(lorenz, jnp.ones(3), t1=10.0, max_steps=20, on_failure="return")
    assert sol.status == dh.Status.max_steps
    assert sol.stats.steps + sol.stats.rejected == 20
    assert "max_steps" in sol.message


def test_first_evaluation_not_finite():
    with pytest.raises(dh.SolveError, match="very first evaluation"):
        dh.solve(lambda t, u, args: jnp.log(-u), jnp.ones(1), t1=1.0)


def test_a_least_step_that_is_not_enough():
    with pytest.raises(dh.SolveError, match="collapsed"):
        dh.solve(square, jnp.ones(1), t1=2.0, step=dh.Adaptive(rtol=1e-8, dt_min=1e-3))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: dh.Adaptive(rtol=-1e-6), "not negative"),
        (lambda: dh.Adaptive(rtol=0.0, atol=0.0), "both zero"),
        (lambda: dh.Fixed(0.0), "positive"),
        (lambda: dh.Fixed(-0.1), "positive"),
        (lambda: dh.Save(every=-1.0), "positive"),
        (lambda: dh.Save(every=1.0, steps=True), "one of"),
        (lambda: dh.Save(ts=[1.0, 0.5]), "ascending"),
        (lambda: dh.solve(3.0, jnp.ones(1), t1=1.0), "an equation is"),
        (lambda: dh.solve(square, "cos(x)", t1=1.0), "no space"),
        (lambda: dh.solve(square, [], t1=1.0), "empty"),
        (lambda: dh.solve(square, jnp.ones(1), t1=-1.0), "before t0"),
        (lambda: dh.solve(square, jnp.ones(1), t1=float("nan")), "finite number"),
        (lambda: dh.solve(square, jnp.ones(1), t1=1.0, method="rk5"), "no method 'rk5'"),
        (lambda: dh.solve(square, jnp.ones(1), t1=1.0, method="rk4"), "no error estimate"),
        (lambda: dh.solve(square, jnp.ones(1), t1=1.0, step=0.1), r"dh\.Fixed\(dt\)"),
        (lambda: dh.solve(square, jnp.ones(1), t1=1.0, save=3), r"dh\.Save"),
        (lambda: dh.solve(square, jnp.ones(1), t1=1.0, save=dh.Save(ts=[0.5, 2.0])), "spans"),
        (lambda: dh.solve(square, jnp.ones(1), t1=1.0, on_failure="ignore"), "on_failure"),
        (lambda: dh.solve(lambda t, u, a: [u[0], u[1]], jnp.ones(2), t1=1.0), r"jnp\.stack"),
        (lambda: dh.solve(lambda t, u, a: u[:1], jnp.ones(2), t1=1.0), "shape"),
        (lambda: dh.solve(lambda t, u, a: u.astype(complex), jnp.ones(2), t1=1.0), "complex"),
        (
            lambda: dh.solve(lambda t, u, a: u.astype(jnp.float64), jnp.ones(2, jnp.float32), t1=1.0),
            "float64",
        ),
        (lambda: dh.Nonlinear(3.0), "takes a function"),
        (lambda: dh.solve(dh.Linear(dh.Diagonal(jnp.ones(3))), jnp.ones(2), t1=1.0), "shape"),
        (
            lambda: dh.solve(
                dh.Linear(dh.Scalar(1.0)) + dh.Linear(dh.Scalar(2.0)),
                jnp.ones(1),
                t1=1.0,
                method="etdrk4",
                step=dh.Fixed(1.0),
            ),
            "one linear part",
        ),
    ],
)
def test_bad_input_is_named(call, words):
    with pytest.raises(dh.InputError, match=words):
        call()


def test_numpy_double_precision_is_never_lowered_silently():
    import jax

    with jax.enable_x64(False), pytest.raises(dh.InputError, match="32-bit mode"):
        dh.solve(square, np.ones(1), t1=1.0)
