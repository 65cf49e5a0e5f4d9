"""Krylov actions against φ-functions of the whole matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from duhamel.coefficients import phi_matrix
from duhamel.linear.krylov import krylov_actions

N = 40
NODES = np.array([0.5, 1.0])
# ½φ₁ at ½, 16φ₃ − 48φ₄ at 1, φ₁ at 1.
FACTORS = np.zeros((3, 2, 5))
FACTORS[0, 0, 1], FACTORS[1, 1, 3:], FACTORS[2, 1, 1] = 0.5, (16.0, -48.0), 1.0
RANDOM = np.random.default_rng(7)
START = RANDOM.standard_normal(N)
SHIFT = np.diag(np.ones(N - 1), 1)
MATRICES = {
    "diffusion": (SHIFT + SHIFT.T - 2 * np.eye(N)) * 100.0,
    "rotation": (SHIFT - SHIFT.T) * 8.0,
    "upwind": (SHIFT - np.eye(N)) * 10.0,
    "random": RANDOM.standard_normal((N, N)),
    "two eigenvalues": np.diag(np.where(np.arange(N) < 20, -1.0, -5.0)),
    "zero": np.zeros((N, N)),
}


def whole(matrix, h, b=START):
    values = [phi_matrix(4, h * c * matrix) for c in NODES]
    return np.stack(
        [sum(row[m, k] * values[m][k] @ b for m in range(2) for k in range(5)) for row in FACTORS]
    )


@jax.jit
def actions(matrix, b, h, tolerance):
    return krylov_actions(
        lambda v: matrix @ v, b, h, NODES, FACTORS, lambda v: jnp.max(abs(v)) / tolerance, most=64
    )


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES.keys())
def test_actions_and_their_estimate(matrix):
    for tolerance in (1e-4, 1e-12):
        found = actions(jnp.asarray(matrix), jnp.asarray(START), jnp.asarray(1.0), tolerance)
        error = np.max(abs(np.asarray(found.values) - whole(matrix, 1.0)))
        assert found.converged
        assert error < 5 * tolerance
        assert error < 10 * float(found.error) * tolerance + 1e-11


def test_the_subspace_is_as_large_as_it_needs_to_be():
    matrix, b = jnp.asarray(MATRICES["diffusion"]), jnp.asarray(START)
    sizes = [int(actions(matrix, b, jnp.asarray(h), 1e-8).size) for h in (1e-3, 3e-2, 0.3)]
    assert sizes == sorted(sizes)
    assert sizes[0] == 8
    assert sizes[2] > 16
    found = krylov_actions(lambda v: matrix @ v, b, jnp.asarray(1.0), NODES, FACTORS, jnp.linalg.norm, most=8)
    assert not found.converged
    assert found.size == 8


def test_a_vector_of_zeros_gives_zeros():
    found = actions(jnp.asarray(MATRICES["random"]), jnp.zeros(N), jnp.asarray(1.0), 1e-10)
    assert found.converged
    assert not np.asarray(found.values).any()


def test_single_precision():
    matrix = MATRICES["diffusion"].astype(np.float32)
    b = jnp.asarray(START, jnp.float32)
    found = actions(jnp.asarray(matrix), b, jnp.asarray(0.1), jnp.float32(1e-5))
    assert found.values.dtype == jnp.float32
    assert np.max(abs(np.asarray(found.values) - whole(MATRICES["diffusion"], 0.1))) < 3e-5


def test_a_batch_gives_what_each_gives_alone():
    matrix, hs = jnp.asarray(MATRICES["rotation"]), jnp.asarray([0.01, 0.3, 1.0])
    together = jax.vmap(lambda h: actions(matrix, jnp.asarray(START), h, 1e-10))(hs)
    for i, h in enumerate(hs):
        alone = actions(matrix, jnp.asarray(START), h, 1e-10)
        assert int(together.size[i]) == int(alone.size)
        assert np.allclose(together.values[i], alone.values, rtol=0, atol=1e-13)
