"""Gaussian elimination with partial pivoting on band storage.

A band of `lower` diagonals below and `upper` above the main one is stored by rows: entry (i, i + d − lower)
at [i, d], shape (n, lower + upper + 1). Elimination is one scan over the rows that carries the rows it can
still pivot with, which XLA compiles into one kernel; entries outside the matrix must be zero.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.jacobian.small import magnitude

__all__ = ["EliminatedBand", "band_places", "eliminate_band", "multiply_band", "substitute_band"]

# Up to so many diagonals below, rows are written out; up to so many entries in a row, products are.
_WRITTEN_ROWS, _WRITTEN_ENTRIES = 2, 16
# Rows of a substitution in one turn of its loop, where turns are short; more run faster and compile longer.
_UNROLLED = 2


class EliminatedBand(NamedTuple):
    """upper (n, lower + upper + 1): rows of U from the diagonal on, which is inverted; lower (n, lower): the
    multipliers of each step; pivot (n,): which of the rows at hand became the row of U."""

    upper: Array
    lower: Array
    pivot: Array


def eliminate_band(band: Array, lower: int) -> EliminatedBand:
    """Factorise a real or complex band matrix. About n·lower·(lower + upper) multiplications."""
    n = band.shape[0]
    if lower == 0:
        inverted = jnp.concatenate([1.0 / band[:, :1], band[:, 1:]], axis=1)
        return EliminatedBand(inverted, jnp.zeros((n, 0), band.dtype), jnp.zeros(n, jnp.int32))
    first = [jnp.pad(band[i, lower - i :], (0, lower - i)) for i in range(lower)]
    following = jnp.pad(band[lower:], ((0, lower), (0, 0)))
    step = _step_written if lower <= _WRITTEN_ROWS else _step
    _, (upper, factors, pivot) = jax.lax.scan(step, jnp.stack(first), following)
    return EliminatedBand(upper, factors, pivot)


def _step(window: Array, row: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    """One column: the rows that reach it are `window` (lower, width) and `row`; they move on by one."""
    rows = jnp.concatenate([window, row[None]])
    p = jnp.argmax(magnitude(rows[:, 0])).astype(jnp.int32)
    best = _take(rows, p)
    places = jnp.arange(rows.shape[0], dtype=jnp.int32)
    rest = jnp.where((places == p)[:, None], rows[0], rows)[1:]
    inverse = 1.0 / best[0]
    factors = rest[:, 0] * inverse
    moved = jnp.pad((rest - factors[:, None] * best)[:, 1:], ((0, 0), (0, 1)))
    return moved, (best.at[0].set(inverse), factors, p)


def _step_written(window: Array, row: Array) -> tuple[Array, tuple[Array, Array, Array]]:
    """`_step` for two or three rows, faster than a loop over them."""
    rows = [*window, row]
    p, best, size = jnp.zeros((), jnp.int32), rows[0], magnitude(rows[0][0])
    for i, other in enumerate(rows[1:], 1):
        larger = magnitude(other[0]) > size
        p, best = jnp.where(larger, jnp.int32(i), p), jnp.where(larger, other, best)
        size = jnp.where(larger, magnitude(other[0]), size)
    inverse = 1.0 / best[0]
    rest = [jnp.where(p == i, rows[0], other) for i, other in enumerate(rows[1:], 1)]
    factors = [other[0] * inverse for other in rest]
    moved = [jnp.pad((o - f * best)[1:], (0, 1)) for o, f in zip(rest, factors, strict=True)]
    return jnp.stack(moved), (best.at[0].set(inverse), jnp.stack(factors), p)


def substitute_band(factors: EliminatedBand, b: Array) -> Array:
    """x with A x = b for one right-hand side of shape (n,). Linear in b, and JAX can transpose it."""
    lower, reach = factors.lower.shape[1], factors.upper.shape[1] - 1
    unroll = _UNROLLED if reach <= 2 * _WRITTEN_ROWS else 1

    def forward(window: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        multipliers, p, new = row
        rows = jnp.concatenate([window, new[None]])
        y = _chosen(rows, p)
        places = jnp.arange(lower + 1, dtype=jnp.int32)
        return jnp.where(places == p, rows[0], rows)[1:] - multipliers * y, y

    def backward(window: Array, row: tuple[Array, Array]) -> tuple[Array, Array]:
        entries, y = row
        if reach <= _WRITTEN_ENTRIES:
            for j in range(reach, 0, -1):
                y = y - entries[j] * window[j - 1]
        else:
            y = y - jnp.sum(entries[1:] * window)
        x = y * entries[0]
        return jnp.concatenate([x[None], window[:-1]]), x

    if lower:
        rows = (factors.lower, factors.pivot, jnp.pad(b[lower:], (0, lower)))
        _, b = jax.lax.scan(forward, b[:lower], rows, unroll=unroll)
    if not reach:
        return b * factors.upper[:, 0]
    none = jnp.zeros((reach,), b.dtype)
    _, x = jax.lax.scan(backward, none, (factors.upper, b), reverse=True, unroll=unroll)
    return x


def _chosen(rows: Array, p: Array) -> Array:
    if rows.shape[0] > _WRITTEN_ROWS + 1:
        return _take(rows, p)
    y = rows[0]
    for i in range(1, rows.shape[0]):
        y = jnp.where(p == i, rows[i], y)
    return y


def multiply_band(band: Array, v: Array, lower: int) -> Array:
    """A v for a vector of shape (n,)."""
    n, width = band.shape
    padded = jnp.pad(v, (lower, width - 1 - lower))
    if width <= _WRITTEN_ENTRIES:
        total = band[:, 0] * padded[:n]
        for d in range(1, width):
            total = total + band[:, d] * padded[d : d + n]
        return total
    return jnp.sum(band * padded[np.arange(n)[:, None] + np.arange(width)], axis=1)


def band_places(n: int, lower: int, upper: int) -> tuple[np.ndarray, np.ndarray]:
    """The column of each stored entry, moved into the matrix where it lies outside, and whether it lies
    inside; both of shape (n, lower + upper + 1)."""
    columns = np.arange(n)[:, None] + np.arange(lower + upper + 1) - lower
    return np.clip(columns, 0, n - 1), (columns >= 0) & (columns < n)


def _take(rows: Array, index: Array) -> Array:
    return jax.lax.dynamic_index_in_dim(rows, index, 0, keepdims=False, allow_negative_indices=False)
