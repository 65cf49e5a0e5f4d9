"""Equations that several tests of `solve` share (and so compile once)."""

import jax.numpy as jnp
import pytest

import duhamel as dh


def lorenz(t, u, args):
    x, y, z = u
    return jnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])


def decay(t, u, args):
    return -args * u


def pendulum(t, u, args):
    return {"angle": u["speed"], "speed": -jnp.sin(u["angle"])}


@pytest.fixture(scope="session")
def stiff():
    """A stiff linear part with a forcing: du/dt = Lu + cos t, solved by hand."""
    symbol = jnp.asarray([-1.0, -1e2, -1e5])
    return dh.Linear(dh.Diagonal(symbol)) + dh.Nonlinear(
        lambda t, u, args: jnp.cos(t) + jnp.zeros_like(u)
    ), symbol
