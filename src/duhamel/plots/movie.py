"""A GIF of a result: a moving line in 1-D, a moving image in 2-D and of the middle slice in 3-D."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import numpy as np
from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure

from duhamel.errors import InputError, StoreError
from duhamel.plots.axes import colour_bar, norm, span
from duhamel.plots.fields import Panel, clock, load, moments, panels, spatial_axes, times_of
from duhamel.plots.style import LINES, RC, figure
from duhamel.plots.volume import middle

if TYPE_CHECKING:
    import xarray

MOST_FRAMES = 200
_DPI = 80


def movie(
    dataset: xarray.Dataset,
    path: str | Path,
    *,
    fps: float = 20.0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a GIF of at most 200 frames, evenly chosen among the saved times, and return its path.

    ``progress(done, frames)`` is called after every frame.  Raises ``InputError`` for an ODE, fewer than two
    saved times or a rate that is not in 0..50 frames per second (GIF players ignore faster ones).
    """
    where = Path(path)
    if not 0.0 < fps <= 50.0:
        raise InputError(f"The frame rate must be above 0 and at most 50 frames per second, not {fps:g}.")
    if where.suffix.lower() != ".gif":
        raise InputError(f"A movie is written as GIF; end the name with .gif, not {where.name!r}.")
    axes = spatial_axes(dataset)
    if not axes:
        raise InputError("A movie needs a field in space; this result is an ODE. Draw its picture instead.")
    if dataset.sizes.get("time", 0) < 2:
        raise InputError("A movie needs at least two saved times.")
    if len(axes) == 3:
        dataset, _ = middle(dataset)
    with matplotlib.rc_context({**RC, "savefig.dpi": _DPI}):
        drawn, update = _line(dataset) if len(axes) == 1 else _image(dataset)
        return _write(drawn, update, moments(times_of(dataset), MOST_FRAMES), where, fps, progress)


def _write(
    drawn: Figure,
    update: Callable[[int], None],
    frames: np.ndarray,
    where: Path,
    fps: float,
    progress: Callable[[int, int], None] | None,
) -> Path:
    writer = PillowWriter(fps=fps)  # pyright: ignore
    update(int(frames[-1]))
    drawn.draw_without_rendering()
    drawn.set_layout_engine("none")
    try:
        with writer.saving(drawn, str(where), _DPI):
            for number, index in enumerate(frames):
                update(int(index))
                writer.grab_frame()
                if progress is not None:
                    progress(number + 1, frames.size)
    except OSError as cause:
        raise StoreError(f"Cannot write the movie {str(where)!r}: {cause.strerror or cause}.") from cause
    return where


def _shown(dataset: xarray.Dataset) -> list[Panel]:
    return [panel for name, values in load(dataset).items() for panel in panels(name, values, phase=False)]


def _line(dataset: xarray.Dataset) -> tuple[Figure, Callable[[int], None]]:
    x, times, shown = np.asarray(dataset["x"].values), times_of(dataset), _shown(dataset)
    drawn = figure(7.0, 1.0 + 2.6 * len(shown), dataset.attrs)
    axes = drawn.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
    lines = []
    for ax, panel in zip(axes, shown, strict=True):
        pad = 0.06 * (panel.high - panel.low)
        ax.set(ylabel=panel.label, xlim=(x[0], x[-1]), ylim=(panel.low - pad, panel.high + pad))
        lines += ax.plot(x, panel.values[0], color=LINES[0])
    axes[-1].set_xlabel("x")
    clock_text = axes[0].set_title(" ")

    def update(index: int) -> None:
        for line, panel in zip(lines, shown, strict=True):
            line.set_ydata(panel.values[index])
        clock_text.set_text(clock(times[index]))

    return drawn, update


def _image(dataset: xarray.Dataset) -> tuple[Figure, Callable[[int], None]]:
    x, y = (np.asarray(dataset[axis].values) for axis in ("x", "y"))
    times, shown = times_of(dataset), _shown(dataset)
    extent = (*span(x), *span(y))
    aspect = min(max((extent[3] - extent[2]) / (extent[1] - extent[0]), 0.35), 1.8)
    drawn = figure(4.6 * len(shown) + 0.4, 4.0 * aspect + 1.2, dataset.attrs)
    axes = drawn.subplots(1, len(shown), squeeze=False)[0]
    images = []
    for ax, panel in zip(axes, shown, strict=True):
        image = ax.imshow(
            panel.values[0].T, origin="lower", extent=extent, norm=norm(panel), cmap=panel.cmap, aspect="auto"
        )
        ax.set_box_aspect(aspect)
        ax.set(xlabel="x", ylabel="y")
        colour_bar(drawn, image, panel, ax, gap=0.03)
        images.append(image)
    clock_text = axes[0].set_title(" ", loc="left")

    def update(index: int) -> None:
        for image, panel in zip(images, shown, strict=True):
            image.set_data(panel.values[index].T)
        clock_text.set_text(clock(times[index]))

    return drawn, update
