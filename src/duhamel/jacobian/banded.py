"""Jacobians whose entries lie near the diagonal, in some order of the unknowns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.jacobian.band import (
    EliminatedBand,
    band_places,
    eliminate_band,
    multiply_band,
    substitute_band,
)
from duhamel.jacobian.implicit import Factors, factorised, solved
from duhamel.jacobian.sparsity import Colouring, Order
from duhamel.jacobian.structure import Structure, narrow, shift_dtype

__all__ = ["Banded", "Diagonal", "Tridiagonal", "marked"]


@dataclass(frozen=True)
class Diagonal(Structure):
    """Each equation for itself: values of shape (n,); one Jacobian–vector product, one division."""

    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Array:
        return _everything(self.size).compressed(f, x)[0]

    def stored(self, matrix: Array) -> Array:
        return jnp.diagonal(matrix)

    def factor(self, values: Array, shift: Array, mass: Array | None) -> Array:
        dtype = shift_dtype(values, shift)
        if mass is None:
            start: Any = 1.0
        else:
            start = (mass if mass.ndim == 1 else jnp.diagonal(mass)).astype(dtype)
        return 1.0 / (start - narrow(shift, dtype) * values.astype(dtype))

    def solve(self, factors: Array, b: Array) -> Array:
        return factors * b

    def times(self, values: Array, v: Array) -> Array:
        return values * v


@dataclass(frozen=True)
class Banded(Structure):
    """`lower` and `upper` diagonals in an `order` of the unknowns, by elimination with partial pivoting of
    our own: about n·lower·(lower + upper) operations once, and 2n·(lower + upper) a solution.

    Values have shape (n, lower + upper + 1); `present` marks those that may differ from zero (packed bits).
    The mass matrix must lie within the band.
    """

    lower: int
    upper: int
    order: Order
    present: bytes
    colouring: Colouring

    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Array:
        return _assembled(self.colouring, self.order, self.lower, self.upper, self.present, f, x)

    def stored(self, matrix: Array) -> Array:
        return _cut(self.order, self.lower, self.upper, matrix)

    def factor(self, values: Array, shift: Array, mass: Array | None) -> Factors:
        return factorised(self, _shifted(self.order, self.lower, self.upper, values, shift, mass))

    def solve(self, factors: Factors, b: Array) -> Array:
        return self.order.back(solved(self, factors, self.order.there(b)))

    def times(self, values: Array, v: Array) -> Array:
        return self.order.back(multiply_band(values, self.order.there(v), self.lower))

    def eliminate(self, matrix: Array) -> EliminatedBand:
        """P A = L U, in the order of the unknowns."""
        return eliminate_band(matrix, self.lower)

    def substitute(self, eliminated: EliminatedBand, b: Array) -> Array:
        """A⁻¹ b."""
        return substitute_band(eliminated, b)

    def multiply(self, matrix: Array, x: Array) -> Array:
        """A x."""
        return multiply_band(matrix, x, self.lower)


@dataclass(frozen=True)
class Tridiagonal(Structure):
    """One diagonal on either side in an `order` of the unknowns, solved by Lineax: LAPACK's or the
    accelerator's own routine, which eliminates anew for every solution. For accelerators, where a loop over
    rows is slow; elsewhere `Banded` is as fast and keeps its factors.
    """

    order: Order
    present: bytes
    colouring: Colouring

    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Array:
        return _assembled(self.colouring, self.order, 1, 1, self.present, f, x)

    def stored(self, matrix: Array) -> Array:
        return _cut(self.order, 1, 1, matrix)

    def factor(self, values: Array, shift: Array, mass: Array | None) -> Array:
        return _shifted(self.order, 1, 1, values, shift, mass)

    def solve(self, factors: Array, b: Array) -> Array:
        import lineax  # a tenth of a second that only this structure needs

        diagonals = (factors[:, 1], factors[1:, 0], factors[:-1, 2])
        operator = lineax.TridiagonalLinearOperator(*diagonals)
        solution = lineax.linear_solve(operator, self.order.there(b), lineax.Tridiagonal(), throw=False)
        return self.order.back(solution.value)

    def times(self, values: Array, v: Array) -> Array:
        return self.order.back(multiply_band(values, self.order.there(v), 1))


def _everything(n: int) -> Colouring:
    """One colour for all columns."""
    return Colouring(n, 1, np.zeros(n, np.int32).tobytes())


def marked(rows: np.ndarray, columns: np.ndarray, order: Order, lower: int, upper: int) -> bytes:
    """Which entries of a band in an order belong to a pattern, as packed bits."""
    rank = np.argsort(order.places())
    marks = np.zeros((order.size, lower + upper + 1), bool)
    marks[rank[rows], rank[columns] - rank[rows] + lower] = True
    return np.packbits(marks).tobytes()


def _assembled(
    colouring: Colouring,
    order: Order,
    lower: int,
    upper: int,
    present: bytes,
    f: Callable[[Array], Array],
    x: Array,
) -> Array:
    """∂f/∂x as a band in an order, from one Jacobian–vector product a colour."""
    products = order.there(colouring.compressed(f, x))
    columns, _ = band_places(order.size, lower, upper)
    colours = colouring.numbers()[order.places()][columns]
    flat = colours * order.size + np.arange(order.size, dtype=np.int32)[:, None]
    # Other entries of the band share their colour with one that is present.
    marks = np.unpackbits(np.frombuffer(present, np.uint8), count=flat.size).reshape(flat.shape) == 1
    return jnp.where(marks, products.reshape(-1)[flat], 0.0)


def _cut(order: Order, lower: int, upper: int, matrix: Array) -> Array:
    """The band of a full matrix in an order."""
    columns, inside = band_places(order.size, lower, upper)
    places = order.places()
    return jnp.where(inside, matrix[places[:, None], places[columns]], 0.0)


def _shifted(order: Order, lower: int, upper: int, values: Array, shift: Array, mass: Array | None) -> Array:
    """M − shift·J as a band, in the precision of J (complex if the shift is)."""
    dtype = shift_dtype(values, shift)
    scaled = -narrow(shift, dtype) * values.astype(dtype)
    if mass is not None and mass.ndim == 2:
        return _cut(order, lower, upper, mass).astype(dtype) + scaled
    diagonal = jnp.ones((), dtype) if mass is None else order.there(mass).astype(dtype)
    return scaled.at[:, lower].add(diagonal)
