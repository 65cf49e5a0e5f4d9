"""What every linear operator answers, and the arithmetic of weights."""

from __future__ import annotations

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from duhamel.errors import InputError

__all__ = ["Operator", "add_weights", "cast_weight", "real_dtype", "times"]

State = PyTree[Array]
Weight = PyTree[Array]


class Operator(eqx.Module):
    """A linear, time-independent operator L on a state.

    A *weight* is any function of L in the operator's own form (a number, a symbol, blocks, a matrix); weights
    of one operator may be added and scaled entry by entry and are applied to a state by `act`.
    """

    @abc.abstractmethod
    def apply(self, u: State) -> State:
        """L u."""

    @abc.abstractmethod
    def solve(self, shift: Array, v: State) -> State:
        """x with (I − shift·L) x = v, directly: no iteration, no tolerance."""

    def factored(self, shift: Array) -> Any:
        """What all solutions with one shift share, for `solve_factored`; None if that is nothing worth
        keeping."""
        del shift
        return None

    def solve_factored(self, factors: Any, shift: Array, v: State) -> State:
        """`solve` with what `factored` made of the same shift."""
        del factors
        return self.solve(shift, v)

    @abc.abstractmethod
    def phi(self, kmax: int, h: Array) -> Weight:
        """The weights φ_k(h_m L) for all h of shape (m,) and k = 0 … kmax, with leading axes (m, kmax + 1).

        φ_0 is the exponential. h may be complex, as splittings with complex coefficients need it.
        """

    @abc.abstractmethod
    def act(self, weight: Weight, v: State) -> State:
        """The function of L that `weight` stands for, applied to v."""

    @abc.abstractmethod
    def check(self, u: State) -> None:
        """Raise `InputError` unless the operator fits the state u (shapes and dtypes; values are not
        read)."""

    def exp(self, h: Array, u: State) -> State:
        """e^{hL} u, the exact flow of this part over a time h."""
        weight = jax.tree.map(lambda w: w[0, 0], self.phi(0, jnp.asarray(h)[None]))
        return self.act(cast_weight(weight, u), u)


def times(weight: Array, v: Array) -> Array:
    """weight · v without promoting a real weight to complex: half the multiplications, and strict-dtype
    safe."""
    if jnp.iscomplexobj(v) and not jnp.iscomplexobj(weight):
        return jax.lax.complex(weight * v.real, weight * v.imag)
    return weight * v


def add_weights(factors: np.ndarray, weights: Weight) -> Weight:
    """Sums of weights: factors of shape (…, m, k) applied to weights with leading axes (m, k).

    One matrix product, in full precision: many weights then cost little to compile.
    """

    def contract(w: Array) -> Array:
        if jnp.iscomplexobj(w):
            return jax.lax.complex(contract(w.real), contract(w.imag))
        basis = factors.shape[-2] * factors.shape[-1]
        flat = jnp.asarray(factors.reshape(-1, basis), w.dtype) @ w.reshape(basis, -1)
        return flat.reshape(*factors.shape[:-2], *w.shape[2:])

    return jax.tree.map(contract, weights)


def cast_weight(weight: Weight, u: State) -> Weight:
    """The weight in the precision of the state: computed in float64, rounded once."""
    dtype = real_dtype(u)
    narrow = {"float32": jnp.complex64, "float64": jnp.complex128}.get(str(dtype), jnp.complex64)

    def cast(w: Array) -> Array:
        return w.astype(narrow if jnp.iscomplexobj(w) else dtype)

    return jax.tree.map(cast, weight)


def real_dtype(u: State) -> Any:
    """The real dtype of a state: float64 for float64 and complex128."""
    return jnp.finfo(np.result_type(*(v.dtype for v in jax.tree.leaves(u)))).dtype


def scaled(h: Any, values: Array) -> Array:
    """h·values in the precision of the values, complex where either is: h may be a complex time."""
    h = jnp.asarray(h)
    if jnp.iscomplexobj(h):
        dtype = np.result_type(values.dtype, np.complex64)
        return h.astype(dtype) * values.astype(dtype)
    return times(h.astype(jnp.finfo(values.dtype).dtype), values)


def as_number(value: Any, what: str) -> Array:
    """A floating (or complex) array in full precision, kept traced if it is traced."""
    if not isinstance(value, jax.Array | float | int | complex) and not hasattr(value, "dtype"):
        raise InputError(f"{what} must be a number or an array, got {type(value).__name__}.")
    array = jnp.asarray(value)
    return array if jnp.issubdtype(array.dtype, jnp.inexact) else array.astype(float)


def real_state_error(what: str) -> InputError:
    return InputError(
        f"{what} is complex but the state is real: the product would not fit the state. "
        "Give a complex initial state, or a real operator."
    )
