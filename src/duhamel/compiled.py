"""Compile once, run with new numbers: a jit for pytrees of numbers, arrays and everything else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.core import Tracer

__all__ = ["compiled", "is_traced"]


def is_traced(tree: Any) -> bool:
    """Whether a pytree holds values that JAX is tracing (under jit, grad or vmap)."""
    return any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(tree))


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled by JAX. Numbers and arrays inside the arguments are traced, so that new values do
    not recompile; all other leaves (functions, text, flags) are compared by equality, and a new one
    recompiles."""

    @partial(jax.jit, static_argnums=0)
    def inner(key: tuple[Any, tuple[Any, ...]], numbers: list[Any]) -> Any:
        treedef, fixed = key
        values = iter(numbers)
        leaves = [next(values) if leaf is _NUMBER else leaf for leaf in fixed]
        return function(*jax.tree.unflatten(treedef, leaves))

    def call(*args: Any) -> Any:
        leaves, treedef = jax.tree.flatten(args)
        numeric = [_is_number(leaf) for leaf in leaves]
        fixed = tuple(_NUMBER if n else leaf for n, leaf in zip(numeric, leaves, strict=True))
        return inner((treedef, fixed), [leaf for n, leaf in zip(numeric, leaves, strict=True) if n])

    return call


_NUMBER = object()  # marks the place of a traced leaf
_NUMERIC = (jax.Array, np.ndarray, np.generic, float, complex)


def _is_number(leaf: Any) -> bool:
    # Only plain ints count: a subclass of int is the way to hand in an integer that must stay static.
    return type(leaf) is int or isinstance(leaf, _NUMERIC)
