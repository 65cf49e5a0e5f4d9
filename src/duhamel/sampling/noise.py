"""Noise that belongs to a sample and a row, and to nothing else.

The generator is counter based (Philox): its key is the sample's seed, its counter the row. So a sample gets
the same noise in any batch, after any restart, in any thread, and the same numbers in NumPy and PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from duhamel.errors import InputError

__all__ = ["normals", "seeds_of"]


def seeds_of(noise: Any, batch: int) -> list[tuple[int, int]]:
    """A pair of numbers for each sample: (seed, place in the batch) for one seed, (seed, 0) for a seed per
    sample."""
    if isinstance(noise, int | np.integer) and not isinstance(noise, bool):
        return [(int(noise) % 2**64, place) for place in range(batch)]
    if isinstance(noise, Sequence | np.ndarray) and len(noise) == batch:
        return [(int(seed) % 2**64, 0) for seed in noise]
    raise InputError(
        f"noise={noise!r}: give a seed, a seed for each of the {batch} samples, or a function of the row "
        "and an array like the state"
    )


def normals(noise: Any, shape: tuple[int, ...]) -> Callable[[int], np.ndarray]:
    """A function from the row to unit normals of `shape`, float64; its first axis is the batch."""
    seeds = seeds_of(noise, shape[0])

    def at(row: int) -> np.ndarray:
        found = np.empty(shape)
        for place, key in enumerate(seeds):
            bits = np.random.Philox(key=np.array(key, np.uint64), counter=[0, 0, 0, row])
            found[place] = np.random.Generator(bits).standard_normal(shape[1:])
        return found

    return at
