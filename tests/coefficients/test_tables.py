"""The tableaus as numbers: order conditions in exact fractions, φ-combinations in floating point."""

from fractions import Fraction

import numpy as np
import pytest

from duhamel.coefficients import Butcher, phi
from duhamel.methods import METHODS, ExplicitRungeKutta, ExponentialRungeKutta

# Tsitouras published decimals of 16 digits; all other tables are exact fractions.
ROUNDING = {"tsit5": Fraction(2, 10**15)}
EXPLICIT = [m for m in METHODS.values() if issubclass(m, ExplicitRungeKutta)]
EXPONENTIAL = [m for m in METHODS.values() if issubclass(m, ExponentialRungeKutta)]


def order_conditions(table, weights):
    """Residuals of the conditions Σ bᵢ Φᵢ(tree) = 1/γ(tree) for all trees up to order 5, by order."""
    n = len(weights)
    a = [[Fraction(v) for v in row] + [Fraction(0)] * (n - len(row)) for row in table.a]
    a += [[*map(Fraction, table.b), *[Fraction(0)] * (n - len(table.b))]] * (n - len(a))
    c = [sum(row) for row in a]

    def dot(x, y):
        return [p * q for p, q in zip(x, y, strict=True)]

    def times(x):
        return [sum(p * q for p, q in zip(row, x, strict=True)) for row in a]

    c2, c3, ac = dot(c, c), dot(c, dot(c, c)), times(c)
    trees = {
        1: [([1] * n, 1)],
        2: [(c, 2)],
        3: [(c2, 3), (ac, 6)],
        4: [(c3, 4), (dot(c, ac), 8), (times(c2), 12), (times(ac), 24)],
        5: [
            (dot(c2, c2), 5),
            (dot(c2, ac), 10),
            (dot(ac, ac), 20),
            (dot(c, times(c2)), 15),
            (dot(c, times(ac)), 30),
            (times(c3), 20),
            (times(dot(c, ac)), 40),
            (times(times(c2)), 60),
            (times(times(ac)), 120),
        ],
    }
    return {
        order: max(
            abs(sum(w * v for w, v in zip(weights, values, strict=True)) - Fraction(1, gamma))
            for values, gamma in found
        )
        for order, found in trees.items()
    }


@pytest.mark.parametrize("method", EXPLICIT, ids=lambda m: m.name)
def test_explicit_tables_meet_every_condition_of_their_order(method):
    residuals = order_conditions(method.table, list(map(Fraction, method.table.b)))
    exact = ROUNDING.get(method.name, Fraction(1, 10**30))
    assert all(residuals[p] < exact for p in range(1, method.order + 1))
    if method.order < 5:
        assert residuals[method.order + 1] > Fraction(1, 10**4)


@pytest.mark.parametrize("method", [m for m in EXPLICIT if m.adaptive], ids=lambda m: m.name)
def test_embedded_weights_have_their_order_and_no_more(method):
    error = list(map(Fraction, method.table.error))
    main = [*map(Fraction, method.table.b), *[Fraction(0)] * (len(error) - len(method.table.b))]
    embedded = [b - e for b, e in zip(main, error, strict=True)]
    residuals = order_conditions(method.table, embedded)
    exact = ROUNDING.get(method.name, Fraction(1, 10**30))
    assert all(residuals[p] < exact for p in range(1, method.error_order + 1))
    assert residuals[method.error_order + 1] > Fraction(1, 10**5)


@pytest.mark.parametrize("method", EXPLICIT, ids=lambda m: m.name)
def test_interpolants_end_in_the_method(method):
    if method.dense is None:
        return
    assert np.allclose(
        [sum(row) for row in method.dense], [float(b) for b in method.table.b], rtol=0, atol=2e-14
    )


@pytest.mark.parametrize("method", EXPONENTIAL, ids=lambda m: m.name)
@pytest.mark.parametrize("z", [-30.0, -1.0, -1e-3, 2.0j, -3.0 + 5.0j])
def test_exponential_rows_integrate_constants_exactly(method, z):
    """Σⱼ aᵢⱼ(z) = cᵢφ₁(cᵢz) and Σᵢ bᵢ(z) = φ₁(z); the estimate of a constant vanishes."""
    table = method.table

    def total(row):
        return sum(
            float(term.factor) * phi(5, np.array(float(term.node) * z))[term.k]
            for weight in row.values()
            for term in weight
        )

    for c, row in zip(table.c, table.a, strict=True):
        if row:
            assert total(row) == pytest.approx(float(c) * phi(1, np.array(float(c) * z))[1], rel=1e-10)
    assert total(table.b) == pytest.approx(phi(1, np.array(z))[1], rel=1e-10)
    if table.error is not None:
        assert abs(total(table.error)) < 1e-10


def test_a_ragged_table_is_refused():
    with pytest.raises(ValueError, match="rows of lengths"):
        Butcher(a=[[], ["1/2", "1/2"]], b=[0, 1])
