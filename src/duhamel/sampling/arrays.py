"""The few array operations that wrappers of networks need, in NumPy, PyTorch and JAX alike."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from duhamel.sampling.noise import normals
from duhamel.sampling.running import kind_of

__all__ = [
    "Column",
    "concatenated",
    "constant",
    "converted",
    "kind_of",
    "library",
    "norm",
    "normal_like",
    "spread",
    "telling",
    "total",
    "widest",
]

Array = Any


def library(x: Array) -> Any:
    """The module of an array: numpy, torch or jax.numpy."""
    return importlib.import_module({"numpy": "numpy", "torch": "torch", "jax": "jax.numpy"}[kind_of(x)])


def constant(value: Any, like: Array) -> Any:
    """A number or NumPy array as an array of the kind, type and device of `like`; a plain number stays
    one."""
    if np.ndim(value) == 0 and not hasattr(value, "aval"):
        return float(value)
    kind = kind_of(like)
    if kind == "torch":
        return like.new_tensor(value) if isinstance(value, np.ndarray) else value.to(like)
    return library(like).asarray(value, dtype=like.dtype)


def widest(x: Array) -> Any:
    """The dtype for sums that must not round: float64, or in JAX what it allows."""
    if kind_of(x) == "torch":
        return library(x).float64
    return np.promote_types(x.dtype, np.float64) if kind_of(x) == "numpy" else _jax_widest()


def _jax_widest() -> Any:
    import jax

    return jax.dtypes.canonicalize_dtype(np.float64)


def converted(x: Array, kind: Any) -> Array:
    """An array in another dtype."""
    if x.dtype == kind:
        return x
    return x.to(kind) if kind_of(x) == "torch" else x.astype(kind)


def spread(value: Any, like: Array) -> Any:
    """A value per sample, shape (B,), made to broadcast with `like`, shape (B, …)."""
    return value.reshape(-1, *(1,) * (like.ndim - 1)) if np.ndim(value) == 1 else value


def total(x: Array) -> Array:
    """The sum of each sample over all its axes, shape (B, 1, …)."""
    flat = x.reshape(x.shape[0], -1)
    return flat.sum(1).reshape(-1, *(1,) * (x.ndim - 1))


def norm(x: Array) -> Array:
    """The Euclidean length of each sample, shape (B, 1, …)."""
    return total(x * x) ** 0.5


def concatenated(first: Any, second: Any) -> Any:
    """Two arrays one after the other along the batch; tuples, lists and dictionaries entry by entry, None
    stays None."""
    if first is None:
        return None
    if isinstance(first, dict):
        return {name: concatenated(value, second[name]) for name, value in first.items()}
    if isinstance(first, tuple | list):
        return type(first)(concatenated(a, b) for a, b in zip(first, second, strict=True))
    return (
        library(first).concatenate((first, second))
        if kind_of(first) != "torch"
        else library(first).cat((first, second))
    )


def telling(t: Any, like: Array) -> Any:
    """A model time as `sample` gives it: a float in NumPy, otherwise a 0-d array; one per sample stays an
    array."""
    t = np.asarray(t, dtype=np.float64)
    if kind_of(like) == "numpy":
        return t if t.ndim else float(t)
    if kind_of(like) == "torch":
        return like.new_tensor(t, dtype=like.dtype if like.dtype.itemsize > 2 else library(like).float32)
    return library(like).asarray(t, dtype=like.dtype if like.dtype.itemsize > 2 else np.float32)


def normal_like(x: Array, seed: Any) -> Callable[[int], Array]:
    """A function of a counter that gives unit normals like x: per sample, independent of the batch (see
    `noise`)."""
    draw = normals(seed, tuple(x.shape))
    return lambda i: constant(draw(i), x)


class Column:
    """Numbers by row of a plan, shape (rows,) or (rows, B), read by a row index that may be traced."""

    def __init__(self, values: Any):
        self.values = np.asarray(values, dtype=np.float64)

    def at(self, i: Any, like: Array) -> Any:
        """Row i, ready to multiply `like`."""
        if isinstance(i, int | np.integer):
            return spread(constant(self.values[i], like), like)
        return spread(library(like).asarray(self.values, dtype=like.dtype)[i], like)
