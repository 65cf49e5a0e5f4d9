"""Exponential Adams methods: unequal steps, their start, and everything a run may be put through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from problems import START, fitted, semilinear, semilinear_end

U0 = jnp.asarray(START)


def march(method, hs):
    """The state after steps of the lengths hs."""
    eq, run = semilinear(), method()

    def one(carry, h):
        t, u, memory = carry
        step = run.step(eq, t, h, u, memory, None)
        return (t + h, step.u, step.memory), None

    start = (jnp.zeros(()), U0, run.init(eq, jnp.zeros(()), U0, None))
    return jax.lax.scan(one, start, hs)[0][1]


@pytest.mark.parametrize("name", ["eab2", "eab4", "eam3", "eam5"])
def test_unequal_steps_keep_the_order(name):
    """Steps that alternate between h and h/2; with the weights of equal steps the order would be 1."""
    method, end, errors = dh.METHODS[name], semilinear_end(1.5), []
    counts = 12 * 2 ** np.arange(5)
    run = jax.jit(lambda hs: march(method, hs))
    for n in counts:
        hs = np.tile([1.0, 0.5], n) / n
        errors.append(abs(np.asarray(run(jnp.asarray(hs))) - end))
    orders = fitted(1.0 / counts, np.linalg.norm(errors, axis=1))
    assert np.all(abs(orders - method.order) < 0.15), orders


@pytest.mark.parametrize("name", ["eab5", "eam6"])
def test_adaptive_runs_begin_with_order_one_and_reach_the_tolerance(name):
    end, before = semilinear_end(3.0), np.inf
    for tolerance in (1e-4, 1e-7, 1e-10):
        step = dh.Adaptive(rtol=tolerance, atol=tolerance)
        sol = dh.solve(semilinear(), U0, t1=3.0, method=name, step=step)
        error = np.max(abs(np.asarray(sol.us[-1]) - end))
        assert error < 100 * tolerance
        assert error < before / 100
        assert sol.stats.rejected < 10
        assert sol.stats.steps < 3000 * tolerance ** -(1 / 7) / 30
        before = error


def test_the_first_steps_have_estimates_of_their_own_order():
    eq, method = semilinear(), dh.EAM5()
    memory = method.init(eq, jnp.zeros(()), U0, None)
    from duhamel.norm import Tolerance

    t, u, orders = jnp.zeros(()), U0, []
    for _ in range(6):
        h = jnp.asarray(0.01)
        step = method.step(eq, t, h, u, memory, None, Tolerance(1e-6, 1e-6))
        orders.append(int(step.error_order))
        t, u, memory = t + h, step.u, method.keep(jnp.asarray(True), step.memory, memory)
    assert orders == [1, 2, 3, 4, 4, 4]
    kept = method.keep(jnp.asarray(False), step.memory, memory)
    assert np.array_equal(kept.ages, memory.ages)


def test_known_members():
    """`eam2` is `etdrk2`; with equal steps `eab2` is h(φ₁N₀ + φ₂(N₀ − N₋₁))."""
    eq, step = semilinear(), dh.Fixed(0.05)
    ends = [dh.solve(eq, U0, t1=1.0, method=name, step=step).us[-1] for name in ("eam2", "etdrk2")]
    assert np.allclose(*ends, rtol=0, atol=1e-14)
    h, z = 0.05, 0.05 * eq.linear[0].operator.symbol
    phis = dh.phi(2, z)
    first = dh.solve(eq, U0, t1=h, method="etdrk2", step=step).us[-1]
    now, before = eq.remainder(jnp.asarray(h), first, None), eq.remainder(jnp.asarray(0.0), U0, None)
    second = phis[0] * first + h * (phis[1] * now + phis[2] * (now - before))
    assert np.allclose(dh.solve(eq, U0, t1=2 * h, method="eab2", step=step).us[-1], second, rtol=1e-14)


def test_a_matrix_and_its_eigenvalues_give_the_same():
    """A dense L and the same problem in its eigenvectors."""
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    rates = np.array([-40.0, -0.5])

    def cubic(t, u, args):
        return -(u**3) + jnp.cos(t)

    def turned(t, v, args):
        return jnp.asarray(turn.T) @ cubic(t, jnp.asarray(turn) @ v, args)

    dense = dh.Linear(dh.Dense(jnp.asarray(turn @ np.diag(rates) @ turn.T))) + dh.Nonlinear(cubic)
    modes = dh.Linear(dh.Diagonal(jnp.asarray(rates))) + dh.Nonlinear(turned)
    u0, step = jnp.asarray([1.0, -0.5]), dh.Adaptive(rtol=1e-8, atol=1e-8)
    a = dh.solve(dense, u0, t1=2.0, method="eam4", step=step)
    b = dh.solve(modes, jnp.asarray(turn.T) @ u0, t1=2.0, method="eam4", step=dh.Fixed(2.0 / 400))
    assert np.allclose(a.us[-1], turn @ np.asarray(b.us[-1]), rtol=0, atol=3e-8)


def test_each_sample_of_a_batch_takes_its_own_steps():
    def run(scale):
        step = dh.Adaptive(rtol=1e-6, atol=1e-6)
        sol = dh.solve(semilinear(), scale * U0, t1=1.0, method="eam4", step=step, on_failure="return")
        return sol.us[-1], sol.stats.steps

    scales = jnp.asarray([0.01, 0.7, 1.3])
    together, steps = jax.jit(jax.vmap(run))(scales)
    for i, scale in enumerate(scales):
        alone, count = run(scale)
        assert int(count) == int(steps[i])
        assert np.allclose(together[i], alone, rtol=1e-12)
    assert len(set(np.asarray(steps).tolist())) == 3


def test_a_run_in_pieces_is_the_run_in_one_bit_by_bit():
    args = {"t1": 2.0, "method": "eab5", "step": dh.Adaptive(rtol=1e-7), "save": dh.Save(every=0.5)}
    whole = dh.solve(semilinear(), U0, **args)
    pieces = list(dh.march(semilinear(), U0, **args, seconds=1e-9))
    assert len(pieces) > 3
    assert np.array_equal(np.concatenate([p.us for p in pieces]), whole.us)


def test_gradient_through_fixed_steps():
    def end(rate):
        eq = dh.Linear(dh.Diagonal(jnp.asarray([-2.0, -30.0]))) + dh.Nonlinear(
            lambda t, u, args: jnp.cos(args * t) * u[::-1]
        )
        u = dh.solve(eq, jnp.ones(2), t1=1.0, args=rate, method="eab4", step=dh.Fixed(0.05)).us[-1]
        return jnp.sum(u**2)

    found, e = jax.grad(end)(1.3), 1e-5
    assert float(found) == pytest.approx((float(end(1.3 + e)) - float(end(1.3 - e))) / (2 * e), rel=1e-7)


def test_single_precision_states_stay_single():
    u0 = U0.astype(jnp.complex64)
    eq = dh.Linear(dh.Diagonal(semilinear().linear[0].operator.symbol)) + dh.Nonlinear(
        lambda t, u, args: 0.25 * u * u
    )
    for step in (dh.Fixed(0.05), dh.Adaptive(rtol=1e-4, atol=1e-5)):
        sol = dh.solve(eq, u0, t1=0.5, method="eam3", step=step)
        assert sol.us.dtype == jnp.complex64
        exact = dh.solve(eq, U0, t1=0.5, method="etd54", step=dh.Fixed(0.01)).us[-1]
        assert np.allclose(sol.us[-1], exact, rtol=0, atol=2e-4)


def test_the_work_of_the_starting_method_is_counted():
    sol = dh.solve(semilinear(), U0, t1=1.0, method="eab4", step=dh.Fixed(0.1))
    assert sol.stats.evaluations == 1 + 3 * dh.Krogstad.stages + 7
    sol = dh.solve(semilinear(), U0, t1=1.0, method="eab4", step=dh.Adaptive(rtol=1e-5))
    assert sol.stats.evaluations == 1 + sol.stats.steps + sol.stats.rejected
