"""Linear parts with a source: what inhomogeneous boundary data make of a linear operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.equation import Function, Nonlinear
from duhamel.errors import InputError
from duhamel.linear import Operator
from duhamel.linear.base import cast_weight, scaled
from duhamel.methods.base import State, precise

__all__ = ["Affine", "AffineFlow", "Source", "affine", "times_h"]


class Source(eqx.Module):
    """s(t): the sum of fixed states and of functions of (t, args)."""

    fixed: tuple[PyTree[Array], ...]
    moving: tuple[Callable[..., Any], ...]

    def __call__(self, t: Array, args: Any) -> State:
        terms = [*self.fixed, *(f(t, args) for f in self.moving)]
        return jax.tree.map(lambda *vs: sum(vs[1:], vs[0]), *terms)

    def plus(self, other: Any) -> Source:
        """This source and another one, a state or a function of (t, args)."""
        more = source_of(other)
        return Source(self.fixed + more.fixed, self.moving + more.moving)


def source_of(value: Any) -> Source:
    """A `Source` from a state or a function of (t, args)."""
    if isinstance(value, Source):
        return value
    if callable(value):
        plain = jax.tree.structure(value) == jax.tree.structure(0)
        return Source((), (Function(value) if plain else value,))
    return Source((jax.tree.map(jnp.asarray, value),), ())


class Affine(eqx.Module):
    """f(t, u) = L u + s(t)."""

    operator: Operator
    source: Source

    def __call__(self, t: Array, u: State, args: Any) -> State:
        return jax.tree.map(jnp.add, self.operator.apply(u), self.source(t, args))


class AffineFlow(eqx.Module):
    """e^{hL}u + hφ₁(hL) s(t) + hφ₂(hL) (s(t+h) − s(t)): exact where s is linear in time over the flow.

    For s from boundary data the error is O(h³ s''), free of L, so no order is lost to stiffness.
    """

    operator: Operator
    source: Source

    def __call__(self, t: Array, h: Array, u: State, args: Any) -> State:
        hs = jnp.asarray(h)[None]
        weights = jax.tree.map(lambda w: w[0], times_h(hs, self.operator.phi(2, hs)))
        return self.act(cast_weight(weights, u), t, h, u, args)

    def act(self, weights: Any, t: Array, h: Array, u: State, args: Any) -> State:
        """The same with φ₀, hφ₁, hφ₂ of hL stacked in `weights`."""
        act = self.operator.act
        use = [jax.tree.map(lambda w, k=k: w[k], weights) for k in range(3)]
        now = self.source(precise(t, u), args)
        terms = [act(use[0], u), act(use[1], now)]
        if self.source.moving:
            later = self.source(precise(t + h, u), args)
            terms.append(act(use[2], jax.tree.map(jnp.subtract, later, now)))
        return jax.tree.map(lambda *vs: sum(vs[1:], vs[0]), *terms)


def times_h(hs: Array, weights: PyTree[Array]) -> PyTree[Array]:
    """φ₀, hφ₁, …, hφ_k from φ₀, φ₁, …, φ_k, for all h of shape (m,); leading axes (m, k + 1)."""

    def scale(w: Array) -> Array:
        factor = jnp.stack([jnp.ones_like(hs), *[hs] * (w.shape[1] - 1)], axis=1)
        return scaled(factor.reshape(*factor.shape, *[1] * (w.ndim - 2)), w)

    return jax.tree.map(lambda w: w if w.shape[1] == 1 else scale(w), weights)


def affine(operator: Operator, source: Any) -> Nonlinear:
    """The part du/dt = L u + s: a linear part with a source, e.g. a Laplacian with boundary values not zero.

    `source`: a state, or a function s(t, args) that returns one. Splitting methods take the exact flow,
    e^{hL}u + hφ₁(hL)s (for moving sources to second order, free of stiff terms), with weights that are kept
    while h is; every other method sees a part f(t, u). Raises `InputError` where L is no operator.

    Example, u_xx on n inner points of (0, 1) with u = 1 at both ends: `affine(Dense(D), s)` with the matrix D
    of second differences and s = (n+1)² in the first and the last entry, zero elsewhere.
    """
    if not isinstance(operator, Operator):
        raise InputError(
            f"affine takes an operator (Scalar, Diagonal, BlockDiagonal, Dense) and a source, got "
            f"{type(operator).__name__}."
        )
    part = source_of(source)
    return Nonlinear(Affine(operator, part), flow=AffineFlow(operator, part))
