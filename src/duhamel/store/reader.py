"""Open a store: the whole result as an ``xarray.Dataset``, or its attributes alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from duhamel.dataset import TIME
from duhamel.errors import StoreError
from duhamel.store.layout import MARK, VERSION, read_root, store_error

if TYPE_CHECKING:
    import xarray


def stored_attributes(path: str | Path) -> dict[str, Any]:
    """The attributes of the run in the store at ``path``: equation, method, status, statistics, spec.

    Raises ``StoreError`` where there is nothing, or nothing that Duhamel wrote.
    """
    where = Path(path)
    if not where.exists():
        raise StoreError(f"There is no store at {str(where)!r}; 'duhamel run' writes one.")
    try:
        root = read_root(where)
    except OSError as cause:
        raise store_error("read", where, cause) from cause
    attributes = (root or {}).get("attributes", {})
    if MARK not in attributes:
        raise StoreError(f"{str(where)!r} is not a store that Duhamel wrote.")
    if attributes[MARK] > VERSION:
        raise StoreError(
            f"{str(where)!r} was written by a newer Duhamel (layout {attributes[MARK]}); update it."
        )
    return attributes


def open_store(path: str | Path) -> xarray.Dataset:
    """The stored result, read lazily: dimensions ``time``, ``x``, ``y``, ``z``; a variable per field.

    What a crash left behind after the last commit is not seen.  Raises ``StoreError`` where the store is
    missing, foreign, damaged, or holds no state yet.
    """
    stored_attributes(path)
    import xarray

    try:
        dataset = xarray.open_zarr(str(path), consolidated=True, chunks=None)
    except (OSError, ValueError, KeyError) as cause:
        raise StoreError(f"The store {str(path)!r} is damaged and cannot be read: {cause}") from cause
    if TIME not in dataset.sizes or dataset.sizes[TIME] == 0:
        raise StoreError(f"The store {str(path)!r} holds no state: the run ended before its first save.")
    return dataset
