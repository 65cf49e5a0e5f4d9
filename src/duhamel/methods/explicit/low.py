"""Explicit Runge–Kutta methods of orders up to 4, as data."""

from __future__ import annotations

from typing import ClassVar

from duhamel.coefficients import Butcher
from duhamel.methods.explicit.stepper import ExplicitRungeKutta

__all__ = ["RK4", "Bosh3", "Euler"]


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
