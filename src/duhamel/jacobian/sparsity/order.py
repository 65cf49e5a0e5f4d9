"""Orders of the unknowns in which a sparse matrix becomes a narrow band."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

__all__ = ["Order", "bandwidths", "cuthill_mckee", "narrowest"]

# A band this narrow is not worth a search for a better order.
_NARROW = 3


@dataclass(frozen=True)
class Order:
    """An order of `size` unknowns: as they are; `fields` arrays of equal length entry by entry (all first
    entries, all second ones, …); or as `listed` (int32 numbers as bytes: which unknown comes first, …)."""

    size: int
    fields: int = 1
    listed: bytes = b""

    def there(self, v: Array) -> Array:
        """A vector, or rows of vectors (…, size), in this order."""
        if self.listed:
            return v[..., self.places()]
        if self.fields == 1:
            return v
        return jnp.swapaxes(v.reshape(*v.shape[:-1], self.fields, -1), -1, -2).reshape(v.shape)

    def back(self, v: Array) -> Array:
        """The inverse of `there`."""
        if self.listed:
            return v[..., np.argsort(self.places())]
        if self.fields == 1:
            return v
        return jnp.swapaxes(v.reshape(*v.shape[:-1], -1, self.fields), -1, -2).reshape(v.shape)

    def places(self) -> np.ndarray:
        """Which unknown comes first, second, …"""
        if self.listed:
            return np.frombuffer(self.listed, np.int32)
        return np.arange(self.size, dtype=np.int32).reshape(self.fields, -1).T.ravel()


def bandwidths(rows: np.ndarray, columns: np.ndarray, order: Order) -> tuple[int, int]:
    """How far the entries reach below and above the diagonal in an order."""
    if not len(rows):
        return 0, 0
    rank = np.empty(order.size, np.int64)
    rank[order.places()] = np.arange(order.size)
    distance = rank[columns] - rank[rows]
    return max(0, -int(distance.min())), max(0, int(distance.max()))


def narrowest(rows: np.ndarray, columns: np.ndarray, size: int, fields: set[int]) -> Order:
    """The order with the cheapest band among: as it is, field by field for each number of `fields` that fits,
    reverse Cuthill–McKee."""

    def width(order: Order) -> int:
        lower, upper = bandwidths(rows, columns, order)
        return lower * (lower + upper) + lower + upper

    best = Order(size)
    for number in sorted(fields):
        if 1 < number < size and size % number == 0:
            best = min(best, Order(size, number), key=width)
    if max(bandwidths(rows, columns, best)) > _NARROW:
        listed = cuthill_mckee(rows, columns, size)
        best = min(best, Order(size, 1, listed.astype(np.int32).tobytes()), key=width)
    return best


def cuthill_mckee(rows: np.ndarray, columns: np.ndarray, size: int) -> np.ndarray:
    """An order in which the entries (i, j) and (j, i) lie near the diagonal: breadth first from an end of
    each connected part, neighbours of few neighbours first, then reversed.

    (Cuthill & McKee 1969; the reversal by George 1971; the search for an end by George & Liu 1979.)
    """
    neighbours, starts, degree = _adjacency(rows, columns, size)
    seen = np.zeros(size, bool)
    order: list[int] = []
    for first in np.argsort(degree, kind="stable"):
        if not seen[first]:
            end = _end(int(first), neighbours, starts, degree)
            order += _levels(end, neighbours, starts, seen)[0]
    return np.asarray(order[::-1], np.int32)


def _adjacency(rows: np.ndarray, columns: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neighbours of all unknowns in one array, those of few neighbours first, and where each list begins."""
    off = rows != columns
    pairs = np.unique(
        np.concatenate([rows[off] * size + columns[off], columns[off] * size + rows[off]]).astype(np.int64)
    )
    source, target = pairs // size, pairs % size
    degree = np.bincount(source, minlength=size)
    ranked = np.lexsort((degree[target], source))
    starts = np.concatenate([[0], np.cumsum(degree)])
    return target[ranked], starts, degree


def _levels(
    first: int, neighbours: np.ndarray, starts: np.ndarray, seen: np.ndarray
) -> tuple[list[int], list[int], int]:
    """All that can be reached from `first`, level by level; the last level; the number of levels."""
    seen[first] = True
    order, level, depth = [first], [first], 0
    while True:
        following: list[int] = []
        for node in level:
            around = neighbours[starts[node] : starts[node + 1]]
            new = around[~seen[around]]
            seen[new] = True
            following += new.tolist()
        if not following:
            return order, level, depth
        order += following
        level, depth = following, depth + 1


def _end(first: int, neighbours: np.ndarray, starts: np.ndarray, degree: np.ndarray) -> int:
    """An unknown from which there are many levels."""
    deepest = -1
    while True:
        seen = np.zeros(len(degree), bool)
        _, level, depth = _levels(first, neighbours, starts, seen)
        if depth <= deepest:
            return first
        deepest = depth
        first = min(level, key=lambda node: degree[node])
