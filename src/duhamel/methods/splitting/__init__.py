"""Splitting methods: the flows of the parts, one after the other."""

from duhamel.methods.splitting.adaptive import AdaptiveStrang, Palindromic4
from duhamel.methods.splitting.affine import affine
from duhamel.methods.splitting.boundary import boundary_corrected
from duhamel.methods.splitting.classical import (
    AdjointLie,
    Lie,
    McLachlan4,
    Ruth3,
    Strang,
    Suzuki4,
    Yoshida4,
)
from duhamel.methods.splitting.compose import Composition, compose
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
from duhamel.methods.splitting.registry import METHODS
from duhamel.methods.splitting.separable import hamiltonian, separable
from duhamel.methods.splitting.stepper import Splitting
from duhamel.methods.splitting.symplectic import BlanesMoanRKN4, BlanesMoanRKN6, BlanesMoanRKN6A, Verlet

__all__ = [
    "METHODS",
    "AdaptiveStrang",
    "AdjointLie",
    "BlanesComplex6",
    "BlanesMoan4",
    "BlanesMoan6",
    "BlanesMoanRKN4",
    "BlanesMoanRKN6",
    "BlanesMoanRKN6A",
    "Castella4",
    "ComplexJump4",
    "Composition",
    "ConjugateStrang4",
    "KahanLi6",
    "KahanLi8",
    "Lie",
    "McLachlan4",
    "McLachlan6",
    "McLachlan8",
    "Palindromic4",
    "Ruth3",
    "Splitting",
    "Strang",
    "Suzuki4",
    "Suzuki6",
    "Verlet",
    "Yoshida4",
    "Yoshida6",
    "Yoshida8",
    "affine",
    "boundary_corrected",
    "compose",
    "hamiltonian",
    "separable",
]
