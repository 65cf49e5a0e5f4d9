"""The implicit–explicit multistep formulas of Ascher, Ruuth and Wetton as data."""

from __future__ import annotations

from typing import ClassVar

from duhamel.methods.imex.ascher_ruuth_spiteri import ARS222, ARS443
from duhamel.methods.imex.kennedy_carpenter_2019 import ARK43
from duhamel.methods.imex.multistep import ImplicitExplicitMultistep, Multistep
from duhamel.methods.imex.stepper import AdditiveRungeKutta

__all__ = ["CNAB2", "SBDF1", "SBDF2", "SBDF3", "SBDF4"]

_ARW = "Ascher, Ruuth & Wetton, SIAM J. Numer. Anal. 32 (1995)"


class SBDF1(ImplicitExplicitMultistep):
    """u₁ = u + h N(u) + h I(u₁): implicit–explicit Euler, order 1, L-stable, asymptotic preserving."""

    name: ClassVar[str] = "sbdf1"
    order: ClassVar[int] = 1
    stiff_order: ClassVar[int | None] = 1
    reference: ClassVar[str] = _ARW
    formula: ClassVar[Multistep] = Multistep(past=(1,), explicit=(1,), implicit=(1,))
    starter: ClassVar[type[AdditiveRungeKutta]] = ARS222


class SBDF2(ImplicitExplicitMultistep):
    """Order 2 backward differences with extrapolated N: damps stiff modes, for long spectral runs."""

    name: ClassVar[str] = "sbdf2"
    order: ClassVar[int] = 2
    stiff_order: ClassVar[int | None] = 2
    reference: ClassVar[str] = _ARW
    formula: ClassVar[Multistep] = Multistep(
        past=("4/3", "-1/3"), explicit=("4/3", "-2/3"), implicit=("2/3",)
    )
    starter: ClassVar[type[AdditiveRungeKutta]] = ARS222


class SBDF3(ImplicitExplicitMultistep):
    """Order 3 backward differences with extrapolated N. Stable for eigenvalues of N on a piece of the
    imaginary axis, unlike SBDF1 and SBDF2: for advection with some diffusion."""

    name: ClassVar[str] = "sbdf3"
    order: ClassVar[int] = 3
    stiff_order: ClassVar[int | None] = 3
    reference: ClassVar[str] = _ARW
    formula: ClassVar[Multistep] = Multistep(
        past=("18/11", "-9/11", "2/11"), explicit=("18/11", "-18/11", "6/11"), implicit=("6/11",)
    )
    starter: ClassVar[type[AdditiveRungeKutta]] = ARS443


class SBDF4(ImplicitExplicitMultistep):
    """Order 4 backward differences with extrapolated N. The most accurate, with the shortest stable steps."""

    name: ClassVar[str] = "sbdf4"
    order: ClassVar[int] = 4
    stiff_order: ClassVar[int | None] = 4
    reference: ClassVar[str] = _ARW
    formula: ClassVar[Multistep] = Multistep(
        past=("48/25", "-36/25", "16/25", "-3/25"),
        explicit=("48/25", "-72/25", "48/25", "-12/25"),
        implicit=("12/25",),
    )
    starter: ClassVar[type[AdditiveRungeKutta]] = ARK43


class CNAB2(ImplicitExplicitMultistep):
    """u₁ = u + h (3/2 N₀ − 1/2 N₋₁) + h/2 (I₁ + I₀): Crank–Nicolson with Adams–Bashforth, order 2.

    The smallest error constant of the order 2 formulas, but stiff modes are not damped: they alternate in
    sign. Not asymptotic preserving. For mild stiffness.
    """

    name: ClassVar[str] = "cnab2"
    order: ClassVar[int] = 2
    stiff_order: ClassVar[int | None] = 2
    reference: ClassVar[str] = _ARW
    formula: ClassVar[Multistep] = Multistep(past=(1, 0), explicit=("3/2", "-1/2"), implicit=("1/2", "1/2"))
    starter: ClassVar[type[AdditiveRungeKutta]] = ARS222
