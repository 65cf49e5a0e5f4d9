"""Rooted trees with vertices of two colours, and the order conditions of additive Runge–Kutta methods."""

from functools import cache
from math import prod

from mpmath import matrix, mp, mpf

mp.dps = 40
EXPLICIT, IMPLICIT = 0, 1


@cache
def coloured_trees(order):
    """All trees with `order` vertices as (colour, sorted branches): 2, 4, 14, 52, 214, … of them."""
    forests = {0: {()}}
    for total in range(1, order):
        forests[total] = {
            tuple(sorted((*rest, tree)))
            for size in range(1, total + 1)
            for tree in coloured_trees(size)
            for rest in forests[total - size]
        }
    return tuple((colour, forest) for colour in (EXPLICIT, IMPLICIT) for forest in forests[order - 1])


def vertices(tree):
    return 1 + sum(map(vertices, tree[1]))


def density(tree):
    return vertices(tree) * prod(map(density, tree[1]))


def coupled_residuals(table, weights, most):
    """Largest |Σ bᵢ Φᵢ(tree) − 1/γ(tree)| for each order up to `most`; `weights` for N and for I."""
    stages = table.stages

    def square(rows):
        return matrix([[_number(v) for v in row] + [mpf(0)] * (stages - len(row)) for row in rows])

    a = square(table.explicit), square(table.implicit)

    @cache
    def elementary(tree):
        vectors = [a[colour] * elementary((colour, branches)) for colour, branches in tree[1]]
        return matrix([prod((v[i] for v in vectors), start=mpf(1)) for i in range(stages)])

    def residual(tree):
        total = sum(_number(w) * v for w, v in zip(weights[tree[0]], elementary(tree), strict=True))
        return abs(total - mpf(1) / density(tree))

    return {order: float(max(map(residual, coloured_trees(order)))) for order in range(1, most + 1)}


def _number(value):
    return mpf(value.numerator) / value.denominator
