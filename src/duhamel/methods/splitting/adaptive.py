"""Splittings with an error estimate by two or three compositions, as data."""

from __future__ import annotations

from typing import ClassVar

from duhamel.methods.splitting.sequence import Branch, Sweep, lie, strangs
from duhamel.methods.splitting.stepper import Splitting

__all__ = ["AdaptiveStrang", "Palindromic4"]


class AdaptiveStrang(Splitting):
    """Strang, with the mean of Lie–Trotter and its adjoint to compare with: an estimate of order 2.

    Both are of order 2 with different leading errors, so the difference is C h³ like the error itself (a
    Milne device). The new state is Strang's, so what Strang keeps is kept (mass, symmetry, positivity). For
    diffusion too: no flow runs backwards. Three flows of N per step.
    """

    name: ClassVar[str] = "adaptive-strang"
    order: ClassVar[int] = 2
    stages: ClassVar[int] = 3
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 2
    reference: ClassVar[str] = (
        "Strang, SIAM J. Numer. Anal. 5 (1968), 506–517; Auzinger, Hofstätter, Ketcheson & Koch, "
        "BIT 57 (2017), 55–74"
    )
    branches: ClassVar[tuple[Branch, ...]] = (
        Branch(strangs([1.0]), 1.0, 1.0),
        Branch(lie(1.0), 0.0, -0.5),
        Branch((Sweep(1.0, False),), 0.0, -0.5),
    )


_ENDS, _MIDDLE, _HALFWAY = 0.268330095781759925, -0.187991618799159782, 0.919661523017399857
# The flows .27, .92, −.19, −.19, .92, .27 of two parts by turns, as Lie steps and their adjoints.
_OUTER = (_ENDS, _HALFWAY - _ENDS)
_THREE = lie(*_OUTER, _MIDDLE - _OUTER[1], *_OUTER[::-1])


class Palindromic4(Splitting):
    """The mean of a method of order 3 and of its adjoint, (S + S*)/2: order 4; (S − S*)/2 is the estimate.

    The leading errors of S and S* are opposite, so the estimate is asymptotically the error of S, of order 3.
    S has three stages. Some flows run backwards: not for diffusion that the grid resolves. A mean
    keeps no invariants exactly.
    """

    name: ClassVar[str] = "palindromic4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 6
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 3
    reference: ClassVar[str] = (
        "Auzinger, Hofstätter, Ketcheson & Koch, BIT 57 (2017), 55–74 (PP 3/4 A); McLachlan & Atela, "
        "Nonlinearity 5 (1992), 541–562"
    )
    branches: ClassVar[tuple[Branch, ...]] = (
        Branch(_THREE, 0.5, 0.5),
        Branch(tuple(Sweep(fraction, not forwards) for fraction, forwards in _THREE), 0.5, -0.5),
    )
