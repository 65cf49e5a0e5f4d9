"""Digits as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["draw"]


def draw(x: np.ndarray, path: str | Path | None = None, *, columns: int = 10, title: str = "") -> Any:
    """Samples (B, 64) or (B, 8, 8) in [−1, 1] as one grid of dark digits on white, row by row; returns the
    figure, and writes it if a path is given. Needs Matplotlib."""
    from matplotlib.figure import Figure

    tiles = np.asarray(x, np.float64).reshape(-1, 8, 8)
    rows = -(-len(tiles) // columns)
    # a border of two pixels around each tile
    sheet = np.full((rows * 10, columns * 10), np.nan)
    for place, tile in enumerate(tiles):
        down, along = 10 * (place // columns) + 1, 10 * (place % columns) + 1
        sheet[down : down + 8, along : along + 8] = tile
    figure = Figure(
        figsize=(0.62 * columns + 0.4, 0.62 * rows + (0.7 if title else 0.3)), layout="constrained"
    )
    axes = figure.subplots()
    axes.imshow(sheet, cmap="gray_r", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    if title:
        axes.set_title(title, fontsize=9)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
