"""DETEST class D: two bodies on ellipses of eccentricity 0.1, 0.3, …, 0.9, and the exact motion on them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.problems.detest.entry import problem
from duhamel.problems.problem import Problem

__all__ = ["MAKERS", "anomaly", "on_the_ellipse"]


def two_bodies(t: Array, u: Array, args: Any) -> Array:
    """q'' = -q/|q|³ in the plane; state (x, y, x', y')."""
    q, v = u[:2], u[2:]
    return jnp.concatenate([v, -q * jnp.sum(q**2) ** -1.5])


def anomaly(t: Array, e: float) -> Array:
    """E with E - e sin E = t, Kepler's equation.

    Newton's iteration from π (mean anomaly between 0 and 2π) converges from one side for every e < 1; its
    last step, taken anew from the value found, also carries derivatives in t.
    """
    turns = jnp.floor(t / (2 * jnp.pi)) * 2 * jnp.pi
    mean = t - turns

    def newton(_: int, value: Array) -> Array:
        return value - (value - e * jnp.sin(value) - mean) / (1 - e * jnp.cos(value))

    value = jax.lax.fori_loop(0, 12, newton, jnp.full_like(mean, jnp.pi))
    return value + turns


def on_the_ellipse(t: Array, e: float) -> tuple[Array, Array]:
    """Position and velocity at t of a body that was nearest to the sun, at (1 - e, 0), at t = 0."""
    angle = anomaly(t, e)
    q = jnp.stack([jnp.cos(angle) - e, sqrt(1 - e**2) * jnp.sin(angle)])
    v = jnp.stack([-jnp.sin(angle), sqrt(1 - e**2) * jnp.cos(angle)]) / (1 - e * jnp.cos(angle))
    return q, v


ENDS = {
    0.1: (2.198835352008397e-01, 9.427076846341813e-01, -9.787659841058176e-01, 3.287977990962036e-01),
    0.3: (-1.777027357140412e-01, 9.467784719905892e-01, -1.030294163192969e00, 1.211074890053952e-01),
    0.5: (-5.780432953035361e-01, 8.633840009194193e-01, -9.595083730380727e-01, -6.504915126712089e-02),
    0.7: (-9.538990293416394e-01, 6.907409024219432e-01, -8.212674270877433e-01, -1.539574259125825e-01),
    0.9: (-1.295266250987574e00, 4.003938963792321e-01, -6.775390924707566e-01, -1.270838154278686e-01),
}


def _exact(e: float) -> Callable[[Array], Array]:
    return lambda t: jnp.concatenate(on_the_ellipse(t, e))


def _orbit(label: str, e: float) -> Problem:
    start = [1 - e, 0.0, 0.0, sqrt((1 + e) / (1 - e))]
    physics = f"Two bodies, eccentricity {e:g}: three orbits, fastest where they meet."
    return problem(label, two_bodies, start, ENDS[e], physics, accuracy=3e-11, exact=_exact(e))


MAKERS = {f"detest-d{k}": partial(_orbit, f"d{k}", e) for k, e in enumerate(ENDS, 1)}
