"""Gaussian elimination with partial pivoting for matrices of a few rows.

Inside a loop over time steps a LAPACK call costs more than the step itself. Everything here is made of
operations on rows in loops of fixed length: they become part of the loop around them, batch with the samples
side by side, and compile in a fraction of a second. (Written out entry by entry, eight rows take XLA ten
seconds and run slower, because it computes shared terms anew wherever they are used. An explicit inverse
would be quicker to apply, but leaves residuals of cond(A) times round-off.)
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.batch import in_any_sample, in_block

__all__ = ["Eliminated", "eliminate", "magnitude", "substitute"]


# Multipliers up to this do no harm that round-off would not.
_LARGE = 8.0
# Up to this size the columns of a matrix in a batch are eliminated one by one, beyond it by a loop.
_WRITTEN_OUT = 8


class Eliminated(NamedTuple):
    """P A = L U, in the form that is quickest to apply.

    upper (n, n): the columns of U, row by row divided by the diagonal, which is left out; lower (n, n):
    L⁻¹P, whose entries pivoting keeps moderate; scale (n,): 1 / diagonal of U.
    """

    upper: Array
    lower: Array
    scale: Array


def eliminate(matrix: Array) -> Eliminated:
    """Factorise a real or complex matrix of shape (n, n): n − 1 turns on n × 2n entries.

    In a batch the search for pivots costs far more than the arithmetic, since each sample wants rows of its
    own. So the rows are first taken as they come, and with a search only if in some sample of the block a
    multiplier gets large: threshold pivoting, as for sparse matrices (Duff, Erisman & Reid, Direct Methods
    for Sparse Matrices, chapter 5). Matrices of chemistry, whose columns are diagonally dominant, need none.
    """
    if not in_block():
        return _form(_searching(matrix))
    both, wild = _in_order(matrix)
    # As a loop of one turn or none: `lax.cond` would copy what it leaves alone.
    both, _ = jax.lax.while_loop(
        lambda c: c[1], lambda c: (_searching(matrix), jnp.zeros_like(c[1])), (both, in_any_sample(wild))
    )
    return _form(both)


def _in_order(matrix: Array) -> tuple[Array, Array]:
    """Without interchanges, and whether a multiplier was large or not finite."""
    n = matrix.shape[0]
    places = jnp.arange(n, dtype=jnp.int32)

    def column(carry: tuple[Array, Array], k: Any) -> tuple[tuple[Array, Array], None]:
        both, wild = carry
        # Behind the pivot stand n entries that are not zero, counted over both halves.
        first = k + 1 if isinstance(k, int) else 0
        right = jax.lax.dynamic_slice_in_dim(both, k + 1, n, 1)
        below = _take(both, k, 1)[first:]
        factors = below * (1.0 / _take(_take(both, k, 1), k, 0))
        if not first:
            factors = jnp.where(places > k, factors, 0.0)
        right = right[first:] - factors[:, None] * _take(right, k, 0)
        both = jax.lax.dynamic_update_slice(both, right, (first, k + 1))
        return (both, wild | ~jnp.all(magnitude(factors) <= _LARGE)), None

    carry = jnp.concatenate([matrix, jnp.eye(n, dtype=matrix.dtype)], axis=1), jnp.zeros((), bool)
    if n > _WRITTEN_OUT:
        return jax.lax.scan(column, carry, places[:-1])[0]
    for k in range(n - 1):
        carry, _ = column(carry, k)
    return carry


def _searching(matrix: Array) -> Array:
    """With the largest entry of each column as its pivot."""
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
    return jax.lax.scan(column, both, places[:-1])[0]


def _form(both: Array) -> Eliminated:
    """From the matrix, eliminated, beside what has become of the identity."""
    n = both.shape[0]
    places = jnp.arange(n, dtype=jnp.int32)
    done = places[:, None] >= places
    diagonal = jnp.where(places[:, None] == places, both[:, :n], 0.0)
    scale = 1.0 / jnp.sum(diagonal, axis=1)
    return Eliminated(jnp.where(done, 0.0, both[:, :n] * scale).T, both[:, n:], scale)


def substitute(factors: Eliminated, b: Array) -> Array:
    """x with A x = b for one right-hand side of shape (n,). Linear in b, and JAX can transpose it."""

    def unknown(y: Array, row: tuple[Array, Array]) -> tuple[Array, None]:
        column, k = row
        return y - column * _take(y, k, 0), None

    places = jnp.arange(b.shape[0], dtype=jnp.int32)
    if in_block():
        # A loop, or XLA would compute b anew for every row.
        y, _ = jax.lax.scan(
            lambda y, k: (y + _take(factors.lower, k, 1) * _take(b, k, 0), None), jnp.zeros_like(b), places
        )
    else:
        y = jnp.sum(factors.lower * b, axis=1)
    y, _ = jax.lax.scan(unknown, y, (factors.upper, places), reverse=True)
    return y * factors.scale


def magnitude(values: Array) -> Array:
    """|x|, or |Re x| + |Im x|, which chooses as good a pivot and needs no root."""
    return abs(values.real) + abs(values.imag) if jnp.iscomplexobj(values) else abs(values)


def _take(values: Array, index: Any, axis: int) -> Array:
    return jax.lax.dynamic_index_in_dim(values, index, axis, keepdims=False, allow_negative_indices=False)
