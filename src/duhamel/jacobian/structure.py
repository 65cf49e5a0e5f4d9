"""How a Jacobian is taken, stored and factorised."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Array

from duhamel.jacobian.implicit import Factors, factorised, solved
from duhamel.jacobian.small import Eliminated, eliminate, substitute
from duhamel.jacobian.sparsity import Colouring

__all__ = ["Coloured", "Full", "Small", "Structure", "narrow", "shift_dtype", "shifted"]


@dataclass(frozen=True)
class Structure(abc.ABC):
    """A form of square matrix of `size` rows. Hashable: it is part of what is compiled.

    Stored values may be added and scaled like arrays. Derivatives pass through `factor` and `solve`.
    """

    size: int

    @abc.abstractmethod
    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Any:
        """∂f/∂x at x in the stored form. f takes and returns vectors of shape (size,), and depends on
        nothing that the structure has no room for."""

    @abc.abstractmethod
    def stored(self, matrix: Array) -> Any:
        """A matrix of shape (size, size) in the stored form; what has no room there is left out."""

    def zeros(self, dtype: Any) -> Any:
        """Zero in the stored form."""
        form = jax.eval_shape(self.stored, jax.ShapeDtypeStruct((self.size, self.size), dtype))
        return jax.tree.map(lambda v: jnp.zeros(v.shape, v.dtype), form)

    @abc.abstractmethod
    def factor(self, values: Any, shift: Array, mass: Array | None) -> Any:
        """Factors of M − shift·J; `shift` real or complex, `mass` of shape (size,), (size, size), or None for
        the identity."""

    @abc.abstractmethod
    def solve(self, factors: Any, b: Array) -> Array:
        """x with (M − shift·J) x = b, b of shape (size,), complex if the shift was."""

    @abc.abstractmethod
    def times(self, values: Any, v: Array) -> Array:
        """J v."""


@dataclass(frozen=True)
class Full(Structure):
    """Every entry, taken by n Jacobian–vector products and factorised by LAPACK: about 2n³/3 operations, and
    2n² a solution."""

    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Array:
        return jax.jacfwd(f)(x)

    def stored(self, matrix: Array) -> Array:
        return matrix

    def factor(self, values: Array, shift: Array, mass: Array | None) -> Any:
        return lu_factor(shifted(values, shift, mass))

    def solve(self, factors: Any, b: Array) -> Array:
        return lu_solve(factors, b)

    def times(self, values: Array, v: Array) -> Array:
        return values @ v


@dataclass(frozen=True)
class Coloured(Structure):
    """A sparse matrix without a narrow band: taken by one Jacobian–vector product for each colour of
    `colouring`, put where its entries are (`rows`, `columns`: int32 numbers as bytes), stored and factorised
    like `Full`."""

    colouring: Colouring
    rows: bytes
    columns: bytes

    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Array:
        rows, columns = np.frombuffer(self.rows, np.int32), np.frombuffer(self.columns, np.int32)
        entries = self.colouring.compressed(f, x)[self.colouring.numbers()[columns], rows]
        empty = jnp.zeros((self.size, self.size), x.dtype)
        return empty.at[rows, columns].set(entries, indices_are_sorted=True, unique_indices=True)

    def stored(self, matrix: Array) -> Array:
        return matrix

    def factor(self, values: Array, shift: Array, mass: Array | None) -> Any:
        return lu_factor(shifted(values, shift, mass))

    def solve(self, factors: Any, b: Array) -> Array:
        return lu_solve(factors, b)

    def times(self, values: Array, v: Array) -> Array:
        return values @ v


@dataclass(frozen=True)
class Small(Structure):
    """Every entry, eliminated by operations that become part of the loop over time steps."""

    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Array:
        return jax.jacfwd(f)(x)

    def stored(self, matrix: Array) -> Array:
        return matrix

    def factor(self, values: Array, shift: Array, mass: Array | None) -> Factors:
        return factorised(self, shifted(values, shift, mass))

    def solve(self, factors: Factors, b: Array) -> Array:
        return solved(self, factors, b)

    def times(self, values: Array, v: Array) -> Array:
        return jnp.sum(values * v, axis=1)

    def eliminate(self, matrix: Array) -> Eliminated:
        """P A = L U."""
        return eliminate(matrix)

    def substitute(self, eliminated: Eliminated, b: Array) -> Array:
        """A⁻¹ b."""
        return substitute(eliminated, b)

    def multiply(self, matrix: Array, x: Array) -> Array:
        """A x."""
        return jnp.sum(matrix * x, axis=1)


def shifted(values: Array, shift: Array, mass: Array | None) -> Array:
    """M − shift·J as a full matrix, in the precision of J (complex if the shift is)."""
    dtype = shift_dtype(values, shift)
    n = values.shape[0]
    if mass is None:
        start = jnp.eye(n, dtype=dtype)
    else:
        start = (jnp.diag(mass) if mass.ndim == 1 else mass).astype(dtype)
    return start - narrow(shift, dtype) * values.astype(dtype)


def shift_dtype(values: Array, shift: Array) -> Any:
    """The precision of J, complex if the shift is."""
    kind = jnp.complex64 if values.dtype == jnp.float32 else jnp.complex128
    return jnp.dtype(kind) if jnp.iscomplexobj(shift) else values.dtype


def narrow(shift: Any, dtype: Any) -> Array:
    """The shift in a precision."""
    return jnp.asarray(shift).astype(dtype)
