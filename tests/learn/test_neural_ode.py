"""Neural ODEs and their penalties, against sums taken by hand and finite differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import duhamel as dh
from duhamel import learn

KEY = jax.random.key(0)
U0 = jnp.asarray(np.random.default_rng(1).normal(size=(4, 2)))
STEP = dh.Adaptive(rtol=1e-5, atol=1e-6)


def net(dtype):
    made = eqx.nn.MLP(3, 2, 8, 1, activation=jnp.tanh, key=KEY)
    return jax.tree.map(lambda v: v.astype(dtype) if eqx.is_array(v) else v, made)


def node_of(gradient=None, method=None, dtype=jnp.float64):
    field = learn.Field(net(dtype), time=True)
    method = dh.Dopri5() if method is None else method
    return learn.NeuralODE(field, t1=1.5, method=method, step=STEP, gradient=gradient, max_steps=32)


NODE = node_of()
ALL = ("error", "stiffness", "steps", "kinetic")


@pytest.fixture(scope="module")
def observed():
    """Sums over the accepted steps as the run observes them."""
    return jax.jit(lambda u: NODE.solve(u, observe=ALL).observed)(U0)


@pytest.fixture(scope="module")
def path():
    return NODE.solve(U0, save=dh.Save(steps=True))


def dopri5_stages(t, u, h):
    """The stages of the classical tableau, written out."""
    rows = [
        [],
        [1 / 5],
        [3 / 40, 9 / 40],
        [44 / 45, -56 / 15, 32 / 9],
        [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
        [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656],
        [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
    ]
    c = [0, 1 / 5, 3 / 10, 4 / 5, 8 / 9, 1, 1]
    places, slopes = [], []
    for row, ci in zip(rows, c, strict=True):
        g = u + h * sum((a * k for a, k in zip(row, slopes, strict=True)), np.zeros_like(u))
        places.append(g)
        slopes.append(np.asarray(NODE.field(jnp.asarray(t + ci * h), jnp.asarray(g))))
    return places, slopes


def by_hand(path):
    """Σ h‖e‖, Σ h‖Δk‖/‖Δg‖ and ∫‖f‖² from the stages of every accepted step."""
    low = [71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40]
    sums = np.zeros(4)
    for j in range(len(path.ts) - 1):
        t, h, u = float(path.ts[j]), float(path.ts[j + 1] - path.ts[j]), np.asarray(path.us[j])
        g, k = dopri5_stages(t, u, h)
        e = h * sum(w * v for w, v in zip(low, k, strict=True))
        scaled = e / (1e-6 + 1e-5 * np.maximum(abs(u), abs(g[6])))
        sums += [
            h * np.sqrt(np.mean(e**2)),
            h * np.linalg.norm(k[6] - k[5]) / np.linalg.norm(g[6] - g[5]),
            (2 * np.sqrt(np.mean(scaled**2))) ** (1 / 5),
            h * (np.sum(k[0] ** 2) + np.sum(k[6] ** 2)) / 2,
        ]
    return dict(zip(ALL, sums, strict=True))


def test_penalties_are_the_sums_over_the_stages(observed, path):
    hand = by_hand(path)
    rules = {
        "error": learn.ernode,
        "stiffness": learn.srnode,
        "steps": learn.step_count,
        "kinetic": learn.kinetic,
    }
    for name, rule in rules.items():
        assert rule(observed) == pytest.approx(hand[name], rel=1e-8), name
    batch = {"error": jnp.asarray([1.0, 3.0])}
    assert learn.ernode(batch) == 2.0
    with pytest.raises(dh.InputError, match='observe="kinetic"'):
        learn.kinetic(batch)


@pytest.mark.parametrize("name", ALL)
def test_one_step_after_another_adds_up_to_the_observed_sum(observed, path, name):
    ts, us = path.ts, path.us
    each = jax.vmap(
        lambda t, u, h: learn.one_step(NODE.field, t, u, h, of=name, method=NODE.method, step=STEP)
    )(ts[:-1], us[:-1], jnp.diff(ts))
    assert len(each) > 3
    assert jnp.sum(each) == pytest.approx(float(observed[name]), rel=1e-9)


def test_the_mean_over_random_steps_is_the_observed_sum(observed, path):
    count = len(path.ts) - 1
    draw = jax.jit(lambda keys: jax.lax.map(lambda key: NODE.local(U0, key, draw="step")[1], keys))
    values = np.unique(np.round(np.asarray(draw(jax.random.split(KEY, 24 * count))), 14))
    assert len(values) == count  # every step is drawn, and nothing else
    assert np.mean(values) == pytest.approx(float(observed["error"]), rel=1e-6)


def test_random_times_are_close_to_the_sum_and_leave_the_states_alone(observed):
    ts = jnp.asarray([0.5, 1.0, 1.5])
    keys = jax.random.split(KEY, 64)
    found = jax.jit(lambda keys: jax.lax.map(lambda k: NODE.local(U0, k, of="stiffness", ts=ts), keys))
    us, values = found(keys)
    exact = NODE(U0, ts)
    assert np.allclose(us, exact[None], atol=1e-4)
    assert np.mean(values) == pytest.approx(float(observed["stiffness"]), rel=0.1)
    end, _ = eqx.filter_jit(NODE.local)(U0, KEY)
    assert np.allclose(end, exact[-1], atol=1e-4)


def moved(node, direction, by):
    return eqx.apply_updates(node, jax.tree.map(lambda v: by * v, direction))


def direction_of(node):
    arrays = eqx.filter(node, eqx.is_inexact_array)
    leaves, form = jax.tree.flatten(arrays)
    keys = jax.random.split(KEY, len(leaves))
    return jax.tree.unflatten(
        form, [jax.random.normal(k, v.shape) for k, v in zip(keys, leaves, strict=True)]
    )


def differences(value, node):
    """The slope of `value` along a direction by AD and by central differences."""
    direction = direction_of(node)
    slope = eqx.filter_jit(eqx.filter_grad(value))(node)
    inner = sum(
        jnp.vdot(a, b) for a, b in zip(jax.tree.leaves(slope), jax.tree.leaves(direction), strict=True)
    )
    jitted, d = eqx.filter_jit(value), 1e-4
    near, far = (
        (jitted(moved(node, direction, x)) - jitted(moved(node, direction, -x))) / (2 * x) for x in (d, 2 * d)
    )
    return float(inner), float((4 * near - far) / 3)


def test_the_gradient_of_a_regularised_loss_is_that_of_finite_differences():
    fixed = learn.NeuralODE(NODE.field, t1=1.5, method=dh.Bosh3(), step=dh.Fixed(0.25))

    def value(node):
        sol = node.solve(U0, observe=("error", "stiffness", "kinetic"))
        seen = sol.observed
        penalty = 1e3 * learn.ernode(seen) + 0.1 * learn.srnode(seen) + 0.01 * learn.kinetic(seen)
        return jnp.mean(sol.us[-1] ** 2) + penalty

    found, expected = differences(value, fixed)
    assert found == pytest.approx(expected, rel=1e-7)


def test_the_gradient_of_one_step_is_that_of_finite_differences():
    def value(node):
        return 1e4 * learn.one_step(node.field, 0.3, U0, 0.4, method=dh.Dopri5())

    found, expected = differences(value, NODE)
    assert found == pytest.approx(expected, rel=1e-7)
    nothing = jax.grad(lambda u, h: learn.one_step(NODE.field, 0.3, u, h), (0, 1))(U0, 0.4)
    assert all(jnp.all(v == 0) for v in nothing)


def local_slope(gradient):
    """d/d(weights) of a loss with a local penalty, under a kind of gradient."""

    def value(node):
        end, penalty = node.local(U0, KEY)
        return jnp.mean(end**2) + 1e3 * penalty

    return eqx.filter_jit(eqx.filter_grad(value))(node_of(gradient, dh.Bosh3()))


@pytest.fixture(scope="module")
def replayed():
    return local_slope(dh.Replay())


@pytest.mark.parametrize("gradient", [dh.Backsolve(), dh.Reversible()], ids=lambda g: type(g).__name__)
def test_the_local_penalty_works_under_any_gradient(gradient, replayed):
    for a, b in zip(jax.tree.leaves(local_slope(gradient)), jax.tree.leaves(replayed), strict=True):
        assert np.allclose(a, b, rtol=1e-2, atol=1e-2 * float(jnp.max(abs(b))))


def test_states_times_batches_and_single_precision():
    node = node_of(method=dh.Bosh3(), dtype=jnp.float32)
    u0 = U0.astype(jnp.float32)
    together, alone = eqx.filter_jit(node)(u0), eqx.filter_jit(lambda node, u: jax.vmap(node)(u))(node, u0)
    assert together.dtype == jnp.float32
    assert np.allclose(together, alone, atol=1e-4)
    assert np.allclose(together, NODE(U0), atol=1e-3)
    assert node(u0, [0.5, 1.5]).shape == (2, 4, 2)
    sol = node.solve(u0)
    assert int(sol.stats.evaluations) == 1 + 3 * int(sol.stats.steps + sol.stats.rejected)

    def loss(node, batch, key, step):
        sol = node.solve(batch, observe=("error", "stiffness"))
        weight = learn.decay(10.0, 1.0, 4)(step).astype(jnp.float32)
        _, local = node.local(batch, key)
        penalty = weight * learn.ernode(sol.observed).astype(jnp.float32) + local.astype(jnp.float32)
        return jnp.mean(sol.us[-1] ** 2) + penalty

    done = learn.fit(node, loss, u0, steps=4, key=KEY, progress=False)
    assert done.history[0]["loss"] > 0
    assert all(v.dtype == jnp.float32 for v in jax.tree.leaves(eqx.filter(done.model, eqx.is_inexact_array)))


class Linear(eqx.Module):
    a: jax.Array

    def __call__(self, t, u, args):
        return u @ self.a.T


def test_fit_recovers_a_linear_field():
    true = jnp.asarray([[-0.1, 2.0], [-2.0, -0.1]])
    ts = jnp.linspace(0.1, 1.0, 6)
    options = {"method": dh.Tsit5(), "step": dh.Fixed(0.1)}
    data = jnp.moveaxis(learn.NeuralODE(Linear(true), **options)(U0, ts), 0, 1)

    def loss(node, batch, key):
        del key
        starts, us = batch
        return jnp.mean((node(starts, ts) - jnp.moveaxis(us, 0, 1)) ** 2)

    start = learn.NeuralODE(Linear(jnp.zeros((2, 2))), **options)
    done = learn.fit(
        start, loss, (U0, data), steps=300, key=KEY, optimiser=optax.adam(0.05), every=50, progress=False
    )
    assert np.allclose(done.model.field.a, true, atol=2e-3)
    assert isinstance(done.model.step, dh.Fixed)  # steps are no weights


def test_a_failed_solve_raises_outside_jit_and_is_nan_inside():
    class Exploding(eqx.Module):
        k: jax.Array

        def __call__(self, t, u, args):
            return self.k * u * u

    node = learn.NeuralODE(Exploding(jnp.ones(())), t1=2.0, max_steps=64)
    with pytest.raises(dh.SolveError):
        node(jnp.ones(2))
    assert jnp.all(jnp.isnan(eqx.filter_jit(node)(jnp.ones(2))))
    with pytest.raises(learn.TrainingError, match="update 1 the loss is nan"):
        learn.fit(node, lambda n, b, k: jnp.sum(n(jnp.ones(2))), steps=2, key=KEY, progress=False)


def test_weights_fall_exponentially():
    weight = learn.decay(100.0, 1.0, 10)
    assert [float(weight(n)) for n in (0, 5, 10, 50)] == pytest.approx([100.0, 10.0, 1.0, 1.0])
    with pytest.raises(dh.InputError, match="positive weights"):
        learn.decay(0.0, 1.0, 10)


def test_what_cannot_be_right_is_refused():
    with pytest.raises(dh.InputError, match="a later t1"):
        learn.NeuralODE(NODE.field, t1=0.0)
    with pytest.raises(dh.InputError, match="plain numbers"):
        learn.NeuralODE(NODE.field, step=dh.Adaptive(atol=np.ones(2)))
    with pytest.raises(dh.InputError, match='draw is "time" or "step"'):
        NODE.local(U0, KEY, draw="steps")
    with pytest.raises(dh.InputError, match="keeps the accepted steps"):
        NODE.local(U0, KEY, draw="step", ts=[1.0])
    with pytest.raises(dh.InputError, match="no error estimate"):
        learn.one_step(NODE.field, 0.0, U0, 0.1, method=dh.RK4(), step=dh.Fixed(0.1))


@pytest.mark.parametrize("name", ALL)
def test_a_step_as_short_as_the_last_may_be_has_a_finite_slope(name):
    node = node_of(dtype=jnp.float32)

    def value(field, h):
        return learn.one_step(field, 0.3, U0.astype(jnp.float32), h, of=name, method=dh.Dopri5())

    slopes = eqx.filter_jit(eqx.filter_grad(value))
    for h in (1e-3, 1e-9, 1e-18):
        found = slopes(node.field, jnp.asarray(h))
        assert all(jnp.all(jnp.isfinite(v)) for v in jax.tree.leaves(found)), h
