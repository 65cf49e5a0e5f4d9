"""DETEST class F: right-hand sides that jump (F1, F2, F4) or have kinks (F3, F5)."""

from __future__ import annotations

from math import exp, pi
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.problems.detest.entry import problem
from duhamel.problems.problem import Problem

__all__ = ["MAKERS"]

GROWTH = 0.1
STIFFNESS = pi**2 + GROWTH**2
CORNERS = np.arange(1.0, 20.0)
ROOTS = float(np.sum(CORNERS ** (4 / 3)))


def _even(t: Array) -> Array:
    """Whether the whole part of t is even."""
    return jnp.floor(t) % 2 == 0


def pushed_oscillator(t: Array, u: Array, args: Any) -> Array:
    """x'' = 2a x' - (π² + a²) x ± 1 with a = 0.1; the sign is that of (-1)^⌊t⌋."""
    x, v = u
    return jnp.stack([v, 2 * GROWTH * v - STIFFNESS * x + jnp.where(_even(t), 1.0, -1.0).astype(u.dtype)])


def switched_decay(t: Array, u: Array, args: Any) -> Array:
    """u' = 55 - 3u/2 where ⌊t⌋ is even, 55 - u/2 where it is odd."""
    return 55 - jnp.where(_even(t), 1.5, 0.5).astype(u.dtype) * u


def rectified(t: Array, u: Array, args: Any) -> Array:
    """x'' = 0.01 x' (1 - x²) - x - |sin πt|."""
    x, v = u
    return jnp.stack([v, 0.01 * v * (1 - x**2) - x - abs(jnp.sin(pi * t))])


def peak(t: Array, u: Array, args: Any) -> Array:
    """u' = -2/21 - 120(t - 5)/(1 + 4(t - 5)²)^16 up to t = 10, then u' = -2u."""
    s = t - 5
    before = -2 / 21 - 120 * s * (1 + 4 * s**2) ** -16
    return jnp.where(t <= 10, before, -2 * u)


def cube_roots(t: Array, u: Array, args: Any) -> Array:
    """u' = u d/dt log φ with log φ = Σ_i |t - i|^{4/3} / Σ_i i^{4/3}, i = 1 … 19."""
    s = t - jnp.asarray(CORNERS, u.dtype)
    return u * (4 / (3 * ROOTS)) * jnp.sum(jnp.cbrt(s))


def _pushed(t: Array) -> Array:
    """Between two pushes a free oscillation about ±1/(π² + a²); each push starts at rest."""
    n = jnp.floor(t)
    sign = jnp.where(n % 2 == 0, 1.0, -1.0)
    growth = exp(GROWTH)
    start = -sign * (1 + growth) / STIFFNESS * jnp.expm1(GROWTH * n) / (growth - 1)
    away = (start - sign / STIFFNESS) * jnp.exp(GROWTH * (t - n))
    angle = pi * (t - n)
    x = sign / STIFFNESS + away * (jnp.cos(angle) - GROWTH / pi * jnp.sin(angle))
    v = -away * (pi + GROWTH**2 / pi) * jnp.sin(angle)
    return jnp.stack([x, v])


def _switched(t: Array) -> Array:
    """One period of two maps u → 110/3 + …, u → 110 + …, repeated: a geometric series."""
    pairs = jnp.floor(t / 2)
    ratio = exp(-2.0)
    after_one = 110 / 3 * (1 - exp(-1.5))
    shift = 110 + (after_one - 110) * exp(-0.5)
    start = ratio**pairs * 110 + shift * (1 - ratio**pairs) / (1 - ratio)
    s = t - 2 * pairs
    early = 110 / 3 + (start - 110 / 3) * jnp.exp(-1.5 * jnp.minimum(s, 1.0))
    return jnp.where(s < 1, early, 110 + (early - 110) * jnp.exp(-0.5 * (s - 1)))[None]


def _peaked(t: Array) -> Array:
    s = t - 5
    before = 1 - 2 * t / 21 + (1 + 4 * s**2) ** -15.0 - 101.0**-15
    return jnp.where(t <= 10, before, jnp.exp(-2 * (t - 10)) / 21)[None]


def _cornered(t: Array) -> Array:
    return jnp.exp(jnp.sum(abs(t - CORNERS) ** (4 / 3)) / ROOTS - 1)[None]


WHOLE = tuple(float(n) for n in range(1, 20))


def _f1() -> Problem:
    end = [-1.294460621213470e1, -2.208575158908672e-15]
    physics = "A growing oscillator, pushed to and fro once a unit of time."
    return problem("f1", pushed_oscillator, [0.0, 0.0], end, physics, exact=_pushed, breaks=WHOLE)


def _f2() -> Problem:
    physics = "A decay whose rate is switched once a unit of time."
    return problem("f2", switched_decay, [110.0], [70.03731057008607], physics, exact=_switched, breaks=WHOLE)


def _f3() -> Problem:
    end = [-3.726957553088175e-1, -6.230137949234190e-1]
    physics = "An oscillator driven by a rectified sine."
    return problem("f3", rectified, [0.0, 0.0], end, physics, breaks=WHOLE)


def _f4() -> Problem:
    physics = "A narrow peak at t = 5 that an integrator may step over, and a switch at t = 10."
    return problem("f4", peak, [1.0], [9.815017249707434e-11], physics, exact=_peaked, breaks=(10.0,))


def _f5() -> Problem:
    physics = "Nineteen points where the second derivative is infinite."
    return problem("f5", cube_roots, [1.0], [1.0], physics, exact=_cornered, breaks=WHOLE)


MAKERS = {"detest-f1": _f1, "detest-f2": _f2, "detest-f3": _f3, "detest-f4": _f4, "detest-f5": _f5}
