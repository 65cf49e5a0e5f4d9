"""Exponential Rosenbrock methods as data: index j of a row stands for Dⱼ, what linearisation leaves at
stage j."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from duhamel.coefficients import Exponential, Term
from duhamel.methods.exponential.rosenbrock import ExponentialRosenbrock

__all__ = ["EPIRK4s3A", "ExpRB32", "ExpRB43", "ExpRB53s3", "ExpRB54s4"]

_HOS = "Hochbruck, Ostermann & Schweitzer, SIAM J. Numer. Anal. 47 (2009), 786–803"
_LO = "Luan & Ostermann, J. Comput. Appl. Math. 255 (2014), 417–431"


def _phi(*terms: tuple[int | str, int], node: str = "1") -> tuple[Term, ...]:
    """A weight from (factor, k) pairs at one node."""
    return tuple(Term(Fraction(factor), k, Fraction(node)) for factor, k in terms)


# Nodes 1/2 and 9/10 with Σ bᵢcᵢ² = 2φ₃ and Σ bᵢcᵢ³ = 6φ₄ have Σ bᵢcᵢ⁴ = 24φ₅ at hJ = 0 as well.
_FIFTH = (_phi((18, 3), (-60, 4)), _phi(("-250/81", 3), ("500/27", 4)))


class ExpRB32(ExponentialRosenbrock):
    """Two evaluations, order 3 and stiff order 3, with an estimate of order 2 (the exponential
    Rosenbrock–Euler method): for loose tolerances."""

    name: ClassVar[str] = "exprb32"
    order: ClassVar[int] = 3
    stiff_order: ClassVar[int | None] = 3
    stages: ClassVar[int] = 2
    error_order: ClassVar[int] = 2
    reference: ClassVar[str] = _HOS
    table: ClassVar[Exponential] = Exponential(
        c=(0, 1), a=({}, {}), b={1: _phi((2, 3))}, error={1: _phi((2, 3))}
    )


class ExpRB43(ExponentialRosenbrock):
    """Three evaluations, order 4 and stiff order 4, with an estimate of order 3: the usual choice."""

    name: ClassVar[str] = "exprb43"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 4
    stages: ClassVar[int] = 3
    error_order: ClassVar[int] = 3
    reference: ClassVar[str] = _HOS
    table: ClassVar[Exponential] = Exponential(
        c=(0, Fraction(1, 2), 1),
        a=({}, {}, {1: _phi((1, 1))}),
        b={1: _phi((16, 3), (-48, 4)), 2: _phi((-2, 3), (12, 4))},
        error={1: _phi((-48, 4)), 2: _phi((12, 4))},
    )


class ExpRB53s3(ExponentialRosenbrock):
    """Three evaluations, order 5, with an estimate of order 3: one evaluation fewer than `exprb54s4`, and a
    pessimistic estimate."""

    name: ClassVar[str] = "exprb53s3"
    order: ClassVar[int] = 5
    stiff_order: ClassVar[int | None] = 5
    stages: ClassVar[int] = 3
    error_order: ClassVar[int] = 3
    reference: ClassVar[str] = _LO
    table: ClassVar[Exponential] = Exponential(
        c=(0, Fraction(1, 2), Fraction(9, 10)),
        a=({}, {}, {1: (*_phi(("27/25", 3), node="1/2"), *_phi(("729/125", 3), node="9/10"))}),
        b={1: _FIFTH[0], 2: _FIFTH[1]},
        error={1: _phi((10, 3), (-60, 4)), 2: _FIFTH[1]},
    )


class ExpRB54s4(ExponentialRosenbrock):
    """Four evaluations, order 5, with an estimate of order 4: for tight tolerances."""

    name: ClassVar[str] = "exprb54s4"
    order: ClassVar[int] = 5
    stiff_order: ClassVar[int | None] = 5
    stages: ClassVar[int] = 4
    error_order: ClassVar[int] = 4
    reference: ClassVar[str] = _LO
    table: ClassVar[Exponential] = Exponential(
        c=(0, Fraction(1, 4), Fraction(1, 2), Fraction(9, 10)),
        a=({}, {}, {1: _phi((4, 3), node="1/2")}, {2: _phi(("729/125", 3), node="9/10")}),
        b={2: _FIFTH[0], 3: _FIFTH[1]},
        error={1: _phi((-64, 3), (384, 4)), 2: _phi((26, 3), (-156, 4)), 3: _FIFTH[1]},
    )


class EPIRK4s3A(ExponentialRosenbrock):
    """Three evaluations, order 4, with an estimate of order 3. The two inner stages need f alone, so their
    subspace is the one of the step itself."""

    name: ClassVar[str] = "epirk4s3a"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 4
    stages: ClassVar[int] = 3
    error_order: ClassVar[int] = 3
    reference: ClassVar[str] = "Rainwater & Tokman, J. Comput. Phys. 323 (2016), 283–309"
    table: ClassVar[Exponential] = Exponential(
        c=(0, Fraction(1, 2), Fraction(2, 3)),
        a=({}, {}, {}),
        b={1: _phi((32, 3), (-144, 4)), 2: _phi(("-27/2", 3), (81, 4))},
        error={1: _phi((24, 3), (-144, 4)), 2: _phi(("-27/2", 3), (81, 4))},
    )
