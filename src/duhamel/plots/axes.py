"""Parts that several pictures share: an image with its colour bar, a plot of spectra."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure, SubFigure

from duhamel.plots.fields import Panel, clock
from duhamel.plots.spectrum import amplitudes
from duhamel.plots.style import LINES


def span(coordinate: np.ndarray) -> tuple[float, float]:
    """Edges of the cells around the points of a uniform axis."""
    half = 0.5 * float(coordinate[1] - coordinate[0]) if coordinate.size > 1 else 0.5
    return float(coordinate[0]) - half, float(coordinate[-1]) + half


def colour_bar(drawn: Figure | SubFigure, image: Any, panel: Panel, near: Axes, gap: float = 0.02) -> None:
    """A slim colour bar as tall as the axes ``near``, to their right."""
    bar = drawn.colorbar(image, cax=near.inset_axes((1.0 + gap, 0.0, 1.4 * gap, 1.0)), extend=panel.extend)
    bar.outline.set_visible(False)
    if panel.is_phase:
        bar.set_ticks([-np.pi, 0.0, np.pi], labels=["−π", "0", "π"])
    bar.ax.set_title(panel.label, fontsize=9, pad=6, parse_math=False)


def spectra(
    ax: Axes,
    values: np.ndarray,
    lengths: tuple[float, ...],
    times: np.ndarray,
    chosen: np.ndarray,
    label: str,
) -> None:
    """Amplitude against wavenumber of one field at the ``chosen`` times."""
    drawn_any = False
    for number, index in enumerate(chosen):
        k, amplitude = amplitudes(values[index], lengths)
        if k.size:
            look: Any = {"ls": "", "marker": "o", "ms": 4} if k.size < 12 else {"lw": 1.1}
            ax.plot(k, amplitude, color=LINES[number % len(LINES)], label=clock(times[index]), **look)
            drawn_any = True
    ax.set_title(f"spectrum of {label}", parse_math=False)
    ax.set_xlabel("wavenumber k")
    ax.set_ylabel("amplitude")
    if not drawn_any:
        ax.text(
            0.5,
            0.5,
            "no modes besides the mean",
            transform=ax.transAxes,
            ha="center",
            va="center",
            color="0.4",
        )
        return
    ax.set_yscale("log")
    ax.legend(loc="best")
    ax.grid(True, which="major", color="0.9", lw=0.6)


def norm(panel: Panel) -> Normalize:
    """The colour scale of a panel."""
    return Normalize(panel.low, panel.high)
