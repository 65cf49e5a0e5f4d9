"""Columns of a sparse Jacobian that may be found together, and an order of the unknowns that narrows it."""

from __future__ import annotations

import numpy as np

__all__ = ["bandwidth", "coloured", "narrow_order"]


def coloured(pattern: np.ndarray, order: np.ndarray) -> np.ndarray:
    """A colour 0, 1, … for each column of a boolean pattern (n, n), such that columns of one colour have no
    row in common: one Jacobian–vector product then gives all of them (Curtis, Powell & Reid 1974).

    Greedy, the columns taken in `order`: for a full band that is the least number.
    """
    rows = [np.flatnonzero(column) for column in pattern.T]
    columns = [np.flatnonzero(row) for row in pattern]
    colours = np.full(pattern.shape[1], -1)
    for j in order:
        near = [colours[columns[i]] for i in rows[j]]
        taken = np.unique(np.concatenate(near)) if near else np.empty(0, int)
        taken = taken[taken >= 0]
        free = np.flatnonzero(taken != np.arange(len(taken)))
        colours[j] = free[0] if len(free) else len(taken)
    return colours


def narrow_order(pattern: np.ndarray) -> np.ndarray:
    """An order of the unknowns in which the pattern is a narrow band: reverse Cuthill–McKee.

    Breadth first through the graph of the symmetrised pattern, from an end of each connected piece, those
    of few neighbours first, the whole turned round (Cuthill & McKee 1969; George 1971).
    """
    both = pattern | pattern.T
    near = [np.flatnonzero(row) for row in both]
    degree = np.array([len(v) for v in near])
    seen = np.zeros(len(near), bool)
    order: list[int] = []
    for start in np.argsort(degree, kind="stable"):
        if not seen[start]:
            order += _breadth_first(_far_end(int(start), near, degree), near, degree, seen)
    return np.array(order[::-1], dtype=int)


def _breadth_first(start: int, near: list[np.ndarray], degree: np.ndarray, seen: np.ndarray) -> list[int]:
    order, place = [start], 0
    seen[start] = True
    while place < len(order):
        fresh = near[order[place]]
        fresh = fresh[~seen[fresh]]
        seen[fresh] = True
        order += fresh[np.argsort(degree[fresh], kind="stable")].tolist()
        place += 1
    return order


def _far_end(start: int, near: list[np.ndarray], degree: np.ndarray) -> int:
    """The last vertex of a breadth-first search from the last vertex of one: an end of the piece."""
    for _ in range(2):
        start = _breadth_first(start, near, degree, np.zeros(len(near), bool))[-1]
    return start


def bandwidth(pattern: np.ndarray, order: np.ndarray) -> tuple[int, int]:
    """How many diagonals the reordered pattern has below and above the main one."""
    i, j = np.nonzero(pattern[np.ix_(order, order)])
    return (int(np.max(i - j, initial=0)), int(np.max(j - i, initial=0)))
