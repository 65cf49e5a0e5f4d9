"""Orders that narrow a band, and colours of columns."""

import jax.numpy as jnp
import numpy as np
import pytest

from duhamel.jacobian.sparsity import Order, bandwidths, coloured, narrowest
from duhamel.jacobian.sparsity.order import cuthill_mckee

RNG = np.random.default_rng(0)


def pattern(matrix):
    return np.nonzero(np.asarray(matrix))


def five_points(m):
    line = np.eye(m, k=1) + np.eye(m, k=-1)
    return np.kron(np.eye(m), line) + np.kron(line, np.eye(m)) + np.eye(m * m)


def stacked(m):
    """Two fields with second differences, coupled point by point."""
    line = np.eye(m, k=1) + np.eye(m, k=-1) + np.eye(m)
    return np.kron(np.eye(2), line) + np.kron(np.ones((2, 2)), np.eye(m))


def ring(n):
    return np.eye(n) + np.roll(np.eye(n), 1, axis=0) + np.roll(np.eye(n), -1, axis=0)


def arrow(n):
    matrix = np.eye(n)
    matrix[0] = matrix[:, 0] = 1
    return matrix


MATRICES = {
    "grid": five_points(7),
    "fields": stacked(20),
    "ring": ring(30),
    "arrow": arrow(12),
    "random": (RNG.random((40, 40)) < 0.06) | np.eye(40, dtype=bool),
    "parts": np.kron(np.eye(4), ring(6)),
    "diagonal": np.eye(9),
    "empty": np.zeros((9, 9)),
}


@pytest.mark.parametrize("name", MATRICES)
def test_columns_of_one_colour_have_no_row_in_common(name):
    matrix = np.asarray(MATRICES[name]) != 0
    rows, columns = pattern(matrix)
    n = len(matrix)
    lower, upper = bandwidths(rows, columns, Order(n))
    colouring = coloured(rows, columns, n, np.arange(n), lower + upper + 1)
    of = colouring.numbers()
    assert of.min() >= 0
    assert of.max() + 1 == colouring.colours
    for colour in range(colouring.colours):
        assert matrix[:, of == colour].sum(axis=1).max() <= 1
    assert colouring.colours >= matrix.sum(axis=1).max()


@pytest.mark.parametrize(("name", "most"), [("grid", 7), ("fields", 5), ("ring", 4), ("diagonal", 1)])
def test_few_colours_suffice(name, most):
    rows, columns = pattern(MATRICES[name])
    n = len(MATRICES[name])
    order = narrowest(rows, columns, n, {2})
    width = sum(bandwidths(rows, columns, order)) + 1
    assert coloured(rows, columns, n, np.argsort(order.places()), width).colours <= most


def test_a_jacobian_is_recovered_from_few_products():
    matrix = five_points(6) * RNG.normal(size=(36, 36))
    rows, columns = pattern(matrix)
    colouring = coloured(rows, columns, 36, np.arange(36), 36)
    products = colouring.compressed(lambda x: jnp.asarray(matrix) @ x, jnp.zeros(36))
    assert products.shape == (colouring.colours, 36)
    assert np.allclose(products[colouring.numbers()[columns], rows], matrix[rows, columns], rtol=1e-14)


@pytest.mark.parametrize("name", MATRICES)
def test_the_order_is_a_permutation_and_never_widens_the_band(name):
    rows, columns = pattern(MATRICES[name])
    n = len(MATRICES[name])
    assert sorted(cuthill_mckee(rows, columns, n)) == list(range(n))
    order = narrowest(rows, columns, n, {2})
    assert sorted(order.places()) == list(range(n))
    assert max(bandwidths(rows, columns, order)) <= max(bandwidths(rows, columns, Order(n)))


def test_a_shuffled_band_becomes_a_band_again():
    shuffle = RNG.permutation(60)
    band = (abs(np.subtract.outer(np.arange(60), np.arange(60))) <= 2)[np.ix_(shuffle, shuffle)]
    order = narrowest(*pattern(band), 60, set())
    assert max(bandwidths(*pattern(band), order)) <= 3


def test_known_widths():
    for name, wanted in (("ring", (2, 2)), ("fields", (2, 2)), ("parts", (2, 2)), ("grid", (7, 7))):
        rows, columns = pattern(MATRICES[name])
        order = narrowest(rows, columns, len(MATRICES[name]), {2})
        assert bandwidths(rows, columns, order) == wanted, name
    assert narrowest(*pattern(MATRICES["fields"]), 40, {2}) == Order(40, 2)


@pytest.mark.parametrize(
    "order", [Order(12), Order(12, 3), Order(12, 1, RNG.permutation(12).astype(np.int32).tobytes())]
)
def test_there_and_back(order):
    v = jnp.asarray(RNG.normal(size=(2, 12)))
    assert np.array_equal(order.there(v), np.asarray(v)[:, order.places()])
    assert np.array_equal(order.back(order.there(v)), v)
    assert hash(order) == hash(Order(order.size, order.fields, order.listed))
