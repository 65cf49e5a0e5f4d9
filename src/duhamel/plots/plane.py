"""The picture of a 2-D result: images at several times and the radially averaged spectrum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from duhamel.plots.axes import colour_bar, norm, span, spectra
from duhamel.plots.fields import clock, load, moments, panels, times_of
from duhamel.plots.spectrum import lengths_of
from duhamel.plots.style import figure

if TYPE_CHECKING:
    import xarray


def draw(dataset: xarray.Dataset) -> Figure:
    """A row of images for every real quantity and, at the end of the first row of a field, its spectrum."""
    x, y = (np.asarray(dataset[axis].values, dtype=np.float64) for axis in ("x", "y"))
    return draw_images(load(dataset), (x, y), ("x", "y"), times_of(dataset), dataset.attrs)


def draw_images(
    fields: dict[str, np.ndarray],
    coords: tuple[np.ndarray, np.ndarray],
    names: tuple[str, str],
    times: np.ndarray,
    attrs: dict,
    full: dict[str, np.ndarray] | None = None,
    lengths: tuple[float, ...] | None = None,
    remark: str = "",
) -> Figure:
    """Images of ``fields`` ``(time, nx, ny)``; spectra of ``full`` (the same before they were sliced)."""
    lengths = lengths or lengths_of(list(coords))
    chosen = moments(times, 4)
    shown = [(name, panel) for name, values in fields.items() for panel in panels(name, values)]
    extent = (*span(coords[0]), *span(coords[1]))
    aspect = min(max((extent[3] - extent[2]) / (extent[1] - extent[0]), 0.35), 1.8)
    height = 2.1 * aspect + 0.8
    drawn = figure(3.6 + 2.35 * len(chosen), 0.9 + max(height, 2.3) * len(shown), attrs)
    rows = drawn.subfigures(len(shown), 1, squeeze=False)[:, 0]
    for number, (part, (name, panel)) in enumerate(zip(rows, shown, strict=True)):
        left, right = part.subfigures(1, 2, width_ratios=(2.35 * len(chosen) + 0.5, 3.1))
        images = left.subplots(1, chosen.size, squeeze=False, sharex=True, sharey=True)[0]
        image = None
        for ax, index in zip(images, chosen, strict=True):
            image = ax.imshow(
                panel.values[index].T,
                origin="lower",
                extent=extent,
                norm=norm(panel),
                cmap=panel.cmap,
                aspect="auto",
            )
            ax.set_box_aspect(aspect)
            ax.set(xlabel=names[0], ylabel=names[1])
            ax.set_title(clock(times[index]) + remark)
            ax.label_outer()
        colour_bar(left, image, panel, images[-1], gap=0.05)
        if not panel.is_phase:
            spectra(
                right.subplots(),
                (full or fields)[name],
                lengths,
                times,
                chosen[[0, -1]] if number else chosen,
                name,
            )
    return drawn
