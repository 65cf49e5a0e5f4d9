"""Sets of unknowns as bits: sixty-four to a word, in the last axis of an array."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

__all__ = ["Entry", "combined", "identity", "places", "plain", "spread", "union"]

# Words that a product may gather at a time: 32 MiB.
_GATHERED = 2**22


@dataclass(frozen=True, eq=False)
class Entry:
    """What is known of an intermediate array: on which unknowns its entries depend (`bits`, of its shape and
    one axis of words; None for none), and its `value`, if it is the same at all states."""

    shape: tuple[int, ...]
    bits: np.ndarray | None = None
    value: np.ndarray | None = None


def plain(shape: tuple[int, ...]) -> Entry:
    """An array that depends on no unknown, but may change from state to state."""
    return Entry(tuple(shape))


def identity(n: int) -> Entry:
    """The unknowns themselves: entry i depends on unknown i."""
    bits = np.zeros((n, -(-n // 64)), np.uint64)
    index = np.arange(n)
    bits[index, index // 64] = np.left_shift(np.uint64(1), (index % 64).astype(np.uint64))
    return Entry((n,), bits)


def union(bits: np.ndarray, axes: tuple[int, ...] | None = None) -> np.ndarray:
    """Everything that the entries along `axes` depend on together; None: along all."""
    axes = tuple(range(bits.ndim - 1)) if axes is None else axes
    return np.bitwise_or.reduce(bits, axis=axes) if axes else bits


def combined(shape: tuple[int, ...], parts: list[np.ndarray | None]) -> Entry:
    """Entries that depend on what the parts depend on, each of which broadcasts to `shape`."""
    total: np.ndarray | None = None
    for part in parts:
        if part is not None:
            total = part if total is None else total | part
    if total is None:
        return plain(shape)
    return Entry(tuple(shape), np.broadcast_to(total, (*shape, total.shape[-1])))


def spread(mask: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Row i of a product: the union of the rows k of `bits` for which mask[i, k]; bits of shape (k, …,
    words)."""
    flat = np.ascontiguousarray(bits).reshape(bits.shape[0], -1)
    result = np.zeros((mask.shape[0], flat.shape[1]), np.uint64)
    if mask.all():
        result[:] = np.bitwise_or.reduce(flat, axis=0)
        return result.reshape(mask.shape[0], *bits.shape[1:])
    counts = mask.sum(axis=1)
    ends = np.cumsum(counts)
    room = max(1, _GATHERED // max(flat.shape[1], 1))
    first = 0
    while first < len(counts):
        before = ends[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(ends, before + room, side="right")))
        rows, columns = np.nonzero(mask[first:last])
        starts = np.flatnonzero(np.diff(rows, prepend=-1))
        if len(starts):
            result[first + rows[starts]] = np.bitwise_or.reduceat(flat[columns], starts, axis=0)
        first = last
    return result.reshape(mask.shape[0], *bits.shape[1:])


def places(bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of all dependences of bits of shape (rows, words), sorted by row, then column."""
    rows, words = np.nonzero(bits)
    columns, found = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    step = 2**20
    for first in range(0, len(rows), step):
        part = slice(first, first + step)
        used = np.ascontiguousarray(bits[rows[part], words[part]])[:, None].view(np.uint8)
        i, j = np.nonzero(np.unpackbits(used, axis=1, bitorder="little"))
        found.append(rows[part][i])
        columns.append(64 * words[part][i] + j)
    return np.concatenate(found), np.concatenate(columns)
