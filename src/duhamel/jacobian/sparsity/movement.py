"""Operations that move entries about: every entry of the result is one of the operand's, or a union."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from duhamel.jacobian.sparsity.bits import Entry, combined, plain, union

__all__ = ["MOVEMENT"]

Params = dict[str, Any]
Rule = Callable[[Params, list[Entry], list[tuple[int, ...]]], list[Entry]]


def _moved(entry: Entry, shape: tuple[int, ...], move: Callable[[np.ndarray], np.ndarray]) -> Entry:
    """`move` acts on the leading axes of an array with one more axis at the end."""
    bits = None if entry.bits is None else move(entry.bits)
    value = None if entry.value is None else move(np.asarray(entry.value)[..., None])[..., 0]
    return Entry(tuple(shape), bits, value)


def _single(how: Callable[[Params, np.ndarray, tuple[int, ...]], np.ndarray]) -> Rule:
    """A rule for one operand and one result."""

    def rule(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
        return [_moved(ins[0], shapes[0], lambda a: how(params, a, shapes[0]))]

    return rule


def _transpose(params: Params, a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    return a.transpose(*params["permutation"], a.ndim - 1)


def _broadcast(params: Params, a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    ones = [1] * len(shape)
    for axis, place in enumerate(params["broadcast_dimensions"]):
        ones[place] = a.shape[axis]
    return np.broadcast_to(a.reshape(*ones, a.shape[-1]), (*shape, a.shape[-1]))


def _slice(params: Params, a: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    strides = params["strides"] or [1] * len(shape)
    ends = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    return a[tuple(slice(*end) for end in ends)]


def _together(entries: list[Entry], shape: tuple[int, ...], join: Callable) -> Entry:
    """`join` several entries; those without dependences count as zeros."""
    value = None
    if all(e.value is not None for e in entries):
        value = join([np.asarray(e.value)[..., None] for e in entries])[..., 0]
    words = [e.bits.shape[-1] for e in entries if e.bits is not None]
    if not words:
        return Entry(tuple(shape), None, value)
    none = np.zeros((), np.uint64)
    parts = [np.broadcast_to(none, (*e.shape, words[0])) if e.bits is None else e.bits for e in entries]
    return Entry(tuple(shape), join(parts))


def _concatenate(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    return [_together(ins, shapes[0], lambda parts: np.concatenate(parts, axis=params["dimension"]))]


def _stack(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    return [_together(ins, shapes[0], lambda parts: np.stack(parts, axis=params["axis"]))]


def _split(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    axis, ends = params["axis"], np.cumsum(params["sizes"])
    starts = ends - params["sizes"]
    return [
        _moved(ins[0], shape, lambda a, i=i, j=j: np.take(a, np.arange(i, j), axis=axis))
        for shape, i, j in zip(shapes, starts, ends, strict=True)
    ]


def _unstack(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    axis = params["axis"]
    return [_moved(ins[0], s, lambda a, i=i: np.take(a, i, axis=axis)) for i, s in enumerate(shapes)]


def _pad(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    operand, filling = ins
    shape, config = shapes[0], params["padding_config"]

    def join(parts: list[np.ndarray]) -> np.ndarray:
        inner, outer = parts
        wide = tuple(
            max(0, lo) + max(0, hi) + n + max(0, n - 1) * gap
            for n, (lo, hi, gap) in zip(inner.shape[:-1], config, strict=True)
        )
        result = np.empty((*wide, inner.shape[-1]), np.result_type(inner, outer))
        result[...] = outer
        put = tuple(
            slice(max(0, lo), max(0, lo) + n + max(0, n - 1) * gap, gap + 1) if n else slice(0, 0)
            for n, (lo, _, gap) in zip(inner.shape[:-1], config, strict=True)
        )
        result[put] = inner
        return result[
            tuple(slice(max(0, -lo), d - max(0, -hi)) for d, (lo, hi, _) in zip(wide, config, strict=True))
        ]

    return [_together([operand, filling], shape, join)]


def _dynamic_slice(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    """From an unknown place: everything along that axis."""
    operand, starts, shape = ins[0], ins[1:], shapes[0]
    known = [
        0 if size == whole else None if start.value is None else int(start.value)
        for start, size, whole in zip(starts, shape, operand.shape, strict=True)
    ]
    sharp = all(start is not None for start in known)

    def move(a: np.ndarray) -> np.ndarray:
        for axis, (start, size) in enumerate(zip(known, shape, strict=True)):
            if start is None:
                a = np.broadcast_to(
                    np.bitwise_or.reduce(a, axis=axis, keepdims=True),
                    (*a.shape[:axis], size, *a.shape[axis + 1 :]),
                )
            else:
                start = min(max(start, 0), a.shape[axis] - size)
                a = a[(slice(None),) * axis + (slice(start, start + size),)]
        return a

    return [_moved(operand if sharp else Entry(operand.shape, operand.bits), shape, move)]


def _dynamic_update_slice(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    operand, update, starts = ins[0], ins[1], ins[2:]
    if any(s.value is None for s in starts):
        parts = [operand.bits, None if update.bits is None else union(update.bits)]
        return [combined(shapes[0], parts)]

    def join(parts: list[np.ndarray]) -> np.ndarray:
        whole, piece = np.array(parts[0]), parts[1]
        at = [
            min(max(int(s.value), 0), d - n)  # pyright: ignore[reportArgumentType]
            for s, d, n in zip(starts, operand.shape, update.shape, strict=True)
        ]
        whole[tuple(slice(i, i + n) for i, n in zip(at, update.shape, strict=True))] = piece
        return whole

    return [_together([operand, update], shapes[0], join)]


def _reduce(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    axes = tuple(params.get("axes", params.get("dimensions", ())))
    total = combined(shapes[0], [union(e.bits, axes) for e in ins if e.bits is not None])
    return [Entry(tuple(shape), total.bits) for shape in shapes]


def _cumulative(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    bits, axis = ins[0].bits, params["axis"]
    if bits is None:
        return [plain(shapes[0])]
    turned = np.flip(bits, axis) if params["reverse"] else bits
    total = np.bitwise_or.accumulate(turned, axis=axis)
    return [Entry(shapes[0], np.flip(total, axis) if params["reverse"] else total)]


def _along(axes_of: Callable[[Params, Entry], tuple[int, ...]]) -> Rule:
    """Everything along some axes mixes with everything, operand by operand."""

    def rule(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
        found = []
        for entry, shape in zip(ins, shapes, strict=False):
            if entry.bits is None:
                found.append(plain(shape))
                continue
            total = np.bitwise_or.reduce(entry.bits, axis=axes_of(params, entry), keepdims=True)
            found.append(Entry(tuple(shape), np.broadcast_to(total, (*shape, total.shape[-1]))))
        return found + [plain(shape) for shape in shapes[len(found) :]]

    return rule


def _same(params: Params, ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    return [Entry(tuple(shape), e.bits, e.value) for e, shape in zip(ins, shapes, strict=True)]


_last = _along(lambda params, e: (len(e.shape) - 1,))

MOVEMENT: dict[str, Rule] = {
    "broadcast_in_dim": _single(_broadcast),
    "concatenate": _concatenate,
    "device_put": _same,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update_slice,
    "fft": _along(lambda params, e: tuple(range(len(e.shape) - len(params["fft_lengths"]), len(e.shape)))),
    "name": _same,
    "optimization_barrier": _same,
    "pad": _pad,
    "pvary": _same,
    "reshape": _single(lambda params, a, shape: a.reshape(*shape, a.shape[-1])),
    "rev": _single(lambda params, a, shape: np.flip(a, params["dimensions"])),
    "sharding_constraint": _same,
    "slice": _single(_slice),
    "sort": _along(lambda params, e: (params["dimension"],)),
    "split": _split,
    "squeeze": _single(lambda params, a, shape: a.reshape(*shape, a.shape[-1])),
    "stack": _stack,
    "tile": _single(lambda params, a, shape: np.tile(a, (*params["reps"], 1))),
    "top_k": _last,
    "transpose": _single(_transpose),
    "unstack": _unstack,
    **dict.fromkeys(("cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum"), _cumulative),
    **dict.fromkeys(("reduce", "reduce_max", "reduce_min", "reduce_prod", "reduce_sum"), _reduce),
}
