"""The picture of a 1-D result: space and time, snapshots, spectrum; one row of axes for every field."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from duhamel.plots.axes import colour_bar, norm, span, spectra
from duhamel.plots.fields import Panel, clock, load, moments, panels, times_of
from duhamel.plots.spectrum import lengths_of
from duhamel.plots.style import LINES, figure

if TYPE_CHECKING:
    import xarray


def draw(dataset: xarray.Dataset) -> Figure:
    """Space–time image on the left; snapshots above the spectrum on the right."""
    x, times = np.asarray(dataset["x"].values, dtype=np.float64), times_of(dataset)
    fields = load(dataset)
    drawn = figure(11.0, 1.0 + 4.3 * len(fields), dataset.attrs)
    rows = drawn.subfigures(len(fields), 1, squeeze=False)[:, 0]
    for part, (name, values) in zip(rows, fields.items(), strict=True):
        shown = panels(name, values)
        left, right = part.subfigures(1, 2, width_ratios=(1.65, 1.0))
        images = left.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
        for ax, panel in zip(images, shown, strict=True):
            _space_time(left, ax, panel, x, times)
            ax.label_outer()
        top, bottom = right.subplots(2, 1)
        _snapshots(top, shown[0], x, times)
        spectra(bottom, values, lengths_of([x]), times, moments(times, 3), name)
    return drawn


def _space_time(drawn, ax: Axes, panel: Panel, x: np.ndarray, times: np.ndarray) -> None:
    """Time runs to the right, space upwards; times need not be evenly spaced."""
    if times.size == 1:
        ax.plot(x, panel.values[0], color=LINES[0])
        ax.set(xlabel="x", ylabel=panel.label, title=clock(times[0]))
        return
    edges = np.concatenate([times[:1], 0.5 * (times[1:] + times[:-1]), times[-1:]])
    image = ax.pcolormesh(
        edges,
        np.linspace(*span(x), x.size + 1),
        np.real(panel.values).T,
        norm=norm(panel),
        cmap=panel.cmap,
        rasterized=True,
    )
    ax.set(xlabel="time t", ylabel="x", xlim=(times[0], times[-1]), ylim=span(x))
    colour_bar(drawn, image, panel, ax)


def _snapshots(ax: Axes, panel: Panel, x: np.ndarray, times: np.ndarray) -> None:
    for number, index in enumerate(moments(times, 4)):
        ax.plot(x, panel.values[index], color=LINES[number], label=clock(times[index]))
    pad = 0.06 * (panel.high - panel.low)
    shown = panel.values[moments(times, 4)]
    low, high = np.nanmin(shown, initial=panel.high), np.nanmax(shown, initial=panel.low)
    if panel.extend == "neither":
        ax.set_ylim(min(low, high) - pad, max(low, high) + pad)
    else:
        ax.set_ylim(panel.low - pad, panel.high + pad)
    ax.set(xlabel="x", ylabel=panel.label, xlim=(x[0], x[-1]))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, handlelength=1.2, columnspacing=1.2)
