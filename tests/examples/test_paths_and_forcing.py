"""`learn.path` and `learn.forcing`: against SciPy's Hermite cubics, and against products of Jacobians."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import CubicHermiteSpline

import duhamel as dh
from duhamel.learn.forcing import forced, forcing_strength
from duhamel.learn.path import HermitePath

rng = np.random.default_rng(4)
TS = np.sort(rng.uniform(0, 3, 9))
XS = rng.normal(size=(9, 2))


def test_a_path_is_the_cubic_with_backward_differences():
    rise = np.diff(XS, axis=0) / np.diff(TS)[:, None]
    theirs = CubicHermiteSpline(TS, XS, np.concatenate([rise[:1], rise]))
    ours, at = HermitePath(TS, XS), np.linspace(TS[0], TS[-1], 101)
    assert np.allclose(jax.vmap(ours)(at), theirs(at), rtol=1e-12, atol=1e-12)
    assert np.allclose(jax.vmap(ours.slope)(at), theirs(at, 1), rtol=1e-10, atol=1e-10)
    assert np.allclose(jax.vmap(jax.jacfwd(ours))(at[:-1]), theirs(at[:-1], 1), rtol=1e-10, atol=1e-10)


def test_a_path_knows_nothing_of_what_comes_later():
    later = XS.copy()
    later[5:] += 1.0
    at = np.linspace(TS[0], TS[4], 20)
    assert np.array_equal(jax.vmap(HermitePath(TS, XS))(at), jax.vmap(HermitePath(TS, later))(at))


def test_paths_in_a_batch_keep_their_dtype(dtype):
    ts, xs = (np.stack([v, v + 1]).astype(dtype) for v in (TS, XS))
    values = jax.jit(jax.vmap(lambda t, x: HermitePath(t, x)(1.0)))(ts, xs)
    assert values.dtype == dtype
    assert np.allclose(values[0], HermitePath(TS, XS)(1.0), rtol=1e-4)


def test_mistakes_in_samples_are_named():
    with pytest.raises(dh.InputError, match="must ascend"):
        HermitePath(TS[::-1], XS)
    with pytest.raises(dh.InputError, match="shapes"):
        HermitePath(TS, XS[:, 0])


MATRIX = jnp.asarray([[1.2, 0.7], [-0.4, 1.1]])


def turn(z):
    return jnp.sin(MATRIX @ z)


def test_forcing_goes_from_free_runs_to_single_steps():
    data = jnp.asarray(rng.normal(size=(6, 2)))
    z, run = data[0], []
    for _ in range(5):
        z = turn(z)
        run.append(z)
    assert np.allclose(forced(turn, data, 0.0), np.stack(run), rtol=1e-13)
    assert np.allclose(forced(turn, data, 1.0), jax.vmap(turn)(data[:-1]), rtol=1e-13)
    half = turn(0.5 * data[1] + 0.5 * turn(data[0]))
    assert np.allclose(forced(turn, data, 0.5)[1], half, rtol=1e-13)
    with pytest.raises(dh.InputError, match="sequence of states"):
        forced(turn, data[0], 0.5)


def test_the_strength_undoes_the_growth_of_the_product():
    data = jnp.asarray(rng.normal(size=(7, 2))) * 0.1
    product = np.eye(2)
    for z in data:
        product = np.asarray(jax.jacfwd(turn)(z)) @ product
    growth = np.linalg.norm(product, 2) ** (1 / 7)
    assert growth > 1
    assert np.allclose(forcing_strength(turn, data), 1 - 1 / growth, rtol=1e-12)
    assert forcing_strength(lambda z: 0.5 * turn(z), data) == 0
    assert np.all(jax.jacfwd(lambda s: forcing_strength(lambda z: s * turn(z), data))(1.0) == 0)


def test_a_path_with_the_slopes_of_a_solution_has_third_order():
    def largest(n):
        ts = np.linspace(0, 1, n + 1)
        path = HermitePath(ts, np.exp(ts)[:, None], np.exp(ts)[:, None])
        at = np.linspace(0, 1, 999)
        return np.max(abs(jax.vmap(path)(at)[:, 0] - np.exp(at)))

    assert 3.8 < np.log2(largest(8) / largest(16)) < 4.2  # the error of the values is of fourth order
    with pytest.raises(dh.InputError, match="slopes have the shape"):
        HermitePath(TS, XS, XS[:, :1])
