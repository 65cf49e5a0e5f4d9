"""ESDIRK methods, as data."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from duhamel.methods.stiff.esdirk import ESDIRK
from duhamel.methods.stiff.esdirk_table import Diagonal

__all__ = ["ESDIRK54", "Kvaerno3", "Kvaerno4", "Kvaerno5"]

_KVAERNO = "Kværnø, BIT 44 (2004)"


def _kvaerno3() -> Diagonal:
    # The middle root of x³ − 3x² + 3x/2 − 1/6.
    g = Fraction("0.4358665215084589994160194511935568425293")
    third = ((-4 * g**2 + 6 * g - 1) / (4 * g), (1 - 2 * g) / (4 * g))
    last = ((6 * g - 1) / (12 * g), -1 / (12 * g * (2 * g - 1)), (-6 * g**2 + 6 * g - 1) / (6 * g - 3))
    return Diagonal(g, ((), (g,), third, last), (*third, g, 0))


class Kvaerno3(ESDIRK):
    """Order 3 in four stages, the first explicit, with an embedded method of order 2; both stiffly accurate.

    For stiff equations at loose tolerances. L-stable.
    """

    name: ClassVar[str] = "kvaerno3"
    order: ClassVar[int] = 3
    stages: ClassVar[int] = 3
    error_order: ClassVar[int] = 2
    reference: ClassVar[str] = f"{_KVAERNO}, ESDIRK 3/2"
    table: ClassVar[Diagonal] = _kvaerno3()


def _kvaerno4() -> Diagonal:
    # The root of x⁴ − 4x³ + 3x² − 2x/3 + 1/24 for which the last stage is L-stable.
    g = Fraction("0.5728160624821348554080013849767683409315")

    def poly(*powers: int) -> Fraction:
        total = Fraction(0)
        for factor in powers:
            total = total * g + factor
        return total

    p, q = poly(12, -6, 1), poly(12, -9, 2)
    third = (poly(144, -180, 81, -15, 1) * g / p**2, poly(-36, 39, -15, 2) * g / p**2)
    fourth = (
        poly(-144, 396, -330, 117, -18, 1) / (12 * g**2 * q),
        poly(72, -126, 69, -15, 1) / (12 * g**2 * poly(3, -1)),
        poly(-6, 6, -1) * p**2 / (12 * g**2 * q * poly(3, -1)),
    )
    last = (
        poly(288, -312, 120, -18, 1) / (48 * g**2 * q),
        poly(24, -12, 1) / (48 * g**2 * poly(3, -1)),
        -(p**3) / (48 * g**2 * poly(3, -1) * q * poly(6, -6, 1)),
        poly(-24, 36, -12, 1) / poly(24, -24, 4),
    )
    return Diagonal(g, ((), (g,), third, fourth, last), (*fourth, g, 0))


class Kvaerno4(ESDIRK):
    """Order 4 in five stages, the first explicit, with an embedded method of order 3; both stiffly accurate.

    For stiff equations at moderate tolerances. L-stable.
    """

    name: ClassVar[str] = "kvaerno4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 4
    error_order: ClassVar[int] = 3
    reference: ClassVar[str] = f"{_KVAERNO}, ESDIRK 4/3 with the last stage as solution"
    table: ClassVar[Diagonal] = _kvaerno4()


_SIXTH = (
    "0.1385564023126822495054973091161581456582",
    0,
    "-0.04245337201752043098884399725982168512523",
    "0.02446657898003141965963581513879101305561",
    "0.6194303907248067618237108730048725264114",
)


class Kvaerno5(ESDIRK):
    """Order 5 in seven stages, the first explicit, with an embedded method of order 4; both stiffly accurate.

    For stiff equations at tight tolerances. L-stable.
    """

    name: ClassVar[str] = "kvaerno5"
    order: ClassVar[int] = 5
    stages: ClassVar[int] = 6
    error_order: ClassVar[int] = 4
    dense_order: ClassVar[int] = 4
    reference: ClassVar[str] = f"{_KVAERNO}, ESDIRK 5/4"
    table: ClassVar[Diagonal] = Diagonal(
        "0.26",
        (
            (),
            ("0.26",),
            ("0.13", "0.8403332099679080963171360487915268154051"),
            (
                "0.2237196147832050559163143898290529441991",
                "0.4767553231979969983278927937270874162429",
                "-0.06470895363112615133816161180658488282681",
            ),
            (
                "0.1664856432324832152535151725360430044452",
                "0.1045001884159172041151167240328967362455",
                "0.03631482272098715161651993758285203251909",
                "-0.1309070445107399857071749645700052401819",
            ),
            _SIXTH,
            (
                "0.1365975117764029144062783844146127033921",
                0,
                "-0.05496908796538376712487773114648630009105",
                "-0.04118626728321046868299776958296295741592",
                "0.6299330489901640319161060392667246534806",
                "0.06962479448202728948549107704811190063421",
            ),
        ),
        (*_SIXTH, "0.26", 0),
    )


def _closed(c: str, *entries: str) -> tuple[Fraction, ...]:
    """A row with the first entry such that the row and γ = 23/125 sum to c."""
    rest = tuple(map(Fraction, entries))
    return (Fraction(c) - sum(rest) - Fraction(23, 125), *rest)


_EMBEDDED = (
    "-582099335757/7214068459310",
    "615023338567/3362626566945",
    "3192122436311/6174152374399",
    "6156034052041/14430468657929",
    "-1011318518279/9693750372484",
    "1914490192573/13754262428401",
)


class ESDIRK54(ESDIRK):
    """ESDIRK5(4)7L[2]SA₂: order 5 in seven stages, the first explicit, with an embedded method of order 4.

    A smaller γ and smaller error constants than `Kvaerno5`: the ESDIRK method to try first. L-stable.
    """

    name: ClassVar[str] = "esdirk54"
    order: ClassVar[int] = 5
    stages: ClassVar[int] = 6
    error_order: ClassVar[int] = 4
    dense_order: ClassVar[int] = 4
    reference: ClassVar[str] = "Kennedy & Carpenter, Appl. Numer. Math. 136 (2019), ESDIRK5(4)7L[2]SA₂"
    table: ClassVar[Diagonal] = Diagonal(
        "23/125",
        (
            (),
            _closed("46/125"),
            _closed("7121331996143/11335814405378", "791020047304/3561426431547"),
            _closed("49/353", "-158159076358/11257294102345", "-85517644447/5003708988389"),
            _closed(
                "3706679970760/5295570149437",
                "-1653327111580/4048416487981",
                "1514767744496/9099671765375",
                "14283835447591/12247432691556",
            ),
            _closed(
                "347/382",
                "-4540011970825/8418487046959",
                "-1790937573418/7393406387169",
                "10819093665085/7266595846747",
                "4109463131231/7386972500302",
            ),
            _closed(
                "1",
                "-188593204321/4778616380481",
                "2809310203510/10304234040467",
                "1021729336898/2364210264653",
                "870612361811/2470410392208",
                "-1307970675534/8059683598661",
            ),
        ),
        (1 - sum(map(Fraction, _EMBEDDED)), *_EMBEDDED),
    )
