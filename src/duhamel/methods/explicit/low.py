"""Explicit Runge–Kutta methods of orders up to 4, as data."""

from __future__ import annotations

from typing import ClassVar

from duhamel.coefficients import Butcher
from duhamel.methods.explicit.stepper import ExplicitRungeKutta

__all__ = ["RK4", "SSPRK3", "Bosh3", "Euler", "Heun"]


class Euler(ExplicitRungeKutta):
    """u₁ = u + h f(t, u). One evaluation; first order. For teaching and for tests."""

    name: ClassVar[str] = "euler"
    order: ClassVar[int] = 1
    stages: ClassVar[int] = 1
    reference: ClassVar[str] = "Euler, Institutionum calculi integralis I (1768), §650"
    table: ClassVar[Butcher] = Butcher(a=[[]], b=[1])


class Heun(ExplicitRungeKutta):
    """Heun 2(1), the explicit trapezoidal rule with Euler's method inside: two evaluations per step.

    For loose tolerances and for teaching.
    """

    name: ClassVar[str] = "heun"
    order: ClassVar[int] = 2
    stages: ClassVar[int] = 2
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 1
    reference: ClassVar[str] = "Heun, Z. Math. Phys. 45 (1900), 23–38"
    table: ClassVar[Butcher] = Butcher(a=[[], [1]], b=["1/2", "1/2"], error=["-1/2", "1/2"])


class SSPRK3(ExplicitRungeKutta):
    """Shu and Osher's method of three stages and order 3, with an estimate of order 2 (Heun's method).

    Strong stability preserving with coefficient 1: whatever norm, total variation or bound Euler's method
    keeps for steps up to h, this method keeps for the same steps. For conservation laws with limiters.
    """

    name: ClassVar[str] = "ssprk3"
    order: ClassVar[int] = 3
    stages: ClassVar[int] = 3
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 2
    reference: ClassVar[str] = "Shu & Osher, J. Comput. Phys. 77 (1988), 439–471"
    table: ClassVar[Butcher] = Butcher(
        a=[[], [1], ["1/4", "1/4"]], b=["1/6", "1/6", "2/3"], error=["-1/3", "-1/3", "2/3"]
    )


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
