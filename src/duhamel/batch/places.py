"""Reading and writing at places, on values whose last axis is over the samples."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from duhamel.batch.lane import Block, Lane, Rule, names, spread

__all__ = ["RULES"]

_CLIP = lax.GatherScatterMode.CLIP


def _dynamic_slice(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane] | None:
    x, *starts = inputs
    sizes, n = tuple(eqn.params["slice_sizes"]), len(x.shape)
    if len(starts) != n:
        return None
    if not any(s.many for s in starts):
        zero = jnp.zeros((), starts[0].dtype)
        indices = [*[s.value for s in starts], zero]
        return [Lane(lax.dynamic_slice(x.value, indices, (*sizes, block.size)), True)]
    axes = tuple(range(n))
    numbers = lax.GatherDimensionNumbers(
        offset_dims=axes,
        collapsed_slice_dims=(),
        start_index_map=axes,
        operand_batching_dims=(n,) if x.many else (),
        start_indices_batching_dims=(0,) if x.many else (),
    )
    where = _indices(block, starts)
    value = lax.gather(x.value, where, numbers, (*sizes, 1) if x.many else sizes, mode=_CLIP)
    return [Lane(value, True)]


def _dynamic_update_slice(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    del eqn
    x, new, *starts = inputs
    target, update, n = spread(x, block.size), spread(new, block.size), len(x.shape)
    if not any(s.many for s in starts):
        zero = [jnp.zeros((), starts[0].dtype if starts else jnp.int32)]
        return [Lane(lax.dynamic_update_slice(target, update, [s.value for s in starts] + zero), True)]
    axes = tuple(range(n))
    numbers = lax.ScatterDimensionNumbers(
        update_window_dims=axes,
        inserted_window_dims=(),
        scatter_dims_to_operand_dims=axes,
        operand_batching_dims=(n,),
        scatter_indices_batching_dims=(0,),
    )
    where = _indices(block, starts)
    value = lax.scatter(target, where, update, numbers, unique_indices=True, mode=_CLIP)
    return [Lane(value, True)]


def _indices(block: Block, starts: list[Lane]) -> Array:
    """Places of shape (samples, axes)."""
    return jnp.stack([spread(s, block.size) for s in starts], axis=-1)


def _gather(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    x, where = inputs
    p = dict(eqn.params)
    old, sizes, n = p.pop("dimension_numbers"), tuple(p.pop("slice_sizes")), len(x.shape)
    # What does not belong to a slice follows the order of the indices, so their samples come last but for
    # the index itself, and last in the result.
    result = len(old.offset_dims) + len(where.shape) - 1
    fields = old._asdict() if hasattr(old, "_asdict") else dict(vars(old))
    if not where.many:
        fields["offset_dims"] = (*old.offset_dims, result)
        return [Lane(_gathered(x.value, where.value, fields, (*sizes, block.size), p), True)]
    indices = jnp.moveaxis(where.value, -1, -2)
    p["indices_are_sorted"] = False
    if not x.many:
        p["unique_indices"] = False
        return [Lane(_gathered(x.value, indices, fields, sizes, p), True)]
    fields["operand_batching_dims"] = (*old.operand_batching_dims, n)
    fields["start_indices_batching_dims"] = (*old.start_indices_batching_dims, indices.ndim - 2)
    return [Lane(_gathered(x.value, indices, fields, (*sizes, 1), p), True)]


def _gathered(x: Array, indices: Array, fields: dict[str, Any], sizes: Any, params: dict[str, Any]) -> Array:
    return lax.gather_p.bind(
        x, indices, dimension_numbers=lax.GatherDimensionNumbers(**fields), slice_sizes=sizes, **params
    )


def _scatter(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    x, where, new = inputs
    p = dict(eqn.params)
    old, n = p.pop("dimension_numbers"), len(x.shape)
    fields = old._asdict() if hasattr(old, "_asdict") else dict(vars(old))
    indices = where.value
    if where.many:
        indices = jnp.moveaxis(indices, -1, -2)
        fields["operand_batching_dims"] = (*old.operand_batching_dims, n)
        fields["scatter_indices_batching_dims"] = (*old.scatter_indices_batching_dims, indices.ndim - 2)
        p["indices_are_sorted"] = False
    else:
        fields["update_window_dims"] = (*old.update_window_dims, len(new.shape))
    value = eqn.primitive.bind(
        spread(x, block.size),
        indices,
        spread(new, block.size),
        dimension_numbers=lax.ScatterDimensionNumbers(**fields),
        **p,
    )
    return [Lane(value, True)]


RULES: dict[str, Rule] = {
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "gather": _gather,
    **dict.fromkeys(
        names("scatter scatter-add scatter-mul scatter-min scatter-max scatter_mul scatter_min scatter_max"),
        _scatter,
    ),
}
