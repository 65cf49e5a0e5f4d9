"""Columns of a sparse Jacobian that may be differentiated together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np
from jaxtyping import Array

__all__ = ["Colouring", "coloured"]


@dataclass(frozen=True)
class Colouring:
    """A colour (0 … colours − 1) for each of `size` columns, as int32 numbers in bytes, such that no row has
    entries in two columns of one colour."""

    size: int
    colours: int
    of: bytes

    def numbers(self) -> np.ndarray:
        """The colour of each column, shape (size,)."""
        return np.frombuffer(self.of, np.int32)

    def compressed(self, f: Callable[[Array], Array], x: Array) -> Array:
        """∂f/∂x times the sum of the unit vectors of each colour, shape (colours, size): entry (i, j) of the
        Jacobian is at (colour of j, i). Cost: `colours` Jacobian–vector products."""
        seeds = (np.arange(self.colours)[:, None] == self.numbers()).astype(x.dtype)
        return jax.vmap(lambda v: jax.jvp(f, (x,), (v,))[1])(jax.numpy.asarray(seeds))


def coloured(rows: np.ndarray, columns: np.ndarray, size: int, band: np.ndarray, width: int) -> Colouring:
    """A colouring of a pattern with few colours: the better of a greedy one, columns of many entries first
    (Coleman & Moré 1983), and of every `width`-th column in the order in which the matrix is a band
    (`band`: the rank of each column)."""
    cyclic = (band % width).astype(np.int32)
    least = int(np.bincount(rows, minlength=1).max()) if len(rows) else 1
    best = cyclic if width <= size else np.arange(size, dtype=np.int32)
    if least < min(width, size):
        greedy = _greedy(rows, columns, size)
        if greedy.max() < best.max():
            best = greedy
    return Colouring(size, int(best.max()) + 1, best.astype(np.int32).tobytes())


def _greedy(rows: np.ndarray, columns: np.ndarray, size: int) -> np.ndarray:
    """Each column takes the first colour that no column with a common row has."""
    row_start = np.searchsorted(rows, np.arange(size + 1))
    by_column = np.argsort(columns, kind="stable")
    column_start = np.searchsorted(columns[by_column], np.arange(size + 1))
    counts = np.diff(column_start)
    colour = np.full(size, -1, np.int32)
    for j in np.argsort(-counts, kind="stable"):
        mine = rows[by_column[column_start[j] : column_start[j + 1]]]
        taken = {c for i in mine.tolist() for c in colour[columns[row_start[i] : row_start[i + 1]]].tolist()}
        new = 0
        while new in taken:
            new += 1
        colour[j] = new
    return colour
