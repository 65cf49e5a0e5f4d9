"""Gather and scatter: entries taken from, and added to, places given by an array of indices."""

from __future__ import annotations

from typing import Any

import numpy as np

from duhamel.jacobian.sparsity.bits import Entry, combined, union

__all__ = ["INDEXING"]

Params = dict[str, Any]
Shape = tuple[int, ...]


def _targets(
    operand: Shape,
    indices: np.ndarray,
    window: Shape,
    fixed: tuple[int, ...],
    batching: tuple[tuple[int, ...], tuple[int, ...]],
    named: tuple[int, ...],
    drop: bool,
) -> np.ndarray:
    """The flat place in the operand of every entry of every window, of shape (batch…, window…).

    `window` has a size for each axis of the operand, 1 for `fixed` and batching axes, which are left out of
    the result; `named` are the axes that the index vectors speak of. Windows that stick out are moved inside,
    or with `drop` marked by −1.
    """
    batch = indices.shape[:-1]
    place = np.zeros(batch, np.int64)
    outside = np.zeros(batch, bool)
    strides = np.cumprod((1, *operand[:0:-1]))[::-1]
    for position, axis in enumerate(named):
        most = operand[axis] - window[axis]
        start = indices[..., position].astype(np.int64)
        outside |= (start < 0) | (start > most)
        place += np.clip(start, 0, max(most, 0)) * strides[axis]
    for axis, source in zip(*batching, strict=True):
        ones = [1] * len(batch)
        ones[source] = -1
        place = place + np.arange(batch[source]).reshape(ones) * strides[axis]
    hidden = {*fixed, *batching[0]}
    for axis, size in enumerate(window):
        if axis not in hidden:
            place = place[..., None] + np.arange(size) * strides[axis]
    if drop:
        wide = outside.reshape(batch + (1,) * (place.ndim - len(batch)))
        place = np.where(wide, -1, place)
    return place


def _drops(params: Params) -> bool:
    return "FILL" in str(params["mode"])


def _arranged(places: np.ndarray, batch: int, window_axes: tuple[int, ...], ndim: int) -> np.ndarray:
    """Axes (batch…, window…) put where the result has them."""
    others = [axis for axis in range(ndim) if axis not in window_axes]
    order = np.empty(ndim, int)
    order[others] = np.arange(batch)
    order[list(window_axes)] = batch + np.arange(ndim - batch)
    return places.transpose(order)


def _gather(params: Params, ins: list[Entry], shapes: list[Shape]) -> list[Entry]:
    operand, indices = ins
    if indices.value is None:
        return [combined(shapes[0], [None if operand.bits is None else union(operand.bits)])]
    numbers = params["dimension_numbers"]
    places = _targets(
        operand.shape,
        indices.value,
        tuple(params["slice_sizes"]),
        tuple(numbers.collapsed_slice_dims),
        (tuple(numbers.operand_batching_dims), tuple(numbers.start_indices_batching_dims)),
        tuple(numbers.start_index_map),
        _drops(params),
    )
    places = _arranged(places, indices.value.ndim - 1, tuple(numbers.offset_dims), len(shapes[0]))

    def take(a: np.ndarray) -> np.ndarray:
        found = a.reshape(-1, a.shape[-1])[np.maximum(places, 0)]
        return np.where((places < 0)[..., None], np.zeros((), a.dtype), found)

    bits = None if operand.bits is None else take(operand.bits)
    value = None
    if operand.value is not None and not (places < 0).any():
        value = take(np.asarray(operand.value)[..., None])[..., 0]
    return [Entry(shapes[0], bits, value)]


def _scatter(replaces: bool) -> Any:
    def rule(params: Params, ins: list[Entry], shapes: list[Shape]) -> list[Entry]:
        operand, indices, updates = ins
        if operand.bits is None and updates.bits is None:
            return [Entry(shapes[0])]
        if indices.value is None:
            everything = None if updates.bits is None else union(updates.bits)
            return [combined(shapes[0], [operand.bits, everything])]
        places = _update_places(params, operand.shape, indices.value, updates.shape)
        words = (operand.bits if operand.bits is not None else updates.bits).shape[-1]  # pyright: ignore[reportOptionalMemberAccess]
        flat = np.zeros((int(np.prod(operand.shape)), words), np.uint64)
        if operand.bits is not None:
            flat[:] = operand.bits.reshape(flat.shape)
        kept = places >= 0
        if replaces:
            flat[places[kept]] = 0
        if updates.bits is not None:
            np.bitwise_or.at(flat, places[kept], updates.bits[kept])
        return [Entry(shapes[0], flat.reshape(*shapes[0], words))]

    return rule


def _update_places(params: Params, operand: Shape, indices: np.ndarray, updates: Shape) -> np.ndarray:
    numbers = params["dimension_numbers"]
    fixed, batching = tuple(numbers.inserted_window_dims), tuple(numbers.operand_batching_dims)
    sizes = iter([updates[axis] for axis in numbers.update_window_dims])
    window = tuple(1 if a in fixed or a in batching else next(sizes) for a in range(len(operand)))
    places = _targets(
        operand,
        indices,
        window,
        fixed,
        (batching, tuple(numbers.scatter_indices_batching_dims)),
        tuple(numbers.scatter_dims_to_operand_dims),
        _drops(params),
    )
    return _arranged(places, indices.ndim - 1, tuple(numbers.update_window_dims), len(updates))


INDEXING = {
    "gather": _gather,
    "scatter": _scatter(True),
    **dict.fromkeys(
        ("scatter-add", "scatter-max", "scatter-min", "scatter-mul", "scatter-sub"), _scatter(False)
    ),
}
