"""Steps as long as the tolerance allows: a proportional–integral controller."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from duhamel.equation import Equation
from duhamel.errors import InputError
from duhamel.methods.base import Method, add_scaled, precise
from duhamel.stepping.norm import scaled_norm

__all__ = ["Adaptive"]


def _number(value: Any) -> Any:
    return jax.tree.map(lambda v: v if isinstance(v, jax.Array) else np.asarray(v, dtype=float), value)


class Adaptive(eqx.Module):
    """Accept a step if its estimated error is within atol + rtol·|u|; choose the next by PI control:

        h ← h · (s/e)^{(kI+kP)/q} · (e_prev/s)^{kP/q},    s = target, q = order of the estimate + 1

    (Hairer & Wanner, Solving ODEs II, IV.2; Gustafsson 1991). `rtol`, `atol`: numbers, or pytrees like a plain state. `dt0` is the first step (guessed if
    None), `dt_min`/`dt_max` bound steps. Methods whose weights depend on h move it in ratios of 2^{1/4} and hold it otherwise, so
    that weights are seldom recomputed. Changing any of these numbers does not recompile.
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
                if isinstance(value, jax.core.Tracer):
                    continue
                if not np.all(np.isfinite(value)) or np.any(np.asarray(value) < 0):
                    raise InputError(f"{name} must be finite and not negative, got {value}.")
        sums = [r + a for r, a in zip(jax.tree.leaves(self.rtol), jax.tree.leaves(self.atol), strict=False)]
        if any(not isinstance(s, jax.core.Tracer) and np.any(np.asarray(s) == 0) for s in sums):
            raise InputError("rtol and atol are both zero: no step can be that good. Set at least one of them.")

    def first(self, eq: Equation, method: Method, t: Array, u: PyTree, memory: Any, args: Any, span: Array) -> Array:
        """The first step size (Hairer, Nørsett & Wanner, Solving ODEs I, II.4), from one evaluation."""
        if self.dt0 is not None:
            return jnp.minimum(jnp.asarray(self.dt0).astype(t.dtype), span)
        slope = method.slope(memory)
        measure = lambda v: scaled_norm(eq, v, (u,), self.rtol, self.atol).astype(t.dtype)
        size, speed = measure(u), measure(slope)
        trial = jnp.where((size < 1e-5) | (speed < 1e-5), 1e-6 * span, 0.01 * size / speed)
        trial = jnp.minimum(trial, span)
        moved = add_scaled(u, precise(trial, u), [1.0], [slope])
        after = method.init(eq, t + trial, moved, args)
        difference = jax.tree.map(jnp.subtract, method.slope(after), slope)
        most = jnp.maximum(speed, measure(difference) / trial)
        power = 1.0 / (method.error_order + 1)
        better = jnp.where(most <= 1e-15, jnp.maximum(1e-6 * span, trial * 1e-3), (0.01 / most) ** power)
        h = jnp.minimum(100.0 * trial, better)
        return self.bounded(jnp.minimum(jnp.where(jnp.isfinite(h) & (h > 0), h, 1e-6 * span), span))

    def bounded(self, h: Array) -> Array:
        if self.dt_max is not None:
            h = jnp.minimum(h, jnp.asarray(self.dt_max).astype(h.dtype))
        if self.dt_min is not None:
            h = jnp.maximum(h, jnp.asarray(self.dt_min).astype(h.dtype))
        return h

    def factor(self, error: Array, previous: Array, accepted: Array, method: Method) -> Array:
        """What to multiply the step by, given this error and the last accepted one (in tolerances)."""
        q = method.error_order + 1
        e = jnp.maximum(error, 1e-8)
        gain = (self.integral + self.proportional) / q
        factor = (self.target / e) ** gain * (previous / self.target) ** (self.proportional / q)
        factor = jnp.where(accepted, factor, jnp.minimum((self.target / e) ** (1.0 / q), 0.8))
        factor = jnp.clip(jnp.where(jnp.isfinite(error), factor, 0.1), 0.1, 8.0)
        return _held(factor) if method.held else factor


def _held(factor: Array) -> Array:
    """The factor rounded down to a power of 2^{1/4}, and 1 from 0.9 to 2^{1/4}: new weights must pay."""
    ratio = jnp.exp2(jnp.floor(jnp.log2(factor) * 4.0 + 1e-6) / 4.0)
    return jnp.where((factor >= 0.9) & (ratio <= 1.0), 1.0, ratio)
