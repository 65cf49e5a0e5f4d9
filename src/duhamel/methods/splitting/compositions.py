"""Compositions of orders 4 to 8 with real coefficients, as data. All are symmetric, and all have flows that
run backwards in time: for waves, mechanics and mild parts, not for diffusion that the grid resolves."""

from __future__ import annotations

from typing import ClassVar

from duhamel.methods.splitting.classical import Suzuki4
from duhamel.methods.splitting.sequence import Sweep, alternating, strangs, symmetric
from duhamel.methods.splitting.stepper import Splitting

__all__ = [
    "BlanesMoan4",
    "BlanesMoan6",
    "KahanLi6",
    "KahanLi8",
    "McLachlan6",
    "McLachlan8",
    "Suzuki6",
    "Yoshida6",
    "Yoshida8",
]


class Yoshida6(Splitting):
    """Yoshida's solution A: seven Strang steps, order 6."""

    name: ClassVar[str] = "yoshida6"
    order: ClassVar[int] = 6
    stages: ClassVar[int] = 7
    reference: ClassVar[str] = "Yoshida, Phys. Lett. A 150 (1990), 262–268, Table 1"
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs(
        symmetric(
            [
                0.784513610477557263819497633866,
                0.235573213359358133684793182979,
                -1.17767998417887100694641568,
            ]
        )
    )


class Yoshida8(Splitting):
    """Yoshida's solution D: fifteen Strang steps, order 8.

    The coefficients are the paper's, refined until the order conditions hold to 30 digits.
    """

    name: ClassVar[str] = "yoshida8"
    order: ClassVar[int] = 8
    stages: ClassVar[int] = 15
    reference: ClassVar[str] = "Yoshida, Phys. Lett. A 150 (1990), 262–268, Table 2"
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs(
        symmetric(
            [
                0.914844246229791566748793489848,
                0.25369333656621135414614602069,
                -1.44485223686060515769473065754,
                -0.15824063536805017520406677676,
                1.93813913762252598657918648744,
                -1.9606102329753108076076333764,
                0.102799849391796440698115131601,
            ]
        )
    )


_FOUR = [w.fraction * 2.0 for w in Suzuki4.sweeps[::2]]
_FIVE = 1.0 / (4.0 - 4.0 ** (1 / 5))


class Suzuki6(Splitting):
    """Suzuki's fractal once more: five steps of Suzuki 4, twenty-five Strang steps, order 6."""

    name: ClassVar[str] = "suzuki6"
    order: ClassVar[int] = 6
    stages: ClassVar[int] = 25
    reference: ClassVar[str] = "Suzuki, Phys. Lett. A 146 (1990), 319–323"
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs(
        [outer * inner for outer in (_FIVE, _FIVE, 1.0 - 4.0 * _FIVE, _FIVE, _FIVE) for inner in _FOUR]
    )


class McLachlan6(Splitting):
    """McLachlan's nine Strang steps of order 6, found by minimising the error."""

    name: ClassVar[str] = "mclachlan6"
    order: ClassVar[int] = 6
    stages: ClassVar[int] = 9
    reference: ClassVar[str] = "McLachlan, SIAM J. Sci. Comput. 16 (1995), 151–168"
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs(
        symmetric([0.1867, 0.55549702371247839916, 0.12946694891347535806, -0.84326562338773460855])
    )


class McLachlan8(Splitting):
    """Fifteen Strang steps of order 8, with coefficients far smaller than Yoshida's.

    Found by Suzuki & Umeno (1993) and by McLachlan (1995).
    """

    name: ClassVar[str] = "mclachlan8"
    order: ClassVar[int] = 8
    stages: ClassVar[int] = 15
    reference: ClassVar[str] = (
        "McLachlan, SIAM J. Sci. Comput. 16 (1995), 151–168; Hairer, Lubich & Wanner, GNI, Eq. V.3.11"
    )
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs(
        symmetric(
            [
                0.74167036435061295344822780,
                -0.40910082580003159399730010,
                0.19075471029623837995387626,
                -0.57386247111608226665638773,
                0.29906418130365592384446354,
                0.33462491824529818378495798,
                0.31529309239676659663205666,
            ]
        )
    )


class KahanLi6(Splitting):
    """Kahan and Li's nine Strang steps of order 6 (s9odr6a)."""

    name: ClassVar[str] = "kahan-li6"
    order: ClassVar[int] = 6
    stages: ClassVar[int] = 9
    reference: ClassVar[str] = "Kahan & Li, Math. Comp. 66 (1997), 1089–1099"
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs(
        symmetric(
            [
                0.39216144400731413927925056,
                0.33259913678935943859974864,
                -0.70624617255763935980996482,
                0.08221359629355080023149045,
            ]
        )
    )


class KahanLi8(Splitting):
    """Kahan and Li's seventeen Strang steps of order 8 (s17odr8a): the most accurate here for smooth problems
    and small errors."""

    name: ClassVar[str] = "kahan-li8"
    order: ClassVar[int] = 8
    stages: ClassVar[int] = 17
    reference: ClassVar[str] = "Kahan & Li, Math. Comp. 66 (1997), 1089–1099"
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs(
        symmetric(
            [
                0.13020248308889008087881763,
                0.56116298177510838456196441,
                -0.38947496264484728640807860,
                0.15884190655515560089621075,
                -0.39590389413323757733623154,
                0.18453964097831570709183254,
                0.25837438768632204729397911,
                0.29501172360931029887096624,
            ]
        )
    )


class BlanesMoan4(Splitting):
    """Blanes and Moan's six stages of order 4: the method of choice for order 4, two hundred times the
    accuracy of the triple jump at twice the work."""

    name: ClassVar[str] = "blanes-moan4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 6
    reference: ClassVar[str] = "Blanes & Moan, J. Comput. Appl. Math. 142 (2002), 313–330, Table 2 (S6)"
    sweeps: ClassVar[tuple[Sweep, ...]] = alternating(
        [0.0792036964311954608, 0.353172906049773948, -0.0420650803577191948],
        [0.209515106613361891, -0.143851773179818077],
        stages=6,
    )


class BlanesMoan6(Splitting):
    """Blanes and Moan's ten stages of order 6: the method of choice for order 6."""

    name: ClassVar[str] = "blanes-moan6"
    order: ClassVar[int] = 6
    stages: ClassVar[int] = 10
    reference: ClassVar[str] = "Blanes & Moan, J. Comput. Appl. Math. 142 (2002), 313–330, Table 2 (S10)"
    sweeps: ClassVar[tuple[Sweep, ...]] = alternating(
        [0.0502627644003922, 0.413514300428344, 0.0450798897943977, -0.188054853819569, 0.541960678450780],
        [0.148816447901042, -0.132385865767784, 0.067307604692185, 0.432666402578175],
        stages=10,
    )
