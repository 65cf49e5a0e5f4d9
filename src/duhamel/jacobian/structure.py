"""How a Jacobian is taken, stored and factorised."""

from __future__ import annotations

import abc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Array

from duhamel.jacobian.small import eliminate, substitute

__all__ = ["SMALL", "Full", "Small", "Structure", "complex_like", "shifted"]

# Up to this size elimination is unrolled into the loop.
SMALL = 8


@dataclass(frozen=True)
class Structure(abc.ABC):
    """A form of square matrix of `size` rows. Hashable: it is part of what is compiled."""

    size: int

    @abc.abstractmethod
    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Any:
        """∂f/∂x at x in the stored form. f takes and returns vectors of shape (size,)."""

    @abc.abstractmethod
    def stored(self, matrix: Array) -> Any:
        """A matrix of shape (size, size) in the stored form."""

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
    """Every entry, factorised by LAPACK."""

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
class Small(Structure):
    """Every entry, eliminated by operations that are unrolled into the loop."""

    def jacobian(self, f: Callable[[Array], Array], x: Array) -> Array:
        return jax.jacfwd(f)(x)

    def stored(self, matrix: Array) -> Array:
        return matrix

    def factor(self, values: Array, shift: Array, mass: Array | None) -> Any:
        return eliminate(shifted(values, shift, mass))

    def solve(self, factors: Any, b: Array) -> Array:
        return substitute(factors, b)

    def times(self, values: Array, v: Array) -> Array:
        return jnp.sum(values * v, axis=1)


def shifted(values: Array, shift: Array, mass: Array | None) -> Array:
    """M − shift·J as a full matrix, in the precision of J (complex if the shift is)."""
    dtype = complex_like(values.dtype) if jnp.iscomplexobj(shift) else values.dtype
    n = values.shape[0]
    if mass is None:
        start = jnp.eye(n, dtype=dtype)
    else:
        start = (jnp.diag(mass) if mass.ndim == 1 else mass).astype(dtype)
    return start - jnp.asarray(shift).astype(dtype) * values.astype(dtype)


def complex_like(dtype: Any) -> Any:
    """The complex partner of a real dtype."""
    return jnp.complex64 if dtype == jnp.float32 else jnp.complex128
