"""Derivatives of equations, and the linear systems that methods for stiff equations solve with them."""

from duhamel.jacobian.packing import pack, unpack
from duhamel.jacobian.structure import Full, Small, Structure, structure_of
from duhamel.jacobian.system import System

__all__ = ["Full", "Small", "Structure", "System", "pack", "structure_of", "unpack"]
