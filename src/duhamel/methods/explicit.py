"""Explicit Runge–Kutta methods: tableaus of exact fractions and one stepper."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.coefficients import Butcher
from duhamel.equation import Equation
from duhamel.methods.base import Interpolating, State, Step, add_scaled, precise, where

__all__ = ["RK4", "Bosh3", "Dopri5", "Euler", "ExplicitRungeKutta", "Tsit5"]


class ExplicitRungeKutta(Interpolating):
    """kᵢ = f(t + cᵢh, u + h Σⱼ aᵢⱼ kⱼ), u₁ = u + h Σ bᵢ kᵢ, from a `Butcher` tableau.

    f at the new point is always evaluated once and is the first stage of the next step, so every method costs
    `stages` evaluations per step, and a cubic Hermite interpolant is free. `dense` holds the coefficients of
    a better interpolant where one is known: row i is bᵢ(θ)/θ as a polynomial in θ, constant first.
    """

    table: ClassVar[Butcher]
    dense: ClassVar[tuple[tuple[float, ...], ...] | None] = None
    family: ClassVar[str] = "explicit"

    def check(self, eq: Equation) -> None:
        del eq  # every part can be evaluated

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> State:
        return eq.rhs(precise(t, u), u, args)

    def step(self, eq: Equation, t: Array, h: Array, u: State, memory: State, args: Any) -> Step:
        table, (t_, h_) = self.table, (precise(t, u), precise(h, u))
        slopes, stage = [memory], u
        for row, c in zip(table.a[1:], table.c[1:], strict=True):
            stage = add_scaled(u, h_, _floats(row), slopes)
            slopes.append(eq.rhs(t_ + float(c) * h_, stage, args))
        if table.fsal:
            new, last = stage, slopes[-1]
        else:
            new = add_scaled(u, h_, _floats(table.b), slopes)
            last = eq.rhs(t_ + h_, new, args)
        every = slopes if table.fsal else [*slopes, last]
        error = (
            None
            if table.error is None
            else add_scaled(None, h_, _floats(table.error), every[: len(table.error)])
        )
        return Step(new, error, last, slopes)

    def keep(self, accepted: Array, new: State, old: State) -> State:
        return where(accepted, new, old)

    def slope(self, memory: State) -> State:
        return memory

    def interpolate(self, theta: Array, h: Array, u: State, step: Step, memory: State) -> State:
        h_, x = precise(h, u), precise(theta, u)
        if self.dense is not None:
            weights = [x * _horner(row, x) for row in self.dense]
            return _weighted(u, h_, weights, step.stages)
        # Cubic Hermite in the form u + θ(…): exact at both ends.
        x2, x3 = x * x, x * x * x
        ends = [x - 2 * x2 + x3, x3 - x2]
        moved = jax.tree.map(lambda a, b: a + _real(3 * x2 - 2 * x3, a) * (b - a), u, step.u)
        return _weighted(moved, h_, ends, [memory, step.memory])


def _floats(row: Any) -> list[float]:
    return [float(v) for v in row]


def _horner(row: tuple[float, ...], x: Array) -> Array:
    total = jnp.full_like(x, row[-1])
    for value in row[-2::-1]:
        total = total * x + value
    return total


def _real(weight: Array, v: Array) -> Array:
    return weight.astype(v.dtype)


def _weighted(u: State, h: Array, weights: list[Array], slopes: list[State]) -> State:
    """u + h Σ weight·slope with traced weights."""

    def combine(v: Array, *leaves: Array) -> Array:
        return v + sum((_real(h * w, v) * k for w, k in zip(weights, leaves, strict=True)), jnp.zeros_like(v))

    return jax.tree.map(combine, u, *slopes)


class Euler(ExplicitRungeKutta):
    """u₁ = u + h f(t, u). One evaluation; first order. For teaching and for tests."""

    name: ClassVar[str] = "euler"
    order: ClassVar[int] = 1
    stages: ClassVar[int] = 1
    reference: ClassVar[str] = "Euler, Institutionum calculi integralis I (1768), §650"
    table: ClassVar[Butcher] = Butcher(a=[[]], b=[1])


class RK4(ExplicitRungeKutta):
    """The classical method of four stages and order 4, for fixed steps."""

    name: ClassVar[str] = "rk4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 4
    reference: ClassVar[str] = "Kutta, Z. Math. Phys. 46 (1901), 435–453"
    table: ClassVar[Butcher] = Butcher(a=[[], ["1/2"], [0, "1/2"], [0, 0, 1]], b=["1/6", "1/3", "1/3", "1/6"])


class Bosh3(ExplicitRungeKutta):
    """Bogacki–Shampine 3(2), first same as last: three evaluations per step. For loose tolerances."""

    name: ClassVar[str] = "bosh3"
    order: ClassVar[int] = 3
    stages: ClassVar[int] = 3
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 2
    reference: ClassVar[str] = "Bogacki & Shampine, Appl. Math. Lett. 2 (1989), 321–325"
    table: ClassVar[Butcher] = Butcher(
        a=[[], ["1/2"], [0, "3/4"], ["2/9", "1/3", "4/9"]],
        b=["2/9", "1/3", "4/9", 0],
        error=["-5/72", "1/12", "1/9", "-1/8"],
    )


class Dopri5(ExplicitRungeKutta):
    """Dormand–Prince 5(4), first same as last: six evaluations per step, interpolant of order 4."""

    name: ClassVar[str] = "dopri5"
    order: ClassVar[int] = 5
    stages: ClassVar[int] = 6
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 4
    reference: ClassVar[str] = "Dormand & Prince, J. Comput. Appl. Math. 6 (1980), 19–26"
    table: ClassVar[Butcher] = Butcher(
        a=[
            [],
            ["1/5"],
            ["3/40", "9/40"],
            ["44/45", "-56/15", "32/9"],
            ["19372/6561", "-25360/2187", "64448/6561", "-212/729"],
            ["9017/3168", "-355/33", "46732/5247", "49/176", "-5103/18656"],
            ["35/384", 0, "500/1113", "125/192", "-2187/6784", "11/84"],
        ],
        b=["35/384", 0, "500/1113", "125/192", "-2187/6784", "11/84", 0],
        error=["71/57600", 0, "-71/16695", "71/1920", "-17253/339200", "22/525", "-1/40"],
    )
    # Shampine's interpolant, Hairer, Nørsett & Wanner, Solving ODEs I, II.6 (as in SciPy's RK45).
    dense: ClassVar[tuple[tuple[float, ...], ...] | None] = (
        (1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432),
        (0.0, 0.0, 0.0, 0.0),
        (0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799),
        (0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072),
        (0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632),
        (0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844),
        (0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423),
    )


_TSIT5 = (
    "0.0964607668180652295181673131651287633372",
    "0.01",
    "0.4798896504144995747752495322905965199130",
    "1.3790085741037418931922748218568727707565",
    "-3.2900695154360806799010475857113638501157",
    "2.3247105240997739824153559183987657961091",
)


class Tsit5(ExplicitRungeKutta):
    """Tsitouras 5(4), first same as last: six evaluations per step, interpolant of order 4.

    The default where nothing is stiff. The coefficients are the paper's, which are decimal.
    """

    name: ClassVar[str] = "tsit5"
    order: ClassVar[int] = 5
    stages: ClassVar[int] = 6
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 4
    reference: ClassVar[str] = "Tsitouras, Comput. Math. Appl. 62 (2011), 770–775"
    table: ClassVar[Butcher] = Butcher(
        a=[
            [],
            ["0.161"],
            ["-0.0084806554923569885444268742502307746751", "0.3354806554923569885444268742502307746751"],
            [
                "2.8971530571054934321304325941927649387649",
                "-6.3594484899750748431481599123838256259526",
                "4.3622954328695814110177273181908868610278",
            ],
            [
                "5.3258648284392566044288779208405113178364",
                "-11.7488835640628277877471703397857729618874",
                "7.4955393428898362083046047845643581556586",
                "-0.0924950663617552492565020793320719161134",
            ],
            [
                "5.8614554429464200286592514869826478903943",
                "-12.9209693178471092917061186817833953954178",
                "8.1593678985761586431804007945392534851819",
                "-0.0715849732814009972245305425258297386912",
                "-0.0282690503940683829090030572127122414671",
            ],
            [*_TSIT5],
        ],
        b=[*_TSIT5, 0],
        error=[
            "0.0017800110522257771443378550607130364576",
            "0.0008164344596567469032236360633684624186",
            "-0.0078808780102619960101247725972571662786",
            "0.1447110071732629075374571978631992330334",
            "-0.5823571654525552250860518804905447802112",
            "0.4580821059291869466163683187325662997926",
            "-1/66",
        ],
    )
    dense: ClassVar[tuple[tuple[float, ...], ...] | None] = (
        (1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216),
        (0.0, 0.1317, -0.2234, 0.1017),
        (0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253),
        (0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902),
        (0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928),
        (0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661),
        (0.0, 1.5, -4.0, 2.5),
    )
