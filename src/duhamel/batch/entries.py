"""Operations entry by entry and along whole axes, on values whose last axis is over the samples."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

from duhamel.batch.lane import Block, Lane, Rule, names, single, spread

__all__ = ["RULES"]

# Sums over so few entries are written out: XLA adds numbers that lie apart one by one, whereas the sum of two
# rows of samples takes vector instructions. Products of matrices with at most so many terms likewise.
_FEW, _SMALL = 32, 4096


def _changed(eqn: Any, values: list[Any], **params: Any) -> list[Lane]:
    """The equation on values with a sample axis."""
    results = eqn.primitive.bind(*values, **{**eqn.params, **params})
    return [Lane(v, True) for v in (results if eqn.primitive.multiple_results else [results])]


def _entrywise(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    shape = eqn.outvars[0].aval.shape
    values = [spread(x, block.size, shape) if x.many or x.shape else x.value for x in inputs]
    return _changed(eqn, values)


def _select(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    which, *cases = inputs
    shape = eqn.outvars[0].aval.shape
    values = [spread(x, block.size, shape) for x in cases]
    return _changed(
        eqn, [spread(which, block.size, shape) if which.many or which.shape else which.value, *values]
    )


def _clamp(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    shape = eqn.outvars[0].aval.shape
    return _changed(eqn, [spread(x, block.size, shape) for x in inputs])


def _along(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    """Axes of one sample keep their numbers."""
    return _changed(eqn, [spread(x, block.size) for x in inputs])


def _broadcast(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane] | None:
    if len(inputs) > 1:
        return None
    shape, axes = eqn.params["shape"], eqn.params["broadcast_dimensions"]
    return [Lane(lax.broadcast_in_dim(inputs[0].value, (*shape, block.size), (*axes, len(shape))), True)]


def _reshape(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane] | None:
    if len(inputs) > 1 or eqn.params["dimensions"] is not None:
        return None
    return [Lane(lax.reshape(inputs[0].value, (*eqn.params["new_sizes"], block.size)), True)]


def _transpose(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    del block
    order = tuple(eqn.params["permutation"])
    return [Lane(lax.transpose(inputs[0].value, (*order, len(order))), True)]


def _slice(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    p = eqn.params
    strides = None if p["strides"] is None else (*p["strides"], 1)
    starts, limits = (*p["start_indices"], 0), (*p["limit_indices"], block.size)
    return [Lane(lax.slice(inputs[0].value, starts, limits, strides), True)]


def _pad(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane] | None:
    x, filler = inputs
    if filler.many:
        return None
    widths = (*eqn.params["padding_config"], (0, 0, 0))
    return [Lane(lax.pad(spread(x, block.size), filler.value, widths), True)]


def _tile(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    del block
    return _changed(eqn, [inputs[0].value], reps=(*eqn.params["reps"], 1))


def _reduction(join: Callable[[Array, Array], Array]) -> Rule:
    def rule(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
        value = inputs[0].value
        if any(not 1 <= value.shape[axis] <= _FEW for axis in eqn.params["axes"]):
            return _along(block, eqn, inputs)
        for axis in sorted(eqn.params["axes"], reverse=True):
            count = value.shape[axis]
            value = reduce(join, [lax.index_in_dim(value, i, axis, False) for i in range(count)])
        return [Lane(value, True)]

    return rule


def _dot(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane] | None:
    a, b = inputs
    p = eqn.params
    (over_a, over_b), (batch_a, batch_b) = p["dimension_numbers"]
    if p["preferred_element_type"] not in (None, a.dtype) or a.dtype != b.dtype:
        return None
    free_a = [i for i in range(len(a.shape)) if i not in (*over_a, *batch_a)]
    free_b = [i for i in range(len(b.shape)) if i not in (*over_b, *batch_b)]
    terms, out = [a.shape[i] for i in over_a], [b.shape[i] for i in free_b]
    whole = [*[a.shape[i] for i in (*batch_a, *free_a)], *out]
    if _count(terms) > _FEW or _count(whole) * _count(terms) > _SMALL:
        return _large_dot(block, eqn, inputs)
    # Both as (batch, free of a, free of b, contracted, samples).
    left = _ordered(a, [*batch_a, *free_a, *over_a])
    right = _ordered(b, [*batch_b, *free_b, *over_b])
    n, k, m = len(batch_a), len(free_a), len(free_b)
    left = left.reshape(*left.shape[: n + k], *[1] * m, _count(terms), -1)
    right = right.reshape(*right.shape[:n], *[1] * k, *right.shape[n : n + m], _count(terms), -1)
    parts = [left[..., i, :] * right[..., i, :] for i in range(_count(terms))]
    if not parts:
        return None
    return [Lane(reduce(lax.add, parts), True)]


def _large_dot(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane] | None:
    """With a matrix that is the same for all samples, they are the columns of one product."""
    a, b = inputs
    (_, _), (batch, _) = eqn.params["dimension_numbers"]
    if a.many and b.many:
        return None
    (value,) = single(eqn)(a.value, b.value)
    if a.many:
        free = len(a.shape) - len(eqn.params["dimension_numbers"][0][0]) - len(batch)
        value = jnp.moveaxis(value, len(batch) + free, -1)
    return [Lane(value, True)]


def _count(sizes: list[int]) -> int:
    return reduce(lambda x, y: x * y, sizes, 1)


def _ordered(x: Lane, order: list[int]) -> Array:
    """Axes in this order, and one over the samples, of length 1 where they are all the same."""
    value = x.value if x.many else x.value[..., None]
    return lax.transpose(value, (*order, len(order)))


_ENTRYWISE = names(
    "neg add sub mul div rem max min pow add_any sign abs floor ceil round is_finite not and or xor eq "
    "ne lt le gt ge exp exp2 expm1 log log1p sqrt rsqrt cbrt square integer_pow logistic sin cos tan "
    "tanh sinh cosh asin acos atan atan2 asinh acosh atanh erf erfc erf_inv lgamma digamma nextafter "
    "real imag conj complex convert_element_type bitcast_convert_type reduce_precision stop_gradient "
    "copy copy_p shift_left shift_right_logical shift_right_arithmetic population_count clz"
)
_ALONG = names(
    "concatenate stack split squeeze rev cumsum cumprod cummax cummin cumlogsumexp sort argmax argmin "
    "reduce_prod reduce_xor"
)
RULES: dict[str, Rule] = {
    **dict.fromkeys(_ENTRYWISE, _entrywise),
    **dict.fromkeys(_ALONG, _along),
    "select_n": _select,
    "clamp": _clamp,
    "reduce_sum": _reduction(lax.add),
    "reduce_max": _reduction(lax.max),
    "reduce_min": _reduction(lax.min),
    "reduce_and": _reduction(lax.bitwise_and),
    "reduce_or": _reduction(lax.bitwise_or),
    "broadcast_in_dim": _broadcast,
    "reshape": _reshape,
    "transpose": _transpose,
    "slice": _slice,
    "pad": _pad,
    "tile": _tile,
    "dot_general": _dot,
}
