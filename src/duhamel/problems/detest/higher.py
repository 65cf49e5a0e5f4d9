"""DETEST class E: equations of second order, written as systems (u, u')."""

from __future__ import annotations

from math import cos, pi, sin, sqrt
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from duhamel.problems.detest.entry import problem
from duhamel.problems.problem import Problem

__all__ = ["MAKERS"]

FALL = sqrt(0.4 * 0.032)


def bessel(t: Array, u: Array, args: Any) -> Array:
    """x'' = -x'/s - (1 - 1/(4s²)) x with s = t + 1: Bessel's equation of order one half."""
    x, v = u
    s = t + 1
    return jnp.stack([v, -v / s - (1 - 0.25 / s**2) * x])


def van_der_pol(t: Array, u: Array, args: Any) -> Array:
    """x'' = (1 - x²) x' - x."""
    x, v = u
    return jnp.stack([v, (1 - x**2) * v - x])


def duffing(t: Array, u: Array, args: Any) -> Array:
    """x'' = x³/6 - x + 2 sin(2.78535 t)."""
    x, v = u
    return jnp.stack([v, x**3 / 6 - x + 2 * jnp.sin(2.78535 * t)])


def falling_body(t: Array, u: Array, args: Any) -> Array:
    """x'' = 0.032 - 0.4 x'²."""
    _, v = u
    return jnp.stack([v, 0.032 - 0.4 * v**2])


def pursuit(t: Array, u: Array, args: Any) -> Array:
    """x'' = √(1 + x'²)/(25 - t)."""
    _, v = u
    return jnp.stack([v, jnp.sqrt(1 + v**2) / (25 - t)])


def _half_order(t: Array) -> Array:
    """J_{1/2}(s) = √(2/(πs)) sin s and its derivative, at s = t + 1."""
    s = t + 1
    size = jnp.sqrt(2 / (pi * s))
    return jnp.stack([size * jnp.sin(s), size * (jnp.cos(s) - jnp.sin(s) / (2 * s))])


def _fallen(t: Array) -> Array:
    return jnp.stack([30 + jnp.log(jnp.cosh(FALL * t)) / 0.4, FALL / 0.4 * jnp.tanh(FALL * t)])


def _pursued(t: Array) -> Array:
    s = 1 - t / 25
    return jnp.stack([12.5 * (-jnp.log(s) - (1 - s**2) / 2), (1 / s - s) / 2])


def _e1() -> Problem:
    size = sqrt(2 / pi)
    start = [size * sin(1.0), size * (cos(1.0) - sin(1.0) / 2)]
    end = [1.456723600728308e-01, -9.883500195574063e-02]
    return problem("e1", bessel, start, end, "Bessel's equation of order one half.", exact=_half_order)


def _e2() -> Problem:
    end = [2.008149762174948e00, -4.250887527320057e-02]
    return problem("e2", van_der_pol, [2.0, 0.0], end, "Van der Pol's oscillator, not stiff.")


def _e3() -> Problem:
    end = [-1.004178858647128e-01, 2.411400132095954e-01]
    return problem("e3", duffing, [0.0, 0.0], end, "Duffing's oscillator, driven.")


def _e4() -> Problem:
    end = [3.395091444646555e01, 2.767822659672869e-01]
    return problem("e4", falling_body, [30.0, 0.0], end, "A body that falls through air.", exact=_fallen)


def _e5() -> Problem:
    end = [1.411797390542629e01, 2.400000000000002e00]
    return problem("e5", pursuit, [0.0, 0.0], end, "The curve of a linear pursuit.", exact=_pursued)


MAKERS = {"detest-e1": _e1, "detest-e2": _e2, "detest-e3": _e3, "detest-e4": _e4, "detest-e5": _e5}
