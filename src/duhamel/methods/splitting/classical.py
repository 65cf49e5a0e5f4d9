"""Splittings of orders 1 to 4 with real coefficients, as data."""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from duhamel.methods.splitting.sequence import Sweep, alternating, lie, strangs
from duhamel.methods.splitting.stepper import Splitting

__all__ = ["AdjointLie", "Lie", "McLachlan4", "Ruth3", "Strang", "Suzuki4", "Yoshida4"]


class Lie(Splitting):
    """Lie–Trotter: each part over the whole step, in the order in which the parts were added. Order 1."""

    name: ClassVar[str] = "lie"
    order: ClassVar[int] = 1
    stages: ClassVar[int] = 1
    reference: ClassVar[str] = "Trotter, Proc. Amer. Math. Soc. 10 (1959), 545–551"
    sweeps: ClassVar[tuple[Sweep, ...]] = lie(1.0)


class AdjointLie(Splitting):
    """The adjoint of Lie–Trotter: each part over the whole step, the one added last first. Order 1.

    For two parts whose order matters, e.g. where the last flow should leave its mark (a boundary condition).
    """

    name: ClassVar[str] = "adjoint-lie"
    order: ClassVar[int] = 1
    stages: ClassVar[int] = 1
    reference: ClassVar[str] = "McLachlan & Quispel, Acta Numerica 11 (2002), 341–434"
    sweeps: ClassVar[tuple[Sweep, ...]] = (Sweep(1.0, False),)


class Strang(Splitting):
    """Strang–Marchuk: half a step through the parts forwards, half a step backwards. Order 2, symmetric.

    Order 1 to 1.5 where a boundary condition does not fit a part (non-zero Dirichlet data); see
    `duhamel.boundary_corrected`.
    """

    name: ClassVar[str] = "strang"
    order: ClassVar[int] = 2
    stages: ClassVar[int] = 1
    reference: ClassVar[str] = "Strang, SIAM J. Numer. Anal. 5 (1968), 506–517"
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs([1.0])


class Ruth3(Splitting):
    """Ruth's method of three stages and order 3, the first of its kind. Not symmetric.

    Has flows backwards in time, like every splitting of order above 2 with real coefficients: not for
    diffusion that is resolved by the grid, e^{-γh|λ|} must not overflow.
    """

    name: ClassVar[str] = "ruth3"
    order: ClassVar[int] = 3
    stages: ClassVar[int] = 3
    reference: ClassVar[str] = "Ruth, IEEE Trans. Nucl. Sci. 30 (1983), 2669–2671"
    # The flows 7/24, 2/3, 3/4, −2/3, −1/24, 1 of two parts by turns.
    sweeps: ClassVar[tuple[Sweep, ...]] = lie(7 / 24, 9 / 24, 9 / 24, -25 / 24, 1.0)


_TRIPLE = 1.0 / (2.0 - 2.0 ** (1 / 3))


class Yoshida4(Splitting):
    """The triple jump: Strang over γh, (1 − 2γ)h, γh with γ = 1/(2 − ∛2). Order 4, symmetric, three stages.

    The cheapest of order 4 and the least accurate; blanes-moan4 needs half the work for the same error.
    """

    name: ClassVar[str] = "yoshida4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 3
    reference: ClassVar[str] = (
        "Yoshida, Phys. Lett. A 150 (1990), 262–268; Forest & Ruth, Physica D 43 (1990)"
    )
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs([_TRIPLE, 1.0 - 2.0 * _TRIPLE, _TRIPLE])


_FIVE = 1.0 / (4.0 - 4.0 ** (1 / 3))


class Suzuki4(Splitting):
    """Suzuki's fractal of five Strang steps, γ = 1/(4 − ∛4) four times around 1 − 4γ. Order 4, symmetric.

    No flow is longer than the step (|1 − 4γ| < 0.66), so it is far more robust than the triple jump.
    """

    name: ClassVar[str] = "suzuki4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 5
    reference: ClassVar[str] = "Suzuki, Phys. Lett. A 146 (1990), 319–323"
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs([_FIVE, _FIVE, 1.0 - 4.0 * _FIVE, _FIVE, _FIVE])


_ROOT = sqrt(19.0)


class McLachlan4(Splitting):
    """McLachlan's symmetric composition of five stages and order 4, with algebraic coefficients.

    The same number of flows as Suzuki's, with a smaller error.
    """

    name: ClassVar[str] = "mclachlan4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 5
    reference: ClassVar[str] = "McLachlan, SIAM J. Sci. Comput. 16 (1995), 151–168"
    sweeps: ClassVar[tuple[Sweep, ...]] = alternating(
        [(14.0 - _ROOT) / 108.0, (20.0 - 7.0 * _ROOT) / 108.0], [0.4, -0.1], stages=5
    )
