"""The φ-functions, φ₀(z) = e^z and φ_{k+1}(z) = (φ_k(z) − 1/k!)/z, without cancellation.

φ_k(z) = ∫₀¹ e^{(1−s)z} s^{k−1}/(k−1)! ds for k ≥ 1 (Hochbruck & Ostermann, Acta Numerica 2010, Eq. 2.10).
They are the weights of every exponential integrator: the integral in Duhamel's principle over a polynomial.
"""

from __future__ import annotations

from math import factorial
from typing import Any

__all__ = ["phi", "phi_matrix", "stacked_phi"]

Array = Any

# Below this modulus the Taylor series of the highest φ is summed and the others follow from it downwards,
# φ_k = z φ_{k+1} + 1/k!; above it the definition is used upwards. Each direction is stable on its side.
_RADIUS = 3.5
_TERMS = 30


def phi(kmax: int, z: Array) -> tuple[Array, ...]:
    """φ_0(z), …, φ_kmax(z), entry by entry.

    `z` is a real or complex floating array of NumPy or JAX, of any shape; the results have its shape and
    dtype. The relative error is below 1e-13 in float64 for kmax ≤ 5 and |z| up to 1e6 with Re z ≤ 0 (away
    from the zeros of φ_k on the imaginary axis). Derivatives through z = 0 are exact.
    """
    return tuple(stacked_phi(kmax, z))


def stacked_phi(kmax: int, z: Array) -> Array:
    """As `phi`, in one array with a leading axis of kmax + 1."""
    xp = z.__array_namespace__()
    near = abs(z) < _RADIUS
    # Both branches are evaluated everywhere, so each gets an argument at which it is harmless: otherwise
    # an overflow in the branch that is thrown away would poison derivatives.
    small = _downwards(kmax, xp.where(near, z, xp.zeros_like(z)), xp)
    large = _upwards(kmax, xp.where(near, xp.full_like(z, _RADIUS), z), xp)
    return xp.where(near[None], small, large)


def _downwards(kmax: int, z: Array, xp: Any) -> Array:
    """For small |z|: the Taylor series of φ_kmax, then φ_k = z φ_{k+1} + 1/k!."""
    series = xp.zeros_like(z)
    for m in range(kmax + _TERMS, kmax - 1, -1):
        series = series * z + 1.0 / factorial(m)
    values = [_once(series, xp)]
    for k in range(kmax - 1, -1, -1):
        values.append(values[-1] * z + 1.0 / factorial(k))
    return xp.stack(values[::-1])


def _upwards(kmax: int, z: Array, xp: Any) -> Array:
    """For large |z|: φ_{k+1} = (φ_k − 1/k!)/z from φ₀ = e^z."""
    values = [_once(xp.exp(z), xp)]
    for k in range(kmax):
        values.append((values[-1] - 1.0 / factorial(k)) / z)
    return xp.stack(values)


def _once(value: Array, xp: Any) -> Array:
    """The value, computed once: without a barrier XLA would compile (and run) it again for every φ that uses
    it."""
    if xp.__name__ == "numpy":
        return value
    from jax import lax  # only ever reached with JAX arrays in hand, so JAX is loaded already

    return lax.optimization_barrier(value)


def _inverse_factorials(most: int, z: Array, xp: Any) -> Array:
    return xp.asarray([1.0 / factorial(m) for m in range(most + 1)], dtype=z.dtype)


def repeat(start: int, stop: int, body: Any, value: Any, xp: Any) -> Any:
    """A counted loop: plain in NumPy; rolled in JAX, where unrolling would cost a second of compilation."""
    if xp.__name__ == "numpy":
        for j in range(start, stop):
            value = body(j, value)
        return value
    from jax import lax

    return lax.fori_loop(start, stop, body, value)


def phi_matrix(kmax: int, a: Array, squarings: int = 40) -> tuple[Array, ...]:
    """φ_0(A), …, φ_kmax(A) of square matrices A, shape (..., n, n), by scaling and doubling.

    A Taylor polynomial at A/2^s with ‖A/2^s‖₁ ≤ 1/2, then s times
    φ_k(2A) = 2^{−k} [φ_0(A) φ_k(A) + Σ_{j=1}^{k} φ_j(A)/(k−j)!]
    (Skaflestad & Wright, Appl. Numer. Math. 59 (2009), Eq. 2.9), each matrix with its own s (at most
    `squarings`). Works for defective matrices, where diagonalisation does not. Cost: (17 + s·kmax) products.
    """
    xp = a.__array_namespace__()
    norm = xp.max(xp.sum(abs(a), axis=-2), axis=-1)
    scale = xp.clip(xp.ceil(xp.log2(xp.maximum(norm, xp.full_like(norm, 1e-30)) * 2.0)), 0, squarings)
    z = a * (2.0 ** (-scale))[..., None, None].astype(a.dtype)
    values = _matrix_series(kmax, z, xp)
    most = int(scale.max(initial=0)) if xp.__name__ == "numpy" else squarings
    return repeat(0, most, lambda i, v: _doubled_where(i < scale, v, xp), values, xp)


def _doubled_where(wanted: Array, values: tuple[Array, ...], xp: Any) -> tuple[Array, ...]:
    """One doubling where it is wanted; skipped altogether where no matrix wants it."""
    if xp.__name__ == "numpy":
        return _doubled(values, wanted[..., None, None], xp)
    from jax import lax

    # A loop of unknown length could not be differentiated backwards, so idle turns are skipped instead.
    return lax.cond(wanted.any(), lambda v: _doubled(v, wanted[..., None, None], xp), lambda v: v, values)


def _matrix_series(kmax: int, z: Array, xp: Any) -> tuple[Array, ...]:
    eye = xp.broadcast_to(xp.eye(z.shape[-1], dtype=z.dtype), z.shape)
    coefficients = _inverse_factorials(kmax + 17, z, xp)[: kmax - 1 if kmax else None : -1]
    series = repeat(0, 18, lambda j, total: z @ total + eye * coefficients[j], xp.zeros_like(z), xp)
    values = [series]
    for k in range(kmax - 1, -1, -1):
        values.append(z @ values[-1] + eye * (1.0 / factorial(k)))
    return tuple(values[::-1])


def _doubled(values: tuple[Array, ...], wanted: Array, xp: Any) -> tuple[Array, ...]:
    result = [values[0] @ values[0]]
    for k in range(1, len(values)):
        total = values[0] @ values[k]
        for j in range(1, k + 1):
            total = total + values[j] * (1.0 / factorial(k - j))
        result.append(total * 0.5**k)
    return tuple(xp.where(wanted, new, old) for new, old in zip(result, values, strict=True))
