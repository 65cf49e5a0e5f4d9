"""All splittings, by increasing order."""

from __future__ import annotations

from duhamel.methods.splitting.adaptive import AdaptiveStrang, Palindromic4
from duhamel.methods.splitting.classical import (
    AdjointLie,
    Lie,
    McLachlan4,
    Ruth3,
    Strang,
    Suzuki4,
    Yoshida4,
)
from duhamel.methods.splitting.compositions import (
    BlanesMoan4,
    BlanesMoan6,
    KahanLi6,
    KahanLi8,
    McLachlan6,
    McLachlan8,
    Suzuki6,
    Yoshida6,
    Yoshida8,
)
from duhamel.methods.splitting.parabolic import BlanesComplex6, Castella4, ComplexJump4, ConjugateStrang4
from duhamel.methods.splitting.stepper import Splitting
from duhamel.methods.splitting.symplectic import BlanesMoanRKN4, BlanesMoanRKN6, BlanesMoanRKN6A, Verlet

__all__ = ["METHODS"]

METHODS: tuple[type[Splitting], ...] = (
    Lie,
    AdjointLie,
    Strang,
    AdaptiveStrang,
    Ruth3,
    Yoshida4,
    Suzuki4,
    McLachlan4,
    BlanesMoan4,
    Palindromic4,
    ConjugateStrang4,
    ComplexJump4,
    Castella4,
    Yoshida6,
    Suzuki6,
    McLachlan6,
    KahanLi6,
    BlanesMoan6,
    BlanesComplex6,
    Yoshida8,
    McLachlan8,
    KahanLi8,
    Verlet,
    BlanesMoanRKN4,
    BlanesMoanRKN6,
    BlanesMoanRKN6A,
)
