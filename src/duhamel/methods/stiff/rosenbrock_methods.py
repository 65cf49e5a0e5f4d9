"""Rosenbrock methods, as data."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from duhamel.methods.stiff.rosenbrock import InterpolatingRosenbrock, Rosenbrock
from duhamel.methods.stiff.rosenbrock_tableau import Tableau

__all__ = ["ROS3P", "Rodas3", "Rodas4", "Rodas5P"]

_ROOT = sqrt(3.0)
_INVERSE = 3.0 - _ROOT  # 1/γ of ROS3P


class ROS3P(Rosenbrock):
    """Three stages, order 3 also on nonlinear parabolic problems; A-stable, |R(∞)| = 0.73.

    For PDEs at loose tolerances, where its damping suffices.
    """

    name: ClassVar[str] = "ros3p"
    order: ClassVar[int] = 3
    stiff_order: ClassVar[int | None] = 3
    stages: ClassVar[int] = 3
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 2
    reference: ClassVar[str] = "Lang & Verwer, BIT 41 (2001), 731–738"
    table: ClassVar[Tableau] = Tableau(
        gamma=0.5 + _ROOT / 6.0,
        nodes=(0.0, 1.0, 1.0),
        slopes=(0.5 + _ROOT / 6.0, -0.5 + _ROOT / 6.0, -0.5 - _ROOT / 3.0),
        a=((), (_INVERSE,), (_INVERSE, 0.0)),
        c=((), (-(_INVERSE**2),), (-_INVERSE * (1.0 + _ROOT), -_ROOT)),
        weights=(2.0, 1.0 / _ROOT, 1.0 - 1.0 / _ROOT),
        error=(5.0 / _ROOT - 3.0, 1.0 / _ROOT - 1.0, 0.0),
    )


class Rodas3(Rosenbrock):
    """Four stages, order 3, stiffly accurate and L-stable; exact fractions.

    For loose tolerances, where a step should cost little.
    """

    name: ClassVar[str] = "rodas3"
    order: ClassVar[int] = 3
    stiff_order: ClassVar[int | None] = 3
    stages: ClassVar[int] = 4
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 2
    reference: ClassVar[str] = "Sandu, Verwer, Blom, Spee, Carmichael & Potra, Atmos. Environ. 31 (1997)"
    table: ClassVar[Tableau] = Tableau(
        gamma=0.5,
        nodes=(0.0, 0.0, 1.0, 1.0),
        slopes=(0.5, 1.5, 0.0, 0.0),
        a=((), (0.0,), (2.0, 0.0), (2.0, 0.0, 1.0)),
        c=((), (4.0,), (1.0, -1.0), (1.0, -1.0, -8.0 / 3.0)),
        weights=(2.0, 0.0, 1.0, 1.0),
        error=(0.0, 0.0, 0.0, 1.0),
    )


_RODAS4 = (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.687886036105895)


class Rodas4(InterpolatingRosenbrock):
    """Six stages, order 4, stiffly accurate and L-stable, interpolant of order 3.

    For stiff equations and DAEs of index 1 at moderate tolerances.
    """

    name: ClassVar[str] = "rodas4"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 3
    dense_order: ClassVar[int] = 3
    stages: ClassVar[int] = 6
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 3
    reference: ClassVar[str] = "Hairer & Wanner, Solving ODEs II, VI.4 (RODAS)"
    table: ClassVar[Tableau] = Tableau(
        gamma=0.25,
        nodes=(0.0, 0.386, 0.21, 0.63, 1.0, 1.0),
        slopes=(0.25, -0.1043, 0.1035, -0.0362, 0.0, 0.0),
        a=(
            (),
            (1.544,),
            (0.9466785280815826, 0.2557011698983284),
            (3.314825187068521, 2.896124015972201, 0.9986419139977817),
            _RODAS4,
            (*_RODAS4, 1.0),
        ),
        c=(
            (),
            (-5.6688,),
            (-2.430093356833875, -0.2063599157091915),
            (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
            (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.7089089320616),
            (
                8.083246795921522,
                -7.981132988064893,
                -31.52159432874371,
                16.31930543123136,
                -6.058818238834054,
            ),
        ),
        weights=(*_RODAS4, 1.0, 1.0),
        error=(0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        dense=(
            (
                10.12623508344586,
                -7.487995877610167,
                -34.80091861555747,
                -7.992771707568823,
                1.025137723295662,
                0.0,
            ),
            (
                -0.6762803392801253,
                6.087714651680015,
                16.43084320892478,
                24.76722511418386,
                -6.594389125716872,
                0.0,
            ),
        ),
    )


_RODAS5P = (
    -7.502846399306121,
    2.561846144803919,
    -11.627539656261098,
    -0.18268767659942256,
    0.030198172008377946,
)


class Rodas5P(InterpolatingRosenbrock):
    """Eight stages, order 5, stiffly accurate and L-stable, interpolant of order 4, built so that hardly any
    order is lost on Prothero–Robinson and parabolic problems.

    The default for stiff equations and DAEs of index 1.
    """

    name: ClassVar[str] = "rodas5p"
    order: ClassVar[int] = 5
    stiff_order: ClassVar[int | None] = 5
    dense_order: ClassVar[int] = 4
    stages: ClassVar[int] = 8
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 4
    reference: ClassVar[str] = "Steinebach, BIT 63 (2023), article 27"
    table: ClassVar[Tableau] = Tableau(
        gamma=0.21193756319429014,
        nodes=(
            0.0,
            0.6358126895828704,
            0.4095798393397535,
            0.9769306725060716,
            0.4288403609558664,
            1.0,
            1.0,
            1.0,
        ),
        slopes=(
            0.21193756319429014,
            -0.42387512638858027,
            -0.3384627126235924,
            1.8046452872882734,
            2.325825639765069,
            0.0,
            0.0,
            0.0,
        ),
        a=(
            (),
            (3.0,),
            (2.849394379747939, 0.45842242204463923),
            (-6.954028509809101, 2.489845061869568, -10.358996098473584),
            (2.8029986275628964, 0.5072464736228206, -0.3988312541770524, -0.04721187230404641),
            _RODAS5P,
            (*_RODAS5P, 1.0),
            (*_RODAS5P, 1.0, 1.0),
        ),
        c=(
            (),
            (-14.155112264123755,),
            (-17.97296035885952, -2.859693295451294),
            (147.12150275711716, -1.41221402718213, 71.68940251302358),
            (165.43517024871676, -0.4592823456491126, 42.90938336958603, -5.961986721573306),
            (
                24.854864614690072,
                -3.0009227002832186,
                47.4931110020768,
                5.5814197821558125,
                -0.6610691825249471,
            ),
            (
                30.91273214028599,
                -3.1208243349937974,
                77.79954646070892,
                34.28646028294783,
                -19.097331116725623,
                -28.087943162872662,
            ),
            (
                37.80277123390563,
                -3.2571969029072276,
                112.26918849496327,
                66.9347231244047,
                -40.06618937091002,
                -54.66780262877968,
                -9.48861652309627,
            ),
        ),
        weights=(*_RODAS5P, 1.0, 1.0, 1.0),
        error=(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0),
        dense=(
            (
                25.948786856663858,
                -2.5579724845846235,
                10.433815404888879,
                -2.3679251022685204,
                0.524948541321073,
                1.1241088310450404,
                0.4272876194431874,
                -0.17202221070155493,
            ),
            (
                -9.91568850695171,
                -0.9689944594115154,
                3.0438037242978453,
                -24.495224566215796,
                20.176138334709044,
                15.98066361424651,
                -6.789040303419874,
                -6.710236069923372,
            ),
            (
                11.419903575922262,
                2.8879645146136994,
                72.92137995996029,
                80.12511834622643,
                -52.072871366152654,
                -59.78993625266729,
                -0.15582684282751913,
                4.883087185713722,
            ),
        ),
    )
