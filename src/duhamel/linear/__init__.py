"""Linear operators and what a method may ask of them: apply, solve(shift), exp, φ-actions."""

from duhamel.linear.base import Operator, add_weights, times
from duhamel.linear.entrywise import Diagonal, Scalar
from duhamel.linear.matrices import BlockDiagonal, Dense

__all__ = ["BlockDiagonal", "Dense", "Diagonal", "Operator", "Scalar", "add_weights", "times"]
