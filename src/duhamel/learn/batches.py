"""Rows of data in an order that follows from a key and the number of the update alone."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import numpy as np
from jaxtyping import Array

from duhamel.errors import InputError

__all__ = ["Batches", "rows_of"]


def rows_of(data: Any, what: str = "data") -> int:
    """The length of the leading axis that all arrays of a pytree share, or `InputError`."""
    leaves = jax.tree.leaves(data)
    if any(np.ndim(v) == 0 for v in leaves):
        raise InputError(f"every array of {what} needs a leading axis, one entry a sample; one is a scalar.")
    lengths = sorted({len(v) for v in leaves})
    if len(lengths) != 1:
        found = " and ".join(map(str, lengths)) or "no array at all"
        raise InputError(f"the arrays of {what} must have leading axes of one length, got {found}.")
    return lengths[0]


class Batches:
    """Which rows each update sees: all of them (`size` None), or the next `size` of a permutation that is
    drawn anew for every epoch. What is left over at the end of an epoch waits for another permutation, so all
    batches have one size."""

    def __init__(self, data: Any, size: int | None, key: Array):
        if size is not None:
            total = rows_of(data)
            if not 1 <= size <= total:
                raise InputError(f"batch={size}, but data has {total} rows: choose 1 … {total}.")
            self.total, self.each = total, total // size
        self.size, self.key = size, key
        self._epoch, self._order = -1, np.zeros(0, int)

    def rows(self, step: int) -> np.ndarray | None:
        """The rows for update `step`, counted from 0; None stands for all."""
        if self.size is None:
            return None
        epoch, place = divmod(step, self.each)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, np.asarray(_permutation(self.key, epoch, self.total))
        return self._order[place * self.size : (place + 1) * self.size]


@partial(jax.jit, static_argnums=2)
def _permutation(key: Array, epoch: Array, total: int) -> Array:
    return jax.random.permutation(jax.random.fold_in(key, epoch), total)
