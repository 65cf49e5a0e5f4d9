"""The tableaus as numbers: order conditions in exact fractions, φ-combinations in floating point."""

from fractions import Fraction

import numpy as np
import pytest
from trees import residuals, trees

from duhamel.coefficients import Butcher, phi
from duhamel.methods import METHODS, ExplicitRungeKutta, ExponentialRungeKutta, Lawson4

# Coefficients published as decimals; all other tables are exact fractions.
ROUNDING = {"tsit5": Fraction(2, 10**15), "dop853": Fraction(1, 10**24)}
EXPLICIT = [m for m in METHODS.values() if issubclass(m, ExplicitRungeKutta)]
# An integrating factor turns constants into e^{−tL}, which the classical method behind it does not integrate.
EXPONENTIAL = [
    m for m in METHODS.values() if issubclass(m, ExponentialRungeKutta) and not issubclass(m, Lawson4)
]


def rows(method, extra=False):
    """All rows of a method: its stages, f at the new point, and on request the stages inside the step."""
    table = method.table
    last = [] if table.fsal else [table.b]
    return [*table.a, *last, *(method.extra if extra else ())]


def padded(weights, count):
    return [*map(Fraction, weights), *[Fraction(0)] * (count - len(weights))]


def test_there_are_as_many_rooted_trees_as_cayley_counted():
    assert [len(trees(n)) for n in range(1, 9)] == [1, 1, 2, 4, 9, 20, 48, 115]


@pytest.mark.parametrize("method", EXPLICIT, ids=lambda m: m.name)
def test_explicit_tables_meet_every_condition_of_their_order(method):
    a, most = rows(method), min(method.order + 1, 8)
    found = residuals(a, padded(method.table.b, len(a)), most)
    exact = ROUNDING.get(method.name, Fraction(1, 10**30))
    assert all(found[p] < exact for p in range(1, method.order + 1))
    if method.order < most:
        assert found[method.order + 1] > Fraction(1, 10**7)


@pytest.mark.parametrize("method", [m for m in EXPLICIT if m.adaptive], ids=lambda m: m.name)
def test_embedded_weights_have_their_order_and_no_more(method):
    a, exact = rows(method), ROUNDING.get(method.name, Fraction(1, 10**30))
    estimates = [(method.table.error, method.error_order)]
    if method.second is not None:  # the two estimates of Dop853, combined to one of order 7
        estimates = [(method.table.error, 5), (method.second, 3)]
    for error, order in estimates:
        embedded = [b - e for b, e in zip(padded(method.table.b, len(a)), padded(error, len(a)), strict=True)]
        found = residuals(a, embedded, order + 1)
        assert all(found[p] < exact for p in range(1, order + 1))
        assert found[order + 1] > Fraction(1, 10**6)


@pytest.mark.parametrize("method", [m for m in EXPLICIT if m.dense is not None], ids=lambda m: m.name)
def test_interpolants_meet_the_conditions_of_their_order_and_end_in_the_method(method):
    a = rows(method, extra=True)
    ends = [sum(row) for row in method.dense]
    assert np.allclose(ends, [float(b) for b in padded(method.table.b, len(a))], rtol=0, atol=3e-11)
    for theta in (Fraction(3, 10), Fraction(4, 5)):
        inside = [sum(Fraction(v) * theta ** (k + 1) for k, v in enumerate(row)) for row in method.dense]
        assert max(residuals(a, inside, method.dense_order, theta).values()) < Fraction(1, 10**10)


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
