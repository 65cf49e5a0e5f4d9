"""Sparse Jacobians: found by a few products, stored as a band where a band is narrow."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import lineax as lx
import numpy as np
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Array

from duhamel.jacobian.banded import band_factor, band_solve, band_times
from duhamel.jacobian.pattern import Frozen
from duhamel.jacobian.structure import Structure, complex_like, shifted

__all__ = ["Banded", "Coloured", "Tridiagonal"]


@dataclass(frozen=True)
class Coloured(Structure):
    """A sparse Jacobian found by one product for each of its colours, stored and factorised in full.

    `pattern` (n, n): where it may be nonzero; `colours` (n,): of its columns, see `coloured`.
    """

    pattern: Frozen
    colours: Frozen

    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Array:
        products = compressed(f, x, self.colours.array)
        return jnp.where(self.pattern.array, products[self.colours.array].T, 0.0)

    def stored(self, matrix: Array) -> Array:
        return matrix

    def factor(self, values: Array, shift: Array, mass: Array | None) -> Any:
        return lu_factor(shifted(values, shift, mass))

    def solve(self, factors: Any, b: Array) -> Array:
        return lu_solve(factors, b)

    def times(self, values: Array, v: Array) -> Array:
        return values @ v


@dataclass(frozen=True)
class Banded(Structure):
    """A Jacobian that is a band of `lower` and `upper` diagonals once the unknowns are in `order`.

    Stored as rows of the band, (n, lower + upper + 1). A mass matrix is diagonal or lies within the band.
    """

    lower: int
    upper: int
    order: Frozen
    present: Frozen  # (n, lower + upper + 1): which entries of the band may be nonzero
    colours: Frozen

    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Array:
        products = compressed(f, x, self.colours.array)
        order, columns = self.order.array, self._columns()
        return jnp.where(self.present.array, products[self.colours.array[columns], order[:, None]], 0.0)

    def stored(self, matrix: Array) -> Array:
        band = matrix[self.order.array[:, None], self._columns()]
        return jnp.where(self.present.array, band, 0.0)

    def factor(self, values: Array, shift: Array, mass: Array | None) -> Any:
        dtype = complex_like(values.dtype) if jnp.iscomplexobj(shift) else values.dtype
        return self._eliminated(
            self._mass(mass, dtype) - jnp.asarray(shift).astype(dtype) * values.astype(dtype)
        )

    def _eliminated(self, band: Array) -> Any:
        return band_factor(band, self.lower)

    def solve(self, factors: Any, b: Array) -> Array:
        order = self.order.array
        return self._substituted(factors, b[order])[np.argsort(order)]

    def _substituted(self, factors: Any, b: Array) -> Array:
        return band_solve(factors, b)

    def times(self, values: Array, v: Array) -> Array:
        order = self.order.array
        return band_times(values, v[order], self.lower)[np.argsort(order)]

    def _columns(self) -> np.ndarray:
        """The unknown that each entry of the band belongs to; at the corners any."""
        places = np.arange(self.size)[:, None] + np.arange(-self.lower, self.upper + 1)
        return self.order.array[np.clip(places, 0, self.size - 1)]

    def _mass(self, mass: Array | None, dtype: Any) -> Array:
        if mass is not None and mass.ndim == 2:
            band = mass.astype(dtype)[self.order.array[:, None], self._columns()]
            return jnp.where(self._inside(), band, 0.0)
        middle = jnp.ones(self.size, dtype) if mass is None else mass.astype(dtype)[self.order.array]
        place = np.arange(self.lower + self.upper + 1) == self.lower
        return middle[:, None] * jnp.asarray(place, dtype)

    def _inside(self) -> np.ndarray:
        places = np.arange(self.size)[:, None] + np.arange(-self.lower, self.upper + 1)
        return (places >= 0) & (places < self.size)


@dataclass(frozen=True)
class Tridiagonal(Banded):
    """One diagonal below and one above: solved by Lineax, which hands it to LAPACK."""

    def _eliminated(self, band: Array) -> Array:
        return band

    def _substituted(self, factors: Array, b: Array) -> Array:
        lower, middle, upper = factors[1:, 0], factors[:, 1], factors[:-1, 2]
        operator = lx.TridiagonalLinearOperator(middle, lower, upper)
        return lx.linear_solve(operator, b.astype(factors.dtype), lx.Tridiagonal(), throw=False).value


def compressed(f: Callable[[Array], Array], x: Array, colours: np.ndarray) -> Array:
    """J times the sum of the unit vectors of each colour, shape (colours, n)."""
    seeds = np.equal(np.arange(colours.max() + 1)[:, None], colours)
    _, product = jax.linearize(f, x)
    return jax.vmap(product)(jnp.asarray(seeds, x.dtype))
