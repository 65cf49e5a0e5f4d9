"""The periodic box: grid, wavenumbers and transforms."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from duhamel.errors import InputError
from duhamel.spaces.layout import Layout

__all__ = ["AXES", "Fourier"]

AXES = ("x", "y", "z")


class Fourier(eqx.Module):
    """A periodic box in one to three dimensions: x_j = origin + j·length/N, j = 0 … N-1, on each axis.

    `Fourier(256, length=32*pi)`, `Fourier((128, 64), length=(2*pi, 4.0), origin=(0, -2))`. A single number
    for `length` or `origin` serves every axis. Counts are even and at least 4. Length and origin are dynamic
    (float64) leaves: they may be traced, and changing their values compiles nothing anew.

    Attributes: `shape` (static), `length` and `origin` (shape (ndim,)).
    Errors: `InputError` for odd or small counts, more than three axes, lengths that are not positive.
    """

    shape: tuple[int, ...] = eqx.field(static=True)
    length: Any
    origin: Any

    def __init__(self, points: int | Sequence[int], length: Any = 2 * np.pi, origin: Any = 0.0):
        self.shape = _counts(points)
        self.length = _per_axis("length", length, len(self.shape))
        self.origin = _per_axis("origin", origin, len(self.shape))
        if not isinstance(self.length, Tracer) and not np.all(np.asarray(self.length) > 0):
            raise InputError(f"length must be positive; this is {_numbers(self.length)}.")

    @property
    def ndim(self) -> int:
        """Number of space dimensions."""
        return len(self.shape)

    @property
    def axes(self) -> tuple[str, ...]:
        """Names of the axes: x, y, z."""
        return AXES[: self.ndim]

    @property
    def coords(self) -> dict[str, Any]:
        """Coordinates by axis name, one-dimensional: {"x": (Nx,), "y": (Ny,), …} (float64)."""
        length, origin = host(self.length), host(self.origin)
        return {
            name: origin[axis] + length[axis] * (np.arange(points) / points)
            for axis, (name, points) in enumerate(zip(self.axes, self.shape, strict=True))
        }

    @property
    def grid(self) -> tuple[Any, ...]:
        """Coordinates that broadcast against a field: shapes (Nx, 1, 1), (1, Ny, 1), (1, 1, Nz)."""
        return tuple(_along(c, axis, self.ndim) for axis, c in enumerate(self.coords.values()))

    def layout(self, *, real: bool = True, retained: bool = False) -> Layout:
        """Which modes are stored for a real or a complex field, all of them or those the 2/3 rule keeps."""
        return Layout(self.shape, real, retained)

    def wavenumbers(self, layout: Layout | None = None) -> tuple[Any, ...]:
        """Angular wavenumbers 2π·n/length of the stored modes, one broadcastable array an axis (float64)."""
        layout = self.layout() if layout is None else layout
        length = host(self.length)
        return tuple(
            _along(2 * np.pi / length[axis] * index.astype(np.float64), axis, self.ndim)
            for axis, index in enumerate(layout.indices)
        )

    def derivative(self, orders: Sequence[int], inverse: int = 0, layout: Layout | None = None) -> Any:
        """Modulus (signed) of the symbol of ∂_x^a ∂_y^b ∂_z^c ∇^{-2m}: a real, broadcastable array.

        The symbol is i^(a+b+c) times this array, `orders` = (a, b, c), `inverse` = m. The Nyquist mode of an
        odd derivative is zero (its sign is undetermined on an even grid); the mean mode of ∇^{-2} is zero.
        """
        layout = self.layout() if layout is None else layout
        wavenumbers = self.wavenumbers(layout)
        symbol: Any = np.ones((1,) * self.ndim)
        for axis, order in enumerate(tuple(orders)[: self.ndim]):
            if order:
                symbol = symbol * _odd(wavenumbers[axis], axis, order, layout) ** order
        if inverse:
            square = sum(k**2 for k in wavenumbers)
            mean = np.zeros(layout.modes, bool)
            mean[(0,) * self.ndim] = True
            xp = jnp if isinstance(square, jax.Array) else np
            laplacian = xp.where(mean, 1.0, -square)
            symbol = xp.where(mean, 0.0, symbol / laplacian**inverse)
        return symbol


def host(value: Any) -> Any:
    """A concrete array as NumPy float64, a traced one as it is."""
    return value if isinstance(value, Tracer) else np.asarray(value, dtype=np.float64)


def _odd(wavenumber: Any, axis: int, order: int, layout: Layout) -> Any:
    index = layout.indices[axis]
    if order % 2 == 0 or layout.retained:
        return wavenumber
    below = (2 * np.abs(index) != layout.points[axis]).astype(np.float64)
    return wavenumber * _along(below, axis, layout.ndim)


def _along(values: Any, axis: int, ndim: int) -> Any:
    return values.reshape([-1 if place == axis else 1 for place in range(ndim)])


def _counts(points: int | Sequence[int]) -> tuple[int, ...]:
    given: tuple[Any, ...] = tuple(points) if isinstance(points, Iterable) else (points,)
    try:
        shape = tuple(operator.index(n) for n in given)
    except TypeError:
        raise InputError(f"points must be whole numbers; these are {given}.") from None
    if not 1 <= len(shape) <= 3:
        raise InputError(f"A Fourier space has one to three dimensions; {len(shape)} counts were given.")
    for axis, count in zip(AXES, shape, strict=False):
        if count < 4 or count % 2:
            near = max(4, count + count % 2)
            raise InputError(
                f"points must be even and at least 4 on each axis; axis {axis} has {count}. Try {near}."
            )
    return shape


def _per_axis(name: str, value: Any, ndim: int) -> Any:
    """One float64 number an axis, as a JAX array; concrete even while an outer function is traced."""
    parts = value if isinstance(value, tuple | list) else [value] if np.ndim(value) == 0 else list(value)
    if len(parts) == 1:
        parts = list(parts) * ndim
    if len(parts) != ndim:
        raise InputError(f"{name} must be one number or {ndim}, one an axis; {len(parts)} were given.")
    if any(isinstance(part, Tracer) for part in parts):
        real = jnp.result_type(float)
        return jnp.stack([jnp.asarray(part, dtype=real) for part in parts])
    try:
        numbers_ = np.asarray([float(part) for part in parts], dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{name} must be numbers; this is {value!r}.") from None
    if not np.all(np.isfinite(numbers_)):
        raise InputError(f"{name} must be finite; this is {_numbers(numbers_)}.")
    with jax.ensure_compile_time_eval():
        return jnp.asarray(numbers_)


def _numbers(values: Any) -> str:
    return ", ".join(f"{float(v):g}" for v in np.ravel(np.asarray(values)))
