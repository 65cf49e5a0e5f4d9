"""Elimination with partial pivoting, of small matrices and of bands, against many digits."""

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest
from scipy.linalg import lu_factor, lu_solve, solve_banded

from duhamel.jacobian.band import eliminate_band, multiply_band, substitute_band
from duhamel.jacobian.small import eliminate, substitute

RNG = np.random.default_rng(1)


@jax.jit
def solved(matrix, b):
    return substitute(eliminate(matrix), b)


def robertson(shift):
    """I − shift·J of Robertson's reaction, late: its condition number is about 2000·shift."""
    x, y, z = 0.7, 1e-5, 0.3
    fast, back = 2 * 3e7 * y, 1e4
    return np.eye(3) - shift * np.array(
        [[-0.04, back * z, back * y], [0.04, -back * z - fast, -back * y], [0.0 * x, fast, 0.0]]
    )


def with_condition(condition, n=8):
    left, right = (np.linalg.qr(RNG.normal(size=(n, n)))[0] for _ in range(2))
    return left @ np.diag(np.geomspace(1, 1 / condition, n)) @ right


def scaled(n=8):
    """Rows and columns of very different sizes, and a zero where the first pivot would be."""
    matrix = RNG.normal(size=(n, n)) * 10.0 ** RNG.uniform(-5, 5, (n, 1)) * 10.0 ** RNG.uniform(-5, 5, n)
    matrix[0, 0] = 0.0
    return matrix


MATRICES = {
    "one": np.array([[3.0]]),
    "two": np.array([[0.0, 2.0], [3.0, 1.0]]),
    "robertson 1e2": robertson(1e2),
    "robertson 1e6": robertson(1e6),
    "condition 1e10": with_condition(1e10),
    "condition 1e10, complex": with_condition(1e10) + 1j * with_condition(1e10),
    "scaled": scaled(),
    "scaled, complex": scaled() + 1j * scaled(),
    "twenty": scaled(20),
}


def backward_error(matrix, x, b):
    """max |b − A x| / (|A| |x| + |b|), the residual in sixty digits (Oettli & Prager 1964)."""
    with mpmath.workdps(60):
        exact, solution = mpmath.matrix(matrix.tolist()), mpmath.matrix(np.asarray(x).tolist())
        residual = mpmath.matrix(b.tolist()) - exact * solution
    rest = np.array([float(abs(v)) for v in residual])
    return np.max(rest / (abs(matrix) @ abs(np.asarray(x)) + abs(b)))


@pytest.mark.parametrize("name", MATRICES)
def test_solutions_have_residuals_of_round_off_whatever_the_scales(name):
    matrix = MATRICES[name]
    for _ in range(3):
        b = RNG.normal(size=len(matrix)).astype(matrix.dtype)
        x = solved(jnp.asarray(matrix), jnp.asarray(b))
        assert backward_error(matrix, x, b) < 1e-14


@pytest.mark.parametrize("name", ["robertson 1e6", "condition 1e10", "scaled, complex"])
def test_solutions_are_as_accurate_as_those_of_lapack(name):
    matrix = MATRICES[name]
    ours, theirs = 0.0, 0.0
    for _ in range(5):
        b = RNG.normal(size=len(matrix)).astype(matrix.dtype)
        with mpmath.workdps(60):
            wanted = np.array(
                [
                    complex(v)
                    for v in mpmath.lu_solve(mpmath.matrix(matrix.tolist()), mpmath.matrix(b.tolist()))
                ]
            )
        size = np.max(abs(wanted))
        ours = max(ours, np.max(abs(np.asarray(solved(jnp.asarray(matrix), jnp.asarray(b))) - wanted)) / size)
        theirs = max(theirs, np.max(abs(lu_solve(lu_factor(matrix), b) - wanted)) / size)
    assert ours < 10 * theirs + 1e-15


def test_single_precision_stays_backward_stable_where_an_inverse_would_not():
    matrix = robertson(1e9).astype(np.float32)
    b = RNG.normal(size=3).astype(np.float32)
    x = solved(jnp.asarray(matrix), jnp.asarray(b))
    assert x.dtype == np.float32
    assert backward_error(matrix.astype(float), np.asarray(x, float), b.astype(float)) < 1e-6


def test_a_singular_matrix_gives_no_finite_solution():
    assert not np.all(np.isfinite(solved(jnp.ones((3, 3)), jnp.arange(3.0))))


BANDS = [(1, 1), (2, 2), (0, 2), (3, 0), (1, 4), (4, 1), (9, 11)]


def band_matrix(n, lower, upper, kind=float):
    """A dense matrix within a band, with small diagonal entries so that rows must be exchanged."""
    matrix = RNG.normal(size=(n, n)) + (1j * RNG.normal(size=(n, n)) if kind is complex else 0.0)
    distance = np.subtract.outer(np.arange(n), np.arange(n))
    matrix[(distance > lower) | (-distance > upper)] = 0.0
    return matrix * np.where(distance == 0, 1e-3, 1.0) if lower and upper else matrix + 3 * np.eye(n)


def stored_band(matrix, lower, upper):
    """Entry (i, i + d − lower) at [i, d]."""
    n = len(matrix)
    wide = np.pad(matrix, ((0, 0), (lower, upper)))
    return np.stack([wide[i, i : i + lower + upper + 1] for i in range(n)])


@pytest.mark.parametrize(("lower", "upper"), BANDS)
@pytest.mark.parametrize("kind", [float, complex])
def test_bands_against_lapack_with_row_exchanges(lower, upper, kind):
    n = 37
    matrix = band_matrix(n, lower, upper, kind)
    b = RNG.normal(size=n).astype(kind)
    band = jnp.asarray(stored_band(matrix, lower, upper))
    x = jax.jit(lambda a, v: substitute_band(eliminate_band(a, lower), v))(band, jnp.asarray(b))
    rows = np.zeros((lower + upper + 1, n), kind)
    for d in range(-lower, upper + 1):
        entries = np.diagonal(matrix, d)
        rows[upper - d, max(d, 0) : max(d, 0) + len(entries)] = entries
    wanted = solve_banded((lower, upper), rows, b)
    assert np.allclose(x, wanted, rtol=1e-9, atol=1e-11 * np.max(abs(wanted)))
    assert np.max(abs(matrix @ np.asarray(x) - b) / (abs(matrix) @ abs(np.asarray(x)) + abs(b))) < 1e-13
    product = multiply_band(band, jnp.asarray(b), lower)
    assert np.allclose(product, matrix @ b, rtol=1e-13, atol=1e-13)
