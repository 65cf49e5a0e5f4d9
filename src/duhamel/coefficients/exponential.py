"""Tableaus of exponential Runge–Kutta methods: weights that are exact combinations of φ-functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np

__all__ = ["Exponential", "Term", "Weight"]


class Term(NamedTuple):
    """factor · φ_k(node · hL)."""

    factor: Fraction | int
    k: int
    node: Fraction | int = Fraction(1)


Weight = tuple[Term, ...]  # a sum of terms; the empty tuple is zero


@dataclass(frozen=True)
class Exponential:
    """An exponential Runge–Kutta method in the form of Hochbruck & Ostermann (Acta Numerica 2010, Eq. 2.39):

        Uᵢ = e^{cᵢhL} u + h Σ_{j<i} aᵢⱼ(hL) N(t + cⱼh, Uⱼ),
        u₁ = e^{hL} u + h Σ bᵢ(hL) N(t + cᵢh, Uᵢ).

    `c` are the nodes, `a[i]` maps j to the weight aᵢⱼ, `b` maps i to bᵢ. `error` maps i to the weight of
    stage i in the error estimate u₁ − û₁; the index `stages` stands for N(t + h, u₁), the first stage of the
    next step.
    """

    c: Sequence[Fraction | int]
    a: Sequence[Mapping[int, Weight]]
    b: Mapping[int, Weight]
    error: Mapping[int, Weight] | None = None

    @property
    def stages(self) -> int:
        return len(self.c)

    @property
    def nodes(self) -> tuple[Fraction, ...]:
        """Every node at which some φ-function or exponential is needed, ascending."""
        found = {Fraction(1)} | {Fraction(c) for c in self.c if c != 0}
        for row in (*self.a, self.b, self.error or {}):
            found |= {Fraction(t.node) for weight in row.values() for t in weight}
        return tuple(sorted(found))

    @cached_property
    def rows(self) -> tuple[tuple[Weight, ...], ...]:
        """The weights of every sum that a step forms: stages 1 … s−1, the new state, and the estimate if any.

        In each row first the weight of u, then those of N at stages 0 … s−1 and at the new point.
        """
        sums = [(c, row) for c, row in zip(self.c[1:], self.a[1:], strict=True)] + [(1, self.b)]
        rows: list[tuple[Weight, ...]] = [((Term(1, 0, Fraction(c)),), *self._spread(row)) for c, row in sums]
        if self.error is not None:
            rows.append(((), *self._spread(self.error)))
        return tuple(rows)

    def _spread(self, row: Mapping[int, Weight]) -> tuple[Weight, ...]:
        return tuple(row.get(j, ()) for j in range(self.stages + 1))

    @cached_property
    def factors(self) -> np.ndarray:
        """`rows` as combinations of φ-functions, shape (rows, 2 + stages, nodes, kmax + 1), float64."""
        table = np.zeros((len(self.rows), self.stages + 2, len(self.nodes), self.kmax + 1))
        for i, row in enumerate(self.rows):
            for j, weight in enumerate(row):
                for term in weight:
                    table[i, j, self.nodes.index(Fraction(term.node)), term.k] += float(term.factor)
        return table

    @property
    def kmax(self) -> int:
        rows = (*self.a, self.b, self.error or {})
        return max((t.k for row in rows for weight in row.values() for t in weight), default=0)
