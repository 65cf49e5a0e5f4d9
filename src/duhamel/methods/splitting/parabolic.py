"""Splittings with complex coefficients of positive real part, as data: high order without flows backwards.

A real splitting of order above 2 must run each part backwards somewhere (Sheng 1989, Suzuki 1991), which
diffusion forbids. Complex times γh with Re γ > 0 keep e^{γhL} bounded. Inside a step the state is u + iv; its
real part is the result, which keeps the order.
"""

from __future__ import annotations

from math import sqrt
from typing import ClassVar

from duhamel.methods.splitting.sequence import Sweep, alternating, strangs
from duhamel.methods.splitting.stepper import Splitting

__all__ = ["BlanesComplex6", "Castella4", "ComplexJump4", "ConjugateStrang4"]

_PAIR = 0.5 + 1j * sqrt(3.0) / 6.0


class ConjugateStrang4(Splitting):
    """Two Strang steps over γh and γ̄h, γ = 1/2 + i√3/6: the real part is of order 4, the imaginary part is
    O(h⁴) and serves as error estimate.

    The composition itself has order 3 (Bandrauk & Shen 1991). Since its conjugate is its adjoint, the leading
    error is purely imaginary, so the estimate costs nothing. arg γ = π/6: for sectorial parts. The
    cheapest adaptive splitting of order 4 for diffusion; two flows of N per step.
    """

    name: ClassVar[str] = "conjugate-strang4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 2
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 3
    imaginary: ClassVar[bool] = True
    reference: ClassVar[str] = (
        "Castella, Chartier, Descombes & Vilmart, BIT 49 (2009), 487–508; Hansen & Ostermann, BIT 49 (2009), "
        "527–542"
    )
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs([_PAIR, _PAIR.conjugate()])


_JUMP = 1.0 / (2.0 - 2.0 ** (1 / 3) * (-0.5 + 0.5j * sqrt(3.0)))


class ComplexJump4(Splitting):
    """The triple jump with a complex cube root: Strang over γh, (1 − 2γ)h, γh, γ = 1/(2 − ∛2 e^{2πi/3}).

    Order 4 for any number of parts, symmetric; real parts 0.32 and 0.35, arguments up to 37.5°.
    """

    name: ClassVar[str] = "complex-jump4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 3
    reference: ClassVar[str] = "Castella, Chartier, Descombes & Vilmart, BIT 49 (2009), 487–508"
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs([_JUMP, 1.0 - 2.0 * _JUMP, _JUMP])


class Castella4(Splitting):
    """Four stages of order 4: complex times for the first part, h/4 for the second.

    The times of the second of two parts are real and positive, so put there what forbids complex times less
    readily or costs most (N, or an unbounded part whose spectrum reaches far from the real axis).
    """

    name: ClassVar[str] = "castella4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 4
    reference: ClassVar[str] = "Castella, Chartier, Descombes & Vilmart, BIT 49 (2009), 487–508"
    sweeps: ClassVar[tuple[Sweep, ...]] = alternating([0.1 - 1j / 30, 4 / 15 + 2j / 15], [0.25], stages=4)


class BlanesComplex6(Splitting):
    """Sixteen stages of order 6: complex times for the first part, h/16 for the second.

    All real parts are positive; error constant 1e-6. For small tolerances on parabolic problems with
    smooth parts.
    """

    name: ClassVar[str] = "blanes-complex6"
    order: ClassVar[int] = 6
    stages: ClassVar[int] = 16
    reference: ClassVar[str] = "Blanes, Casas, Chartier & Murua, Math. Comp. 82 (2013), 1559–1576"
    sweeps: ClassVar[tuple[Sweep, ...]] = alternating(
        [
            0.028920177910074098791 - 0.005936580835725746103j,
            0.056654351383649876160 + 0.020841963949772627119j,
            0.067258385822722143569 - 0.039386393748812362460j,
            0.070333980553260772061 + 0.058952097930307840316j,
            0.077095100838099173580 - 0.038247636602014810025j,
            0.042022140317231098258 - 0.033116379859951038579j,
            0.050147397749937784280 + 0.061283684958324249562j,
            0.047750191909146143447 - 0.032332468814362628262j,
        ],
        [0.0625] * 7,
        stages=16,
    )
