"""The picture of an ODE: components over time, and the way through the phase plane or space."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from duhamel.plots.axes import colour_bar, norm
from duhamel.plots.fields import drawable, limits, panels, times_of
from duhamel.plots.style import LINES, figure

if TYPE_CHECKING:
    import xarray

_MOST_CURVES = 8

Curves = dict[str, np.ndarray]


def components(dataset: xarray.Dataset) -> Curves:
    """Real curves ``(n,)`` by name: parts of arrays are numbered, complex ones give their modulus."""
    curves: Curves = {}
    for name, variable in dataset.data_vars.items():
        values = drawable(np.asarray(variable.values, dtype=np.result_type(variable.dtype, np.float32)))
        flat = values.reshape(values.shape[0], -1)
        for part in range(flat.shape[1]):
            label = str(name) if values.ndim == 1 else f"{name}[{part}]"
            curve = flat[:, part]
            curves[f"|{label}|" if np.iscomplexobj(curve) else label] = (
                np.abs(curve) if np.iscomplexobj(curve) else curve
            )
    return curves


def draw(dataset: xarray.Dataset) -> Figure:
    """Curves in a stack on the left (or an image of very many), orbits or the phase plot on the right."""
    times, curves = times_of(dataset), components(dataset)
    orbits = _orbits(curves)
    shown = _leading(curves, orbits)
    many = len(shown) > _MOST_CURVES
    height = 5.0 if many else max(4.2, 0.9 + 0.85 * len(shown))
    drawn = figure(11.0 if len(curves) > 1 else 8.0, height, dataset.attrs)
    left: Any = drawn
    if len(curves) > 1:
        parts: Any = drawn.subfigures(1, 2, width_ratios=(1.35, 1.0))
        left, right = parts
        _paths(right, orbits) if len(orbits) > 1 else _phase(right, times, curves)
    (_image if many and times.size > 1 else _stack)(left, times, shown)
    return drawn


def _leading(curves: Curves, orbits: dict[tuple[str, str], Any]) -> Curves:
    """Of bodies in a plane the positions, of anything else all components."""
    names = (
        [name for name in curves if any(name in pair for pair in orbits)] if len(orbits) > 1 else list(curves)
    )
    return {name: curves[name] for name in names}


def _orbits(curves: Curves) -> dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]:
    """Pairs called x1, y1, x2, y2 …: bodies in a plane."""
    numbers = [name[1:] for name in curves if re.fullmatch(r"x\d+", name)]
    return {(f"x{n}", f"y{n}"): (curves[f"x{n}"], curves[f"y{n}"]) for n in numbers if f"y{n}" in curves}


def _stack(part: Figure | SubFigure, times: np.ndarray, curves: Curves) -> None:
    curves = dict(list(curves.items())[:_MOST_CURVES])
    stack = part.subplots(len(curves), 1, squeeze=False, sharex=True)[:, 0]
    for number, (ax, (name, curve)) in enumerate(zip(stack, curves.items(), strict=True)):
        ax.plot(times, curve, color=LINES[number % len(LINES)], lw=1.0, marker="." if times.size < 30 else "")
        ax.set_ylabel(name, parse_math=False)
        _fit(ax, curve)
        ax.set_xlim(times[0], times[-1] if times.size > 1 else times[0] + 1.0)
        if _is_logarithmic(times):
            ax.set_xscale("log")
    stack[-1].set_xlabel("time t")
    part.align_ylabels(list(stack))


def _image(part: Figure | SubFigure, times: np.ndarray, curves: Curves) -> None:
    ax = part.subplots()
    (panel,) = panels("u", np.stack(list(curves.values()), axis=1))
    edges = np.concatenate([times[:1], 0.5 * (times[1:] + times[:-1]), times[-1:]])
    rows = np.arange(len(curves) + 1) - 0.5
    image = ax.pcolormesh(edges, rows, panel.values.T, norm=norm(panel), cmap=panel.cmap, rasterized=True)
    chosen = np.unique(np.linspace(0, len(curves) - 1, min(len(curves), 14)).round().astype(int))
    ax.set_yticks(chosen, [list(curves)[row] for row in chosen])
    ax.set_xlabel("time t")
    ax.set_ylabel("component")
    colour_bar(part, image, panel, ax)


def _paths(part: SubFigure, orbits: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]]) -> None:
    ax = part.add_subplot()
    for number, ((name, _), (x, y)) in enumerate(orbits.items()):
        colour = LINES[number % len(LINES)]
        ax.plot(x, y, color=colour, lw=0.9, label=f"body {name[1:]}")
        ax.plot(x[-1:], y[-1:], "o", color=colour, ms=4)
    ax.set(xlabel="x", ylabel="y")
    ax.set_aspect("equal", adjustable="datalim")
    ax.set_title("orbits (dots: at the end)")
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=1.2)


def _phase(part: SubFigure, times: np.ndarray, curves: Curves) -> None:
    names = list(curves)
    if len(names) == 3:
        ax: Any = part.add_subplot(projection="3d")
        ax.plot(*curves.values(), color=LINES[0], lw=0.6)
        ax.set(xlabel=names[0], ylabel=names[1], zlabel=names[2])
        ax.set_box_aspect(None, zoom=0.88)
        ax.set_title("phase space")
        return
    ax = part.add_subplot()
    ax.set_box_aspect(1.0)
    first, second = curves[names[0]], curves[names[1]]
    ax.plot(first, second, color=LINES[0], lw=0.8)
    ax.plot(first[:1], second[:1], "o", color=LINES[1], ms=4, label=f"start, t = {times[0]:.4g}")
    ax.plot(first[-1:], second[-1:], "s", color=LINES[2], ms=4, label=f"end, t = {times[-1]:.4g}")
    ax.set_xlabel(names[0], parse_math=False)
    ax.set_ylabel(names[1], parse_math=False)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, title="phase plane", title_fontsize=10)


def _fit(ax: Axes, curve: np.ndarray) -> None:
    low, high, _ = limits(curve)
    pad = 0.08 * (high - low)
    ax.set_ylim(low - pad, high + pad)


def _is_logarithmic(times: np.ndarray) -> bool:
    """Saved times that grow geometrically are drawn so."""
    return (
        times.size > 4
        and times[0] > 0
        and bool(times[-1] / times[0] > 1e3)
        and bool(np.ptp(np.diff(np.log(times))) < 0.5)
    )
