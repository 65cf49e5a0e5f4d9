"""Batches of runs, laid out for the processor: each sample takes its own steps."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.batch.lane import Lane
from duhamel.batch.lanes import Lanes, suited, traced

__all__ = ["batched_well", "branch", "in_any_sample", "in_block"]

# Samples that go through the loop together: enough for vector instructions, few enough to stay in the cache
# and not to wait long for the slowest of them.
_BLOCK = 64
_SAMPLES = "samples of a batch"
# The vmap axis of the block that is being traced; None outside of blocks.
_axis: ContextVar[str | None] = ContextVar("axis", default=None)


def in_block() -> bool:
    """Whether what is being traced is a sample of a block."""
    return _axis.get() is not None


def in_any_sample(flag: Array) -> Array:
    """Whether `flag` holds in any sample that goes through the loop together with this one.

    One answer for a whole block, so that `lax.cond` on it stays a branch under vmap instead of computing
    both sides. Outside of batches the flag itself.
    """
    axis = _axis.get()
    return flag if axis is None else jax.lax.pmax(flag, axis)


def branch(flag: Array, yes: Callable[[], PyTree], no: Callable[[], PyTree]) -> PyTree:
    """`yes()` where `flag` holds, `no()` elsewhere, as `lax.cond`; but in a batch a side is computed only if
    some sample of the block wants it."""
    if _axis.get() is None:
        return jax.lax.cond(flag, yes, no)

    def nothing() -> PyTree:
        return jax.tree.map(lambda v: jnp.zeros(v.shape, v.dtype), jax.eval_shape(no))

    first = jax.lax.cond(in_any_sample(flag), yes, nothing)
    second = jax.lax.cond(in_any_sample(~flag), no, nothing)
    return jax.tree.map(lambda a, b: jnp.where(flag, a, b), first, second)


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
            return _carried_out(function, treedef, filled, flags)

        result = _in_blocks(block, moving, size)
        return result, jax.tree.map(lambda _: True, result)

    return wrapped


def _carried_out(
    function: Callable[[PyTree, str | None], PyTree], treedef: Any, values: list[Any], flags: list[bool]
) -> PyTree:
    """The function on one block; leaves with `flags` have a sample axis, the last."""

    def one(*leaves: Any) -> PyTree:
        token = _axis.set(_SAMPLES)
        try:
            return function(treedef.unflatten(leaves), _SAMPLES)
        finally:
            _axis.reset(token)

    inputs = [Lane(v, flag) for v, flag in zip(values, flags, strict=True)]
    size = next(v.shape[-1] for v, flag in zip(values, flags, strict=True) if flag)
    program, shape = traced(one, inputs, _SAMPLES, size)
    if suited(program):
        block = Lanes(_SAMPLES, size, _always(values) if jax.default_backend() == "cpu" else None)
        results = block.spread(program, inputs, [True] * len(program.jaxpr.outvars))
        return jax.tree.unflatten(jax.tree.structure(shape), results)
    axes = [-1 if flag else None for flag in flags]
    return jax.vmap(one, in_axes=axes, out_axes=-1, axis_name=_SAMPLES)(*values)


def _always(values: list[Any]) -> Array | None:
    """True, in a way that XLA does not see through."""
    numbers = [v for v in values if jnp.issubdtype(jnp.result_type(v), jnp.floating)]
    if not numbers:
        return None
    one = jnp.ravel(numbers[0])[0]
    return (one <= 1) | ~(one < 1)


def _in_blocks(block: Callable[[list[Any]], PyTree], moving: list[Any], size: int) -> PyTree:
    """Apply `block` (sample axis last) to blocks of samples (sample axis first), one after the other."""
    count = -(-size // _BLOCK)
    width = -(-size // count)
    # The last block is filled up with copies of the last sample.
    index = jnp.minimum(jnp.arange(count * width), size - 1).reshape(count, width)
    result = jax.lax.map(lambda i: block([jnp.moveaxis(v[i], 0, -1) for v in moving]), index)

    def gather(v: Any) -> Any:
        v = jnp.moveaxis(v, -1, 1)
        return v.reshape(count * width, *v.shape[2:])[:size]

    return jax.tree.map(gather, result)
