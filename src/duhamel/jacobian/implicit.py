"""Derivatives of x = A⁻¹ b without differentiating through the elimination."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
from jaxtyping import Array

__all__ = ["Factors", "factorised", "solved"]


class Factors(NamedTuple):
    """A matrix in the form of its structure, and what elimination made of it (derivatives do not pass)."""

    matrix: Array
    eliminated: Any


class Elimination(Protocol):
    """A structure that brings its own elimination. Hashable."""

    def eliminate(self, matrix: Array) -> Any:
        """Factors of a matrix."""
        ...

    def substitute(self, eliminated: Any, b: Array) -> Array:
        """A⁻¹ b, linear in b; JAX transposes it."""
        ...

    def multiply(self, matrix: Array, x: Array) -> Array:
        """A x, linear in both."""
        ...


def factorised(structure: Elimination, matrix: Array) -> Factors:
    """The factors of a matrix, to be used by `solved`."""
    return Factors(matrix, structure.eliminate(jax.lax.stop_gradient(matrix)))


def solved(structure: Elimination, factors: Factors, b: Array) -> Array:
    """x = A⁻¹ b, with dx = A⁻¹ (db − dA x), and so on for higher derivatives."""
    matrix, eliminated = factors
    return jax.lax.custom_linear_solve(
        lambda x: structure.multiply(matrix, x),
        b,
        lambda _, y: _substituted(structure, eliminated, y),
        lambda _, y: _transposed(structure, eliminated, y),
    )


# Compiled functions of their own only so that a program with many solutions is traced once.
@partial(jax.jit, static_argnums=0)
def _substituted(structure: Elimination, eliminated: Any, b: Array) -> Array:
    return structure.substitute(eliminated, b)


@partial(jax.jit, static_argnums=0)
def _transposed(structure: Elimination, eliminated: Any, b: Array) -> Array:
    return jax.linear_transpose(lambda y: structure.substitute(eliminated, y), b)(b)[0]
