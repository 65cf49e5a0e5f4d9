"""Exponential Runge–Kutta methods as data. φ_k without a node is φ_k(hL), with a node c it is φ_k(c·hL)."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from duhamel.coefficients import Exponential, Term
from duhamel.methods.exponential.stepper import ExponentialRungeKutta

__all__ = [
    "ETD1",
    "ETDRK2",
    "ETDRK4",
    "HochbruckOstermann",
    "Krogstad",
    "Krogstad43",
    "Lawson4",
    "StrehmelWeiner",
]

_HALF = Fraction(1, 2)


def _phi(*terms: tuple[Fraction | int | str, int], node: Fraction | int | str = 1) -> tuple[Term, ...]:
    """A weight from (factor, k) pairs at one node."""
    return tuple(Term(Fraction(factor), k, Fraction(node)) for factor, k in terms)


# The fourth-order weights that Cox & Matthews, Krogstad and others share: exponential Simpson's rule.
_SIMPSON = {
    0: _phi((1, 1), (-3, 2), (4, 3)),
    1: _phi((2, 2), (-4, 3)),
    2: _phi((2, 2), (-4, 3)),
    3: _phi((-1, 2), (4, 3)),
}

_KROGSTAD_STAGES = (
    {},
    {0: _phi((_HALF, 1), node=_HALF)},
    {0: _phi((_HALF, 1), (-1, 2), node=_HALF), 1: _phi((1, 2), node=_HALF)},
    {0: _phi((1, 1), (-2, 2)), 2: _phi((2, 2))},
)


class ETD1(ExponentialRungeKutta):
    """Exponential Euler, u₁ = e^{hL}u + hφ₁(hL)N(u): one evaluation, order 1. DDIM is this rule."""

    name: ClassVar[str] = "etd1"
    order: ClassVar[int] = 1
    stiff_order: ClassVar[int | None] = 1
    stages: ClassVar[int] = 1
    reference: ClassVar[str] = "Cox & Matthews, J. Comput. Phys. 176 (2002), Eq. 4"
    table: ClassVar[Exponential] = Exponential(c=(0,), a=({},), b={0: _phi((1, 1))})


class ETDRK2(ExponentialRungeKutta):
    """Two evaluations, order 2: the cheapest robust choice for smooth, coarse-in-time simulations."""

    name: ClassVar[str] = "etdrk2"
    order: ClassVar[int] = 2
    stiff_order: ClassVar[int | None] = 2
    stages: ClassVar[int] = 2
    reference: ClassVar[str] = "Cox & Matthews, J. Comput. Phys. 176 (2002), Eq. 22"
    table: ClassVar[Exponential] = Exponential(
        c=(0, 1), a=({}, {0: _phi((1, 1))}), b={0: _phi((1, 1), (-1, 2)), 1: _phi((1, 2))}
    )


class ETDRK4(ExponentialRungeKutta):
    """Cox & Matthews' method of four evaluations, order 4; order 2 to 3 on strongly stiff non-periodic
    problems.

    The product ½φ₁(hL/2)(e^{hL/2} − 1) of the paper is written as φ₁(hL) − φ₁(hL/2), which it equals.
    """

    name: ClassVar[str] = "etdrk4"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 2
    stages: ClassVar[int] = 4
    reference: ClassVar[str] = "Cox & Matthews, J. Comput. Phys. 176 (2002), Eqs. 26–29"
    table: ClassVar[Exponential] = Exponential(
        c=(0, _HALF, _HALF, 1),
        a=(
            {},
            {0: _phi((_HALF, 1), node=_HALF)},
            {1: _phi((_HALF, 1), node=_HALF)},
            {0: (*_phi((1, 1)), *_phi((-1, 1), node=_HALF)), 2: _phi((1, 1), node=_HALF)},
        ),
        b=_SIMPSON,
    )


class Krogstad(ExponentialRungeKutta):
    """Krogstad's ETDRK4-B: four evaluations, order 4, stiff order 3, smaller errors than Cox & Matthews."""

    name: ClassVar[str] = "krogstad"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 3
    stages: ClassVar[int] = 4
    reference: ClassVar[str] = "Krogstad, J. Comput. Phys. 203 (2005), 72–88, Eq. 51"
    table: ClassVar[Exponential] = Exponential(c=(0, _HALF, _HALF, 1), a=_KROGSTAD_STAGES, b=_SIMPSON)


