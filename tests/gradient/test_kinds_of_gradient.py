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


@pytest.mark.parametrize("memory", ["sqrt", 4], ids=str)
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


def short(z, gradient, rtol=1e-6):
    """A loss of μ and both components, over about ten steps."""
    step = dh.Adaptive(rtol=rtol, atol=rtol)
    sol = dh.solve(
        oscillator, z[1:], t1=1.0, args=z[0], method=dh.Tsit5(), step=step, max_steps=32, gradient=gradient
    )
    return jnp.sum(jnp.sin(sol.us[-1])), sol.stats.steps


def test_second_derivatives_forward_over_reverse():
    z = jnp.asarray([1.3, 1.0, 0.5])
    replay = jax.jit(jax.hessian(lambda z: short(z, dh.Replay())[0]))(z)
    direct = jax.jit(jax.hessian(lambda z: short(z, dh.Direct())[0]))(z)
    assert np.allclose(replay, direct, rtol=1e-8, atol=1e-10)
    with pytest.raises(dh.InputError, match="forward over reverse"):
        jax.eval_shape(jax.grad(lambda z: jnp.sum(jax.grad(lambda y: short(y, dh.Replay())[0])(z))), z)


def test_a_batch_of_mixed_lengths():
    zs = jnp.asarray([[0.2, 0.1, 0.0], [1.3, 1.0, 0.5], [8.0, 2.0, -1.0]])

    def loss(shared, z):
        return short(jnp.concatenate([shared[None] + z[:1], z[1:]]), dh.Replay())

    one = jax.value_and_grad(loss, (0, 1), has_aux=True)
    whole = jax.grad(lambda shared: jnp.sum(jax.vmap(lambda z: loss(shared, z)[0])(zs)))
    ((_, steps), found), total = jax.jit(lambda s: (jax.vmap(one, (None, 0))(s, zs), whole(s)))(0.1)
    alone = [jax.jit(one)(0.1, z) for z in zs]
    assert len({int(s) for s in steps}) == 3
    assert [int(s) for s in steps] == [int(a[0][1]) for a in alone]
    assert close(found, jax.tree.map(lambda *v: jnp.stack(v), *[a[1] for a in alone]), 1e-9)
    assert np.allclose(total, jnp.sum(found[0]), rtol=1e-9)


def test_a_parameter_that_is_closed_over():
    def loss(mu):
        sol = dh.solve(lambda t, u, args: oscillator(t, u, mu), START, t1=1.0, method=dh.Tsit5(), step=STEP)
        return jnp.sum(sol.us)

    eps = 1e-5
    slope = (loss(1.3 + eps) - loss(1.3 - eps)) / (2 * eps)
    assert np.allclose([jax.grad(loss)(1.3), jax.jit(jax.jacfwd(loss))(1.3)], slope, rtol=1e-6)


def test_complex_states_in_pytrees():
    def turning(t, u, rate):
        z, r = u["z"], u["r"]
        turn = jax.lax.complex(-0.1 * r, rate * jnp.ones_like(r))
        return {"z": turn * z, "r": -r * (z.real**2 + z.imag**2)}

    def loss(rate, z, gradient):
        state = {"z": z, "r": jnp.asarray([0.4])}
        sol = dh.solve(
            turning, state, t1=1.0, args=rate, method=dh.Tsit5(), step=STEP, max_steps=256, gradient=gradient
        )
        return jnp.sum(sol.us["z"].imag ** 2) + jnp.sum(sol.us["r"])

    z, eps = jnp.asarray([0.5 + 0.2j]), 1e-5
    found = jax.jit(jax.grad(lambda r, z: loss(r, z, dh.Replay()), (0, 1)))(2.0, z)
    value = jax.jit(lambda r, z: loss(r, z, dh.Replay()))
    by_rate = (value(2.0 + eps, z) - value(2.0 - eps, z)) / (2 * eps)
    by_real = (value(2.0, z + eps) - value(2.0, z - eps)) / (2 * eps)
    turned = jnp.asarray([1j * eps])
    by_imaginary = (value(2.0, z + turned) - value(2.0, z - turned)) / (2 * eps)
    assert np.allclose(found[0], by_rate, rtol=1e-6)
    assert np.allclose(found[1][0], complex(float(by_real), -float(by_imaginary)), rtol=1e-6)


