"""Derivatives of equations, and the linear systems that methods for stiff equations solve with them."""

from duhamel.jacobian.choose import structure_of
from duhamel.jacobian.packing import pack, unpack
from duhamel.jacobian.sparse import Banded, Coloured, Tridiagonal
from duhamel.jacobian.structure import Full, Small, Structure
from duhamel.jacobian.system import System

__all__ = [
    "Banded",
    "Coloured",
    "Full",
    "Small",
    "Structure",
    "System",
    "Tridiagonal",
    "pack",
    "structure_of",
    "unpack",
]
