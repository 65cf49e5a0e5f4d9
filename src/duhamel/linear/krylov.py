"""Actions of φ-functions of a matrix of which only products with vectors are known: Krylov subspaces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.coefficients import phi_matrix

__all__ = ["Actions", "krylov_actions"]

# Vectors that join the subspace between two looks at the error.
_ROUND = 8


class Actions(NamedTuple):
    """What `krylov_actions` found: `values` (wanted, n); the `error` estimate in the units of its measure,
    at most 1 if it `converged`; `size`, the vectors in the subspace, which is the number of products made."""

    values: Array
    error: Array
    converged: Array
    size: Array


class _Space(NamedTuple):
    """A V = V H + remainder: rows of `basis` (most + 1, n) span the subspace; `bands` (3, most + 1) holds
    H above, on and below the diagonal, by columns; `small` (wanted, most + 1): the results in the basis."""

    basis: Array
    bands: Array
    size: Array
    small: Array
    error: Array


def krylov_actions(
    apply: Callable[[Array], Array],
    b: Array,
    h: Array,
    nodes: np.ndarray,
    factors: Array | np.ndarray,
    measure: Callable[[Array], Array],
    most: int = 64,
    first: Any = 0,
) -> Actions:
    """yᵢ = Σ_{m,k} factors[i, m, k] φ_k(nodesₘ·h·A) b for all i, from one subspace of at most `most` vectors.

    `apply` is v ↦ A v on real vectors of shape (n,); `factors` has shape (wanted, len(nodes), kmax + 1).
    The subspace grows by rounds of eight products until the estimate, a norm `measure(error vector)`, is at
    most 1, but is not looked at below `first` vectors (say, three quarters of what the last step needed).
    A vector is orthogonalised against the last two alone, which is Lanczos' recurrence where A is symmetric
    (incomplete orthogonalisation: Gaudreault, Rainwater & Tokman, J. Comput. Phys. 372 (2018)). φ_k of the
    small matrix come from one exponential of an augmented matrix (Sidje, ACM Trans. Math. Softw. 24 (1998),
    Theorem 1); its last row, the coefficient of the first vector outside the subspace, corrects the result
    and is the estimate (Saad, SIAM J. Numer. Anal. 29 (1992), Sect. 3).

    Cost: a product with A and 10 n operations per vector, (wanted + 1)·most·n at the end. About √‖hA‖ vectors
    for a symmetric negative A, about ‖hA‖ for a skew one. Not for matrices that are cheap to factorise or
    diagonalise: for a tridiagonal A an implicit method costs a tenth. Differentiable in both directions.
    """
    most = -(-most // _ROUND) * _ROUND
    norm = _norm(b)
    space = _Space(
        jnp.zeros((most + 1, b.shape[0]), b.dtype).at[0].set(_divided(b, norm)),
        jnp.zeros((3, most + 1), b.dtype),
        jnp.zeros((), jnp.int32),
        jnp.zeros((factors.shape[0], most + 1), b.dtype),
        jnp.full((), jnp.inf, b.dtype),
    )

    def grow(space: _Space) -> _Space:
        start = space.size
        space = jax.lax.fori_loop(0, _ROUND, lambda j, s: _extended(apply, s, start + j), space)
        ripe = (space.size >= first) | (space.size >= most)
        return jax.lax.cond(ripe, lambda s: _judged(s, norm, h, nodes, factors, measure), lambda s: s, space)

    def turn(space: _Space, _: None) -> tuple[_Space, None]:
        # Not a loop of unknown length: that could not be differentiated backwards.
        return jax.lax.cond(space.error <= 1.0, lambda s: s, grow, space), None

    space, _ = jax.lax.scan(turn, space, None, length=most // _ROUND)
    return Actions(space.small @ space.basis, space.error, space.error <= 1.0, space.size)


def _extended(apply: Callable[[Array], Array], space: _Space, j: Array) -> _Space:
    """The space with A vⱼ, made orthogonal to the last two vectors, as vector j + 1."""
    basis = space.basis
    v, old = basis[j], jnp.where(j > 0, basis[jnp.maximum(j - 1, 0)], 0.0)
    w = apply(v)
    size, above, level = _norm(w), old @ w, v @ w
    w = w - above * old - level * v
    below = _norm(w)
    # What round-off leaves of a vector that lies in the space already is no new direction.
    below = jnp.where(below > 10 * jnp.finfo(w.dtype).eps * size, below, 0.0)
    return space._replace(
        basis=basis.at[j + 1].set(_divided(w, below)),
        bands=space.bands.at[:, j].set(jnp.stack([above, level, below])),
        size=(j + 1).astype(jnp.int32),
    )


def _judged(
    space: _Space,
    norm: Array,
    h: Array,
    nodes: np.ndarray,
    factors: Array | np.ndarray,
    measure: Callable[[Array], Array],
) -> _Space:
    """The space with its results and their error."""
    most = space.bands.shape[1] - 1
    # A matrix function costs the cube of the size: those of small subspaces are taken of small matrices.
    sizes = [most // 4, most // 2, most] if most >= 32 else [most]

    def branch(size: int) -> Callable[[Array], Array]:
        def values(bands: Array) -> Array:
            part = _small_actions(bands[:, : size + 1], h, nodes, factors)
            return jnp.pad(part, ((0, 0), (0, most - size)))

        return values

    index = jnp.sum(space.size > jnp.asarray(sizes[:-1], jnp.int32), dtype=jnp.int32)
    small = norm * jax.lax.switch(index, [branch(size) for size in sizes], space.bands)
    last = jnp.max(abs(small[:, space.size]))
    return space._replace(small=small, error=last * measure(space.basis[space.size]))


def _small_actions(bands: Array, h: Array, nodes: np.ndarray, factors: Array | np.ndarray) -> Array:
    """Σ factors·φ_k(nodes·h·H) e₁, shape (wanted, size of H), by way of double precision."""
    above, level, below = bands.astype(h.dtype)
    n, kmax = level.shape[0], factors.shape[-1] - 1
    hessenberg = jnp.diag(above[1:], 1) + jnp.diag(level) + jnp.diag(below[:-1], -1)
    scaled = h * jnp.asarray(nodes, h.dtype)[:, None, None] * hessenberg
    # Rows and columns that make φ_k(…) e₁ part of the exponential.
    border = np.eye(n + kmax, k=1)
    border[:n] = 0.0
    border[0, n] = 1.0
    big = jnp.pad(scaled, ((0, 0), (0, kmax), (0, kmax))) + jnp.asarray(border, h.dtype)
    columns = phi_matrix(0, big)[0][:, :n]
    values = jnp.concatenate([columns[:, :, :1], columns[:, :, n:]], axis=2)
    return jnp.einsum("imk,mjk->ij", jnp.asarray(factors, h.dtype), values).astype(bands.dtype)


def _norm(v: Array) -> Array:
    """‖v‖₂, with the derivative 0 at 0."""
    square = v @ v
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)


def _divided(v: Array, by: Array) -> Array:
    """v/by, or 0 where by is 0."""
    return jnp.where(by > 0, v / jnp.where(by > 0, by, 1.0), 0.0)
