"""Derivatives of equations, and the linear systems that methods for stiff equations solve with them."""

from duhamel.jacobian.banded import Banded, Diagonal, Tridiagonal
from duhamel.jacobian.choose import structure_of
from duhamel.jacobian.packing import pack, unpack
from duhamel.jacobian.structure import Coloured, Full, Small, Structure
from duhamel.jacobian.system import System

__all__ = [
    "Banded",
    "Coloured",
    "Diagonal",
    "Full",
    "Small",
    "Structure",
    "System",
    "Tridiagonal",
    "pack",
    "structure_of",
    "unpack",
]