class Krogstad43(ExponentialRungeKutta):
    """Krogstad's method with an estimate of order 3: four evaluations per accepted step.

    The estimate compares the last stage with N(u₁), which the next step needs anyway, and adds a third
    difference of the stages, without which a forcing N(t) would go unseen.
    """

    name: ClassVar[str] = "krogstad43"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 3
    stages: ClassVar[int] = 4
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 3
    reference: ClassVar[str] = Krogstad.reference
    table: ClassVar[Exponential] = Exponential(
        c=(0, _HALF, _HALF, 1),
        a=_KROGSTAD_STAGES,
        b=_SIMPSON,
        error={
            0: _phi(("1/4", 1), ("-1/2", 2)),
            1: _phi(("-1/4", 1), ("1/2", 2)),
            2: _phi(("-1/4", 1), ("1/2", 2)),
            3: _phi((-1, 2), (4, 3)),
            4: _phi(("1/4", 1), ("1/2", 2), (-4, 3)),
        },
    )


class StrehmelWeiner(ExponentialRungeKutta):
    """Four evaluations, order 4, stiff order 3; the second stage does not enter the result."""

    name: ClassVar[str] = "strehmel-weiner"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 3
    stages: ClassVar[int] = 4
    reference: ClassVar[str] = (
        "Strehmel & Weiner, Teubner-Texte zur Mathematik 133 (1992); "
        "Hochbruck & Ostermann, SIAM J. Numer. Anal. 43 (2005), 1069–1090"
    )
    table: ClassVar[Exponential] = Exponential(
        c=(0, _HALF, _HALF, 1),
        a=(
            {},
            {0: _phi((_HALF, 1), node=_HALF)},
            {0: _phi((_HALF, 1), (-_HALF, 2), node=_HALF), 1: _phi((_HALF, 2), node=_HALF)},
            {0: _phi((1, 1), (-2, 2)), 1: _phi((-2, 2)), 2: _phi((4, 2))},
        ),
        b={0: _SIMPSON[0], 2: _phi((4, 2), (-8, 3)), 3: _SIMPSON[3]},
    )


# The weight a₅₂ = a₅₃ of Hochbruck & Ostermann.
_MIDDLE = (*_phi((_HALF, 2), (-_HALF, 3), node=_HALF), *_phi(("1/4", 2), (-1, 3)))


class HochbruckOstermann(ExponentialRungeKutta):
    """Five evaluations, order 4 and stiff order 4: the cheapest method here whose order 4 survives any
    boundary condition and any forcing."""

    name: ClassVar[str] = "hochbruck-ostermann"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 4
    stages: ClassVar[int] = 5
    reference: ClassVar[str] = "Hochbruck & Ostermann, SIAM J. Numer. Anal. 43 (2005), 1069–1090"
    table: ClassVar[Exponential] = Exponential(
        c=(0, _HALF, _HALF, 1, _HALF),
        a=(
            {},
            {0: _phi((_HALF, 1), node=_HALF)},
            {0: _phi((_HALF, 1), (-1, 2), node=_HALF), 1: _phi((1, 2), node=_HALF)},
            {0: _phi((1, 1), (-2, 2)), 1: _phi((1, 2)), 2: _phi((1, 2))},
            {
                0: (*_phi((_HALF, 1), ("-3/4", 2), (_HALF, 3), node=_HALF), *_phi(("-1/4", 2), (1, 3))),
                1: _MIDDLE,
                2: _MIDDLE,
                3: (*_phi(("-1/4", 2), (_HALF, 3), node=_HALF), *_phi(("-1/4", 2), (1, 3))),
            },
        ),
        b={0: _SIMPSON[0], 3: _SIMPSON[3], 4: _phi((4, 2), (-8, 3))},
    )


class Lawson4(ExponentialRungeKutta):
    """The integrating factor: classical Runge–Kutta for v = e^{−tL}u. Four evaluations, order 4.

    Stiff order 1: e^{−tL}N varies as fast as L is stiff, so constants are not integrated exactly and fixed
    points of the equation are not those of the method. For rotation (imaginary L) that N does not excite; use
    `krogstad` otherwise.
    """

    name: ClassVar[str] = "lawson4"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 1
    stages: ClassVar[int] = 4
    reference: ClassVar[str] = "Lawson, SIAM J. Numer. Anal. 4 (1967), 372–380"
    table: ClassVar[Exponential] = Exponential(
        c=(0, _HALF, _HALF, 1),
        a=(
            {},
            {0: _phi((_HALF, 0), node=_HALF)},
            {1: _phi((_HALF, 0), node=0)},
            {2: _phi((1, 0), node=_HALF)},
        ),
        b={
            0: _phi(("1/6", 0)),
            1: _phi(("1/3", 0), node=_HALF),
            2: _phi(("1/3", 0), node=_HALF),
            3: _phi(("1/6", 0), node=0),
        },
    )
