"""Runge–Kutta tableaus in exact fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

__all__ = ["Butcher"]

Number = Fraction | int | str | float


@dataclass(frozen=True)
class Butcher:
    """An explicit tableau: kᵢ = f(t + cᵢh, u + h Σ_{j<i} aᵢⱼ kⱼ), u₁ = u + h Σ bᵢ kᵢ.

    `a` lists the rows below the diagonal (the first is empty), `b` the weights and `error` the weights b − b̂
    of the embedded error estimate (None without one). The estimate may use one more entry than there are
    stages: f at the new point, which is the first stage of the next step. Entries are Fractions, ints or
    strings such as "1/6"; a float is taken as the exact binary number it is. Nodes are the row sums.
    """

    a: Sequence[Sequence[Number]]
    b: Sequence[Number]
    error: Sequence[Number] | None = None
    c: tuple[Fraction, ...] = field(init=False)

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        set_(self, "a", tuple(_fractions(row) for row in self.a))
        set_(self, "b", _fractions(self.b))
        set_(self, "error", None if self.error is None else _fractions(self.error))
        set_(self, "c", tuple(sum(row, Fraction(0)) for row in self.a))
        if len(self.b) != len(self.a) or any(len(row) != i for i, row in enumerate(self.a)):
            raise ValueError("a tableau needs rows of lengths 0, 1, 2, … and as many weights as rows")

    @property
    def stages(self) -> int:
        return len(self.b)

    @property
    def fsal(self) -> bool:
        """First same as last: the last stage is f at the new point."""
        return self.b[-1] == 0 and tuple(self.a[-1]) == tuple(self.b[:-1])


def _fractions(values: Sequence[Number]) -> tuple[Fraction, ...]:
    return tuple(Fraction(v) for v in values)
