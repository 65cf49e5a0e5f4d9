"""Gaussian elimination with partial pivoting for matrices of a few rows.

Inside a loop over time steps a LAPACK call costs more than the step itself. Everything here is made of
operations on whole rows in loops of fixed length, which become part of the loop around them, batch with the
samples side by side, and compile in a fraction of a second whatever the size. (Written out row by row, eight
rows take XLA twenty seconds.)
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["Eliminated", "eliminate", "substitute"]


class Eliminated(NamedTuple):
    """P A = L U: the rows of U (n, n), and L⁻¹P (n, n), whose entries pivoting keeps moderate."""

    upper: Array
    lower: Array


def eliminate(matrix: Array) -> Eliminated:
    """Factorise a real or complex matrix of shape (n, n)."""
    n = matrix.shape[0]
    rows = jnp.arange(n, dtype=jnp.int32)

    def column(k: Array, both: Array) -> Array:
        below = _entry(both, k, 1)
        place = jnp.argmax(jnp.where(rows >= k, _size(below), -1.0)).astype(jnp.int32)
        pivot, old = _entry(both, place, 0), _entry(both, k, 0)
        both = jnp.where((rows == place)[:, None], old, both)
        factors = jnp.where(rows > k, _entry(both, k, 1) / _entry(pivot, k, 0), 0.0)
        return jnp.where((rows == k)[:, None], pivot, both - factors[:, None] * pivot)

    both = jnp.concatenate([matrix, jnp.eye(n, dtype=matrix.dtype)], axis=1)
    both = jax.lax.fori_loop(0, n, column, both)
    return Eliminated(both[:, :n], both[:, n:])


def substitute(factors: Eliminated, b: Array) -> Array:
    """x with A x = b for one right-hand side of shape (n,)."""
    n = b.shape[0]
    places = jnp.arange(n, dtype=jnp.int32)

    def entry(k: Array, x: Array) -> Array:
        i = n - 1 - k
        row = _entry(factors.upper, i, 0)
        rest = _entry(x, i, 0) - jnp.sum(jnp.where(places > i, row * x, 0.0))
        return jnp.where(places == i, rest / _entry(row, i, 0), x)

    return jax.lax.fori_loop(0, n, entry, jnp.sum(factors.lower * b, axis=1))


def _entry(values: Array, index: Array, axis: int) -> Array:
    return jax.lax.dynamic_index_in_dim(values, index, axis, keepdims=False)


def _size(values: Array) -> Array:
    """|x|, or |Re x| + |Im x|, which chooses as good a pivot and needs no root."""
    return abs(values.real) + abs(values.imag) if jnp.iscomplexobj(values) else abs(values)
