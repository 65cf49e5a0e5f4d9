"""DETEST class B: small systems."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.problems.detest.entry import problem
from duhamel.problems.problem import Problem

__all__ = ["MAKERS"]


def conflict(t: Array, u: Array, args: Any) -> Array:
    """x' = 2(x - xy), y' = -(y - xy)."""
    x, y = u
    return jnp.stack([2 * (x - x * y), x * y - y])


def linear_reaction(t: Array, u: Array, args: Any) -> Array:
    """x' = y - x, y' = x - 2y + z, z' = y - z."""
    x, y, z = u
    return jnp.stack([y - x, x - 2 * y + z, y - z])


def nonlinear_reaction(t: Array, u: Array, args: Any) -> Array:
    """x' = -x, y' = x - y², z' = y²."""
    x, y, _ = u
    return jnp.stack([-x, x - y**2, y**2])


def torus(t: Array, u: Array, args: Any) -> Array:
    """x' = -y - xz/r, y' = x - yz/r, z' = x/r with r² = x² + y²."""
    x, y, z = u
    r = jnp.sqrt(x**2 + y**2)
    return jnp.stack([-y - x * z / r, x - y * z / r, x / r])


def rigid_body(t: Array, u: Array, args: Any) -> Array:
    """x' = yz, y' = -xz, z' = -0.51 xy: Euler's equations of a body without torque."""
    x, y, z = u
    return jnp.stack([y * z, -x * z, -0.51 * x * y])


def _b1() -> Problem:
    end = [6.761876008576667e-01, 1.860816099640036e-01]
    return problem("b1", conflict, [1.0, 3.0], end, "Two populations in conflict.")


def _b2() -> Problem:
    slow, fast = np.array([1.0, 0.0, -1.0]), np.array([1.0, -2.0, 1.0])
    end = [1.000000001030576e00, 1.000000000000000e00, 9.999999989694235e-01]
    return problem(
        "b2",
        linear_reaction,
        [2.0, 0.0, 1.0],
        end,
        "A linear chemical reaction that comes to equilibrium.",
        exact=lambda t: 1 + 0.5 * (jnp.exp(-t) * slow + jnp.exp(-3 * t) * fast),
    )


def _b3() -> Problem:
    end = [2.061153488557776e-09, 5.257228022048349e-02, 9.474277177183630e-01]
    return problem("b3", nonlinear_reaction, [1.0, 0.0, 0.0], end, "A nonlinear chemical reaction.")


def _b4() -> Problem:
    end = [9.826950928005993e-01, 2.198447081694832e00, 9.129452507276399e-01]
    return problem("b4", torus, [3.0, 0.0, 0.0], end, "The integral surface of a torus.")


def _b5() -> Problem:
    end = [-9.396570798729192e-01, -3.421177754000779e-01, 7.414126596199957e-01]
    return problem("b5", rigid_body, [0.0, 1.0, 1.0], end, "Euler's rigid body: elliptic functions.")


MAKERS = {"detest-b1": _b1, "detest-b2": _b2, "detest-b3": _b3, "detest-b4": _b4, "detest-b5": _b5}
