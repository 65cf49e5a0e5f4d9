"""Compile once, run with new numbers: a jit for pytrees of numbers, arrays and everything else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

__all__ = ["compiled", "is_traced", "joined", "parted"]


# The structure of a pytree and those of its leaves that are no numbers.
Key = tuple[Any, tuple[Any, ...]]


def is_traced(tree: Any) -> bool:
    """Whether a pytree holds values that JAX is tracing (under jit, grad or vmap)."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(tree))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled by JAX. Numbers and arrays inside the arguments are traced, so that new values do
    not recompile; all other leaves (functions, text, flags) are compared by equality, and a new one
    recompiles."""

    @partial(jax.jit, static_argnums=0)
    def inner(key: Key, numbers: list[Any]) -> Any:
        return function(*joined(key, numbers))

    return lambda *args: inner(*parted(args))


def parted(tree: Any) -> tuple[Key, list[Any]]:
    """What of a pytree is to be compared by equality, and the numbers and arrays in it."""
    leaves, treedef = jax.tree.flatten(tree)
    numeric = [_is_number(leaf) for leaf in leaves]
    fixed = tuple(_NUMBER if n else leaf for n, leaf in zip(numeric, leaves, strict=True))
    return (treedef, fixed), [leaf for n, leaf in zip(numeric, leaves, strict=True) if n]


def joined(key: Key, numbers: Sequence[Any]) -> Any:
    """The pytree that was parted into `key` and `numbers`."""
    treedef, fixed = key
    values = iter(numbers)
    return jax.tree.unflatten(treedef, [next(values) if leaf is _NUMBER else leaf for leaf in fixed])


_NUMBER = object()  # marks the place of a traced leaf
_NUMERIC = (jax.Array, np.ndarray, np.generic, float, complex)


def _is_number(leaf: Any) -> bool:
    # Only plain ints count: a subclass of int is the way to hand in an integer that must stay static.
    return type(leaf) is int or isinstance(leaf, _NUMERIC)
