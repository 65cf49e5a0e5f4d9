"""The picture of a 3-D result: the slices through the middle of z, and the spectrum of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from duhamel.plots.fields import load, times_of
from duhamel.plots.plane import draw_images
from duhamel.plots.spectrum import lengths_of

if TYPE_CHECKING:
    import xarray


def middle(dataset: xarray.Dataset) -> tuple[xarray.Dataset, float]:
    """The slice through the middle of z, and that z."""
    number = dataset.sizes["z"] // 2
    return dataset.isel(z=number), float(dataset["z"].values[number])


def draw(dataset: xarray.Dataset) -> Figure:
    """Images of the slice ``z`` = middle at several times, beside shell spectra of the whole box."""
    x, y, z = (np.asarray(dataset[axis].values, dtype=np.float64) for axis in ("x", "y", "z"))
    cut, height = middle(dataset)
    return draw_images(
        load(cut),
        (x, y),
        ("x", "y"),
        times_of(dataset),
        dataset.attrs,
        full=load(dataset),
        lengths=lengths_of([x, y, z]),
        remark=f", z = {height:.3g}",
    )
