"""Gaussian elimination with partial pivoting for matrices of a few rows.

Inside a loop over time steps a LAPACK call costs more than the step itself. Everything here is made of
operations on rows in loops of fixed length: they become part of the loop around them, batch with the samples
side by side, and compile in a fraction of a second. (Written out entry by entry, eight rows take XLA ten
seconds and run slower, because it computes shared terms anew wherever they are used. An explicit inverse
would be quicker to apply, but leaves residuals of cond(A) times round-off.)
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["Eliminated", "eliminate", "magnitude", "substitute"]


class Eliminated(NamedTuple):
    """P A = L U, in the form that is quickest to apply.

    upper (n, n): the columns of U, row by row divided by the diagonal, which is left out; lower (n, n):
    L⁻¹P, whose entries pivoting keeps moderate; scale (n,): 1 / diagonal of U.
    """

    upper: Array
    lower: Array
    scale: Array


def eliminate(matrix: Array) -> Eliminated:
    """Factorise a real or complex matrix of shape (n, n): n − 1 turns on n × 2n entries."""
    n = matrix.shape[0]
    places = jnp.arange(n, dtype=jnp.int32)

    def column(a: Array, k: Array) -> tuple[Array, None]:
        size = jnp.where(places >= k, magnitude(_take(a, k, 1)), -1.0)
        p = jnp.argmax(size).astype(jnp.int32)
        pivot = _take(a, p, 0)
        a = jnp.where((places == p)[:, None], _take(a, k, 0), a)
        factors = jnp.where(places > k, _take(a, k, 1) * (1.0 / _take(pivot, k, 0)), 0.0)
        return jnp.where((places == k)[:, None], pivot, a - factors[:, None] * pivot), None

    both = jnp.concatenate([matrix, jnp.eye(n, dtype=matrix.dtype)], axis=1)
    both, _ = jax.lax.scan(column, both, places[:-1])
    done = places[:, None] >= places
    diagonal = jnp.where(places[:, None] == places, both[:, :n], 0.0)
    scale = 1.0 / jnp.sum(diagonal, axis=1)
    return Eliminated(jnp.where(done, 0.0, both[:, :n] * scale).T, both[:, n:], scale)


def substitute(factors: Eliminated, b: Array) -> Array:
    """x with A x = b for one right-hand side of shape (n,). Linear in b, and JAX can transpose it."""

    def unknown(y: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        column, k = row
        return y - column * _take(y, k, 0), None

    y = jnp.sum(factors.lower * b, axis=1)
    places = jnp.arange(b.shape[0], dtype=jnp.int32)
    y, _ = jax.lax.scan(unknown, y, (factors.upper, places), reverse=True)
    return y * factors.scale


def magnitude(values: Array) -> Array:
    """|x|, or |Re x| + |Im x|, which chooses as good a pivot and needs no root."""
    return abs(values.real) + abs(values.imag) if jnp.iscomplexobj(values) else abs(values)


def _take(values: Array, index: Array, axis: int) -> Array:
    return jax.lax.dynamic_index_in_dim(values, index, axis, keepdims=False, allow_negative_indices=False)
