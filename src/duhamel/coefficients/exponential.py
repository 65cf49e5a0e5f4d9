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
    def flows(self) -> tuple[Fraction, ...]:
        """The nodes c of all exponentials e^{chL} that carry the state itself, each once."""
        return tuple(dict.fromkeys(Fraction(c) for c in (*self.c, 1) if c != 0))

    @cached_property
    def weights(self) -> tuple[Weight, ...]:
        """Every different weight of a slope, each once; a step multiplies them by h, unlike the flows."""
        rows = (*self.a, self.b, self.error or {})
        return tuple(dict.fromkeys(weight for row in rows for weight in row.values()))

    @cached_property
    def factors(self) -> np.ndarray:
        """Every flow, then every weight as a combination of φ-functions, shape (flows + weights, nodes,
        kmax + 1), float64."""
        every = [*((Term(1, 0, c),) for c in self.flows), *self.weights]
        table = np.zeros((len(every), len(self.nodes), self.kmax + 1))
        for row, weight in zip(table, every, strict=True):
            for term in weight:
                row[self.nodes.index(Fraction(term.node)), term.k] += float(term.factor)
        return table

    @property
    def kmax(self) -> int:
        rows = (*self.a, self.b, self.error or {})
        return max((t.k for row in rows for weight in row.values() for t in weight), default=0)
