"""The cheapest structure that holds the Jacobian of an equation."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from duhamel.equation import Equation
from duhamel.jacobian.colour import bandwidth, coloured, narrow_order
from duhamel.jacobian.detect import dependence
from duhamel.jacobian.packing import length, pack, unpack
from duhamel.jacobian.pattern import Frozen
from duhamel.jacobian.sparse import Banded, Coloured, Tridiagonal
from duhamel.jacobian.structure import SMALL, Full, Small, Structure

__all__ = ["structure_of"]

# Patterns are looked for up to this many unknowns; beyond it a matrix would not fit into memory anyway.
_LARGEST = 20_000
# A full factorisation by LAPACK is faster per operation than elimination row by row.
_BAND_GAIN = 6


def structure_of(eq: Equation, u: Any, args: Any) -> Structure:
    """Small for up to 8 unknowns; otherwise what the pattern of the Jacobian allows: a band (the unknowns
    reordered), a sparse matrix found by few products, or a full one.

    The pattern is read off the program of the equation once and remembered; nothing is assumed of the values
    of u, of args or of the numbers in the equation.
    """
    n = length(u)
    if n <= SMALL:
        return Small(n)
    if n > _LARGEST or any(getattr(p, "jacobian", None) is not None for p in eq.parts):
        return Full(n)
    numbers, treedef = jax.tree.flatten((eq, u, args))
    key = tuple(_shape(v) for v in numbers)
    try:
        return _found(n, treedef, key)
    except TypeError as error:
        # Functions that cannot be hashed cannot be remembered.
        if "unhashable" not in str(error):
            raise
        return _found.__wrapped__(n, treedef, key)


class _Shape(NamedTuple):
    """Of a number; anything else in a pytree stands for itself."""

    shape: tuple[int, ...]
    dtype: Any
    weak: bool


def _shape(value: Any) -> Any:
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        weak = isinstance(value, jax.Array) and jax.typeof(value).weak_type
        return _Shape(tuple(value.shape), np.dtype(value.dtype), weak)
    number = isinstance(value, int | float | complex) and not isinstance(value, bool)
    return _Shape((), np.dtype(jnp.result_type(type(value))), True) if number else value


@lru_cache(maxsize=64)
def _found(n: int, treedef: Any, key: tuple[Any, ...]) -> Structure:
    leaves = [
        jax.ShapeDtypeStruct(v.shape, v.dtype, weak_type=v.weak) if isinstance(v, _Shape) else v for v in key
    ]
    places = [i for i, v in enumerate(key) if isinstance(v, _Shape)]
    _, u, _ = jax.tree.unflatten(treedef, leaves)
    precision = jax.eval_shape(pack, u)

    def f(x: Any, t: Any, numbers: list[Any]) -> Any:
        filled = list(leaves)
        for place, number in zip(places, numbers, strict=True):
            filled[place] = number
        eq, _, args = jax.tree.unflatten(treedef, filled)
        return pack(eq.rhs(t, unpack(x, u), args))

    numbers = [leaves[i] for i in places]
    pattern = dependence(f, precision, jax.ShapeDtypeStruct((), precision.dtype), numbers)
    mass = jax.tree.unflatten(treedef, leaves)[0].mass
    return of_pattern(pattern, None if mass is None else mass.shape)


def of_pattern(pattern: np.ndarray, mass: tuple[int, ...] | None = None) -> Structure:
    """The structure for a boolean pattern (n, n) and the shape of the mass matrix."""
    n = pattern.shape[0]
    if mass is not None and len(mass) == 2:
        # Its values are not known here, so it may fill the whole matrix.
        return _full(pattern, coloured(pattern, np.arange(n)))
    order = narrow_order(pattern)
    colours = coloured(pattern, order)
    lower, upper = bandwidth(pattern, order)
    if _BAND_GAIN * (lower + upper + 1) <= n:
        kind = Tridiagonal if max(lower, upper) == 1 else Banded
        lower, upper = (1, 1) if kind is Tridiagonal else (lower, upper)
        present = _present(pattern, order, lower, upper)
        return kind(n, lower, upper, Frozen(order), Frozen(present), Frozen(colours))
    return _full(pattern, colours)


def _full(pattern: np.ndarray, colours: np.ndarray) -> Structure:
    n = pattern.shape[0]
    few = colours.max() + 1 <= n // 2
    return Coloured(n, Frozen(pattern), Frozen(colours)) if few else Full(n)


def _present(pattern: np.ndarray, order: np.ndarray, lower: int, upper: int) -> np.ndarray:
    n = len(order)
    places = np.arange(n)[:, None] + np.arange(-lower, upper + 1)
    inside = (places >= 0) & (places < n)
    columns = order[np.clip(places, 0, n - 1)]
    return pattern[order[:, None], columns] & inside
