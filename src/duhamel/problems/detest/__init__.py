"""The thirty non-stiff problems of DETEST."""

from duhamel.problems.detest import higher, kinks, moderate, orbits, scalar, small

MAKERS = {
    name: maker
    for part in (scalar, small, moderate, orbits, higher, kinks)
    for name, maker in part.MAKERS.items()
}

__all__ = ["MAKERS"]
