"""Irregular samples as a differentiable path: what drives a controlled differential equation."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array

from duhamel.errors import InputError

__all__ = ["HermitePath"]


class HermitePath(eqx.Module):
    """X(t) through samples (tᵢ, xᵢ), cubic on each interval, with given slopes or backward differences.

    X'(tᵢ) = (xᵢ − xᵢ₋₁)/(tᵢ − tᵢ₋₁), on the first interval one straight line. So X has a continuous slope,
    and up to tᵢ₊₁ it depends on the samples up to tᵢ₊₁ alone, as data that arrives one by one requires
    (Morrill, Kidger, Yang & Lyons, Neural Controlled Differential Equations for Online Prediction Tasks,
    2021).

    `slopes` of the shape of xs take the place of the differences where they are known: with f(tᵢ, xᵢ) along a
    solution of an ODE the path is its interpolant of third order.

    `ts`: ascending times, shape (n,), n ≥ 2; `xs`: values, shape (n, channels). Samples that are missing are
    simply left out; give time as a channel too, where it carries meaning. Beyond the ends the outer cubics
    go on. Raises `InputError` for shapes that do not fit and times that do not ascend.
    Both methods take one time t; cost: a search in ts and one cubic. Works under vmap, one path a sample.
    """

    ts: Array
    xs: Array
    slopes: Array

    def __init__(self, ts: Any, xs: Any, slopes: Any = None):
        self.ts, self.xs = jnp.asarray(ts), jnp.asarray(xs)
        if self.ts.ndim != 1 or len(self.ts) < 2 or self.xs.ndim != 2 or len(self.xs) != len(self.ts):
            raise InputError(
                f"a path takes times (n,) and values (n, channels) with n ≥ 2, got shapes {self.ts.shape} "
                f"and {self.xs.shape}. For a batch write jax.vmap(HermitePath)(ts, xs)."
            )
        if not isinstance(self.ts, Tracer) and not np.all(np.diff(np.asarray(self.ts)) > 0):
            raise InputError("the times of a path must ascend: sort the samples and drop doubled times.")
        if slopes is None:
            rise = jnp.diff(self.xs, axis=0) / jnp.diff(self.ts)[:, None].astype(self.xs.dtype)
            slopes = jnp.concatenate([rise[:1], rise])
        self.slopes = jnp.asarray(slopes)
        if self.slopes.shape != self.xs.shape:
            raise InputError(
                f"slopes have the shape of the values, {self.xs.shape}; got {self.slopes.shape}."
            )

    def __call__(self, t: Any) -> Array:
        """X(t), shape (channels,)."""
        i, s, h = self._place(t)
        x, y, a, b = self.xs[i], self.xs[i + 1], h * self.slopes[i], h * self.slopes[i + 1]
        return x + s * (a + s * (3 * (y - x) - 2 * a - b + s * (2 * (x - y) + a + b)))

    def slope(self, t: Any) -> Array:
        """dX/dt at t, shape (channels,)."""
        i, s, h = self._place(t)
        x, y, a, b = self.xs[i], self.xs[i + 1], h * self.slopes[i], h * self.slopes[i + 1]
        return (a + s * (2 * (3 * (y - x) - 2 * a - b) + s * 3 * (2 * (x - y) + a + b))) / h

    def _place(self, t: Any) -> tuple[Array, Array, Array]:
        """The interval of t, how far along it t is, and its length."""
        t = jnp.asarray(t).astype(self.ts.dtype)
        i = jnp.clip(jnp.searchsorted(self.ts, t, side="right") - 1, 0, len(self.ts) - 2)
        h = self.ts[i + 1] - self.ts[i]
        return i, ((t - self.ts[i]) / h).astype(self.xs.dtype), h.astype(self.xs.dtype)
