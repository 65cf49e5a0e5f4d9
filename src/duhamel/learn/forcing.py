"""Teacher forcing by a part: how a model of chaotic data is trained on long sequences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.errors import InputError

__all__ = ["forced", "forcing_strength"]


def forced(step: Callable[[Array], Array], data: Array, strength: Any) -> Array:
    """Predictions zₙ₊₁ = step(z̃ₙ) from states pulled towards the data, z̃ₙ = α dₙ + (1 − α) zₙ, z̃₀ = d₀.

    `data`: d₀ … d_T, shape (T + 1, n); `strength`: α in [0, 1], 1 is ordinary teacher forcing (one step at a
    time), 0 a free run. Returns z₁ … z_T, shape (T, n), to compare with data[1:]. The pull multiplies every
    factor of the Jacobian's product along the sequence by 1 − α, so that gradients stay bounded for a fitting
    α (`forcing_strength`) however long it is (Hess, Monfared, Brenner & Durstewitz, Generalized Teacher
    Forcing for Learning Chaotic Dynamics, ICML 2023). `step` may be a `solve` over one interval; no event is
    needed.
    Raises `InputError` for data without a time axis. Cost: T steps, one after another.
    """
    if jnp.ndim(data) < 2 or len(data) < 2:
        raise InputError(f"data is a sequence of states, shape (T + 1, n); got shape {jnp.shape(data)}.")
    alpha = jnp.asarray(strength).astype(data.dtype)

    def advance(z: Array, target: Array) -> tuple[Array, Array]:
        new = step(z)
        return alpha * target + (1 - alpha) * new, new

    return jax.lax.scan(advance, data[0], data[1:])[1]


def forcing_strength(step: Callable[[Array], Array], data: Array) -> Array:
    """The α that keeps gradients from growing: max(0, 1 − 1/σ), σ = ‖J_T ⋯ J₂J₁‖^{1/T} along the data.

    J are the Jacobians of `step` at the states of `data`, shape (T, n), which follow one another in time; the
    norm is the largest singular value, and σ its geometric mean a step: (1 − α)σ = 1. Smaller T gives a
    stricter α, for T = 1 bounds hold for every step by itself; for T → ∞ σ → e^{λΔt}, λ the largest Lyapunov
    exponent. Recompute it now and then while the model changes. Not differentiated. Cost: T Jacobians (n×n).
    """

    def gather(carry: tuple[Array, Array], z: Array) -> tuple[tuple[Array, Array], None]:
        product, logarithm = carry
        product = jax.jacfwd(step)(z) @ product
        size = jnp.maximum(jnp.linalg.norm(product, ord=2), jnp.finfo(data.dtype).tiny)
        return (product / size, logarithm + jnp.log(size)), None

    start = (jnp.eye(data.shape[1], dtype=data.dtype), jnp.zeros((), data.dtype))
    (_, logarithm), _ = jax.lax.scan(gather, start, data)
    return jax.lax.stop_gradient(jnp.maximum(0.0, 1 - jnp.exp(-logarithm / data.shape[0])))