FEW = ("etdrk4", "rodas4")
REST = tuple(n for n, m in METHODS.items() if n not in FEW and m.family != "symplectic")


@pytest.mark.parametrize("name", [*FEW, *[pytest.param(n, marks=pytest.mark.slow) for n in REST]])
def test_backwards_is_forwards_for_every_method(name):
    method = METHODS[name]
    rtol = 1e-5 if method.order > 2 else 1e-3  # there is room for 256 steps
    step = dh.Adaptive(rtol=rtol, atol=rtol / 100) if method.adaptive else dh.Fixed(0.02)

    def loss(rate, u, t1):
        linear = dh.Linear(dh.Diagonal(rate * jnp.asarray([-1.0, -30.0])))
        eq = linear + dh.Nonlinear(lambda t, u, a: a * jnp.sin(jnp.roll(u, 1) + t))
        sol = dh.solve(eq, u, t1=t1, args=0.7 * rate, method=method, step=step, max_steps=256)
        return jnp.sum(jnp.sin(sol.us[-1]) * jnp.asarray([1.0, 2.0]))

    point, along = (0.9, START, 0.25), (1.0, jnp.asarray([0.5, -1.0]), 0.3)
    back = jax.jit(jax.grad(loss, (0, 1, 2)))(*point)
    onward = jax.jit(lambda p, v: jax.jvp(loss, p, v)[1])(point, along)
    assert all(np.all(np.isfinite(v)) and np.any(v != 0) for v in back)
    assert np.allclose(sum(jnp.vdot(a, b) for a, b in zip(back, along, strict=True)), onward, rtol=1e-8)


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
    eps, one, start = np.longdouble("1e-6"), np.eye(2), np.asarray(START)
    differences = [
        (end(1.3 + eps, start, 0.99) - end(1.3 - eps, start, 0.99)) / (2 * eps),
        *[(end(1.3, start + eps * e, 0.99) - end(1.3, start - eps * e, 0.99)) / (2 * eps) for e in one],
        (end(1.3, start, 0.99 + eps) - end(1.3, start, 0.99 - eps)) / (2 * eps),
    ]
    assert np.allclose([found[0], *found[1], found[2]], np.asarray(differences, float), rtol=1e-8, atol=1e-10)


def test_single_precision():
    def loss(u, mu, step):
        return jnp.sum(dh.solve(oscillator, u, t1=1.0, args=mu, method=dh.Tsit5(), step=step).us)

    found = jax.jit(jax.grad(lambda u: loss(u, jnp.float32(1.3), dh.Adaptive(1e-4))))(
        START.astype(jnp.float32)
    )
    assert found.dtype == jnp.float32
    eps = 1e-5 * jnp.eye(2)
    exact = [(loss(START + e, 1.3, STEP) - loss(START - e, 1.3, STEP)) / 2e-5 for e in eps]
    assert np.allclose(found, exact, rtol=1e-3)


def test_dense_output():
    def loss(mu, t):
        sol = dh.solve(
            oscillator,
            START,
            t1=1.0,
            args=mu,
            method=dh.Tsit5(),
            step=dh.Adaptive(rtol=1e-6, atol=1e-8),
            save=dh.Save(dense=True),
            max_steps=64,
        )
        return sol(t)

    by_mu, by_t = jax.jit(jax.jacrev(loss, (0, 1)))(1.3, 0.37)
    fine = dh.Adaptive(rtol=1e-11, atol=1e-12)

    def end(mu):
        return dh.solve(oscillator, START, t1=0.37, args=mu, method=dh.Tsit5(), step=fine).us[-1]

    assert np.allclose(by_mu, (end(1.3 + 1e-4) - end(1.3 - 1e-4)) / 2e-4, rtol=1e-4)
    assert np.allclose(by_t, oscillator(0.37, end(1.3), 1.3), rtol=1e-4)


