"""One picture of a result, whatever its dimension."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib

from duhamel.errors import InputError
from duhamel.plots import line, plane, series, volume
from duhamel.plots.fields import spatial_axes
from duhamel.plots.style import RC, save

if TYPE_CHECKING:
    import xarray

_DRAW = {0: series.draw, 1: line.draw, 2: plane.draw, 3: volume.draw}


def picture(dataset: xarray.Dataset, path: str | Path) -> Path:
    """Draw ``dataset`` (see `duhamel.dataset.to_dataset`) into the file ``path`` and return that path.

    Attributes used where present: ``equation``, ``name``, ``physics`` (the title).  Raises ``InputError``
    when there is nothing to draw, ``StoreError`` when the file cannot be written.
    """
    if "time" not in dataset.sizes or dataset.sizes["time"] == 0:
        raise InputError("There is nothing to draw: the result holds no state.")
    with matplotlib.rc_context(RC):
        return save(_DRAW[len(spatial_axes(dataset))](dataset), path)
