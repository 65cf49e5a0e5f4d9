"""Pairs of Runge–Kutta tableaus that share their stages: one explicit, one diagonally implicit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = ["Additive"]

Number = Fraction | int | str
Row = tuple[Fraction, ...]


@dataclass(frozen=True)
class Additive:
    """Yᵢ = u + h Σ_{j<i} aᵢⱼ N(Yⱼ) + h Σ_{j≤i} âᵢⱼ I(Yⱼ), u₁ = u + h Σ (bᵢ N(Yᵢ) + b̂ᵢ I(Yᵢ)).

    N is treated explicitly, I implicitly. `explicit` lists rows of lengths 0, 1, 2, …, `implicit` rows of
    lengths 1, 2, 3, … whose last entries are all equal, but for a first one of 0. `weights` are those for N
    and those for I, `embedded` those, for both, of the lower order to compare with. Entries are Fractions,
    ints or strings such as "1/6". Both tableaus have the same nodes, the row sums.

    Raises ValueError for ragged rows and for unequal diagonals.
    """

    explicit: Sequence[Sequence[Number]]
    implicit: Sequence[Sequence[Number]]
    weights: tuple[Sequence[Number], Sequence[Number]]
    embedded: Sequence[Number]
    c: Row = field(init=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "explicit", tuple(_fractions(row) for row in self.explicit))
        set_(self, "implicit", tuple(_fractions(row) for row in self.implicit))
        set_(self, "weights", (_fractions(self.weights[0]), _fractions(self.weights[1])))
        set_(self, "embedded", _fractions(self.embedded))
        set_(self, "c", tuple(sum(row, Fraction(0)) for row in self.explicit))
        if [len(r) for r in self.explicit] != list(range(self.stages)):
            raise ValueError("the explicit rows need lengths 0, 1, 2, …")
        if [len(r) for r in self.implicit] != list(range(1, self.stages + 1)):
            raise ValueError("the implicit rows need lengths 1, 2, 3, …, one for each explicit row")
        if any(row[-1] != self.gamma for row in self.implicit[1:]) or self.implicit[0] != (0,):
            raise ValueError("the diagonal of the implicit rows must be 0, γ, γ, …, γ")
        if any(len(w) != self.stages for w in (*self.weights, self.embedded)):
            raise ValueError("there must be as many weights as stages")

    @property
    def stages(self) -> int:
        return len(self.explicit)

    @property
    def gamma(self) -> Fraction:
        """The diagonal entry: every stage solves with I − γh·∂I/∂u."""
        return Fraction(self.implicit[-1][-1])

    @property
    def error(self) -> tuple[Row, Row]:
        """Weights of the estimate, method less embedded, for N and for I."""
        return _difference(self.weights[0], self.embedded), _difference(self.weights[1], self.embedded)

    @property
    def starts_implicitly(self) -> bool:
        """Whether I at the start of the step is needed."""
        columns = [row[0] for row in self.implicit] + [self.weights[1][0], self.embedded[0]]
        return any(value != 0 for value in columns)

    @property
    def stiffly_accurate(self) -> bool:
        """The implicit weights are the last implicit row: u₁ is the last stage up to terms in N."""
        return tuple(self.weights[1]) == tuple(self.implicit[-1])

    @property
    def globally_stiffly_accurate(self) -> bool:
        """The weights for N are the last explicit row as well: u₁ is the last stage."""
        return self.stiffly_accurate and tuple(self.weights[0]) == (*self.explicit[-1], 0)


def _fractions(values: Sequence[Number]) -> Row:
    return tuple(Fraction(v) for v in values)


def _difference(left: Sequence[Number], right: Sequence[Number]) -> Row:
    return tuple(Fraction(a) - Fraction(b) for a, b in zip(left, right, strict=True))
