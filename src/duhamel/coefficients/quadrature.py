"""Exponential quadrature: Duhamel's integral of a function that is known at a few nodes.

    ∫₀¹ e^{(1−θ)z} f(θ) dθ ≈ Σⱼ wⱼ(z) f(θⱼ),    wⱼ(z) = ∫₀¹ e^{(1−θ)z} ℓⱼ(θ) dθ = Σₖ k! cⱼₖ φ_{k+1}(z)

with the Lagrange polynomials ℓⱼ(θ) = Σₖ cⱼₖ θᵏ of the nodes, since ∫₀¹ e^{(1−θ)z} θᵏ dθ = k! φ_{k+1}(z)
(Hochbruck & Ostermann, Acta Numerica 2010, Eq. 2.10). Nodes are in units of the step: 0 is its start, 1 its
end, negative ones are the past. Exponential Adams methods, exponential collocation and the multistep samplers
of diffusion models are this rule with different nodes.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

from duhamel.coefficients.phi import repeat, stacked_phi

__all__ = ["cardinal", "integrated", "lagrange", "quadrature"]

Array = Any


def cardinal(at: Array, others: Array, used: Array) -> Array:
    """The polynomial that is 1 at `at` and 0 at the others: Π (θ − othersₘ)/(at − othersₘ) over m with
    usedₘ, as coefficients of 1, θ, …, θᵖ.

    Shapes (...), (..., p), (..., p) to (..., p + 1). NumPy or JAX arrays, or NumPy arrays of `Fraction`s, for
    which the result is exact. Every factor is a difference of given numbers, so clustered nodes cost no
    accuracy: the coefficients become as large as they have to.
    """
    xp = others.__array_namespace__()

    def times(m: Any, total: Array) -> Array:
        root, present = others[..., m, None], used[..., m, None]
        gap = xp.where(present, at[..., None] - root, 1)
        raised = xp.concatenate([total[..., :1] * 0, total[..., :-1]], axis=-1)
        return xp.where(present, (raised - root * total) / gap, total)

    count = others.shape[-1]
    zero = at[..., None] * 0
    one = xp.concatenate([zero + 1, xp.repeat(zero, count, axis=-1)], axis=-1)
    return repeat(0, count, times, one, xp)


def lagrange(nodes: Array, used: Array | None = None) -> Array:
    """Coefficients cⱼₖ of the Lagrange polynomials ℓⱼ(θ) = Σₖ cⱼₖ θᵏ of `nodes` of shape (..., p), in shape
    (..., p, p); row j belongs to node j.

    `used`, booleans of shape (..., p), leaves nodes out: their rows are zero. Nodes in use must differ.
    """
    xp, count = nodes.__array_namespace__(), nodes.shape[-1]
    present = xp.ones_like(nodes, dtype=bool) if used is None else used
    pairs = present[..., None, :] & present[..., None] & ~np.eye(count, dtype=bool)
    others = xp.broadcast_to(nodes[..., None, :], pairs.shape)
    rows = cardinal(nodes, others, pairs)[..., :-1]
    return xp.where(present[..., None], rows, rows * 0)


def integrated(polynomials: Array) -> Array:
    """Polynomials as weights: from coefficients of θᵏ to those of φ_{k+1}(z), ∫₀¹ e^{(1−θ)z} θᵏ dθ =
    k! φ_{k+1}(z). Shape (..., p)."""
    count = polynomials.shape[-1]
    if polynomials.dtype == object:
        return polynomials * np.array([factorial(k) for k in range(count)], dtype=object)
    return polynomials * np.array([factorial(k) for k in range(count)], dtype=polynomials.dtype)


def quadrature(nodes: Array, z: Array) -> Array:
    """The weights wⱼ(z) = ∫₀¹ e^{(1−θ)z} ℓⱼ(θ) dθ, shape (p, *z.shape).

    `nodes` has shape (p,): any p different real numbers, in units of the step. `z` is a real or complex
    floating array of any shape. The weights integrate polynomials of degree p − 1 exactly, whatever z; at
    z = 0 they are those of the classical rule (Adams, Newton–Cotes, …). Relative error about 1e-14 times
    Σₖ k!|cⱼₖ φ_{k+1}| / |wⱼ|. Raises `ValueError` for nodes that coincide. Cost: p + 1 φ-functions.
    """
    if isinstance(nodes, list | tuple | np.ndarray):
        nodes = np.asarray(nodes, dtype=float)
        if nodes.ndim != 1 or not nodes.size or len(np.unique(nodes)) != len(nodes):
            raise ValueError(f"a quadrature needs different nodes in one dimension, got {nodes}")
    xp = z.__array_namespace__()
    factors = xp.asarray(integrated(lagrange(nodes)), dtype=z.dtype)
    values = stacked_phi(nodes.shape[0], z)[1:]
    return (factors @ values.reshape(nodes.shape[0], -1)).reshape(-1, *z.shape)
