"""Patterns of dependence, against Jacobians taken at random points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from duhamel.jacobian.detect import dependence

N = 6
MATRIX = np.random.default_rng(0).standard_normal((N, N)) * (np.random.default_rng(1).random((N, N)) < 0.4)


def unpacked(x):
    a, b, c, d, e, f = x
    return jnp.stack([a * b, c, d * e, f, a, 2.0 * f])


def blocks(x):
    first, second = jnp.split(x, 2)
    return jnp.concatenate([first * second, first])


# The pattern of these is found exactly.
SHARP = {
    "roll": lambda x: jnp.roll(x, 1) * x + jnp.roll(x, -2),
    "where": lambda x: jnp.where(x > 0, x, jnp.roll(x, 1)),
    "matrix": lambda x: jnp.asarray(MATRIX) @ x,
    "transposed": lambda x: x @ jnp.asarray(MATRIX),
    "einsum": lambda x: jnp.einsum("ij,j,i->i", jnp.asarray(MATRIX), x, x),
    "gather": lambda x: x[jnp.array([3, 1, 2, 0, 0, 5])],
    "cond": lambda x: jax.lax.cond(x[0] > 0, lambda y: y, lambda y: y[::-1], x),
    "custom rule": lambda x: jax.nn.relu(x) + jax.nn.softplus(x),
    "cumsum": jnp.cumsum,
    "floor": lambda x: jnp.floor(x) + x[::-1],
    "dynamic slice": lambda x: jax.lax.dynamic_slice(jnp.concatenate([x, x]), (2,), (N,)),
    "dynamic update": lambda x: jax.lax.dynamic_update_slice(x, x[:2], (3,)),
    "pad": lambda x: jnp.pad(x[1:], (0, 1)),
    "mask": lambda x: jnp.sum(jnp.outer(x, x) * jnp.tri(N, dtype=float), axis=1),
    "unpacked": unpacked,
    "split": blocks,
    "vmap": lambda x: jax.vmap(lambda a: a * a)(x),
    "convolution": lambda x: jnp.convolve(x, jnp.array([1.0, -2.0, 1.0]), mode="same"),
    "norm": lambda x: x / jnp.linalg.norm(x[:3]),
    "stop": lambda x: x * jax.lax.stop_gradient(jnp.sign(x[::-1])),
}
# For these, some entries are counted that only cancel or cannot be told from outside a loop.
SAFE = {
    "cancels": lambda x: x - jnp.sum(x[:2]),
    "written": lambda x: x.at[0].set(0.0).at[2].add(x[4]).at[jnp.array([1, 3])].add(x[5]),
    "scan": lambda x: jax.lax.scan(lambda c, y: (c + y, c * y), x[0], x)[1],
    "while": lambda x: jax.lax.while_loop(
        lambda c: c[0] < 3, lambda c: (c[0] + 1, 2 * jnp.roll(c[1], 1)), (0, x)
    )[1],
    "fft": lambda x: jnp.fft.irfft(jnp.fft.rfft(x)),
    "sort": lambda x: jnp.sort(x)[::-1],
    "solve": lambda x: jnp.linalg.solve(jnp.eye(N) + jnp.outer(x, x), x),
}


def observed(f):
    points = np.random.default_rng(2).standard_normal((24, N))
    jacobian = jax.jit(jax.jacfwd(f))
    return np.any([np.asarray(jacobian(jnp.asarray(x))) != 0 for x in points], axis=0)


@pytest.mark.parametrize("name", SHARP)
def test_patterns_are_exact_where_they_can_be(name):
    found, seen = dependence(SHARP[name], jnp.zeros(N)), observed(SHARP[name])
    if name == "stop":  # the derivative of what is stopped is not taken, and not counted
        assert np.array_equal(found, np.eye(N, dtype=bool))
    assert np.array_equal(found, seen), found.astype(int)


@pytest.mark.parametrize("name", SAFE)
def test_no_dependence_is_ever_missed(name):
    found, seen = dependence(SAFE[name], jnp.zeros(N)), observed(SAFE[name])
    assert np.all(found >= seen)


def test_nothing_is_assumed_of_other_arguments():
    """A coefficient that happens to vanish now may not vanish later."""
    found = dependence(lambda x, c: c * jnp.roll(x, 1) + x, jnp.zeros(N), jnp.zeros(()))
    assert found.sum() == 2 * N
