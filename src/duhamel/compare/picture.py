"""The picture of a study: error against time, and against evaluations."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.axes import Axes

from duhamel.compare.runs import Row
from duhamel.compare.whole import Study
from duhamel.errors import InputError
from duhamel.plots.style import LINES, RC, figure, save

__all__ = ["draw"]

# More lines than this cannot be told apart.
_MOST = 12
_MARKERS = "osD^vP*XhdpH"


def draw(study: Study, path: str | Path, title: str = "") -> Path:
    """Draw a study into a file: error against seconds and against evaluations, both axes logarithmic, one
    line a method, the best of the ranking first. Raises `InputError` if no run came to its end, and
    `StoreError`."""
    names = [choice.method for choice in study.ranking][:_MOST]
    if not names:
        raise InputError("There is nothing to draw: no run came to its end.")
    with matplotlib.rc_context(RC):
        drawn = figure(11.0, 4.8, {"name": study.name, "equation": title})
        left, right = drawn.subplots(1, 2, sharey=True)
        for number, name in enumerate(names):
            rows = [row for row in study.rows if row.method == name and row.useful]
            _line(left, rows, [row.seconds for row in rows], number)
            _line(right, rows, [float(row.evaluations) for row in rows], number)
        for ax, label in ((left, "seconds"), (right, "evaluations of the right-hand side")):
            ax.set(xscale="log", yscale="log", xlabel=label)
            ax.axhline(study.target, color="#b0b0b0", linewidth=0.8, linestyle=":", zorder=0)
            ax.grid(visible=True, which="major", color="#e6e6e6", linewidth=0.6)
        left.set_ylabel("relative error at the end")
        drawn.legend(*left.get_legend_handles_labels(), loc="outside right upper")
        return save(drawn, path)


def _line(ax: Axes, rows: list[Row], costs: list[float], number: int) -> None:
    """One method; the recommended one thicker."""
    errors = [max(row.error, 1e-16) for row in rows]  # an error of zero has no place on a logarithmic axis
    ax.plot(
        costs,
        errors,
        color=LINES[number % len(LINES)],
        linestyle="-" if number < len(LINES) else "--",
        linewidth=2.4 if number == 0 else 1.2,
        marker=_MARKERS[number % len(_MARKERS)],
        markersize=4.5,
        label=rows[0].method,
    )
