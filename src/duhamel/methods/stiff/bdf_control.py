"""The past of a multistep method as modified divided differences, and the choice of order and step."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.methods.base import where

__all__ = ["MOST", "Choice", "Estimates", "History", "choice", "estimates", "started"]

MOST = 5
# Differences that are kept: up to the order above the highest, plus one.
_ROWS = MOST + 3
_SAFETY, _LEAST, _GROWTH = 0.85, 0.2, 8.0
_HOLD, _RESTART = 1.2, 5


class History(NamedTuple):
    """Differences of the past, modified for unequal steps (Krogh): row j of `rows` (8, n) is, for equal
    steps, the backward difference of order j. `spans` (8,): times from the newest point to the one j + 1
    points back. `count`: points known besides the first.
    """

    rows: Array
    spans: Array
    count: Array

    def restarted(self, x: Array) -> History:
        """With the present state, as the loop may have projected it, as difference of order zero."""
        return self._replace(rows=self.rows.at[0].set(x))

    def moved(self, h: Array) -> History:
        """The same differences, scaled for a next point at distance h."""
        # Before the first step there is one slope, which stands for a point at the same distance behind.
        first = self.count == 0
        rows = self.rows.at[1].multiply(jnp.where(first, h, 1.0))
        old = self.spans.at[0].set(jnp.where(first, h, self.spans[0]))
        spans = jnp.concatenate([h[None], old[:-1] + h])
        scale = jnp.concatenate([jnp.ones((1,), h.dtype), jnp.cumprod(spans / old)[:-1]])
        return History(scale[:, None] * rows, spans, self.count)

    def predicted(self, order: Array, h: Array) -> tuple[Array, Array]:
        """p and h p′ at the next point, from differences that have been moved there."""
        used = jnp.arange(_ROWS, dtype=order.dtype) <= order
        slopes = jnp.concatenate([jnp.zeros((1,), h.dtype), jnp.cumsum(h / self.spans)[:-1]])
        return _sum(used, self.rows), _sum(jnp.where(used, slopes, 0.0), self.rows)

    def accepted(self, order: Array, move: Array) -> History:
        """The differences at the next point, which lies `move` off the prediction."""
        place = jnp.arange(_ROWS, dtype=order.dtype)[:, None]
        used = jnp.where(place <= order, self.rows, 0.0)
        rows = jnp.cumsum(used[::-1], axis=0)[::-1] + jnp.where(place <= order + 1, move, 0.0)
        rows = jnp.where(place == order + 2, move - _row(self.rows, order + 1), rows)
        return History(rows, self.spans, self.count + 1)

    def at(self, order: Array, delta: Array) -> Array:
        """The interpolant at the time delta ≤ 0 from the newest point."""
        before = jnp.concatenate([jnp.zeros((1,), delta.dtype), self.spans[:-1]])
        weights = jnp.concatenate(
            [jnp.ones((1,), delta.dtype), jnp.cumprod((delta + before) / self.spans)[:-1]]
        )
        used = jnp.arange(_ROWS, dtype=order.dtype) <= order
        return _sum(jnp.where(used, weights, 0.0), self.rows)


def started(t: Array, x: Array, slope: Array) -> History:
    """The past before the first step."""
    del t
    rows = jnp.zeros((_ROWS, *x.shape), x.dtype).at[0].set(x).at[1].set(slope)
    return History(rows, jnp.ones(_ROWS, x.dtype), jnp.zeros((), jnp.int32))


class Estimates(NamedTuple):
    """`error` (3, n): estimated local errors of the orders k − 1, k and k + 1."""

    error: Array


def estimates(past: History, order: Array, h: Array, move: Array) -> Estimates:
    """The errors of neighbouring orders, from differences moved to the next point and its distance from the
    prediction (Brenan, Campbell & Petzold, ch. 5).

    For equal steps these are the differences of orders k, k + 1 and k + 2 over k, k + 1 and k + 2.
    """
    ratios = h / past.spans
    counting = jnp.asarray(np.arange(_ROWS), h.dtype)
    # σⱼ = j! Π_{i=2}^{j+1} h/ψᵢ, which is 1/(j + 1) for equal steps.
    sigma = jnp.cumprod(jnp.concatenate([jnp.ones((1,), h.dtype), (counting[1:] * ratios[1:])]))
    place = jnp.arange(_ROWS, dtype=order.dtype)
    # What the formula loses by not knowing how unequal its steps were.
    leading = jnp.sum(jnp.where((place >= 1) & (place <= order), 1.0 / jnp.maximum(counting, 1.0), 0.0))
    actual = jnp.sum(jnp.where(place < order, ratios, 0.0))
    last = _row(ratios, order)
    same = jnp.maximum(last, abs(last + actual - leading))
    below = _row(sigma, order - 1) * (_row(past.rows, order) + move)
    above = _row(sigma, order + 1) * (move - _row(past.rows, order + 1))
    return Estimates(jnp.stack([below, same * move, above]))


class Choice(NamedTuple):
    """The order of the next step, steps since order or step was last changed, rejections in a row; what the
    order will be if the step is rejected; the ratio of the next step to the last."""

    order: Array
    steady: Array
    failures: Array
    retry: Array
    factor: Array

    @staticmethod
    def first(t: Array) -> Choice:
        one, none = jnp.ones((), jnp.int32), jnp.zeros((), jnp.int32)
        return Choice(one, none, none, one, jnp.ones_like(t))

    def settled(self, accepted: Array, old: Choice) -> Choice:
        """The choice once it is known whether the step was accepted."""
        none = jnp.zeros_like(self.steady)
        rejected = Choice(self.retry, none, old.failures + 1, self.retry, self.factor)
        return where(accepted, self._replace(failures=none), rejected)


def choice(before: Choice, errors: Array, highest: int) -> Choice:
    """Order and step for the next attempt from the errors (3,) of the orders k − 1, k, k + 1 in units of the
    tolerance.

    The order whose step would be longest is taken, after k + 1 equal steps at the earliest; a step that would
    grow by less than a fifth stays. A rejection leaves the order alone: lower orders are slow to leave again
    where algebraic variables magnify errors. Many in a row mean that the past does not tell of what comes,
    and the run begins anew with order 1.
    """
    order = before.order
    powers = 1.0 / (order + jnp.arange(3, dtype=order.dtype)).astype(jnp.float32)
    logs = -jnp.log(jnp.clip(errors, 1e-10, 1e10).astype(jnp.float32)) * powers
    gains = jnp.where(jnp.isfinite(errors), _SAFETY * jnp.exp(logs), 0.0)
    down = jnp.where(order > 1, gains[0], 0.0)
    up = jnp.where(order < highest, gains[2], 0.0)
    same = gains[1]
    best = jnp.maximum(same, jnp.maximum(down, up))
    step = jnp.where(same >= best, 0, jnp.where(down >= best, -1, 1)).astype(order.dtype)
    steady = before.steady + 1
    good = errors[1] <= 0.999
    free = good & (steady > order) & ((step != 0) | (best < 1.0) | (best >= _HOLD))
    growth = jnp.where(free, jnp.clip(best, _LEAST, _GROWTH), 1.0)
    # A rejected step, or one so close to it that the loop may judge differently.
    repeated = before.failures > 0
    shrink = jnp.clip(jnp.where(repeated, jnp.minimum(same, 0.5), same), _LEAST, _SAFETY)
    return Choice(
        order=jnp.where(free, order + step, order),
        steady=jnp.where(free, 0, steady).astype(steady.dtype),
        failures=before.failures,
        retry=jnp.where(before.failures >= _RESTART, 1, order).astype(order.dtype),
        factor=jnp.where(good, growth, shrink).astype(before.factor.dtype),
    )


def _row(rows: Array, index: Array) -> Array:
    return jnp.take(rows, index, axis=0, mode="clip")


def _sum(weights: Array, rows: Array) -> Array:
    return jnp.sum(weights.astype(rows.dtype)[:, None] * rows, axis=0)
