"""φ-functions against mpmath, on the whole half-plane where they are used."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
import scipy.linalg

from duhamel.coefficients import phi, phi_matrix, stacked_phi

RADII = 10.0 ** np.arange(-12, 6.01, 0.5)
ANGLES = np.linspace(np.pi / 2, np.pi, 9)


def reference(k, z):
    """φ_k(z) by mpmath: the series for small z, the definition with 60 digits otherwise."""
    with mpmath.workdps(60):
        z = mpmath.mpmathify(complex(z))
        if abs(z) < 1:
            return complex(sum(z**j / mpmath.factorial(j + k) for j in range(60)))
        value = mpmath.exp(z)
        for j in range(k):
            value = (value - 1 / mpmath.factorial(j)) / z
        return complex(value)


def polar_grid():
    """|z| from 1e-12 to 1e6 in the left half-plane, the axes exact, and the seam where the series hands
    over."""
    points = [r * np.exp(1j * a) for r in (*RADII, 3.4, 3.49, 3.5, 3.51, 3.6) for a in ANGLES[1:-1]]
    points += [1j * r for r in RADII] + [-r + 0j for r in RADII]
    return np.array(points)


@pytest.fixture(scope="module")
def table():
    grid = polar_grid()
    return grid, np.array([[reference(k, z) for z in grid] for k in range(1, 6)])


def relative(values, exact):
    return np.max(abs(np.asarray(values) - exact) / abs(exact), axis=1)


def test_numpy_and_jax_are_accurate_everywhere(table):
    grid, exact = table
    assert np.all(relative(stacked_phi(5, grid)[1:], exact) < 1e-13)
    assert np.all(relative(jax.jit(lambda z: stacked_phi(5, z))(jnp.asarray(grid))[1:], exact) < 1e-13)


def test_float32(table):
    grid = table[0].astype(np.complex64)
    exact = np.array([[reference(k, z) for z in grid] for k in range(1, 6)])
    assert np.all(relative(stacked_phi(5, grid)[1:], exact) < 1e-6)


def test_real_arguments_stay_real():
    z = np.array([-1e5, -10.0, -1.0, 0.0, 0.5])
    values = phi(3, z)
    assert all(v.dtype == np.float64 for v in values)
    assert [v[3] for v in values] == [1.0, 1.0, 0.5, 1 / 6]


def test_unstable_modes():
    z = np.array([0.3, 2.0, 20.0])
    exact = np.array([[reference(k, v) for v in z] for k in range(1, 5)])
    assert np.all(relative(stacked_phi(4, z)[1:], exact) < 1e-13)


@pytest.mark.parametrize("k", range(1, 5))
def test_derivative_through_zero(k):
    # φ_k(z) = Σ z^j/(j+k)!, so φ_k'(0) = 1/(k+1)!
    slope = jax.grad(lambda z: phi(k, z)[k])(jnp.asarray(0.0))
    assert float(slope) == pytest.approx(1.0 / float(mpmath.factorial(k + 1)), rel=1e-14)
    for z in (-40.0, -3.5, -0.1, 1e-9):
        step = 1e-6 * max(1.0, abs(z))
        both = phi(k, np.array([z - step, z + step]))[k]
        exact = (both[1] - both[0]) / (2 * step)
        assert float(jax.grad(lambda z: phi(k, z)[k])(jnp.asarray(z))) == pytest.approx(exact, rel=1e-6)


def test_matrices_defective_stiff_and_rotating():
    a = np.array([[[0.0, 1.0], [0.0, 0.0]], [[-5.0, 3.0], [1.0, -2000.0]], [[0.0, 30.0], [-30.0, 0.0]]])
    for values in (phi_matrix(3, a), jax.jit(lambda m: phi_matrix(3, m))(jnp.asarray(a))):
        for i in range(3):
            assert np.allclose(values[0][i], scipy.linalg.expm(a[i]), rtol=0, atol=5e-13)
            # φ_k of A is a block of the exponential of an augmented matrix (Sidje 1998, Theorem 1).
            big = np.zeros((8, 8))
            big[:2, :2], big[:2, 2:4] = a[i], np.eye(2)
            big[2:4, 4:6] = big[4:6, 6:8] = np.eye(2)
            blocks = scipy.linalg.expm(big)[:2]
            for k in (1, 2, 3):
                assert np.allclose(values[k][i], blocks[:, 2 * k : 2 * k + 2], rtol=0, atol=5e-13)


def test_scalar_and_matrix_forms_agree():
    z = np.array([-300.0, -1.0, 0.0, 2.0])
    matrices = np.zeros((4, 2, 2))
    matrices[:, 0, 0] = z
    for scalar, matrix in zip(phi(4, z), phi_matrix(4, matrices), strict=True):
        assert np.allclose(matrix[:, 0, 0], scalar, rtol=1e-12)
