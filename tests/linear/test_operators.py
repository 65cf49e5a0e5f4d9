"""Every operator against the matrix it stands for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import duhamel as dh
from duhamel.coefficients import phi_matrix

RNG = np.random.default_rng(7)
N = 4


def operators():
    """(name, operator, the same as a matrix on the flattened state, the state's shape)."""
    symbol = -RNG.uniform(0, 50, N)
    rotation = 1j * RNG.uniform(-9, 9, N)
    dense = RNG.normal(size=(N, N))
    blocks = RNG.normal(size=(2, 2, 3)) + 1j * RNG.normal(size=(2, 2, 3))
    full = np.zeros((6, 6), complex)
    for m in range(3):
        full[np.ix_([m, 3 + m], [m, 3 + m])] = blocks[:, :, m]
    return [
        ("scalar", dh.Scalar(-2.5), -2.5 * np.eye(N), (N,)),
        ("scalar-complex", dh.Scalar(0.3j), 0.3j * np.eye(N), (N,)),
        ("diagonal", dh.Diagonal(jnp.asarray(symbol)), np.diag(symbol), (N,)),
        ("diagonal-imaginary", dh.Diagonal(jnp.asarray(rotation)), np.diag(rotation), (N,)),
        ("dense", dh.Dense(jnp.asarray(dense)), dense, (N,)),
        ("blocks", dh.BlockDiagonal(jnp.asarray(blocks)), full, (2, 3)),
    ]


@pytest.mark.parametrize(
    ("name", "operator", "matrix", "shape"), operators(), ids=lambda v: v if isinstance(v, str) else ""
)
def test_every_question_is_answered_like_the_matrix(name, operator, matrix, shape):
    u = RNG.normal(size=shape) + (1j * RNG.normal(size=shape) if np.iscomplexobj(matrix) else 0)
    state, flat, h = jnp.asarray(u), u.reshape(-1), 0.37
    operator.check(state)
    assert np.allclose(operator.apply(state).reshape(-1), matrix @ flat, atol=1e-12)
    assert np.allclose(
        operator.exp(jnp.asarray(h), state).reshape(-1), scipy.linalg.expm(h * matrix) @ flat, atol=1e-12
    )
    solved = operator.solve(jnp.asarray(h), state).reshape(-1)
    assert np.allclose((np.eye(len(flat)) - h * matrix) @ solved, flat, atol=1e-12)
    weights = operator.phi(3, jnp.asarray([h, 2 * h]))
    for m, factor in enumerate((1, 2)):
        expected = phi_matrix(3, factor * h * matrix)
        for k in range(4):
            weight = jax.tree.map(lambda w, m=m, k=k: w[m, k], weights)
            assert np.allclose(operator.act(weight, state).reshape(-1), expected[k] @ flat, atol=1e-12)


def test_real_symbols_give_real_weights_and_keep_single_precision():
    operator = dh.Diagonal(jnp.asarray([-1.0, -2.0]))
    assert operator.phi(2, jnp.asarray([0.1])).dtype == jnp.float64
    state = jnp.ones(2, jnp.complex64)
    assert operator.apply(state).dtype == jnp.complex64
    assert operator.exp(jnp.asarray(0.1), state).dtype == jnp.complex64


def test_pytree_states():
    operator = dh.Diagonal({"a": jnp.asarray([-1.0, -3.0]), "b": jnp.asarray(-2.0)})
    state = {"a": jnp.asarray([1.0, 1.0]), "b": jnp.asarray(1.0)}
    operator.check(state)
    moved = operator.exp(jnp.asarray(0.5), state)
    assert np.allclose(moved["a"], np.exp([-0.5, -1.5]))
    assert np.allclose(moved["b"], np.exp(-1.0))


@pytest.mark.parametrize(
    ("operator", "state", "words"),
    [
        (dh.Diagonal(jnp.ones(3)), jnp.ones(4), "shape"),
        (dh.Diagonal(jnp.full(3, 1j)), jnp.ones(3), "complex"),
        (dh.Diagonal({"a": jnp.ones(3)}), jnp.ones(3), "structure"),
        (dh.Dense(jnp.ones((3, 4))), jnp.ones(3), "square"),
        (dh.Dense(jnp.ones((3, 3))), jnp.ones(4), "entries"),
        (dh.BlockDiagonal(jnp.ones((2, 2, 5))), jnp.ones((2, 4)), "acts on"),
        (dh.Scalar(jnp.ones(3)), jnp.ones(3), "Diagonal"),
    ],
)
def test_misfits_are_named(operator, state, words):
    with pytest.raises(dh.InputError, match=words):
        operator.check(state)


def test_an_array_is_no_operator():
    with pytest.raises(dh.InputError, match="Diagonal"):
        dh.Linear(jnp.ones(3))
