"""Gaussian elimination with partial pivoting, unrolled, for matrices of a few rows.

Inside a loop over time steps a LAPACK call costs more than the step itself. Everything here is made of
operations on rows, which fuse into the loop and batch with the samples side by side.
"""

from __future__ import annotations

from typing import NamedTuple

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
    rows = list(jnp.concatenate([matrix, jnp.eye(n, dtype=matrix.dtype)], axis=1))
    for k in range(n - 1):
        for i in range(k + 1, n):
            larger = abs(rows[i][k]) > abs(rows[k][k])
            rows[k], rows[i] = jnp.where(larger, rows[i], rows[k]), jnp.where(larger, rows[k], rows[i])
        for i in range(k + 1, n):
            rows[i] = rows[i] - (rows[i][k] / rows[k][k]) * rows[k]
    both = jnp.stack(rows)
    return Eliminated(both[:, :n], both[:, n:])


def substitute(factors: Eliminated, b: Array) -> Array:
    """x with A x = b for one right-hand side of shape (n,)."""
    n = b.shape[0]
    right = jnp.sum(factors.lower * b, axis=1)
    x: list[Array] = [right[0]] * n
    for i in reversed(range(n)):
        rest = right[i]
        for j in range(i + 1, n):
            rest = rest - factors.upper[i, j] * x[j]
        x[i] = rest / factors.upper[i, i]
    return jnp.stack(x)
