"""The additive Runge–Kutta pairs of Ascher, Ruuth and Spiteri: low order, robust, asymptotic preserving."""

from __future__ import annotations

from typing import ClassVar

from duhamel.methods.imex.stepper import AdditiveRungeKutta
from duhamel.methods.imex.table import Additive

__all__ = ["ARS222", "ARS443"]

_ARS = "Ascher, Ruuth & Spiteri, Appl. Numer. Math. 25 (1997)"

# γ = 1 − 1/√2 and δ = 1 − 1/(2γ) = −1/√2 to 38 digits.
_GAMMA, _REST = "0.29289321881345247559915563789515096072", "0.70710678118654752440084436210484903928"
_DELTA, _ONE_LESS_DELTA = (
    "-0.70710678118654752440084436210484903928",
    "1.70710678118654752440084436210484903928",
)


class ARS222(AdditiveRungeKutta):
    """ARS(2,2,2): order 2 in 2 evaluations and 2 solutions a step, L-stable.

    The step ends in its last stage (globally stiffly accurate): stiff relaxation lands on its equilibrium
    after one step, however stiff, so the method is asymptotic preserving. The embedded weights, of order 1,
    are ours: the second stage alone.
    """

    name: ClassVar[str] = "ars222"
    order: ClassVar[int] = 2
    error_order: ClassVar[int] = 1
    stages: ClassVar[int] = 2
    reference: ClassVar[str] = f"{_ARS}, Sect. 2.6"
    table: ClassVar[Additive] = Additive(
        explicit=((), (_GAMMA,), (_DELTA, _ONE_LESS_DELTA)),
        implicit=((0,), (0, _GAMMA), (0, _REST, _GAMMA)),
        weights=((_DELTA, _ONE_LESS_DELTA, 0), (0, _REST, _GAMMA)),
        embedded=(0, 1, 0),
    )


class ARS443(AdditiveRungeKutta):
    """ARS(4,4,3): order 3 in 4 evaluations and 4 solutions a step, L-stable.

    Globally stiffly accurate, hence asymptotic preserving, like `ARS222`. The embedded weights are ours: of
    order 2 for both parts, and zero at infinity like the method.
    """

    name: ClassVar[str] = "ars443"
    order: ClassVar[int] = 3
    error_order: ClassVar[int] = 2
    stages: ClassVar[int] = 4
    reference: ClassVar[str] = f"{_ARS}, Sect. 2.8"
    table: ClassVar[Additive] = Additive(
        explicit=((), ("1/2",), ("11/18", "1/18"), ("5/6", "-5/6", "1/2"), ("1/4", "7/4", "3/4", "-7/4")),
        implicit=(
            (0,),
            (0, "1/2"),
            (0, "1/6", "1/2"),
            (0, "-1/2", "1/2", "1/2"),
            (0, "3/2", "-3/2", "1/2", "1/2"),
        ),
        weights=(("1/4", "7/4", "3/4", "-7/4", 0), (0, "3/2", "-3/2", "1/2", "1/2")),
        embedded=(0, 2, "-3/4", "-1/2", "1/4"),
    )
