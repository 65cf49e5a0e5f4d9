"""The state of a training run on disk: one file, replaced as a whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import jax
import jax.numpy as jnp
import numpy as np

from duhamel.errors import InputError, StoreError

__all__ = ["Checkpoint"]

_NAME, _FORMAT = "fit.npz", 1


class Checkpoint:
    """The file `fit.npz` in a folder: arrays by number, and a header.

    A new state is written beside the old one, brought to the disk, and then takes its name in one operation
    of the file system: whenever the machine stops, one complete state is there. Raises `StoreError` where the
    disk refuses, `InputError` for a state of another training.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.path = self.folder / _NAME

    def exists(self) -> bool:
        return self.path.is_file()

    def write(self, state: Any, header: dict[str, Any]) -> None:
        """Replace what is there by the arrays of `state` and `header`, which JSON must be able to hold."""
        arrays: dict[str, Any] = {f"{i}": np.asarray(_plain(v)) for i, v in enumerate(_arrays(state))}
        text = json.dumps({"format": _FORMAT, "shapes": _shapes(state), **header})
        arrays["header"] = np.frombuffer(text.encode(), np.uint8)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=".fit-", suffix=".part", dir=self.folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    np.savez(file, **arrays)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(name, self.path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as cause:
            raise StoreError(f"Cannot write the checkpoint {str(self.path)!r}: {cause}.") from cause

    def read(self, like: Any) -> tuple[Any, dict[str, Any]]:
        """State and header, the state with the structure of `like`."""
        try:
            with np.load(self.path) as file:
                header = json.loads(file["header"].tobytes().decode())
                found = [file[f"{i}"] for i in range(len(file.files) - 1)]
        except (OSError, ValueError, KeyError, BadZipFile) as cause:
            raise StoreError(f"Cannot read the checkpoint {str(self.path)!r}: {cause}.") from cause
        if header["shapes"] != _shapes(like):
            raise InputError(
                f"the checkpoint {str(self.path)!r} belongs to another model or optimiser: its arrays differ "
                "in number, shape or dtype. Give the same ones, or another folder."
            )
        values = iter(_like(a, b) for a, b in zip(found, _arrays(like), strict=True))
        leaves, form = jax.tree.flatten(like)
        return jax.tree.unflatten(form, [next(values) if _is_array(v) else v for v in leaves]), header


def _is_array(v: Any) -> bool:
    return isinstance(v, jax.Array)


def _arrays(tree: Any) -> list[Any]:
    return [v for v in jax.tree.leaves(tree) if _is_array(v)]


def _shapes(tree: Any) -> list[str]:
    return [f"{v.dtype}{list(v.shape)}" for v in _arrays(tree)]


def _is_key(v: Any) -> bool:
    return jnp.issubdtype(v.dtype, jax.dtypes.prng_key)


def _plain(v: Any) -> Any:
    return jax.random.key_data(v) if _is_key(v) else v


def _like(found: np.ndarray, template: Any) -> Any:
    if _is_key(template):
        return jax.random.wrap_key_data(jnp.asarray(found), impl=jax.random.key_impl(template))
    # NumPy stores numbers it has no name for, such as bfloat16, as plain bytes.
    return jnp.asarray(found.view(template.dtype) if found.dtype.kind == "V" else found)
