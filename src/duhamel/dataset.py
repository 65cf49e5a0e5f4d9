"""Results as an ``xarray.Dataset``: the layout that ``Solution.to_xarray``, the store and the pictures share.

Dimensions are ``time`` and then the axes of space (``x``, ``y``, ``z``); every field is one variable.  A
state without space (an ODE) becomes one variable per label, or one variable with numbered dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from duhamel.errors import InputError

if TYPE_CHECKING:
    import xarray

TIME = "time"

Columns = dict[str, tuple[tuple[str, ...], np.ndarray]]


def columns(us: Any, *, coords: Mapping[str, Any] | None = None, labels: Sequence[str] = ()) -> Columns:
    """Saved states ``us`` (leading axis: time) as ``{variable: (dimensions, array)}``.

    - ``us``: an array ``(n, ...)``, or a mapping, tuple or list of arrays (nested at will; names joined by
    dots).
    - ``coords``: the axes of space in order, ``{"x": (nx,), "y": (ny,)}``; an array must be ``(n, nx, ny)``.
    - ``labels``: names of the components of an array ``(n, d)`` without space; one variable each.

    Raises ``InputError`` when a shape does not fit the axes or when two variables share a name.
    """
    axes = {name: np.asarray(values) for name, values in (coords or {}).items()}
    found: Columns = {}
    for name, array in _leaves("", us):
        for variable, entry in _split(name or "u", array, axes, labels).items():
            if variable in found or variable == TIME or variable in axes:
                raise InputError(
                    f"The name {variable!r} of a saved field is taken already; rename the field."
                )
            found[variable] = entry
    return found


def to_dataset(
    ts: Any,
    us: Any,
    *,
    coords: Mapping[str, Any] | None = None,
    labels: Sequence[str] = (),
    attrs: Mapping[str, Any] | None = None,
) -> xarray.Dataset:
    """Saved times ``ts`` ``(n,)`` and states ``us`` (see `columns`) as an ``xarray.Dataset``.

    ``attrs`` are kept as they are, except for entries that are None or not finite, which are left out
    (they could not be written to disk).  Raises ``InputError`` as `columns` does.
    """
    import xarray

    times = np.atleast_1d(np.asarray(ts, dtype=np.float64))
    variables = columns(us, coords=coords, labels=labels)
    for name, (_, array) in variables.items():
        if array.shape[0] != times.size:
            raise InputError(f"{name!r} holds {array.shape[0]} states but there are {times.size} times.")
    axes = {name: ((name,), np.asarray(values)) for name, values in (coords or {}).items()}
    return xarray.Dataset(variables, {TIME: ((TIME,), times), **axes}, clean_attributes(attrs or {}))


def from_solution(solution: Any) -> xarray.Dataset:
    """A `Solution` as a dataset: its fields on their grid; equation, method and statistics as attributes."""
    codec = solution.eq.codec
    space, fields = getattr(codec, "space", None), getattr(codec, "fields", ("u",))
    lone = space is not None and not isinstance(solution.us, Mapping)
    attrs = {
        "equation": getattr(solution.eq.about, "text", ""),
        "parts": str(solution.eq),
        "method": solution.method.name,
        "why": solution.why,
        "message": solution.message,
        "t": float(solution.t),
        "error_estimate": float(solution.error_estimate),
        **{name: int(count) for name, count in solution.stats._asdict().items()},
    }
    return to_dataset(
        solution.ts,
        {fields[0]: solution.us} if lone else solution.us,
        coords=None if space is None else space.coords,
        attrs=attrs,
    )


def clean_attributes(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes that JSON can hold: plain numbers and text; None, NaN and infinities are left out."""
    kept: dict[str, Any] = {}
    for key, value in attrs.items():
        plain = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
        if plain is None or (isinstance(plain, float) and not np.isfinite(plain)):
            continue
        kept[key] = plain
    return kept


def _leaves(prefix: str, tree: Any) -> list[tuple[str, np.ndarray]]:
    if isinstance(tree, Mapping):
        items = [(str(key), value) for key, value in tree.items()]
    elif isinstance(tree, (tuple, list)):
        items = [(str(number), value) for number, value in enumerate(tree)]
    else:
        return [(prefix, np.asarray(tree))]
    return [leaf for key, value in items for leaf in _leaves(f"{prefix}.{key}" if prefix else key, value)]


def _split(name: str, array: np.ndarray, axes: Mapping[str, np.ndarray], labels: Sequence[str]) -> Columns:
    if axes:
        expected = tuple(values.size for values in axes.values())
        if array.shape[1:] != expected:
            raise InputError(f"The field {name!r} has shape {array.shape[1:]} but the grid has {expected}.")
        return {name: ((TIME, *axes), array)}
    if labels and array.ndim == 2 and array.shape[1] == len(labels):
        return {label: ((TIME,), array[:, number]) for number, label in enumerate(labels)}
    numbered = tuple(f"{name}_{axis}" for axis in range(array.ndim - 1))
    return {name: ((TIME, *numbered), array)}
