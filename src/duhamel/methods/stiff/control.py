"""How a method that keeps factors over steps asks for the length of the next."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["Trend", "predicted", "untried"]

_SAFETY, _LEAST, _MOST = 0.85, 0.1, 8.0
# A step is not changed for less than this: new factors must pay.
_HOLD_LOW, _HOLD_HIGH = 0.95, 1.2
# Errors this close to the tolerance are judged as too large: the loop may see the other side of it.
_LIMIT = 0.999


class Trend(NamedTuple):
    """Length and error of the last accepted step (0: none), and whether the last attempt was rejected."""

    h: Array
    error: Array
    rejected: Array


def untried(t: Array) -> Trend:
    """The trend before the first step."""
    return Trend(jnp.zeros_like(t), jnp.zeros_like(t), jnp.zeros((), bool))


def predicted(trend: Trend, h: Array, error: Array, order: int) -> tuple[Array, Trend]:
    """The ratio of the next step to this one, and the trend if this step is accepted.

        h_next/h = s · min((1/e)^{1/q}, (h/h_old) · (e_old/e)^{1/q} · (1/e)^{1/q}),    q = order + 1

    Gustafsson's predictive controller (Hairer & Wanner, Solving ODEs II, IV.8): it carries on a trend of the
    step length, as in transients of stiff equations, where a controller without memory of it lags behind.
    `error` is in units of the tolerance.
    """
    q = 1.0 / (order + 1)
    small = jnp.clip(error, 1e-6, 1e6).astype(jnp.float32)
    plain = jnp.log(small) * -q
    before = jnp.log(jnp.maximum(trend.error, 1e-2).astype(jnp.float32)) * q
    ratio = jnp.log((h / jnp.where(trend.h > 0, trend.h, h)).astype(jnp.float32))
    carried = jnp.where(trend.h > 0, plain + plain + before + ratio, plain)
    good = error <= _LIMIT
    change = jnp.exp(jnp.where(good, jnp.minimum(plain, carried), plain)) * _SAFETY
    change = jnp.where(good & trend.rejected, jnp.minimum(change, 1.0), change)
    change = jnp.clip(jnp.where(jnp.isfinite(error), change, _LEAST), _LEAST, _MOST)
    held = good & (change >= _HOLD_LOW) & (change <= _HOLD_HIGH)
    change = jnp.where(held, 1.0, jnp.where(good, change, jnp.minimum(change, 0.9)))
    return change.astype(h.dtype), Trend(h, error.astype(h.dtype), jnp.zeros((), bool))
