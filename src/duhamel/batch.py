"""Batches of runs, laid out for the processor: each sample takes its own steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

__all__ = ["batched_well"]

# Samples that go through the loop together: enough for vector instructions, few enough to stay in the cache
# and not to wait long for the slowest of them.
_BLOCK = 64
_SAMPLES = "samples of a batch"


def batched_well(function: Callable[[PyTree, str | None], PyTree]) -> Callable[[PyTree], PyTree]:
    """`function(numbers, None)` of one pytree of arrays, with a rule of its own for vmap.

    The rule makes blocks of samples, sample axis last, and calls `function(numbers, axis name)`. Plain
    vmap would put the samples first, which scatters the components of a small state over memory, and would
    make all samples wait for the slowest in every turn of the loop. The numbers are the same.
    """
    wrapped = jax.custom_batching.custom_vmap(lambda operands: function(operands, None))

    @wrapped.def_vmap
    def rule(size: int, batched: Any, operands: PyTree) -> tuple[PyTree, PyTree]:
        (marks,) = batched
        leaves, treedef = jax.tree.flatten(operands)
        flags = treedef.flatten_up_to(marks)
        moving = [leaf for leaf, flag in zip(leaves, flags, strict=True) if flag]

        def block(parts: list[Any]) -> PyTree:
            rest = iter(parts)
            filled = [next(rest) if flag else leaf for leaf, flag in zip(leaves, flags, strict=True)]
            axes = [-1 if flag else None for flag in flags]

            def one(*values: Any) -> PyTree:
                return function(treedef.unflatten(values), _SAMPLES)

            return jax.vmap(one, in_axes=axes, out_axes=-1, axis_name=_SAMPLES)(*filled)

        result = _in_blocks(block, moving, size)
        return result, jax.tree.map(lambda _: True, result)

    return wrapped


def _in_blocks(block: Callable[[list[Any]], PyTree], moving: list[Any], size: int) -> PyTree:
    """Apply `block` (sample axis last) to blocks of samples (sample axis first), one after the other."""
    width = min(_BLOCK, size)
    count = -(-size // width)
    # The last block is filled up with copies of the last sample.
    index = jnp.minimum(jnp.arange(count * width), size - 1).reshape(count, width)
    result = jax.lax.map(lambda i: block([jnp.moveaxis(v[i], 0, -1) for v in moving]), index)

    def gather(v: Any) -> Any:
        v = jnp.moveaxis(v, -1, 1)
        return v.reshape(count * width, *v.shape[2:])[:size]

    return jax.tree.map(gather, result)
