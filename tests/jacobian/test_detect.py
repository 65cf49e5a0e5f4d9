"""Which entries of a Jacobian may differ from zero, against Jacobians at random points."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from duhamel.jacobian.sparsity import dependences

N = 12
RNG = np.random.default_rng(0)
MATRIX = jnp.asarray(RNG.normal(size=(N, N)) * (RNG.random((N, N)) < 0.2))
PLACES = jnp.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8])
STENCIL = jnp.array([[0.0, 1.0, 0.0], [1.0, -4.0, 1.0], [0.0, 1.0, 0.0]])


@jax.custom_jvp
def straight_through(x):
    return jnp.floor(x)


straight_through.defjvp(lambda x, v: (straight_through(*x), jnp.roll(v[0], 1)))


def grid(f):
    return lambda x: f(x.reshape(3, 4)).reshape(-1)


def repeated(f, times):
    return lambda x: jnp.tile(f(x), times)


# Found exactly: nothing is missed, nothing is added.
SHARP = {
    "roll": lambda x: jnp.roll(x, 1) * x,
    "slices": lambda x: jnp.concatenate([x[2:], x[:2] ** 2]),
    "strides": lambda x: jnp.stack([x[::2], x[1::2]], axis=1).reshape(-1),
    "flip": lambda x: x[::-1],
    "pad": lambda x: jnp.pad(x[1:-1], (1, 1)),
    "edge": lambda x: jnp.pad(x, 1, mode="edge")[2:],
    "transpose": grid(lambda x: x.T),
    "tile": repeated(lambda x: x[:4], 3),
    "split": lambda x: jnp.concatenate(jnp.split(x, 3)[::-1]),
    "known choice": lambda x: jnp.where(jnp.arange(N) < 4, x, jnp.roll(x, 3)),
    "mask": lambda x: x * jnp.array([0.0, 1.0] * 6),
    "constant": lambda x: jnp.ones(N),
    "matrix": lambda x: MATRIX @ x * x,
    "matrix from the right": grid(lambda x: jnp.einsum("ij,jk->ik", x, MATRIX[:4, :4])),
    "matrix from the left": grid(lambda x: jnp.einsum("ij,jk->ik", MATRIX[:3, :3], x)),
    "matrices": grid(lambda x: jnp.einsum("bij,bj->bi", MATRIX.reshape(12, 12)[:, :4].reshape(3, 4, 4), x)),
    "product of two": grid(lambda x: x @ x.T @ x),
    "triangle": lambda x: jnp.tri(N, dtype=float) @ x,
    "sum": lambda x: x * jnp.sum(x[:3]),
    "norm": lambda x: x / jnp.linalg.norm(x),
    "gather": lambda x: x[PLACES] ** 2,
    "gather in two axes": repeated(lambda x: x.reshape(3, 4)[jnp.array([2, 0]), 1:3].reshape(-1), 3),
    "take": lambda x: jnp.take(x, PLACES),
    "set": lambda x: (x * 2).at[0].set(1.0),
    "set a slice": lambda x: x.at[3:5].set(jnp.sin(x[:2])),
    "add at": lambda x: jnp.zeros(N).at[PLACES].add(x),
    "dynamic slice": lambda x: jax.lax.dynamic_slice(jnp.concatenate([x, x]), (2,), (N,)),
    "dynamic update": lambda x: jax.lax.dynamic_update_slice(x, x[:2], (3,)),
    "cumulative sum": lambda x: jnp.cumsum(x[::-1])[::-1],
    "cumulative product": grid(lambda x: jnp.cumprod(x, axis=1)),
    "differences": lambda x: jnp.pad(jnp.diff(x), (0, 1)),
    "gradient": jnp.gradient,
    "convolution": lambda x: jnp.convolve(x, jnp.array([1.0, 0.0, -1.0]), mode="same"),
    "stencil": grid(lambda x: jax.scipy.signal.convolve2d(x, STENCIL, mode="same")),
    "window": lambda x: jax.lax.reduce_window(x, 0.0, jax.lax.add, (3,), (1,), "SAME"),
    "scan": lambda x: jax.lax.scan(lambda c, v: (c + v, c * v), 0.0, x)[1],
    "backward scan": lambda x: jax.lax.scan(lambda c, v: (c + v, c * v), 0.0, x, reverse=True)[1],
    "map": lambda x: jax.lax.map(lambda i: x[i] * x[(i + 1) % N], jnp.arange(N)),
    "loop": lambda x: jax.lax.fori_loop(0, 3, lambda i, c: c.at[i].add(x[i + 1]), x),
    "floor": lambda x: jnp.floor(x) * x,
    "stop": lambda x: jax.lax.stop_gradient(x) * jnp.roll(x, 1),
    "own derivative": straight_through,
    "checkpoint": jax.checkpoint(jnp.sin),
    "vmap": jax.vmap(lambda a: a**2),
    "complex": repeated(lambda x: (jax.lax.complex(x[:6], x[6:]) ** 2).real, 2),
}
# What cannot be told without the state: all cases are counted.
SAFE = {
    "choice": lambda x: jnp.where(x > 0, x, jnp.roll(x, 3)),
    "cond": lambda x: jax.lax.cond(x[0] > 0, lambda v: v * 2, lambda v: jnp.roll(v, 1), x),
    "switch": lambda x: jax.lax.switch(jnp.argmax(x), [lambda v: v, lambda v: v[::-1]], x),
    "while": lambda x: jax.lax.while_loop(
        lambda c: c[1] < 3, lambda c: (jnp.roll(c[0], 1) * x, c[1] + 1), (x, 0)
    )[0],
    "long loop": lambda x: jax.lax.fori_loop(0, 30_000, lambda i, c: c.at[i % N].add(1e-3 * x[0]), x),
    "unknown place": repeated(lambda x: jax.lax.dynamic_slice(x, (jnp.argmax(x),), (4,)), 3),
    "sort": jnp.sort,
    "maximum": grid(lambda x: jnp.max(x, axis=1, keepdims=True) * x),
    "relu": jax.nn.relu,
    "fft": lambda x: jnp.fft.irfft(jnp.fft.rfft(x) ** 2, N),
    "fft along one axis": grid(lambda x: jnp.fft.fft(x, axis=1).real),
    "solve": lambda x: jnp.linalg.solve(3 * jnp.eye(N) + MATRIX, x),
    "interpolation": lambda x: jnp.interp(jnp.linspace(0.3, 10.0, N), jnp.arange(12.0), x),
}


def found(f, n=N, *others):
    places = dependences(f, jax.ShapeDtypeStruct((n,), jnp.float64), *others, most=n * n)
    assert places is not None
    pattern = np.zeros((n, n), bool)
    pattern[places] = True
    return pattern


@pytest.fixture(scope="module")
def observed():
    """Nonzeros of all Jacobians at some points, compiled together."""

    @jax.jit
    def nonzero(points):
        functions = SHARP | SAFE
        return {k: jnp.any(jax.vmap(jax.jacfwd(f))(points) != 0, axis=0) for k, f in functions.items()}

    return jax.device_get(nonzero(jnp.asarray(RNG.normal(size=(6, N)))))


@pytest.mark.parametrize("name", SHARP)
def test_patterns_are_exact_where_they_can_be(name, observed):
    assert np.array_equal(found(SHARP[name]), observed[name]), found(SHARP[name]).astype(int)


@pytest.mark.parametrize("name", SAFE)
def test_no_dependence_is_ever_missed(name, observed):
    assert np.all(found(SAFE[name]) >= observed[name])


def test_axes_that_do_not_mix_stay_apart():
    blocks = np.kron(np.eye(3, dtype=bool), np.ones((4, 4), bool))
    for name in ("fft along one axis", "maximum"):
        assert np.array_equal(found(SAFE[name]), blocks), name


def test_nothing_is_assumed_of_other_arguments():
    """A coefficient that happens to vanish now may not vanish later."""
    pattern = found(lambda x, c: c * jnp.roll(x, 1) + x, N, jnp.zeros(()))
    assert pattern.sum() == 2 * N


def test_what_jax_cannot_differentiate_has_no_known_zeros():
    @jax.custom_vjp
    def backward_only(x):
        return 2 * x

    backward_only.defvjp(lambda x: (2 * x, None), lambda _, g: (2 * g,))
    assert dependences(backward_only, jnp.zeros(N), most=N * N - 1) is None

    def reading(x):
        return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    assert dependences(reading, jnp.zeros(N), most=N * N - 1) is None


def test_dense_patterns_are_not_listed():
    assert dependences(lambda x: jnp.cumsum(x), jnp.zeros(N), most=70) is None
    assert dependences(lambda x: jnp.cumsum(x), jnp.zeros(N), most=78) is not None


def test_mistakes_in_f_are_not_hidden():
    with pytest.raises(TypeError, match="incompatible shapes"):
        found(lambda x: x + jnp.ones(5))


def test_many_unknowns_need_more_than_one_word():
    n = 300
    i, j = np.nonzero(found(lambda x: jnp.roll(x, 1) * x + jnp.roll(x, -130), n))
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == {
        (r, (r + s) % n) for r in range(n) for s in (0, -1, 130)
    }
