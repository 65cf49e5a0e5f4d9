"""Append a run to a Zarr v3 folder, block by block, such that no crash loses what was written."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from duhamel.dataset import TIME, Columns, clean_attributes, columns
from duhamel.errors import InputError, StoreError
from duhamel.store.layout import MARK, VERSION, chunk_shape, is_ours, store_error, write_root


def check_destination(path: str | Path, *, force: bool = False) -> None:
    """Raise ``StoreError`` if a store cannot be begun at ``path``; nothing is written.

    An existing store is refused unless ``force``; anything else that exists is refused always.
    """
    where = Path(path)
    try:
        exists, ours = where.exists(), is_ours(where)
        parent = where.absolute().parent
        parent_exists, parent_is_folder = parent.exists(), parent.is_dir()
    except OSError as cause:
        raise store_error("look at", where, cause) from cause
    if exists and not ours:
        raise StoreError(
            f"{str(where)!r} exists and is not a store of Duhamel; it is left alone. Choose another path."
        )
    if exists and not force:
        raise StoreError(
            f"The store {str(where)!r} exists already; choose another path, or replace it with --force."
        )
    if not parent_exists:
        raise StoreError(f"Cannot write {str(where)!r}: the folder {str(parent)!r} does not exist.")
    if not parent_is_folder:
        raise StoreError(f"Cannot write {str(where)!r}: {str(parent)!r} is not a folder.")
    if not os.access(parent, os.W_OK | os.X_OK):
        raise StoreError(f"Cannot write {str(where)!r}: permission is denied in {str(parent)!r}.")


class Writer:
    """One growing store.  ``append`` commits a block of states, ``update`` commits attributes alone.

    Every commit writes the data first and then replaces the root metadata atomically, so the store is
    readable at any moment and holds exactly the committed states.  All methods raise ``StoreError`` when the
    disk refuses.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        coords: Mapping[str, Any] | None = None,
        labels: Sequence[str] = (),
        attrs: Mapping[str, Any] | None = None,
        force: bool = False,
    ) -> None:
        """Begin an empty store; ``coords`` and ``labels`` are those of `duhamel.dataset.columns`."""
        check_destination(path, force=force)
        self.path = Path(path)
        self.count = 0
        self._coords = {name: np.asarray(values) for name, values in (coords or {}).items()}
        self._labels = tuple(labels)
        self._attrs: dict[str, Any] = {MARK: VERSION, **clean_attributes(attrs or {})}
        self._arrays: dict[str, zarr.Array] = {}
        try:
            if self.path.exists():
                shutil.rmtree(self.path)
            self.path.mkdir()
            self._commit()
        except OSError as cause:
            raise store_error("write", self.path, cause) from cause

    def append(self, ts: Any, us: Any, **attrs: Any) -> None:
        """Add states ``us`` at times ``ts`` ``(k,)``; ``k`` may be 0.  ``attrs`` are committed with them."""
        times = np.atleast_1d(np.asarray(ts, dtype=np.float64))
        self._attrs.update(clean_attributes(attrs))
        try:
            if times.size:
                self._write(times, columns(us, coords=self._coords, labels=self._labels))
            self._commit()
        except OSError as cause:
            if isinstance(cause, StoreError):
                raise
            raise store_error("write", self.path, cause) from cause

    def update(self, **attrs: Any) -> None:
        """Commit attributes: status, message, statistics."""
        self.append([], None, **attrs)

    def _write(self, times: np.ndarray, block: Columns) -> None:
        if not self._arrays:
            self._begin(block)
        if set(block) != set(self._arrays) - {TIME}:
            raise InputError(f"The fields of a block changed from {sorted(self._arrays)} to {sorted(block)}.")
        end = self.count + times.size
        for name, (_, array) in block.items():
            stored = self._arrays[name]
            stored.resize((end, *array.shape[1:]))
            stored[self.count : end] = array
        self._arrays[TIME].resize((end,))
        self._arrays[TIME][self.count : end] = times
        self.count = end

    def _begin(self, block: Columns) -> None:
        group = zarr.open_group(str(self.path), mode="r+", zarr_format=3, use_consolidated=False)
        for name, values in self._coords.items():
            axis = group.create_array(name, shape=values.shape, dtype=values.dtype, dimension_names=(name,))
            axis[:] = values
        for name, (dims, array) in {**block, TIME: ((TIME,), np.empty(0))}.items():
            row = array.shape[1:]
            self._arrays[name] = group.create_array(
                name,
                shape=(0, *row),
                chunks=chunk_shape(row, array.dtype.itemsize),
                dtype=array.dtype,
                dimension_names=dims,
            )

    def _commit(self) -> None:
        axes = list(self._coords) if self._arrays else []
        write_root(self.path, self._attrs, axes, list(self._arrays), self.count)
