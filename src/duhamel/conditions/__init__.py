"""States defined by a condition: roots, fixed points, minimisers, steady states."""

from duhamel.conditions.implicit import implicit
from duhamel.conditions.steady import steady_state

__all__ = ["implicit", "steady_state"]
