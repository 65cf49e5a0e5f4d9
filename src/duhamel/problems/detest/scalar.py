"""DETEST class A: single equations."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from duhamel.problems.detest.entry import problem
from duhamel.problems.problem import Problem

__all__ = ["MAKERS"]


def decay(t: Array, u: Array, args: Any) -> Array:
    """u' = -u."""
    return -u


def cubic_decay(t: Array, u: Array, args: Any) -> Array:
    """u' = -u³/2."""
    return -0.5 * u**3


def oscillating_rate(t: Array, u: Array, args: Any) -> Array:
    """u' = u cos t."""
    return u * jnp.cos(t)


def logistic(t: Array, u: Array, args: Any) -> Array:
    """u' = u (1 - u/20)/4."""
    return 0.25 * u * (1 - u / 20)


def spiral(t: Array, u: Array, args: Any) -> Array:
    """u' = (u - t)/(u + t)."""
    return (u - t) / (u + t)


def _a1() -> Problem:
    return problem(
        "a1",
        decay,
        [1.0],
        [2.061153353012535e-09],
        "Exponential decay.",
        exact=lambda t: jnp.exp(-t)[None],
    )


def _a2() -> Problem:
    return problem(
        "a2",
        cubic_decay,
        [1.0],
        [2.182178902359887e-01],
        "Algebraic decay, a special case of the Riccati equation.",
        exact=lambda t: (1 / jnp.sqrt(1 + t))[None],
    )


def _a3() -> Problem:
    return problem(
        "a3",
        oscillating_rate,
        [1.0],
        [2.491650271850414e00],
        "Growth and decay in turn.",
        exact=lambda t: jnp.exp(jnp.sin(t))[None],
    )


def _a4() -> Problem:
    return problem(
        "a4",
        logistic,
        [1.0],
        [1.773016648131483e01],
        "The logistic curve: growth that saturates.",
        exact=lambda t: (20 / (1 + 19 * jnp.exp(-t / 4)))[None],
    )


def _a5() -> Problem:
    return problem("a5", spiral, [4.0], [-7.887826688964196e-01], "A logarithmic spiral, seen as u over t.")


MAKERS = {"detest-a1": _a1, "detest-a2": _a2, "detest-a3": _a3, "detest-a4": _a4, "detest-a5": _a5}
