"""Every kind of gradient against exact derivatives, against each other and against extended precision."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.methods import METHODS

START = jnp.asarray([1.0, 0.5])
TIMES = jnp.asarray([0.0, 0.45, 1.1, 1.9])
STEP = dh.Adaptive(rtol=1e-9, atol=1e-11)


def oscillator(t, u, mu):
    x, v = u
    return jnp.stack([v, mu * (1 - x * x) * v - x + 0.1 * jnp.sin(t)])


def saved(mu, u, t0, t1, ts, gradient, **options):
    sol = dh.solve(
        oscillator,
        u,
        t0=t0,
        t1=t1,
        args=mu,
        method=dh.Tsit5(),
        step=STEP,
        save=dh.Save(ts=ts),
        max_steps=512,
        gradient=gradient,
        **options,
    )
    return jnp.sum(jnp.sin(sol.us) * jnp.arange(1.0, 9.0).reshape(4, 2)) + sol.us[1, 0] ** 2


POINT = (1.3, START, 0.0, 2.0, TIMES)
EACH = (0, 1, 2, 3, 4)


def close(a, b, tolerance):
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.allclose(x, y, rtol=tolerance, atol=tolerance) for x, y in pairs)


@pytest.fixture(scope="module")
def forward():
    return jax.jit(jax.jacfwd(lambda *x: saved(*x, dh.Replay()), EACH))(*POINT)


def slopes_of_the_true_solution():
    """∂/∂(μ, u) by the variational equation of the same problem, in SciPy at tight tolerance."""
    from scipy.integrate import solve_ivp

    def both(t, y):
        (x, v), s = y[:2], y[2:].reshape(2, 3)
        mu = 1.3
        jacobian = np.array([[0.0, 1.0], [-2 * mu * x * v - 1, mu * (1 - x * x)]])
        source = np.zeros((2, 3))
        source[1, 0] = (1 - x * x) * v
        f = [v, mu * (1 - x * x) * v - x + 0.1 * np.sin(t)]
        return np.concatenate([f, (jacobian @ s + source).reshape(-1)])

    begin = np.concatenate([START, np.array([[0, 1, 0], [0, 0, 1]]).reshape(-1)])
    out = solve_ivp(both, (0, 2), begin, method="DOP853", t_eval=TIMES, rtol=1e-13, atol=1e-14).y.T
    us, s = out[:, :2], out[:, 2:].reshape(4, 2, 3)
    weights = np.cos(us) * np.arange(1.0, 9.0).reshape(4, 2)
    weights[1, 0] += 2 * us[1, 0]
    return np.einsum("ij,ijk->k", weights, s)


def test_replay_in_forward_mode_is_the_derivative(forward):
    exact = slopes_of_the_true_solution()
    assert np.allclose([forward[0], *forward[1]], exact, rtol=1e-7)


@pytest.mark.parametrize("memory", ["sqrt", "all", 4], ids=str)
def test_replay_backwards_is_replay_forwards(forward, memory):
    found = jax.jit(jax.grad(lambda *x: saved(*x, dh.Replay(memory=memory)), EACH))(*POINT)
    assert close(found, forward, 1e-10)


def test_direct_is_replay(forward):
    assert close(jax.jit(jax.grad(lambda *x: saved(*x, dh.Direct()), EACH))(*POINT), forward, 1e-10)


def test_forward_is_replay(forward):
    found = jax.jit(jax.jacfwd(lambda *x: saved(*x, dh.Forward()), EACH))(*POINT)
    assert close(found[:2], forward[:2], 1e-10)
    assert close(found, forward, 1e-6)  # how steps follow the times is another convention


@pytest.mark.parametrize("kind", [dh.Backsolve(), dh.Reversible()], ids=["backsolve", "reversible"])
def test_others_are_as_good_as_the_tolerance(forward, kind):
    assert close(jax.jit(jax.grad(lambda *x: saved(*x, kind), EACH))(*POINT), forward, 2e-6)


def test_second_derivatives_forward_over_reverse(forward):
    def loss(z, gradient):
        sol = dh.solve(
            oscillator,
            z[1:],
            t1=1.0,
            args=z[0],
            method=dh.Tsit5(),
            step=STEP,
            max_steps=256,
            gradient=gradient,
        )
        return jnp.sum(jnp.sin(sol.us[-1]))

    z = jnp.asarray([1.3, 1.0, 0.5])
    replay = jax.jit(jax.hessian(lambda z: loss(z, dh.Replay())))(z)
    direct = jax.jit(jax.jacrev(jax.jacrev(lambda z: loss(z, dh.Direct()))))(z)
    assert np.allclose(replay, direct, rtol=1e-8, atol=1e-10)
    with pytest.raises(dh.InputError, match="forward over reverse"):
        jax.jit(jax.grad(lambda z: jnp.sum(jax.grad(lambda y: loss(y, dh.Replay()))(z))))(z)


def test_a_batch_of_mixed_lengths():
    def loss(mu, u):
        sol = dh.solve(oscillator, u, t1=3.0, args=mu, method=dh.Tsit5(), step=STEP, max_steps=512)
        return jnp.sum(jnp.sin(sol.us[-1])), sol.stats.steps

    mus, us = jnp.asarray([0.2, 1.3, 8.0]), jnp.asarray([[0.1, 0.0], [1.0, 0.5], [2.0, -1.0]])
    one = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))
    alone = [one(m, u) for m, u in zip(mus, us, strict=True)]
    (_, steps), found = jax.jit(jax.vmap(jax.value_and_grad(loss, (0, 1), has_aux=True)))(mus, us)
    assert len({int(s) for s in steps}) == 3
    assert [int(s) for s in steps] == [int(a[0][1]) for a in alone]
    assert close(found, jax.tree.map(lambda *v: jnp.stack(v), *[a[1] for a in alone]), 1e-9)
    shared = jax.jit(jax.grad(lambda m: jnp.sum(jax.vmap(lambda u: loss(m, u)[0])(us))))(1.3)
    assert np.allclose(shared, sum(one(1.3, u)[1][0] for u in us), rtol=1e-9)


def test_a_parameter_that_is_closed_over():
    def loss(mu):
        sol = dh.solve(lambda t, u, args: oscillator(t, u, mu), START, t1=1.0, method=dh.Tsit5(), step=STEP)
        return jnp.sum(sol.us)

    by_args = jax.grad(
        lambda mu: jnp.sum(dh.solve(oscillator, START, t1=1.0, args=mu, method=dh.Tsit5(), step=STEP).us)
    )(1.3)
    assert np.allclose([jax.grad(loss)(1.3), jax.jit(jax.grad(loss))(1.3), jax.jacfwd(loss)(1.3)], by_args)


def test_complex_states_in_pytrees():
    def turning(t, u, rate):
        return {"z": 1j * rate * u["z"] - 0.1 * u["z"] * u["r"], "r": -u["r"] * abs(u["z"]) ** 2}

    def loss(rate, z, gradient):
        sol = dh.solve(
            turning,
            {"z": z, "r": jnp.asarray([0.4])},
            t1=1.0,
            args=rate,
            method=dh.Tsit5(),
            step=STEP,
            max_steps=256,
            gradient=gradient,
        )
        return jnp.sum(sol.us["z"].imag ** 2) + jnp.sum(sol.us["r"])

    z = jnp.asarray([0.5 + 0.2j])
    found = jax.jit(jax.grad(lambda r, z: loss(r, z, dh.Replay()), (0, 1)))(2.0, z)
    direct = jax.jit(jax.grad(lambda r, z: loss(r, z, dh.Direct()), (0, 1)))(2.0, z)
    assert close(found, direct, 1e-9)
    eps = 1e-6
    value = jax.jit(lambda r, z: loss(r, z, dh.Replay()))
    assert np.allclose(found[0], (value(2.0 + eps, z) - value(2.0 - eps, z)) / (2 * eps), rtol=1e-6)
    assert np.allclose(found[1][0].real, (value(2.0, z + eps) - value(2.0, z - eps)) / (2 * eps), rtol=1e-6)


def rows(method, eq, args, gradient, step):
    def loss(rate, u, t1):
        sol = dh.solve(
            eq(rate), u, t1=t1, args=args * rate, method=method, step=step, max_steps=256, gradient=gradient
        )
        return jnp.sum(jnp.sin(sol.us[-1]) * jnp.asarray([1.0, 2.0]))

    return loss


def coupled_pair(rate):
    matrix = jnp.asarray([[-1.0, 0.3], [0.0, -30.0]])
    return dh.Linear(dh.Dense(rate * matrix)) + dh.Nonlinear(lambda t, u, a: a * jnp.sin(u[::-1] + t))


def diagonal_pair(rate):
    symbol = rate * jnp.asarray([-1.0, -30.0])
    return dh.Linear(dh.Diagonal(symbol)) + dh.Nonlinear(lambda t, u, a: a * jnp.sin(u[::-1] + t))


def hamiltonian_pair(rate):
    def pull(q):
        return -jnp.sin(rate * q)

    return dh.separable(lambda p: p, pull)


FEW = ("etdrk4", "strang", "kvaerno3", "rodas4", "ark43", "dop853", "radau", "auto")
REST = tuple(n for n, m in METHODS.items() if n not in FEW and m.family not in ("symplectic",))


@pytest.mark.parametrize("name", [*FEW, *[pytest.param(n, marks=pytest.mark.slow) for n in REST]])
def test_backwards_is_forwards_for_every_family(name):
    method = METHODS[name]
    step = dh.Adaptive(rtol=1e-5, atol=1e-7) if method.adaptive else dh.Fixed(0.02)
    point = (0.9, START, 0.25)
    loss = rows(name, diagonal_pair, 0.7, dh.Replay(), step)
    back = jax.jit(jax.grad(loss, (0, 1, 2)))(*point)
    onward = jax.jit(jax.jacfwd(loss, (0, 1, 2)))(*point)
    assert close(back, onward, 1e-8)
    assert all(np.all(np.isfinite(v)) and np.any(v != 0) for v in back)


def test_fixed_steps_against_the_same_sum_in_extended_precision():
    """Classical Runge–Kutta written out in long doubles, differentiated by differences."""

    def end(mu, u, t1, steps=20):
        mu, u, t = np.longdouble(mu), np.asarray(u, np.longdouble), np.longdouble(0)
        h = np.longdouble(t1) / steps

        def f(t, u):
            x, v = u
            return np.array([v, mu * (1 - x * x) * v - x + np.longdouble("0.1") * np.sin(t)])

        for _ in range(steps):
            a = f(t, u)
            b = f(t + h / 2, u + h / 2 * a)
            c = f(t + h / 2, u + h / 2 * b)
            d = f(t + h, u + h * c)
            u, t = u + h / 6 * (a + 2 * b + 2 * c + d), t + h
        return np.sum(u * np.array([1.0, 2.0]))

    def loss(mu, u, t1):
        sol = dh.solve(oscillator, u, t1=t1, args=mu, method=dh.RK4(), step=dh.Fixed(0.05))
        return jnp.sum(sol.us[-1] * jnp.asarray([1.0, 2.0]))

    # t1 is traced, so dt = 0.05 must divide it with room to spare.
    point = (1.3, START, 0.99)
    found = jax.jit(jax.grad(loss, (0, 1, 2)))(*point)
    eps = np.longdouble("1e-6")
    one = np.eye(2)
    differences = [
        (end(1.3 + eps, START, 0.99) - end(1.3 - eps, START, 0.99)) / (2 * eps),
        *[(end(1.3, START + eps * e, 0.99) - end(1.3, START - eps * e, 0.99)) / (2 * eps) for e in one],
        (end(1.3, START, 0.99 + eps) - end(1.3, START, 0.99 - eps)) / (2 * eps),
    ]
    assert np.allclose([found[0], *found[1], found[2]], np.asarray(differences, float), rtol=1e-8, atol=1e-10)


def test_single_precision():
    def loss(u):
        return jnp.sum(
            dh.solve(
                oscillator, u, t1=1.0, args=jnp.float32(1.3), method=dh.Tsit5(), step=dh.Adaptive(1e-4)
            ).us
        )

    with jax.numpy_dtype_promotion("strict"):
        found = jax.jit(jax.grad(loss))(START.astype(jnp.float32))
    assert found.dtype == jnp.float32
    exact = jax.jit(jax.grad(lambda u: jnp.sum(dh.solve(oscillator, u, t1=1.0, args=1.3, step=STEP).us)))(
        START
    )
    assert np.allclose(found, exact, rtol=1e-3)


def test_dense_output_and_every_step():
    def loss(mu, u, save, gradient):
        sol = dh.solve(
            oscillator,
            u,
            t1=1.0,
            args=mu,
            method=dh.Tsit5(),
            step=STEP,
            save=save,
            max_steps=256,
            gradient=gradient,
        )
        value = sol(jnp.asarray([0.3, 0.77])) if save.dense else jnp.where(jnp.isfinite(sol.us), sol.us, 0.0)
        return jnp.sum(jnp.sin(value))

    for save in (dh.Save(dense=True), dh.Save(steps=True)):
        found = jax.jit(jax.grad(lambda mu, u, s=save: loss(mu, u, s, dh.Replay()), (0, 1)))(1.3, START)
        direct = jax.jit(jax.grad(lambda mu, u, s=save: loss(mu, u, s, dh.Direct()), (0, 1)))(1.3, START)
        assert close(found, direct, 1e-9)