def test_observed_quantities():
    names = ("error", "stiffness", "kinetic")

    def seen(mu, u):
        sol = dh.solve(
            oscillator, u, t1=1.0, args=mu, method=dh.Tsit5(), step=dh.Fixed(0.1), observe=names, max_steps=16
        )
        return jnp.stack([sol.observed[n] for n in names])

    value, eps = jax.jit(seen), 1e-5
    found = jax.jit(jax.jacrev(seen, (0, 1)))(1.3, START)
    by_mu = (value(1.3 + eps, START) - value(1.3 - eps, START)) / (2 * eps)
    by_x = (value(1.3, START + eps * np.eye(2)[0]) - value(1.3, START - eps * np.eye(2)[0])) / (2 * eps)
    assert np.allclose(found[0], by_mu, rtol=1e-5)
    assert np.allclose(found[1][:, 0], by_x, rtol=1e-5)
    # What these quantities are: the energy of the path, and about the norm of the Jacobian.
    fine = dh.solve(
        oscillator, START, t1=1.0, args=1.3, method=dh.Tsit5(), step=dh.Fixed(0.01), save=dh.Save(steps=True)
    )
    slopes = np.stack([oscillator(t, u, 1.3) for t, u in zip(fine.ts, np.asarray(fine.us), strict=True)])
    energy = np.trapezoid(np.sum(slopes**2, axis=1), fine.ts)
    assert np.isclose(value(1.3, START)[2], energy, rtol=1e-2)
    assert 0.3 < value(1.3, START)[1] < 5.0


@pytest.mark.parametrize("kind", [dh.Replay(), dh.Reversible()], ids=["replay", "reversible"])
def test_memory_grows_no_faster_than_the_root(kind):
    def needed(steps):
        def loss(u):
            sol = dh.solve(
                lambda t, u, a: jnp.sin(u),
                u,
                t1=1.0,
                method=dh.Bosh3(),
                step=STEP,
                max_steps=steps,
                gradient=kind,
            )
            return jnp.sum(sol.us)

        program = jax.jit(jax.grad(loss)).lower(jnp.ones(16384)).compile()
        return program.memory_analysis().temp_size_in_bytes

    growth = needed(10_000) / needed(100)
    assert growth < (12.0 if isinstance(kind, dh.Replay) else 1.3)


def test_what_cannot_be_is_refused_in_words():
    split = dh.Linear(dh.Diagonal(jnp.asarray([-1.0, -2.0]))) + dh.Nonlinear(lambda t, u, a: jnp.sin(u))

    def end(eq, **options):
        return jax.eval_shape(jax.grad(lambda u: jnp.sum(dh.solve(eq, u, t1=1.0, **options).us)), START)

    with pytest.raises(dh.InputError, match="max_steps"):
        end(oscillator, args=1.0, gradient=dh.Direct())
    with pytest.raises(dh.InputError, match="couples explicit"):
        end(split, method="etdrk4", step=dh.Fixed(0.1), gradient=dh.Reversible())
    with pytest.raises(dh.InputError, match="adjoint equation"):
        end(split, method="etd54", gradient=dh.Backsolve())
    with pytest.raises(dh.InputError, match="stiffness is read off"):
        end(split, method="kvaerno3", observe="stiffness")
    with pytest.raises(dh.InputError, match="there is no 'speed'"):
        end(oscillator, args=1.0, observe="speed")
    with pytest.raises(dh.InputError, match="gradient takes"):
        end(oscillator, args=1.0, gradient="replay")
    with pytest.raises(dh.InputError, match="number of states"):
        dh.Replay(memory=1)
