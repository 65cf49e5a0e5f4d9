"""The cheapest structure for the Jacobian of an equation."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from duhamel.equation import Equation
from duhamel.jacobian.banded import Banded, Diagonal, Tridiagonal, marked
from duhamel.jacobian.packing import length, pack, unpack
from duhamel.jacobian.sparsity import LARGEST, bandwidths, coloured, dependences, narrowest
from duhamel.jacobian.structure import Coloured, Full, Small, Structure
from duhamel.linear.base import real_dtype

__all__ = ["cheapest", "structure_of"]

# Up to the first size elimination is part of the loop over time steps whatever the pattern, up to the second
# unless a band is cheaper.
SMALL, MEDIUM = 8, 32
# A matrix with more than one entry in so many is not sparse.
_DENSE = 4
# Structures that are remembered.
_REMEMBERED = 64
_known: OrderedDict[Any, Structure] = OrderedDict()


def structure_of(eq: Equation, u: Any, args: Any) -> Structure:
    """The cheapest structure that holds ∂f/∂u and the mass matrix of `eq` at all states like u.

    `Small` for a few unknowns; else the pattern is read off the program of f, and the unknowns are put in the
    order in which it is the narrowest band: `Diagonal`, `Banded` (on accelerators `Tridiagonal`); where a
    band would cost more, `Coloured` if the pattern is sparse, or `Full`. Plain numbers in `eq` and `args` may
    stand for any number, arrays are taken as they are (their zeros matter) unless they are traced. u may be
    traced. Costs some hundredths of a second for a thousand unknowns; remembered.
    """
    n = length(u)
    if n <= SMALL:
        return Small(n)
    if n > LARGEST:
        return Full(n)
    leaves, treedef = jax.tree.flatten((Equation(eq.parts), args))
    backend = jax.default_backend()
    key = (treedef, *map(_mark, leaves), _mark(eq.mass), _form(u), backend)
    try:
        found = _known.get(key)
    except TypeError:  # something in the equation has no hash
        return _found(eq, u, args, backend)
    if found is None:
        found = _known[key] = _found(eq, u, args, backend)
        if len(_known) > _REMEMBERED:
            _known.popitem(last=False)
    else:
        _known.move_to_end(key)
    return found


def _found(eq: Equation, u: Any, args: Any, backend: str) -> Structure:
    n = length(u)
    found = dependences(*_packed(eq, u, args), most=n * n // _DENSE)
    mass = _mass_places(eq.mass, n)
    if found is None or mass is None:
        return Small(n) if backend == "cpu" and n <= MEDIUM else Full(n)
    rows, columns = found
    entries = np.unique(np.concatenate([rows * n + columns, *mass]))
    return cheapest(entries // n, entries % n, n, _fields(u), backend)


def cheapest(rows: np.ndarray, columns: np.ndarray, n: int, fields: set[int], backend: str) -> Structure:
    """The structure in which systems with entries at these places, the diagonal among them, are solved in the
    least time; rows in rising order. `fields`: numbers of fields of which the state may consist."""
    small = backend == "cpu" and n <= MEDIUM
    if len(rows) > n * n // _DENSE:
        return Small(n) if small else Full(n)
    order = narrowest(rows, columns, n, fields)
    lower, upper = bandwidths(rows, columns, order)
    if lower == upper == 0:
        return Diagonal(n)
    if small and _small_time(n) < _band_time(n, lower, upper):
        return Small(n)
    rank = np.argsort(order.places())
    colouring = coloured(rows, columns, n, rank, lower + upper + 1)
    if backend == "cpu" and _band_time(n, lower, upper) < _full_time(n):
        return Banded(n, lower, upper, order, marked(rows, columns, order, lower, upper), colouring)
    if backend != "cpu" and lower <= 1 and upper <= 1:
        return Tridiagonal(n, order, marked(rows, columns, order, 1, 1), colouring)
    if colouring.colours > n // 2:
        return Full(n)
    return Coloured(n, colouring, rows.astype(np.int32).tobytes(), columns.astype(np.int32).tobytes())


def _band_time(n: int, lower: int, upper: int) -> float:
    """Microseconds to factorise and solve, roughly."""
    return n * (0.1 + 0.001 * lower * (lower + upper + 1))


def _small_time(n: int) -> float:
    """Microseconds to factorise and solve inside the loop, roughly."""
    return 0.05 * n + 0.0005 * n**3


def _full_time(n: int) -> float:
    """Microseconds to factorise and solve by LAPACK, roughly."""
    return 5.0 + 0.02 * n + 0.6e-4 * n**3


def _packed(eq: Equation, u: Any, args: Any) -> tuple[Any, ...]:
    """f on packed states as a function of x, t and all numbers whose values do not count, and examples of
    these."""
    leaves, treedef = jax.tree.flatten((Equation(eq.parts), args))
    loose = [_is_loose(leaf) for leaf in leaves]
    like = jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape, v.dtype), u)
    dtype = real_dtype(u)

    def f(x: Array, t: Array, *numbers: Any) -> Array:
        values = iter(numbers)
        filled = [next(values) if free else leaf for free, leaf in zip(loose, leaves, strict=True)]
        equation, given = jax.tree.unflatten(treedef, filled)
        return pack(equation.rhs(t, unpack(x, like), given))

    numbers = [_example(leaf) for free, leaf in zip(loose, leaves, strict=True) if free]
    x = jax.ShapeDtypeStruct((length(u),), dtype)
    return f, x, jax.ShapeDtypeStruct((), dtype), *numbers


def _is_loose(leaf: Any) -> bool:
    """Whether the value of a leaf must not count: plain numbers, which may change from run to run without
    compiling anew, and what is traced."""
    if isinstance(leaf, Tracer) or type(leaf) in (int, float, complex):
        return True
    return isinstance(leaf, jax.Array | np.ndarray | np.generic) and leaf.ndim == 0


def _example(leaf: Any) -> Any:
    return leaf if isinstance(leaf, int | float | complex) else jax.ShapeDtypeStruct(leaf.shape, leaf.dtype)


def _mark(leaf: Any) -> Any:
    """What of a leaf the pattern may depend on."""
    if leaf is None:
        return None
    if _is_loose(leaf):
        return type(leaf) if isinstance(leaf, int | float | complex) else (leaf.shape, str(leaf.dtype))
    if isinstance(leaf, jax.Array | np.ndarray):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.extended):
            return leaf.shape, str(leaf.dtype)
        content = np.ascontiguousarray(leaf).reshape(-1).view(np.uint8).data
        return leaf.shape, str(leaf.dtype), hashlib.blake2b(content, digest_size=16).digest()
    return leaf


def _form(u: Any) -> Any:
    return tuple((v.shape, str(v.dtype)) for v in jax.tree.leaves(u)), jax.tree.structure(u)


def _fields(u: Any) -> set[int]:
    """Numbers of fields of equal length that the packed state may consist of."""
    leaves = jax.tree.leaves(u)
    parts = sum(2 if jnp.issubdtype(v.dtype, jnp.complexfloating) else 1 for v in leaves)
    first = {v.shape[0] * parts for v in leaves if v.ndim > 1}
    return {parts, 2 * parts, *first}


def _mass_places(mass: Any, n: int) -> list[np.ndarray] | None:
    """Where a mass matrix and the diagonal have entries, as numbers i·n + j; None if that cannot be known."""
    diagonal = np.arange(n) * (n + 1)
    if mass is None or mass.ndim == 1:
        return [diagonal]
    if isinstance(mass, Tracer):
        return None
    rows, columns = np.nonzero(np.asarray(mass))
    return [diagonal, rows * n + columns]
