"""Fields with fixed values at both ends of an interval, written in sines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.equation import Codec

__all__ = ["OnNodes", "SineCodec", "sine_basis", "sine_symbol"]


def sine_basis(n: int) -> np.ndarray:
    """√(2/(n+1)) sin(jkπ/(n+1)), j, k = 1 … n: symmetric and its own inverse."""
    j = np.arange(1, n + 1)
    return np.sqrt(2 / (n + 1)) * np.sin(np.pi / (n + 1) * np.outer(j, j))


def sine_symbol(n: int) -> np.ndarray:
    """Eigenvalues of the second difference on n inner points of (0, 1): -4(n+1)² sin²(kπ/(2(n+1)))."""
    return -4 * (n + 1) ** 2 * np.sin(np.arange(1, n + 1) * np.pi / (2 * (n + 1))) ** 2


class SineCodec(Codec):
    """Values at n inner nodes, `border` at both ends, as n coefficients of sines.

    The solver's state has shape (n,); a second difference is diagonal in it. Cost of a transform: n².
    """

    basis: Array
    border: float = eqx.field(static=True, default=0.0)

    def encode(self, u0: Any) -> Array:
        values = jnp.asarray(u0)
        return self.basis.astype(values.dtype) @ (values - self.border)

    def decode(self, state: Array) -> Array:
        return self.basis.astype(state.dtype) @ state + self.border

    def mean_square(self, state: Array) -> Array:
        return jnp.sum(state**2, axis=-1, keepdims=True) / (state.shape[-1] + 1)

    def project(self, state: Array) -> Array:
        return state


class OnNodes(eqx.Module):
    """A function of values at nodes, `call(t, u, *rest)`, as a function of the coefficients of `SineCodec`.

    `shift` is taken off the result: zero for slopes, `border` for states.
    """

    basis: Array
    call: Callable[..., Array] = eqx.field(static=True)
    border: float = eqx.field(static=True, default=0.0)
    shift: float = eqx.field(static=True, default=0.0)

    def __call__(self, t: Array, *rest: Any) -> Array:
        *before, v, args = rest
        return self.basis @ (self.call(t, *before, self.basis @ v + self.border, args) - self.shift)
