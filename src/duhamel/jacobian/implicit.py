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
        """A⁻¹ b, linear in b."""
        ...

    def multiply(self, matrix: Array, x: Array) -> Array:
        """A x, linear in both."""
        ...


def factorised(structure: Elimination, matrix: Array) -> Factors:
    """The factors of a matrix, to be used by `solved`."""
    return Factors(matrix, structure.eliminate(jax.lax.stop_gradient(matrix)))


def solved(structure: Elimination, factors: Factors, b: Array) -> Array:
    """x = A⁻¹ b, with dx = A⁻¹ (db − dA x)."""
    return _solved(structure, factors.matrix, factors.eliminated, b)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _solved(structure: Elimination, matrix: Array, eliminated: Any, b: Array) -> Array:
    del matrix
    return structure.substitute(eliminated, b)


@_solved.defjvp
def _derivative(structure: Elimination, primals: Any, tangents: Any) -> tuple[Array, Array]:
    matrix, eliminated, b = primals
    change, _, rest = tangents
    x = _solved(structure, matrix, eliminated, b)
    return x, _solved(structure, matrix, eliminated, rest - structure.multiply(change, x))
