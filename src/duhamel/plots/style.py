"""The look of every picture: colour maps, title, figure on the Agg canvas."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from duhamel.errors import InputError, StoreError

RC: Any = {
    "font.size": 10.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "lines.linewidth": 1.4,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "image.interpolation": "nearest",
    "figure.dpi": 100.0,
    "savefig.dpi": 150.0,
}

LINES = ("#1b4f9c", "#d1603d", "#2a8f6c", "#8a4fa3", "#b8902a", "#4a4a4a", "#5fa8d3", "#c2489b")


def _diverging(steps: int = 256) -> LinearSegmentedColormap:
    """Blue, near white, red with lightness linear on both sides and equal at equal distance (in OKLab)."""
    s = np.linspace(-1.0, 1.0, steps)
    lightness = 0.97 - 0.62 * np.abs(s)
    chroma = 0.135 * np.sin(0.5 * np.pi * np.minimum(np.abs(s) / 0.75, 2.0 - np.abs(s) / 0.75))
    hue = np.where(s < 0, np.deg2rad(252.0), np.deg2rad(27.0))
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    to_lms = np.array(
        [[1, 0.3963377774, 0.2158037573], [1, -0.1055613458, -0.0638541728], [1, -0.0894841775, -1.291485548]]
    )
    lms = (np.stack([lightness, a, b], axis=-1) @ to_lms.T) ** 3
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.707614701],
        ]
    )
    linear = np.clip(lms @ to_rgb.T, 0.0, 1.0)
    rgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return LinearSegmentedColormap.from_list("duhamel_diverging", rgb, N=steps)


DIVERGING = _diverging()
SEQUENTIAL = matplotlib.colormaps["viridis"]
CYCLIC = matplotlib.colormaps["twilight"]


def figure(width: float, height: float, attrs: Mapping[str, Any]) -> Figure:
    """An empty figure (inches) with the equation as its title."""
    drawn = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawn)
    title = _title(attrs, width)
    if title:
        drawn.suptitle(title, fontsize=11, parse_math=False)
    return drawn


def save(drawn: Figure, path: str | Path) -> Path:
    """Write the figure to ``path``: PNG, PDF or SVG by its ending. Raises ``InputError``, ``StoreError``."""
    where = Path(path)
    supported = drawn.canvas.get_supported_filetypes()
    if where.suffix.lstrip(".").lower() not in supported:
        raise InputError(
            f"A picture cannot be written as {where.name!r}; end the name with .png, .pdf or .svg."
        )
    try:
        drawn.savefig(where)
    except OSError as cause:
        raise StoreError(f"Cannot write the picture {str(where)!r}: {cause.strerror or cause}.") from cause
    return where


def _title(attrs: Mapping[str, Any], width: float) -> str:
    name, text = str(attrs.get("name", "")), str(attrs.get("equation", ""))
    text = "; ".join(part.strip() for part in text.replace("\n", ";").split(";") if part.strip())
    if text == name:
        text = ""
    lines = textwrap.wrap(text, width=int(width * 11), break_long_words=False) if text else []
    if len(lines) > 3:
        lines = [*lines[:2], lines[2] + " …"]
    head = str(attrs.get("physics", "")) or name
    return "\n".join([*([head] if head else []), *lines])
