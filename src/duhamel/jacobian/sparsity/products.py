"""Sums of products: matrices, convolutions and windows, sharp where one factor is known."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product as every
from typing import Any

import numpy as np

from duhamel.jacobian.sparsity.bits import Entry, combined, plain, spread, union

__all__ = ["PRODUCTS"]

Params = dict[str, Any]
Shape = tuple[int, ...]


def _dot_general(params: Params, ins: list[Entry], shapes: list[Shape]) -> list[Entry]:
    (contract, batch) = params["dimension_numbers"]
    parts = []
    for side in (0, 1):
        if ins[side].bits is not None:
            axes = (tuple(contract[side]), tuple(batch[side]))
            other = (tuple(contract[1 - side]), tuple(batch[1 - side]))
            parts.append(_product(ins[side], axes, ins[1 - side], other, flip=side == 0))
    return [combined(shapes[0], parts)]


def _product(entry: Entry, axes: tuple, other: Entry, others: tuple, flip: bool) -> np.ndarray:
    """Dependences of a product on one factor; with `flip` it is the first, and its axes come first."""
    (sums, batches), (other_sums, other_batches) = axes, others
    free = [a for a in range(len(entry.shape)) if a not in sums + batches]
    other_free = [a for a in range(len(other.shape)) if a not in other_sums + other_batches]
    bits: np.ndarray = entry.bits  # pyright: ignore[reportAssignmentType]
    words, shape = bits.shape[-1], entry.shape
    batch = [shape[a] for a in batches]
    mine, theirs = [shape[a] for a in free], [other.shape[a] for a in other_free]
    turned = bits.transpose(*batches, *sums, *free, bits.ndim - 1)
    count, rows = int(np.prod(batch, dtype=int)), int(np.prod(theirs, dtype=int))
    turned = turned.reshape(count, -1, int(np.prod(mine, dtype=int)), words)
    if other.value is None:
        total = np.bitwise_or.reduce(turned, axis=1)[:, None]
        found = np.broadcast_to(total, (count, rows, *total.shape[2:]))
    else:
        mask = (np.asarray(other.value) != 0).transpose(*other_batches, *other_free, *other_sums)
        mask = mask.reshape(count, rows, -1)
        found = np.stack([spread(m, b) for m, b in zip(mask, turned, strict=True)])
    found = found.reshape(*batch, *theirs, *mine, words)
    if not flip:
        return found
    first, middle = len(batch), len(batch) + len(theirs)
    order = [*range(first), *range(middle, middle + len(mine)), *range(first, middle), found.ndim - 1]
    return found.transpose(order)


def _windows(
    bits: np.ndarray, first: int, params: Params, size: Shape, out: Shape
) -> Iterator[tuple[Shape, np.ndarray]]:
    """For every place in a window, what the windows have there; spatial axes begin at `first`.

    `params`: strides, padding, and the spacing of operand and window.
    """
    spatial = range(first, first + len(size))
    for axis, spacing, (lo, hi) in zip(spatial, params["base"], params["padding"], strict=True):
        n = bits.shape[axis]
        wide = list(bits.shape)
        wide[axis] = n + (n - 1) * (spacing - 1) + max(lo, 0) + max(hi, 0)
        padded = np.zeros(wide, np.uint64)
        at = slice(max(lo, 0), wide[axis] - max(hi, 0), spacing)
        padded[(slice(None),) * axis + (at,)] = bits
        cut = slice(max(-lo, 0), wide[axis] - max(-hi, 0))
        bits = padded[(slice(None),) * axis + (cut,)]
    for place in every(*map(range, size)):
        cuts = [slice(None)] * first
        for k, stride, spacing, n in zip(place, params["strides"], params["window"], out, strict=True):
            cuts.append(slice(k * spacing, k * spacing + (n - 1) * stride + 1, stride))
        yield place, bits[tuple(cuts)]


def _convolution(params: Params, ins: list[Entry], shapes: list[Shape]) -> list[Entry]:
    image, kernel = ins
    if kernel.bits is not None or params["batch_group_count"] != 1:
        return [combined(shapes[0], [union(e.bits) for e in ins if e.bits is not None])]
    if image.bits is None:
        return [plain(shapes[0])]
    numbers, groups = params["dimension_numbers"], params["feature_group_count"]
    last = image.bits.ndim - 1
    bits = image.bits.transpose(*numbers.lhs_spec, last)
    mask = np.ones(kernel.shape, bool) if kernel.value is None else np.asarray(kernel.value) != 0
    mask = mask.transpose(numbers.rhs_spec)
    out = tuple(shapes[0][a] for a in numbers.out_spec)
    spacing = {
        "strides": params["window_strides"],
        "padding": params["padding"],
        "base": params["lhs_dilation"],
        "window": params["rhs_dilation"],
    }
    total = np.zeros((*out, bits.shape[-1]), np.uint64)
    inner, outer = mask.shape[1], mask.shape[0] // groups
    for place, seen in _windows(bits, 2, spacing, mask.shape[2:], out[2:]):
        here = mask[(slice(None), slice(None), *place)]
        for g in range(groups):
            rows, columns = slice(g * outer, (g + 1) * outer), slice(g * inner, (g + 1) * inner)
            added = spread(here[rows], np.moveaxis(seen[:, columns], 1, 0))
            total[:, rows] |= np.moveaxis(added, 0, 1)
    return [Entry(shapes[0], total.transpose(*np.argsort(numbers.out_spec), last))]


def _reduce_window(params: Params, ins: list[Entry], shapes: list[Shape]) -> list[Entry]:
    bits = ins[0].bits
    if bits is None:
        return [plain(shape) for shape in shapes]
    spacing = {
        "strides": params["window_strides"],
        "padding": params["padding"],
        "base": params["base_dilation"],
        "window": params["window_dilation"],
    }
    seen = _windows(bits, 0, spacing, tuple(params["window_dimensions"]), tuple(shapes[0]))
    return [combined(shapes[0], [part for _, part in seen])]


PRODUCTS = {
    "conv_general_dilated": _convolution,
    "dot_general": _dot_general,
    **dict.fromkeys(("reduce_window_max", "reduce_window_min", "reduce_window_sum"), _reduce_window),
}
