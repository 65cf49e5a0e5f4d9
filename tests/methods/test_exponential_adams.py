"""Exponential Adams methods: unequal steps, their start, and everything a run may be put through."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.norm import Tolerance
from problems import START, fitted, semilinear, semilinear_end

U0 = jnp.asarray(START)


@pytest.mark.parametrize("name", ["eab2", "eab4", "eam3", "eam5"])
def test_unequal_steps_keep_the_order(name):
    """Steps that alternate between h and h/2; with the weights of equal steps the order would be 1."""
    eq, run, end = semilinear(), dh.METHODS[name](), semilinear_end(1.5)

    @jax.jit
    def march(count):
        def one(i, carry):
            t, u, memory = carry
            h = jnp.where(i % 2 == 0, 1.0, 0.5) / count
            step = run.step(eq, t, h, u, memory, None)
            return t + h, step.u, step.memory

        start = (jnp.zeros(()), U0, run.init(eq, jnp.zeros(()), U0, None))
        return jax.lax.fori_loop(0, 2 * count.astype(int), one, start)[1]

    counts = 12 * 2 ** np.arange(5)
    errors = [np.linalg.norm(np.asarray(march(jnp.asarray(float(n)))) - end) for n in counts]
    orders = fitted(1.0 / counts, errors)
    assert np.all(abs(orders - run.order) < 0.15), orders


@pytest.mark.parametrize("name", ["eab4", "eam5"])
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
    eq, method, orders = semilinear(), dh.EAM5(), []

    @jax.jit
    def attempt(t, u, memory):
        step = method.step(eq, t, jnp.asarray(0.01), u, memory, None, Tolerance(1e-6, 1e-6))
        return step.u, step.memory, step.error_order

    t, u = jnp.zeros(()), U0
    memory = method.init(eq, t, u, None)
    for _ in range(6):
        u, new, order = attempt(t, u, memory)
        t, memory = t + 0.01, method.keep(jnp.asarray(True), new, memory)
        orders.append(int(order))
    assert orders == [1, 2, 3, 4, 4, 4]
    after = method.keep(jnp.asarray(False), attempt(t, u, memory)[1], memory)
    assert np.array_equal(after.ages, memory.ages)
    assert np.array_equal(after.slopes, memory.slopes)


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
    u0, step = jnp.asarray([1.0, -0.5]), dh.Fixed(0.02)
    a = dh.solve(dense, u0, t1=2.0, method="eam4", step=step)
    b = dh.solve(modes, jnp.asarray(turn.T) @ u0, t1=2.0, method="eam4", step=step)
    assert np.allclose(a.us[-1], turn @ np.asarray(b.us[-1]), rtol=0, atol=1e-13)


def test_each_sample_of_a_batch_takes_its_own_steps():
    def run(scale):
        u0, step = scale.astype(U0.dtype) * U0, dh.Adaptive(rtol=1e-6, atol=1e-6)
        sol = dh.solve(semilinear(), u0, t1=1.0, method="eam5", step=step, on_failure="return")
        return sol.us[-1], sol.stats.steps

    scales = jnp.asarray([0.01, 0.7, 1.3])
    together, steps = jax.jit(jax.vmap(run))(scales)
    for i, scale in enumerate(scales):
        alone, count = run(scale)
        assert int(count) == int(steps[i])
        assert np.allclose(together[i], alone, rtol=1e-12)
    assert len(set(np.asarray(steps).tolist())) == 3


def test_a_run_in_pieces_is_the_run_in_one_bit_by_bit():
    args = {"t1": 2.0, "method": "eab4", "step": dh.Adaptive(rtol=1e-7), "save": dh.Save(every=0.5)}
    whole = dh.solve(semilinear(), U0, **args)
    pieces = list(dh.march(semilinear(), U0, **args, seconds=1e-9))
    assert len(pieces) > 3
    assert np.array_equal(np.concatenate([p.us for p in pieces]), whole.us)


def test_gradient_through_fixed_steps():
    eq = dh.Linear(dh.Diagonal(jnp.asarray([-2.0, -30.0]))) + dh.Nonlinear(
        lambda t, u, args: jnp.cos(args * t) * u[::-1]
    )

    @jax.jit
    @jax.value_and_grad
    def end(rate):
        u = dh.solve(eq, jnp.ones(2), t1=1.0, args=rate, method="eab2", step=dh.Fixed(0.05)).us[-1]
        return jnp.sum(u**2)

    e = 1e-5
    slope = (float(end(1.3 + e)[0]) - float(end(1.3 - e)[0])) / (2 * e)
    assert float(end(1.3)[1]) == pytest.approx(slope, rel=1e-7)


def test_single_precision_states_stay_single():
    def square(t, u, args):
        return 0.25 * u * u

    eq, ends = semilinear().linear[0] + dh.Nonlinear(square), []
    for u0, step in ((U0.astype(jnp.complex64), dh.Adaptive(rtol=1e-4, atol=1e-5)), (U0, dh.Fixed(0.01))):
        ends.append(dh.solve(eq, u0, t1=0.5, method="eam3", step=step).us[-1])
    assert ends[0].dtype == jnp.complex64
    assert np.allclose(*ends, rtol=0, atol=2e-4)


def test_the_work_of_the_starting_method_is_counted():
    sol = dh.solve(semilinear(), U0, t1=1.0, method="eab4", step=dh.Fixed(0.1))
    assert sol.stats.evaluations == 1 + 3 * dh.Krogstad.stages + 7
    sol = dh.solve(semilinear(), U0, t1=1.0, method="eab4", step=dh.Adaptive(rtol=1e-5))
    assert sol.stats.evaluations == 1 + sol.stats.steps + sol.stats.rejected
