"""Fields from files: ``.npy``, ``.npz``, NetCDF, Zarr and PNG, brought to the grid of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from duhamel.errors import InputError

if TYPE_CHECKING:
    import xarray

_AXES = ("x", "y", "z")
SUFFIXES = (".npy", ".npz", ".nc", ".nc4", ".cdf", ".zarr", ".png")


def is_file(text: str) -> bool:
    """Whether an initial state is the name of a file, by its ending (no formula has such an ending)."""
    return text.rstrip("/").lower().endswith(SUFFIXES)


def beside(initial: str | Mapping[str, str], folder: Path) -> str | dict[str, str]:
    """Names of files made absolute, relative ones being taken from ``folder``; texts stay as they are."""
    if isinstance(initial, str):
        return str((folder / initial).resolve()) if is_file(initial) else initial
    return {name: str(beside(entry, folder)) for name, entry in initial.items()}


def read_fields(path: str, fields: Sequence[str], shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Those of ``fields`` that the file holds, each of the given ``shape``.

    Arrays of another size are resampled: trigonometric interpolation, since boxes are periodic, except for
    images, which are scaled linearly so that grey values stay in 0..1.  NetCDF and Zarr give their last
    time.  A file with a single array serves a single field whatever its name.  Raises ``InputError``:
    missing or unreadable file, wrong number of axes, no such field, values that are not finite numbers.
    """
    where = Path(path)
    if not where.exists():
        raise InputError(f"There is no file {path!r} for the initial state.")
    if where.suffix.lower() == ".png":
        return {fields[0]: _image(where, shape)} if len(fields) == 1 else _refuse_image(where, fields)
    found = _by_field(_read(where), fields, shape, where)
    return {name: _fit(values, shape, where, name) for name, values in found.items()}


def _read(where: Path) -> dict[str, np.ndarray]:
    """Arrays by name; the name of a lone array is empty."""
    try:
        if where.suffix.lower() == ".npy":
            return {"": np.load(where, allow_pickle=False)}
        if where.suffix.lower() == ".npz":
            with np.load(where, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        return _read_dataset(where)
    except (OSError, ValueError, KeyError, EOFError, ImportError) as cause:
        if isinstance(cause, InputError):
            raise
        lines = str(cause).strip().splitlines()
        raise InputError(
            f"The file {str(where)!r} cannot be read: {lines[0] if lines else cause!r}"
        ) from None


def _read_dataset(where: Path) -> dict[str, np.ndarray]:
    import xarray

    opened: xarray.Dataset
    if where.suffix.lower() == ".zarr":
        opened = xarray.open_zarr(str(where), chunks=None, consolidated=None)
    else:
        opened = xarray.open_dataset(where)
    with opened as dataset:
        if "time" in dataset.sizes:
            if dataset.sizes["time"] == 0:
                raise InputError(f"{str(where)!r} holds no state.")
            dataset = dataset.isel(time=-1)
        order = [axis for axis in _AXES if axis in dataset.sizes]
        return {
            str(name): np.asarray(variable.transpose(*order, ...).values)
            for name, variable in dataset.data_vars.items()
        }


def _by_field(
    arrays: dict[str, np.ndarray], fields: Sequence[str], shape: tuple[int, ...], where: Path
) -> dict[str, np.ndarray]:
    if len(arrays) == 1:
        (values,) = arrays.values()
        if len(fields) == 1:
            return {fields[0]: values}
        if values.ndim == len(shape) + 1 and values.shape[0] == len(fields):
            return dict(zip(fields, values, strict=True))
    found = {name: arrays[name] for name in fields if name in arrays}
    if not found:
        held = ", ".join(repr(name) for name in arrays if name) or "one nameless array"
        raise InputError(f"{str(where)!r} has none of the fields {', '.join(fields)}; it holds {held}.")
    return found


def _fit(values: np.ndarray, shape: tuple[int, ...], where: Path, name: str) -> np.ndarray:
    from duhamel.spaces.resample import resample

    if values.dtype.kind not in "biufc":
        raise InputError(f"{str(where)!r}: the field {name!r} holds {values.dtype}, not numbers.")
    values = values if values.dtype.kind in "fc" else values.astype(np.float64)
    if values.ndim != len(shape):
        raise InputError(
            f"{str(where)!r}: the field {name!r} has shape {values.shape}, but the grid has {len(shape)} "
            f"{'axis' if len(shape) == 1 else 'axes'} {shape}."
        )
    bad = int(values.size - np.count_nonzero(np.isfinite(values)))
    if bad:
        raise InputError(
            f"{str(where)!r}: {bad} of the {values.size} values of {name!r} are not finite (NaN or infinite)."
        )
    return resample(values, shape)


def _image(where: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Grey values 0 (black) to 1 (white); x runs to the right and y upwards."""
    if len(shape) != 2:
        raise InputError(f"An image starts a 2-D field; this grid has {len(shape)} axis or axes.")
    from PIL import Image

    try:
        with Image.open(where) as opened:
            deep = opened.mode.startswith("I")
            grey: Any = opened if deep else opened.convert("L")
            values = np.asarray(grey, dtype=np.float32) / (65535.0 if deep else 255.0)
    except (OSError, ValueError) as cause:
        raise InputError(f"The image {str(where)!r} cannot be read: {cause}") from None
    scaled = Image.fromarray(values).resize(shape, Image.Resampling.BILINEAR)
    return np.ascontiguousarray(np.asarray(scaled, dtype=np.float64)[::-1].T)


def _refuse_image(where: Path, fields: Sequence[str]) -> dict[str, np.ndarray]:
    raise InputError(
        f"One image cannot start the fields {', '.join(fields)}; give each its own, "
        f"such as --initial '{fields[0]}={where.name}; {fields[1]}=0'."
    )
