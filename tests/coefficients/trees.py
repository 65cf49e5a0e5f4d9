"""Rooted trees and the order conditions of Runge–Kutta methods."""

from fractions import Fraction
from functools import cache
from itertools import combinations_with_replacement, product
from math import prod


@cache
def trees(order):
    """All rooted trees with `order` vertices; a tree is the sorted tuple of its branches."""
    if order == 1:
        return ((),)
    found = set()
    for sizes in _partitions(order - 1, order - 1):
        choices = [
            combinations_with_replacement(trees(size), sizes.count(size)) for size in sorted(set(sizes))
        ]
        for chosen in product(*choices):
            found.add(tuple(sorted(branch for group in chosen for branch in group)))
    return tuple(sorted(found))


def _partitions(total, largest):
    if total == 0:
        yield ()
    for first in range(min(total, largest), 0, -1):
        for rest in _partitions(total - first, first):
            yield (first, *rest)


@cache
def vertices(tree):
    return 1 + sum(vertices(branch) for branch in tree)


@cache
def density(tree):
    """γ: the number of vertices times the densities of the branches."""
    return vertices(tree) * prod(density(branch) for branch in tree)


class Weights:
    """The elementary weights Φᵢ(tree) of the stages with the coefficients `a` (rows below the diagonal)."""

    def __init__(self, a):
        self.a = [[Fraction(v) for v in row] for row in a]
        self.known = {}

    def __call__(self, tree):
        if tree not in self.known:
            self.known[tree] = [
                prod((self._below(branch)[i] for branch in tree), start=Fraction(1))
                for i in range(len(self.a))
            ]
        return self.known[tree]

    def _below(self, tree):
        key = ("below", tree)
        if key not in self.known:
            inner = self(tree)
            self.known[key] = [
                sum((p * q for p, q in zip(row, inner, strict=False) if p), Fraction(0)) for row in self.a
            ]
        return self.known[key]


def residuals(a, weights, most, theta=1):
    """Largest |Σ bᵢ Φᵢ(tree) − θ^order/γ(tree)| over the trees of each order up to `most`."""
    phi = Weights(a)
    return {
        order: max(
            abs(
                sum(w * v for w, v in zip(weights, phi(tree), strict=True) if w)
                - Fraction(theta) ** order / density(tree)
            )
            for tree in trees(order)
        )
        for order in range(1, most + 1)
    }
