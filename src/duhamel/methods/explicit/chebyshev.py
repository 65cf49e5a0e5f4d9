"""The Runge–Kutta–Chebyshev method of order 2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from duhamel.methods.base import State
from duhamel.methods.explicit.stabilised import Slope, Stabilised, mix, run_chain

__all__ = ["RKC2"]

# Damping: on the stability interval the stability polynomial stays below about 1 − ε/3.
_EPSILON = 2.0 / 13.0


class Recursion(NamedTuple):
    """Tⱼ, T′ⱼ, T″ⱼ at w₀ for the last two j, and bⱼ for them."""

    now: tuple[Any, Any, Any]
    before: tuple[Any, Any, Any]
    b: Any
    b_before: Any


class RKC2(Stabilised):
    """RKC: s stages, order 2, stable for h·radius up to 0.65 s², estimate of order 2.

    Stability polynomial 1 + b_s T″… in Chebyshev polynomials, bⱼ = T″ⱼ(w₀)/T′ⱼ(w₀)², w₀ = 1 + 2/(13 s²). For
    semidiscretised diffusion with mild reaction, any pytree and any grid, without a linear system: s
    evaluations per step, s ~ 1.24 √(h·radius).
    """

    name: ClassVar[str] = "rkc2"
    order: ClassVar[int] = 2
    error_order: ClassVar[int] = 2
    reference: ClassVar[str] = "Sommeijer, Shampine & Verwer, J. Comput. Appl. Math. 88 (1998), 315–326"

    def wanted(self, z: Array) -> Array:
        return (1.0 + jnp.sqrt(1.0 + 1.54 * z)).astype(jnp.int32)

    def longest(self) -> float:
        return (self.max_stages**2 - 2 * self.max_stages) / 1.54

    def sweep(
        self, f: Slope, t: Array, h: Array, u: State, slope: State, count: Any
    ) -> tuple[State, Callable[[State], State]]:
        w0, w1 = _points(jnp.asarray(count).astype(t.dtype))
        b1 = 0.25 / (w0 * w0)
        one, none = jnp.ones_like(w0), jnp.zeros_like(w0)
        begun = Recursion((w0, one, none), (one, none, none), b1, b1)

        def row(j: Array, r: Recursion) -> tuple[tuple[Any, ...], Recursion]:
            now = _next(w0, r)
            b = now[2] / (now[1] * now[1])
            mu_f = 2.0 * w1 * b / r.b
            gamma = mu_f * (r.b * r.now[0] - 1.0)
            return (2.0 * w0 * b / r.b, -b / r.b_before, mu_f, gamma), Recursion(now, r.now, b, r.b)

        new = run_chain(row, f, t, h, (u, slope, b1 * w1, begun), count).y

        def estimate(new_slope: State) -> State:
            return mix([(0.8, u), (-0.8, new), (0.4 * h, slope), (0.4 * h, new_slope)])

        return new, estimate


def _points(s: Array) -> tuple[Array, Array]:
    """w₀ = 1 + ε/s² and w₁ = T′ₛ(w₀)/T″ₛ(w₀), by hyperbolic functions."""
    small = _EPSILON / (s * s)
    w0 = 1.0 + small
    square = small * (2.0 + small)  # w₀² − 1
    root = jnp.sqrt(square)
    angle = s * jnp.log1p(small + root)
    w1 = jnp.sinh(angle) * square / (jnp.cosh(angle) * s * root - w0 * jnp.sinh(angle))
    return w0, w1


def _next(w0: Array, r: Recursion) -> tuple[Any, Any, Any]:
    """T, T′ and T″ of the next degree, from Tⱼ = 2 w₀ Tⱼ₋₁ − Tⱼ₋₂ and its derivatives."""
    (t1, d1, e1), (t0, d0, e0) = r.now, r.before
    return 2.0 * w0 * t1 - t0, 2.0 * (w0 * d1 + t1) - d0, 2.0 * w0 * e1 + 4.0 * d1 - e0
