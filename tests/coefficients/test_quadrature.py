"""Exponential quadrature against mpmath, classical rules in exact fractions, and the tables it must agree
with."""

from fractions import Fraction
from math import factorial

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import pytest

from duhamel.coefficients import cardinal, integrated, lagrange, phi, quadrature

NODES = {
    "past": [0, -1, -2, -3, -4, -5],
    "past and end": [1, 0, -1, -2, -3],
    "growing steps": [0, -0.4, -0.5, -0.52],
    "shrinking steps": [0, -3, -9, -100],
    "clustered": [0, -1e-8, -1],
    "inside": [0, 0.5, 1],
}


def fractions(values):
    return np.array([Fraction(v) for v in values], dtype=object)


def reference(nodes, z):
    """Σ k! cⱼₖ φ_{k+1}(z) from exact coefficients and φ-functions with 150 digits by their definition."""
    with mpmath.workdps(150):
        point = mpmath.mpmathify(complex(z))
        value, values = mpmath.exp(point), []
        for k in range(len(nodes)):
            value = (value - 1 / mpmath.factorial(k)) / point
            values.append(mpmath.factorial(k) * value)
        rows = [[mpmath.mpf(c.numerator) / c.denominator for c in row] for row in lagrange(fractions(nodes))]
        return np.array([complex(mpmath.fdot(row, values)) for row in rows])


def test_weights_are_the_integrals_that_they_stand_for():
    """∫₀¹ e^{(1−θ)z} ℓⱼ(θ) dθ by mpmath's quadrature."""
    nodes, z = [1.0, 0.0, -0.7], -3.0
    for j, at in enumerate(nodes):
        rest = nodes[:j] + nodes[j + 1 :]
        exact = mpmath.quad(
            lambda x, at=at, rest=rest: (
                mpmath.exp((1 - x) * z) * mpmath.fprod((x - other) / (at - other) for other in rest)
            ),
            [0, 1],
        )
        assert quadrature(nodes, np.asarray(z))[j] == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize("nodes", NODES.values(), ids=NODES.keys())
def test_weights_are_accurate_one_by_one(nodes):
    for z in (np.array([-50.0, -4.0, -3.4, -0.1, 1e-9, 3.0]), np.array([2j, -3 + 30j])):
        exact = np.stack([reference(nodes, v) for v in z], axis=1)
        traced = np.asarray(jax.jit(quadrature)(jnp.asarray(nodes, jnp.float64), jnp.asarray(z)))
        for found in (quadrature(nodes, z), traced):
            assert np.max(abs(found - exact) / abs(exact)) < 1e-13


@pytest.mark.parametrize(
    ("nodes", "rule"),
    [
        ([0, -1, -2, -3], ["55/24", "-59/24", "37/24", "-9/24"]),
        ([1, 0, -1, -2], ["9/24", "19/24", "-5/24", "1/24"]),
        ([0, "1/2", 1], ["1/6", "2/3", "1/6"]),
    ],
    ids=["Adams–Bashforth", "Adams–Moulton", "Simpson"],
)
def test_without_l_the_classical_rules_come_out_exactly(nodes, rule):
    """At z = 0, φ_{k+1} is 1/(k+1)!."""
    factors = integrated(lagrange(fractions(nodes)))
    weights = [sum(f * Fraction(1, factorial(k + 1)) for k, f in enumerate(row)) for row in factors]
    assert weights == [Fraction(v) for v in rule]


def test_polynomials_are_integrated_exactly_for_every_z():
    """∫₀¹ e^{(1−θ)z} θᵐ dθ = m! φ_{m+1}(z)."""
    nodes = np.array([1.0, 0.0, -0.7, -1.9])
    z = np.array([[-1e4, -20.0, -0.3], [1e-7, 1.5, 4.0]])
    weights = quadrature(nodes, z)
    assert weights.shape == (4, 2, 3)
    for m in range(4):
        found = np.tensordot(nodes**m, weights, axes=1)
        assert np.allclose(found, factorial(m) * phi(4, z)[m + 1], rtol=1e-13)


def test_stiff_and_rotating_weights_stay_accurate_relative_to_the_largest():
    nodes = [0, -1, -2, -3]
    for z in (-1e6, 1e4j):
        exact, found = reference(nodes, z), quadrature(nodes, np.asarray(z))
        assert np.max(abs(found - exact)) < 1e-13 * np.max(abs(exact))


def test_unused_nodes_are_as_if_not_there():
    nodes, used = np.array([0.0, -1.0, -1.0, 7.0]), np.array([True, True, False, False])
    rows = lagrange(nodes, used)
    assert np.array_equal(rows[:2, :2], lagrange(nodes[:2]))
    assert not rows[2:].any()
    assert not rows[:, 2:].any()


def test_the_cardinal_polynomial_is_one_at_its_node_and_zero_at_the_others():
    others = np.array([0.0, -0.5, -2.0])
    row = cardinal(np.array(1.0), others, np.ones(3, dtype=bool))
    assert np.allclose([np.polyval(row[::-1], x) for x in (1.0, *others)], [1, 0, 0, 0], atol=1e-15)


def test_krogstads_weights_are_the_exponential_simpson_rule():
    from duhamel.methods import Krogstad

    for z in (-30.0, -1.0, 2.0j):
        values = phi(3, np.array(z))
        b = [sum(float(t.factor) * values[t.k] for t in Krogstad.table.b[i]) for i in range(4)]
        assert np.allclose([b[0], b[1] + b[2], b[3]], quadrature([0, 0.5, 1], np.asarray(z)), rtol=1e-12)


def test_float32_stays_float32():
    z = np.array([-3.0, 0.5], dtype=np.float32)
    weights = quadrature([0, -1, -2], z)
    assert weights.dtype == np.float32
    assert np.allclose(weights, quadrature([0, -1, -2], z.astype(float)), rtol=1e-5)


@pytest.mark.parametrize("nodes", [[0, -1, -1], [], [[0, 1]]])
def test_nodes_that_coincide_are_refused(nodes):
    with pytest.raises(ValueError, match="different nodes"):
        quadrature(nodes, np.asarray(-1.0))
