"""Operators that act on each entry of the state by itself."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.coefficients import stacked_phi
from duhamel.errors import InputError
from duhamel.linear.base import (
    Operator,
    State,
    Weight,
    as_number,
    cast_weight,
    real_state_error,
    scaled,
    times,
)

__all__ = ["Diagonal", "Scalar"]


class Scalar(Operator):
    """L u = factor · u: one number for the whole state, real or complex.

    Cost of a weight: one number. Use it for uniform decay, growth or rotation.
    """

    factor: Array = eqx.field(converter=lambda v: as_number(v, "Scalar's factor"))

    def apply(self, u: State) -> State:
        return jax.tree.map(lambda v: times(cast_weight(self.factor, v), v), u)

    def solve(self, shift: Array, v: State) -> State:
        return jax.tree.map(lambda x: times(cast_weight(1.0 / (1.0 - shift * self.factor), x), x), v)

    def phi(self, kmax: int, h: Array) -> Weight:
        return jnp.moveaxis(stacked_phi(kmax, scaled(h, self.factor)), 0, 1)

    def act(self, weight: Weight, v: State) -> State:
        return jax.tree.map(lambda x: times(weight, x), v)

    def check(self, u: State) -> None:
        if self.factor.ndim:
            raise InputError(
                f"Scalar takes one number, got an array of shape {self.factor.shape}; use Diagonal."
            )
        for leaf in jax.tree.leaves(u):
            _check_complex(self.factor, leaf, "Scalar's factor")


class Diagonal(Operator):
    """L u = symbol · u, entry by entry.

    `symbol` is a pytree like the state, each array of the shape of its state array (or broadcastable to it);
    real symbols stay real. In Fourier space every constant-coefficient derivative is of this form.
    Cost of a weight: one φ per entry, evaluated only when the step size changes.
    """

    symbol: PyTree[Array] = eqx.field(converter=lambda s: jax.tree.map(lambda v: as_number(v, "symbol"), s))

    def apply(self, u: State) -> State:
        return jax.tree.map(lambda s, v: times(cast_weight(s, v), v), self.symbol, u)

    def solve(self, shift: Array, v: State) -> State:
        def divide(s: Array, x: Array) -> Array:
            return times(cast_weight(1.0 / (1.0 - scaled(shift, s)), x), x)

        return jax.tree.map(divide, self.symbol, v)

    def phi(self, kmax: int, h: Array) -> Weight:
        def values(symbol: Array) -> Array:
            times_ = h.reshape(-1, *[1] * symbol.ndim)
            return jnp.moveaxis(stacked_phi(kmax, scaled(times_, symbol)), 0, 1)

        return jax.tree.map(values, self.symbol)

    def act(self, weight: Weight, v: State) -> State:
        return jax.tree.map(times, weight, v)

    def check(self, u: State) -> None:
        if jax.tree.structure(self.symbol) != jax.tree.structure(u):
            raise InputError(
                f"Diagonal's symbol has structure {jax.tree.structure(self.symbol)}, the state has "
                f"{jax.tree.structure(u)}: give one symbol array per state array."
            )
        for s, v in zip(jax.tree.leaves(self.symbol), jax.tree.leaves(u), strict=True):
            if not _fits(s.shape, v.shape):
                raise InputError(
                    f"Diagonal's symbol has shape {s.shape}, the state {v.shape}: they must agree."
                )
            _check_complex(s, v, "Diagonal's symbol")


def _check_complex(symbol: Array, v: Any, what: str) -> None:
    if jnp.iscomplexobj(symbol) and not jnp.iscomplexobj(v):
        raise real_state_error(what)


def _fits(small: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether an array of shape `small` broadcasts to `shape`."""
    padded = (1,) * (len(shape) - len(small)) + small
    return len(padded) == len(shape) and all(n in (1, m) for n, m in zip(padded, shape, strict=True))
