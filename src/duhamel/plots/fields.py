"""From stored variables to what is drawn: real panels, colour limits, times worth showing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.colors import Colormap

from duhamel.dataset import TIME
from duhamel.errors import InputError
from duhamel.plots.style import CYCLIC, DIVERGING, SEQUENTIAL

if TYPE_CHECKING:
    import xarray

MOST_FIELDS = 4


@dataclass(frozen=True)
class Panel:
    """One real quantity: values ``(time, *space)``, its label, limits and colour map."""

    label: str
    values: np.ndarray
    low: float
    high: float
    cmap: Colormap
    extend: str
    is_phase: bool = False

    def image(self) -> dict[str, Any]:
        """The keywords of ``imshow`` and ``pcolormesh`` that colour this quantity."""
        return {"cmap": self.cmap, "vmin": self.low, "vmax": self.high}


def spatial_axes(dataset: xarray.Dataset) -> tuple[str, ...]:
    """The axes of space in order; none for an ODE."""
    return tuple(axis for axis in ("x", "y", "z") if axis in dataset.coords and axis in dataset.dims)


def load(dataset: xarray.Dataset) -> dict[str, np.ndarray]:
    """The first few variables as arrays; ``InputError`` if there is nothing to draw."""
    found = {
        str(name): np.asarray(variable.values, dtype=np.result_type(variable.dtype, np.float32))
        for name, variable in dataset.data_vars.items()
    }
    found = {name: values for name, values in found.items() if values.ndim and values.size}
    if not found:
        raise InputError("There is nothing to draw: the result holds no state.")
    return {name: drawable(values) for name, values in list(found.items())[:MOST_FIELDS]}


def drawable(values: np.ndarray) -> np.ndarray:
    """Values of a run that blew up beyond what the arithmetic of a picture can hold become NaN: blank."""
    largest = np.sqrt(np.finfo(values.dtype).max)
    return np.where(np.isfinite(values) & (np.abs(values) < largest), values, np.nan).astype(values.dtype)


def panels(name: str, values: np.ndarray, *, phase: bool = True) -> list[Panel]:
    """A real field is one panel; a complex field is its modulus and, if asked for, its phase.

    The phase is left blank where the modulus all but vanishes: there it is noise.
    """
    if not np.iscomplexobj(values):
        return [_panel(name, values)]
    modulus = _panel(f"|{name}|", np.abs(values))
    if not phase:
        return [modulus]
    angle = np.where(modulus.values > 1e-3 * modulus.high, np.angle(values), np.nan)
    return [modulus, Panel(f"arg {name}", angle, -np.pi, np.pi, CYCLIC, "neither", is_phase=True)]


def moments(times: np.ndarray, count: int) -> np.ndarray:
    """Indices of at most ``count`` saved times, evenly spaced, the first and the last among them."""
    return np.unique(np.linspace(0, times.size - 1, min(count, times.size)).round().astype(int))


def clock(t: Any) -> str:
    """A time as it is written above a panel."""
    return f"t = {t:.4g}"


def times_of(dataset: xarray.Dataset) -> np.ndarray:
    """The saved times ``(n,)``."""
    return np.asarray(dataset[TIME].values, dtype=np.float64)


def _panel(label: str, values: np.ndarray) -> Panel:
    low, high, extend = limits(values)
    signed = low < 0.0 < high and min(-low, high) > 0.05 * max(-low, high)
    if signed:
        low, high = -max(-low, high), max(-low, high)
    return Panel(label, values, low, high, DIVERGING if signed else SEQUENTIAL, extend)


def limits(values: np.ndarray) -> tuple[float, float, str]:
    """Lowest and highest finite value; rare extremes far outside the bulk are cut, and ``extend`` says so."""
    finite = values[np.isfinite(values)].astype(np.float64)
    if finite.size == 0:
        return 0.0, 1.0, "neither"
    low, high, extend = float(finite.min()), float(finite.max()), "neither"
    bulk_low, bulk_high = (float(q) for q in np.percentile(finite, [1.0, 99.0]))
    spread = bulk_high - bulk_low
    if spread > 0 and high - low > 30.0 * spread:
        low, high, extend = max(low, bulk_low - spread), min(high, bulk_high + spread), "both"
    if high - low <= 1e-12 * max(abs(low), abs(high), 1e-300):
        pad = 0.5 * abs(high) or 0.5
        low, high = low - pad, high + pad
    return low, high, extend
