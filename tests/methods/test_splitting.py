"""The stepper of the splittings: any parts, clocks, inner methods, work, transformations, error estimates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import duhamel as dh
from problems import START, fitted, semilinear

A = np.array([[0.0, 1.0, 0.2], [-1.0, 0.0, 0.0], [0.3, 0.0, -0.5]])
B = np.array([[-0.3, 0.0, 0.9], [0.0, 0.4, 0.0], [0.0, -0.8, 0.1]])
C = np.array([[0.1, 0.0, 0.0], [0.6, -0.2, 0.0], [0.0, 0.5, 0.0]])


def matrices():
    return sum((dh.Linear(dh.Dense(jnp.asarray(m))) for m in (B, C)), dh.Linear(dh.Dense(jnp.asarray(A))))


@pytest.mark.parametrize(
    ("name", "first"),
    [("adjoint-lie", 8), ("ruth3", 8), ("blanes-moan4", 2), ("castella4", 2), ("blanes-moan6", 1)],
)
def test_three_matrices_that_do_not_commute(name, first):
    """Exact flows only: the order is that of the table alone, for three parts as for two."""
    exact = expm(A + B + C) @ np.ones(3)
    steps = first * np.array([2, 3, 4, 6, 8])
    ends = [
        dh.solve(matrices(), jnp.ones(3), t1=1.0, method=name, step=dh.Fixed(1.0 / n)).us[-1] for n in steps
    ]
    found = fitted(1.0 / steps, [np.max(abs(np.asarray(u) - exact)) for u in ends])
    assert abs(found[0] - dh.METHODS[name].order) < 0.2


def driven(parts):
    """Parts that all depend on time, with real numbers in them: none may take the time of another."""
    weights = jnp.asarray([0.5, -0.3])
    return dh.Equation(
        (
            dh.Nonlinear(lambda t, u, args: jnp.cos(3 * t) * jnp.stack([u[1], -(u[0] ** 2)])),
            dh.Nonlinear(lambda t, u, args: jnp.sin(2 * t) * weights * u),
            dh.Nonlinear(lambda t, u, args: t * t * jnp.stack([jnp.sin(u[1]), u[0]])),
        )[:parts]
    )


def driven_end(parts):
    def rhs(t, u):
        every = (
            np.cos(3 * t) * np.array([u[1], -(u[0] ** 2)]),
            np.sin(2 * t) * np.array([0.5, -0.3]) * u,
            t * t * np.array([np.sin(u[1]), u[0]]),
        )
        return sum(every[:parts])

    return solve_ivp(rhs, (0.2, 1.4), [1.0, 0.5], method="DOP853", rtol=1e-13, atol=1e-15).y[:, -1]


@pytest.mark.parametrize(
    ("name", "first", "parts"),
    [("strang", 16, 3), ("suzuki4", 8, 3), ("conjugate-strang4", 8, 2)],
)
def test_parts_that_depend_on_time_have_clocks_of_their_own(name, first, parts):
    end, steps = driven_end(parts), first * 2 ** np.arange(5)
    errors = []
    for n in steps:
        step = dh.Fixed(1.2 / n)
        u = dh.solve(driven(parts), jnp.asarray([1.0, 0.5]), t0=0.2, t1=1.4, method=name, step=step).us[-1]
        errors.append(abs(np.asarray(u) - end))
    assert np.all(abs(fitted(1.2 / steps, errors) - dh.METHODS[name].order) < 0.15)


def test_the_inner_method_follows_the_order_and_can_be_chosen():
    assert isinstance(dh.Strang().within, dh.RK4)
    assert isinstance(dh.BlanesMoan6().within, dh.Vern6)
    assert isinstance(dh.KahanLi8().within, dh.Dop853)
    assert isinstance(dh.KahanLi8(inner=dh.Euler()).within, dh.Euler)
    with pytest.raises(dh.InputError, match="explicit"):
        dh.solve(
            semilinear(), jnp.asarray(START), t1=1.0, method=dh.Strang(inner=dh.ETDRK4()), step=dh.Fixed(0.5)
        )


@pytest.mark.parametrize(
    ("method", "wanted"),
    [
        (dh.Strang(), 4 * 5),
        (dh.Lie(inner=dh.Euler()), 5),
        (dh.Yoshida4(), 3 * 4 * 5),
        (dh.BlanesMoan6(), 10 * 8 * 5),
        (dh.AdaptiveStrang(), 3 * 4 * 5 + 1),
    ],
    ids=lambda m: getattr(m, "name", m),
)
def test_evaluations_are_those_of_the_nonlinear_part(method, wanted):
    stats = dh.solve(semilinear(), jnp.asarray(START), t1=1.0, method=method, step=dh.Fixed(0.2)).stats
    assert stats.evaluations == wanted
    assert stats.solves == 0


def test_an_exact_flow_counts_once_and_is_called_as_often():
    calls = []

    def flow(t, h, u, args):
        jax.debug.callback(lambda: calls.append(1))
        return u / (1 - h * u)

    eq = dh.Linear(dh.Scalar(-1.0)) + dh.Nonlinear(lambda t, u, args: u * u, flow=flow)
    sol = dh.solve(eq, jnp.asarray([0.3]), t1=1.0, method="suzuki4", step=dh.Fixed(0.25))
    jax.effects_barrier()
    assert sol.stats.evaluations == len(calls) == 5 * 4
    assert abs(sol.us[-1, 0] - 0.3 / (0.3 + 0.7 * np.e)) < 1e-6


def test_gradients_through_fixed_steps():
    """Through a loop over the pattern of flows, and through the continuation of f."""
    method = dh.ConjugateStrang4(inner=dh.Euler())

    def final(scale):
        eq = dh.Linear(dh.Diagonal(jnp.asarray([-1.0, -2.0]) * scale)) + dh.Nonlinear(
            lambda t, u, s: s * u * u[::-1]
        )
        return jnp.sum(
            dh.solve(eq, jnp.ones(2), t1=0.5, args=scale, method=method, step=dh.Fixed(0.1)).us[-1] ** 2
        )

    slope = (final(1.0 + 1e-5) - final(1.0 - 1e-5)) / 2e-5
    assert abs(jax.grad(final)(1.0) - slope) < 1e-8


def test_samples_of_a_batch_take_the_steps_they_take_alone():
    def run(u0):
        step = dh.Adaptive(rtol=1e-5, atol=1e-7)
        method = dh.AdaptiveStrang(inner=dh.Heun())
        eq = dh.Linear(dh.Dense(jnp.asarray([[-1.0, 2.0], [-3.0, 0.2]]))) + driven(2)
        sol = dh.solve(eq, u0, t1=1.0, method=method, step=step, max_steps=1000)
        return sol.us[-1], sol.stats.steps

    starts = jnp.asarray([[1.0, 0.5], [0.1, -0.4], [2.0, 0.0]])
    batch, steps = jax.vmap(run)(starts)
    assert len(set(np.asarray(steps).tolist())) > 1
    for i, start in enumerate(starts):
        u, alone = run(start)
        assert np.allclose(u, batch[i], rtol=1e-13)
        assert alone == steps[i]


def test_states_leave_in_the_precision_they_came_in(dtype, complex_dtype):
    eq = dh.Linear(dh.Scalar(-0.3)) + dh.Nonlinear(lambda t, u, args: (jnp.cos(t) * u.real).astype(u.dtype))
    for kind in (dtype, complex_dtype):
        u = dh.solve(eq, jnp.ones(3, kind), t1=1.0, method="conjugate-strang4", step=dh.Fixed(0.1)).us
        assert u.dtype == kind
        assert np.allclose(u, np.exp(np.sin(1.0) - 0.3), rtol=3e-3)


def test_a_pytree_is_a_state():
    eq = dh.Linear(dh.Scalar(-1.0)) + dh.Nonlinear(
        lambda t, u, args: {"a": u["b"], "b": (-u["a"][0],) * 1 + ()}
    )
    with pytest.raises(dh.InputError, match="must return a state like u"):
        dh.solve(eq, {"a": jnp.ones(1), "b": jnp.zeros(1)}, t1=1.0, method="strang", step=dh.Fixed(0.1))
    eq = dh.Linear(dh.Scalar(-1.0)) + dh.Nonlinear(lambda t, u, args: {"a": u["b"], "b": -u["a"]})
    for name in ("strang", "castella4"):
        u = dh.solve(eq, {"a": jnp.ones(1), "b": jnp.zeros(1)}, t1=1.0, method=name, step=dh.Fixed(0.05)).us
        assert abs(u["a"][-1, 0] - np.exp(-1) * np.cos(1)) < 1e-3


@pytest.mark.parametrize("name", ["adaptive-strang", "palindromic4", "conjugate-strang4"])
def test_adaptive_errors_follow_the_tolerance(name):
    """Lotka and Volterra, each species a part that flows exactly while the other stands still."""
    prey = dh.Nonlinear(
        lambda t, u, args: jnp.stack([u[0] * (1 - u[1]), 0 * u[1]]),
        flow=lambda t, h, u, args: jnp.stack([u[0] * jnp.exp(h * (1 - u[1])), u[1]]),
    )
    hunters = dh.Nonlinear(
        lambda t, u, args: jnp.stack([0 * u[0], u[1] * (u[0] - 1)]),
        flow=lambda t, h, u, args: jnp.stack([u[0], u[1] * jnp.exp(h * (u[0] - 1))]),
    )

    def rhs(t, u):
        return [u[0] * (1 - u[1]), u[1] * (u[0] - 1)]

    end = solve_ivp(rhs, (0, 6), [2.0, 1.0], method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
    last = np.inf
    for tolerance in (1e-3, 1e-5, 1e-7):
        step = dh.Adaptive(rtol=tolerance, atol=tolerance)
        sol = dh.solve(prey + hunters, jnp.asarray([2.0, 1.0]), t1=6.0, method=name, step=step)
        error = np.max(abs(np.asarray(sol.us[-1]) - end))
        assert error < min(1000 * tolerance, last / 5)
        assert sol.stats.rejected <= 0.2 * sol.stats.steps + 3
        last = error


def test_fixed_steps_only_where_there_is_no_estimate():
    with pytest.raises(dh.InputError, match="no error estimate"):
        dh.solve(semilinear(), jnp.asarray(START), t1=1.0, method="yoshida4")


@pytest.mark.parametrize("method", ["adaptive-strang", "palindromic4", "conjugate-strang4"])
def test_one_function_is_nothing_to_split(method):
    """The estimate would be zero, and the step as long as the whole way."""
    with pytest.raises(dh.InputError, match="nothing to split"):
        dh.solve(lambda t, u, args: -u * u, jnp.ones(2), t1=1.0, method=method, step=dh.Adaptive())
