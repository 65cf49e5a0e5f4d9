"""The spectral radius of the Jacobian, by power iteration."""

from __future__ import annotations

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.equation import Equation
from duhamel.linear.base import real_dtype
from duhamel.methods.base import State, precise

__all__ = ["Radius", "power_iteration", "start_vector"]

# As in Sommeijer, Shampine & Verwer (1998): the iteration approaches the radius from below.
_SAFETY, _CLOSE, _MOST = 1.2, 0.01, 50


class Radius(NamedTuple):
    """An upper guess of the spectral radius (in the time precision), the vector it was found with, and the
    evaluations this took."""

    value: Array
    vector: State
    evaluations: Array


def power_iteration(eq: Equation, t: Array, u: State, args: Any, vector: State) -> Radius:
    """1.2 times the limit of ‖J v‖ for v ← J v/‖J v‖ from `vector`, with J = ∂f/∂u at (t, u) by forward
    derivatives; until two values agree to 1 %, at most 50 times. No derivative is taken of the result.

    Cost: one evaluation of f, and one derivative for each turn, which counts as an evaluation too.
    """
    eq, t, u, args, vector = _constant((eq, t, u, args, vector))
    _, push = jax.linearize(lambda v: eq.rhs(precise(t, u), v, args), u)

    def going(carry: Any) -> Array:
        _, value, before, turns = carry
        return (turns < 2) | ((abs(value - before) > _CLOSE * value) & (turns < _MOST))

    def turn(carry: Any) -> Any:
        v, value, _, turns = carry
        moved = push(v)
        length = _length(moved)
        # Where J v vanishes or overflows, v is kept: the radius is then 0 or not finite.
        good = (length > 0) & jnp.isfinite(length)
        scale = 1.0 / jnp.where(good, length, 1.0)
        v = jax.tree.map(lambda a, b: jnp.where(good, scale.astype(a.dtype) * a, b), moved, v)
        return v, length, value, turns + 1

    zero = jnp.zeros((), real_dtype(u))
    v, value, before, turns = jax.lax.while_loop(going, turn, (vector, zero, zero, jnp.zeros((), jnp.int32)))
    radius = _SAFETY * jnp.maximum(value, before)
    return _constant(Radius(radius.astype(t.dtype), v, turns + 1))


def _constant(tree: Any) -> Any:
    """The same without derivatives."""
    return jax.tree.map(lambda v: jax.lax.stop_gradient(v) if eqx.is_inexact_array(v) else v, tree)


def start_vector(u: State) -> State:
    """A vector of unit length like u in which no mode is missing: the fractions of multiples of the golden
    ratio, scattered about zero."""

    def scattered(v: Array) -> Array:
        index = jax.lax.iota(jnp.uint32, max(v.size, 1))[: v.size]
        bits = (index * jnp.uint32(2654435769)) >> jnp.uint32(8)
        return (bits.astype(real_dtype(u)) / 2**24 - 0.5).astype(v.dtype).reshape(v.shape)

    vector = jax.tree.map(scattered, u)
    length = _length(vector)
    scale = 1.0 / jnp.where(length > 0, length, 1.0)
    return jax.tree.map(lambda v: scale.astype(v.dtype) * v, vector)


def _length(v: State) -> Array:
    squares = [jnp.sum((x * jnp.conj(x)).real) for x in jax.tree.leaves(v)]
    return jnp.sqrt(sum(squares[1:], squares[0]).astype(real_dtype(v)))
