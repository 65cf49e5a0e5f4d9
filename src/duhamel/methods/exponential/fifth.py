"""Exponential pairs of order 5 with an estimate of order 4, as data; see `fourth` for the
notation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import ClassVar

from duhamel.coefficients import Exponential, Term
from duhamel.coefficients.exponential import Weight
from duhamel.methods.exponential.stepper import ExponentialRungeKutta

__all__ = ["ETD54", "ExpRK5S8"]


def _phi(*terms: tuple[int | str, int], node: str = "1") -> Weight:
    """A weight from (factor, k) pairs at one node."""
    return tuple(Term(Fraction(factor), k, Fraction(node)) for factor, k in terms)


def _completed(
    c: Sequence[str], a: Sequence[Mapping[int, Weight]], b: Mapping[int, Weight], error: Mapping[int, Weight]
) -> Exponential:
    """The table with its first column, which follows from the others: constants are integrated exactly,
    Σⱼ aᵢⱼ = cᵢφ₁(cᵢhL) and Σᵢ bᵢ = φ₁(hL)."""
    nodes = [Fraction(value) for value in c]
    rows = [{} if i == 0 else _first(nodes[i], row) | dict(row) for i, row in enumerate(a)]
    return Exponential(tuple(nodes), tuple(rows), _first(Fraction(1), b) | dict(b), error)


def _first(node: Fraction, row: Mapping[int, Weight]) -> dict[int, Weight]:
    totals: dict[tuple[Fraction, int], Fraction] = {(node, 1): node}
    for term in (term for weight in row.values() for term in weight):
        key = (Fraction(term.node), term.k)
        totals[key] = totals.get(key, Fraction(0)) - term.factor
    return {0: tuple(Term(factor, k, at) for (at, k), factor in totals.items() if factor)}


class ETD54(ExponentialRungeKutta):
    """Order 5 with an estimate of order 4, eight evaluations per step; the adaptive default for stiff
    equations.

    A member of the family of Luan & Ostermann whose nodes were chosen for small errors on semilinear PDEs
    (KS, KdV, Allen–Cahn, NLS, Ginzburg–Landau); stiff order 5. The estimate uses stages 1, 5, 7 and 8, so it
    also sees pure forcing N(t). The weights of the last stage cancel from about 240: they are formed in full
    precision and rounded once.
    """

    name: ClassVar[str] = "etd54"
    order: ClassVar[int] = 5
    stiff_order: ClassVar[int | None] = 5
    stages: ClassVar[int] = 8
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 4
    reference: ClassVar[str] = (
        "this library; family of Luan & Ostermann, J. Comput. Appl. Math. 256 (2014), 168–179"
    )
    table: ClassVar[Exponential] = _completed(
        c=("0", "1/4", "9/14", "1/4", "1/2", "3/20", "9/14", "1"),
        a=(
            {},
            {},
            {
                1: _phi(("81/49", 2), node="9/14"),
            },
            {
                2: _phi(("7/72", 2), node="1/4"),
            },
            {
                2: _phi(("-49/198", 2), ("98/99", 3), node="1/2"),
                3: _phi(("18/11", 2), ("-28/11", 3), node="1/2"),
            },
            {
                3: _phi(("9/50", 2), ("-27/250", 3), node="3/20"),
                4: _phi(("-9/200", 2), ("27/500", 3), node="3/20"),
            },
            {
                3: _phi(("-5400/40817", 2), ("3240/40817", 3), node="3/20"),
                4: (
                    *_phi(("5400/285719", 2), ("-3240/285719", 3), node="3/20"),
                    *_phi(("-243/686", 2), ("7290/2401", 3), node="9/14"),
                ),
                5: (
                    *_phi(("45000/285719", 2), ("-27000/285719", 3), node="3/20"),
                    *_phi(("1350/343", 2), ("-24300/2401", 3), node="9/14"),
                ),
            },
            {
                4: (
                    *_phi(("-100/437", 2), ("260/437", 3), ("-180/437", 4), node="3/20"),
                    *_phi(("-2499/437", 2), ("27846/437", 3), ("-82620/437", 4), node="9/14"),
                    *_phi(("-27/7", 2), ("444/7", 3), (-240, 4)),
                ),
                5: (
                    *_phi(("20000/90459", 2), ("-52000/90459", 3), ("4000/10051", 4), node="3/20"),
                    *_phi(("166600/30153", 2), ("-618800/10051", 3), ("1836000/10051", 4), node="9/14"),
                    *_phi(("2000/161", 2), ("-128000/1449", 3), ("16000/69", 4)),
                ),
                6: (
                    *_phi(("34300/271377", 2), ("-89180/271377", 3), ("6860/30153", 4), node="3/20"),
                    *_phi(("285719/90459", 2), ("-1061242/30153", 3), ("1049580/10051", 4), node="9/14"),
                    *_phi(("343/207", 2), ("-17836/621", 3), ("27440/207", 4)),
                ),
            },
        ),
        b={
            5: _phi(("4000/391", 2), ("-8000/153", 3), ("112000/1173", 4)),
            6: _phi(("-1372/1035", 2), ("2744/135", 3), ("-10976/207", 4)),
            7: _phi(("27/85", 2), ("-444/85", 3), ("336/17", 4)),
        },
        error={
            0: _phi(("-14/3", 2), ("644/27", 3), ("-392/9", 4)),
            4: _phi((-18, 2), (92, 3), (-168, 4)),
            5: _phi(("4000/391", 2), ("-8000/153", 3), ("112000/1173", 4)),
            6: _phi(("4802/345", 2), ("-9604/135", 3), ("134456/1035", 4)),
            7: _phi(("-126/85", 2), ("644/85", 3), ("-1176/85", 4)),
        },
    )


class ExpRK5S8(ExponentialRungeKutta):
    """Luan & Ostermann's method of stiff order 5 in eight stages, with an estimate of order 4 added here."""

    name: ClassVar[str] = "exprk5s8"
    order: ClassVar[int] = 5
    stiff_order: ClassVar[int | None] = 5
    stages: ClassVar[int] = 8
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 4
    reference: ClassVar[str] = "Luan & Ostermann, J. Comput. Appl. Math. 256 (2014), 168–179"
    table: ClassVar[Exponential] = _completed(
        c=("0", "1/2", "1/2", "1/4", "1/2", "1/5", "2/3", "1"),
        a=(
            {},
            {},
            {
                1: _phi(("1/2", 2), node="1/2"),
            },
            {
                2: _phi(("1/8", 2), node="1/4"),
            },
            {
                2: _phi(("-1/2", 2), (2, 3), node="1/2"),
                3: _phi((2, 2), (-4, 3), node="1/2"),
            },
            {
                3: _phi(("8/25", 2), ("-32/125", 3), node="1/5"),
                4: _phi(("-2/25", 2), ("16/125", 3), node="1/5"),
            },
            {
                3: _phi(("-20/81", 2), ("16/81", 3), node="1/5"),
                4: (
                    *_phi(("5/243", 2), ("-4/243", 3), node="1/5"),
                    *_phi(("-16/27", 2), ("320/81", 3), node="2/3"),
                ),
                5: (
                    *_phi(("125/486", 2), ("-50/243", 3), node="1/5"),
                    *_phi(("100/27", 2), ("-800/81", 3), node="2/3"),
                ),
            },
            {
                4: (
                    *_phi(("-4/7", 2), ("8/5", 3), ("-48/35", 4), node="1/5"),
                    *_phi(("-288/35", 2), ("384/5", 3), ("-1536/7", 4), node="2/3"),
                    *_phi(("-16/3", 2), ("208/3", 3), (-240, 4)),
                ),
                5: (
                    *_phi(("25/49", 2), ("-10/7", 3), ("60/49", 4), node="1/5"),
                    *_phi(("360/49", 2), ("-480/7", 3), ("9600/49", 4), node="2/3"),
                    *_phi(("250/21", 2), ("-250/3", 3), ("1500/7", 4)),
                ),
                6: (
                    *_phi(("27/98", 2), ("-27/35", 3), ("162/245", 4), node="1/5"),
                    *_phi(("972/245", 2), ("-1296/35", 3), ("5184/49", 4), node="2/3"),
                    *_phi(("27/14", 2), (-27, 3), ("810/7", 4)),
                ),
            },
        ),
        b={
            5: _phi(("125/14", 2), ("-625/14", 3), ("1125/14", 4)),
            6: _phi(("-27/14", 2), ("162/7", 3), ("-405/7", 4)),
            7: _phi(("1/2", 2), ("-13/2", 3), ("45/2", 4)),
        },
        error={
            0: _phi((-3, 2), (15, 3), (-27, 4)),
            4: _phi((-16, 2), (80, 3), (-144, 4)),
            5: _phi(("125/14", 2), ("-625/14", 3), ("1125/14", 4)),
            6: _phi(("81/7", 2), ("-405/7", 3), ("729/7", 4)),
            7: _phi(("-3/2", 2), ("15/2", 3), ("-27/2", 4)),
        },
    )
