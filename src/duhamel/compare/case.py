"""What a study solves, and how far two end states lie apart."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from duhamel.equation import as_equation

__all__ = ["Case"]

# Arrays of up to so many entries count as lists of components, each with a scale of its own.
_COMPONENTS = 16


@dataclass(frozen=True)
class Case:
    """An initial value problem: the arguments of `solve`. `rtol` is the tolerance it is usually solved with,
    `ratio` = atol/rtol is kept while rtol varies."""

    equation: Any
    u0: Any
    t1: float
    t0: float = 0.0
    args: Any = None
    name: str = ""
    rtol: float = 1e-6
    ratio: float = 1e-3

    def start(self) -> list[np.ndarray]:
        """The initial state in the user's form, as arrays."""
        eq = as_equation(self.equation)
        return _arrays(eq.decode(eq.encode(self.u0)))

    def distance(self, u: Any, v: Any) -> float:
        """How far two states in the user's form lie apart: the largest over the fields of the root mean
        square of their difference, relative to that of v or of the initial state, whichever is larger.

        The entries of a small array (up to 16) are fields of their own. A field that was and is zero is
        measured by the largest other one.
        """
        units = [
            (_size(p - q), max(_size(q), _size(s)))
            for a, b, c in zip(_arrays(u), _arrays(v), self.start(), strict=True)
            for p, q, s in zip(*map(_units, (a, b, c)), strict=True)
        ]
        most = max(scale for _, scale in units) or 1.0
        return float(max(difference / (scale or most) for difference, scale in units))

    def in_double(self) -> Case:
        """The same in double precision."""
        return replace(self, u0=_double(self.u0), args=_double(self.args))


def _arrays(state: Any) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(state)]


def _units(values: np.ndarray) -> list[np.ndarray]:
    return list(values.reshape(-1, 1)) if values.size <= _COMPONENTS else [values]


def _size(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.abs(values.astype(np.result_type(values, np.float64))) ** 2)))


def _double(tree: Any) -> Any:
    def convert(leaf: Any) -> Any:
        dtype = getattr(leaf, "dtype", None)
        if dtype is None or not np.issubdtype(dtype, np.inexact):
            return leaf
        return np.asarray(leaf).astype(
            np.complex128 if np.issubdtype(dtype, np.complexfloating) else np.float64
        )

    return jax.tree.map(convert, tree)
