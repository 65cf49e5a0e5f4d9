"""Steps as long as the tolerance allows: a proportional–integral controller."""

from __future__ import annotations

from math import log
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.lax import optimization_barrier as barrier
from jaxtyping import Array, PyTree

from duhamel.equation import Equation
from duhamel.errors import InputError
from duhamel.methods.base import Method, add_scaled, precise
from duhamel.norm import scaled_norm

__all__ = ["Adaptive"]


def _number(value: Any) -> Any:
    return jax.tree.map(lambda v: v if isinstance(v, jax.Array) else np.asarray(v, dtype=float), value)


class Adaptive(eqx.Module):
    """Accept a step if its estimated error is within atol + rtol·|u|; choose the next by PI control:

        h ← h · (s/e)^{(kI+kP)/q} · (e_prev/s)^{kP/q},    s = target, q = order of the estimate + 1

    (Hairer & Wanner, Solving ODEs II, IV.2; Gustafsson 1991). `rtol`, `atol`: numbers, or pytrees like a
    plain state. `dt0` is the first step (guessed if None), `dt_min`/`dt_max` bound steps. Methods whose
    weights depend on h move it in ratios of 2^{1/4} and hold it otherwise, so that weights are seldom
    recomputed. Changing any of these numbers does not recompile.
    """

    rtol: PyTree[Array] = eqx.field(default=1e-6, converter=_number)
    atol: PyTree[Array] = eqx.field(default=1e-9, converter=_number)
    dt0: Array | None = eqx.field(default=None, converter=_number)
    dt_min: Array | None = eqx.field(default=None, converter=_number)
    dt_max: Array | None = eqx.field(default=None, converter=_number)
    integral: float = eqx.field(default=0.3, static=True)
    proportional: float = eqx.field(default=0.4, static=True)
    target: float = eqx.field(default=0.5, static=True)

    def __check_init__(self) -> None:
        for name in ("rtol", "atol", "dt0", "dt_min", "dt_max"):
            for value in jax.tree.leaves(getattr(self, name)):
                if isinstance(value, Tracer):
                    continue
                if not np.all(np.isfinite(value)) or np.any(np.asarray(value) < 0):
                    raise InputError(f"{name} must be finite and not negative, got {value}.")
        sums = [r + a for r, a in zip(jax.tree.leaves(self.rtol), jax.tree.leaves(self.atol), strict=False)]
        if any(not isinstance(s, Tracer) and np.any(np.asarray(s) == 0) for s in sums):
            raise InputError(
                "rtol and atol are both zero: no step can be that good. Set at least one of them."
            )

    def first(
        self, eq: Equation, method: Method, t: Array, u: PyTree, memory: Any, args: Any, span: Array
    ) -> Array:
        """The first step size, at most `span` (Hairer, Nørsett & Wanner, Solving ODEs I, II.4).

        One trial step of Euler tells how fast the slope changes. Methods that hold their steps skip it: their
        error estimate corrects a guess at the cost of a step or two, and the evaluation would have to be
        compiled.
        """
        if self.dt0 is not None:
            return jnp.minimum(jnp.asarray(self.dt0).astype(t.dtype), span)
        slope = method.slope(memory)

        def measure(*vs: PyTree) -> list[Array]:
            return [n.astype(t.dtype) for n in scaled_norm(eq, vs, (u,), self.rtol, self.atol)]

        size, speed = measure(u, slope)
        first = method.first_error_order
        power = 1.0 / (1 + (method.error_order if first is None else first))
        if method.held:
            # size = |u|/(atol + rtol|u|) is about 1/rtol: a local error of rtol needs h|N|/|u| about
            # rtol^power.
            guess = 0.5 * jnp.maximum(size, 1.0) ** (1.0 - power) / jnp.maximum(speed, 1e-300)
            return self.bounded(jnp.minimum(jnp.where(guess > 0, guess, span), span))
        trial = jnp.where((size < 1e-5) | (speed < 1e-5), 1e-6 * span, 0.01 * size / speed)
        trial = jnp.minimum(trial, span)
        moved = add_scaled(u, precise(trial, u), [1.0], [slope])
        after = method.init(eq, t + trial, moved, args)
        difference = jax.tree.map(jnp.subtract, method.slope(after), slope)
        most = jnp.maximum(speed, measure(difference)[0] / trial)
        better = jnp.where(most <= 1e-15, jnp.maximum(1e-6 * span, trial * 1e-3), (0.01 / most) ** power)
        h = jnp.minimum(100.0 * trial, better)
        return self.bounded(jnp.minimum(jnp.where(jnp.isfinite(h) & (h > 0), h, 1e-6 * span), span))

    def bounded(self, h: Array) -> Array:
        if self.dt_max is not None:
            h = jnp.minimum(h, jnp.asarray(self.dt_max).astype(h.dtype))
        if self.dt_min is not None:
            h = jnp.maximum(h, jnp.asarray(self.dt_min).astype(h.dtype))
        return h

    def factor(
        self, error: Array, previous: Array, accepted: Array, method: Method, order: Array | None = None
    ) -> tuple[Array, Array]:
        """What to multiply the step by, and the logarithm of this error to remember.

        `error` is in units of the tolerance; `previous` is ln(e/target) of the last accepted step; `order` is
        that of this step's estimate, where it is not the method's. Logarithms
        replace powers, and single precision is plenty to choose a step by: these are the only transcendental
        functions in the loop, and in double precision they would not vectorise.
        """
        q = 1 + (method.error_order if order is None else order.astype(jnp.float32))
        # The barriers keep XLA from computing logarithm and exponential anew for every use.
        relative = jnp.maximum(error, 1e-8).astype(jnp.float32) / self.target
        error_log = barrier(jnp.log(relative))
        after_success = (self.proportional * previous - (self.integral + self.proportional) * error_log) / q
        after_failure = jnp.minimum(-error_log / q, _LOG_SHRINK)
        change = jnp.where(accepted, after_success, after_failure)
        change = jnp.where(jnp.isfinite(error), jnp.clip(change, _LOG_LEAST, _LOG_MOST), _LOG_LEAST)
        factor = jnp.exp(_held(change) if method.held else change)
        return barrier(factor.astype(error.dtype)), jnp.where(accepted, error_log, previous)


# After a rejection the step shrinks at least to 0.8; no step changes by more than these ratios.
_LOG_SHRINK, _LOG_LEAST, _LOG_MOST = -0.2231, -2.303, 2.0


def _held(change: Array) -> Array:
    """The logarithm of a factor rounded down to a multiple of ln 2/4; from 0.9 to 2^{1/4} no change: new
    weights must pay."""
    notch = log(2.0) / 4.0
    rounded = jnp.floor(change / notch + 1e-6) * notch
    return jnp.where((change >= log(0.9)) & (rounded <= 0.5 * notch), 0.0, rounded)
