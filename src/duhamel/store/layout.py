"""What a store of ours looks like on disk: its mark, its chunks, and errors of the disk in words."""

from __future__ import annotations

import errno
import json
import os
import uuid
from pathlib import Path
from typing import Any

from duhamel.errors import StoreError

MARK = "duhamel_store"
VERSION = 1
ROOT = "zarr.json"

_CHUNK_BYTES = 1 << 20
_LARGEST_CHUNK = 16 << 20

_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.EROFS: "the file system is read-only",
    errno.ENOTDIR: "a part of the path is a file, not a folder",
    errno.ENOENT: "the folder above it does not exist",
    errno.ENAMETOOLONG: "the name is too long",
}


def store_error(action: str, path: Path, cause: OSError) -> StoreError:
    """A `StoreError` of one sentence: what failed, where, and why."""
    reason = _REASONS.get(cause.errno or 0) or cause.strerror or str(cause)
    return StoreError(f"Cannot {action} {str(path)!r}: {reason}.")


def read_root(path: Path) -> dict[str, Any] | None:
    """The metadata of the group at ``path``, or None where there is no Zarr v3 group."""
    try:
        root = json.loads((path / ROOT).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError:
        return None
    return root if isinstance(root, dict) and root.get("node_type") == "group" else None


def is_ours(path: Path) -> bool:
    """Whether ``path`` holds a store that Duhamel wrote."""
    root = read_root(path)
    return root is not None and MARK in root.get("attributes", {})


def write_root(
    path: Path, attributes: dict[str, Any], axes: list[str], growing: list[str], count: int
) -> None:
    """Replace the root metadata in one atomic step: the commit of everything written before it.

    The metadata of all arrays are kept inline ("consolidated"), the ``growing`` ones with the length
    ``count``, so a reader sees arrays and attributes as they were at one commit, never a mixture.
    """
    inline = {
        name: json.loads((path / name / ROOT).read_text(encoding="utf-8")) for name in [*axes, *growing]
    }
    for name in growing:
        inline[name]["shape"][0] = count
    root = {
        "zarr_format": 3,
        "node_type": "group",
        "attributes": attributes,
        "consolidated_metadata": {"kind": "inline", "must_understand": False, "metadata": inline},
    }
    temporary = path / f".{ROOT}.{uuid.uuid4().hex}"
    try:
        temporary.write_text(json.dumps(root, indent=1, allow_nan=False), encoding="utf-8")
        os.replace(temporary, path / ROOT)
    finally:
        temporary.unlink(missing_ok=True)


def chunk_shape(row: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Chunks of about 1 MiB along time; one state larger than 16 MiB is cut along its first axis of space."""
    size = itemsize
    for count in row:
        size *= count
    rows = max(1, min(4096, _CHUNK_BYTES // max(size, 1)))
    if size <= _LARGEST_CHUNK or not row:
        return (rows, *row)
    pieces = -(-size // _LARGEST_CHUNK)
    return (1, max(1, row[0] // pieces), *row[1:])
