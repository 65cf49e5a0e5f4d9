"""Elimination with partial pivoting on a band, as one pass over the rows.

Row r of a band of `lower` and `upper` diagonals is stored as its columns r − lower … r + upper. A window of
lower + 1 rows slides down the matrix; what leaves it at the top is a row of U. Cost: lower·(lower + upper)
per row, without a call to LAPACK, so that it stays a part of the compiled loop.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["Factors", "band_factor", "band_solve", "band_times"]


class Factors(NamedTuple):
    """Rows of U with the reciprocal pivot in front (n, lower + upper + 1), multipliers (n, lower), and which
    row of the window was the pivot (n,)."""

    upper: Array
    multipliers: Array
    pivots: Array


def band_factor(band: Array, lower: int) -> Factors:
    """P A = L U for a band of shape (n, lower + upper + 1)."""
    width = band.shape[1]
    rows = jnp.concatenate([band, jnp.zeros((lower + 1, width), band.dtype)])
    # The first rows begin left of the matrix: shift them to their first column that exists.
    window = jnp.stack([_shifted(rows[r], lower - r) for r in range(lower + 1)])

    def eliminate(window: Array, entering: Array) -> tuple[Array, Factors]:
        p = jnp.argmax(abs(window[:, 0])).astype(jnp.int32)
        pivot = window[p]
        rest = window.at[p].set(window[0])[1:]
        reciprocal = 1.0 / pivot[0]
        multipliers = rest[:, 0] * reciprocal
        rest = rest[:, 1:] - multipliers[:, None] * pivot[1:]
        window = jnp.concatenate([jnp.pad(rest, ((0, 0), (0, 1))), entering[None]])
        return window, Factors(pivot.at[0].set(reciprocal), multipliers, p)

    return jax.lax.scan(eliminate, window, rows[lower + 1 :])[1]


def band_solve(factors: Factors, b: Array) -> Array:
    """x with A x = b, b of shape (n,)."""
    lower, width = factors.multipliers.shape[1], factors.upper.shape[1]
    right = jnp.concatenate([b, jnp.zeros(lower + 1, b.dtype)])

    def forward(window: Array, row: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        multipliers, p, entering = row
        y = window[p]
        rest = window.at[p].set(window[0])[1:] - multipliers * y
        return jnp.concatenate([rest, entering[None]]), y

    def backward(known: Array, row: tuple[Array, Array]) -> tuple[Array, Array]:
        u, y = row
        x = (y - jnp.sum(u[1:] * known)) * u[0]
        return jnp.concatenate([x[None], known])[: width - 1], x

    rows = (factors.multipliers, factors.pivots, right[lower + 1 :])
    y = jax.lax.scan(forward, right[: lower + 1], rows)[1]
    known = jnp.zeros(width - 1, b.dtype)
    return jax.lax.scan(backward, known, (factors.upper, y), reverse=True)[1]


def band_times(band: Array, v: Array, lower: int) -> Array:
    """A v."""
    n, width = band.shape
    padded = jnp.pad(v, (lower, width - 1 - lower))
    return sum((band[:, o] * padded[o : o + n] for o in range(1, width)), band[:, 0] * padded[:n])


def _shifted(row: Array, by: int) -> Array:
    return jnp.pad(row[by:], (0, by))
