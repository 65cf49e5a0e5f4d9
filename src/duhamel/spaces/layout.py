"""Which Fourier modes a state holds, in what order, and the way between modes and grid."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

__all__ = ["Layout"]


@dataclass(frozen=True)
class Layout:
    """The modes kept of a periodic field on an even grid.

    A real field keeps the half spectrum (last axis k ≥ 0), a complex field the full one. With `retained`
    only |k| ≤ (N-1)//3 per axis are stored (2/3 rule: the product of two such fields is free of aliasing in
    the modes kept), otherwise all. Transforms are unnormalised towards the modes, as in NumPy:
    û_k = Σ_j u_j exp(-i k·x_j). All methods act on the trailing `ndim` axes; leading axes are a batch.

    Attributes: `points` (grid points per axis), `real`, `retained`. Hashable: a static part of a module.
    """

    points: tuple[int, ...]
    real: bool
    retained: bool

    @property
    def ndim(self) -> int:
        """Number of space dimensions."""
        return len(self.points)

    @property
    def size(self) -> int:
        """Number of grid points."""
        return math.prod(self.points)

    @cached_property
    def indices(self) -> tuple[np.ndarray, ...]:
        """Integer wavenumbers stored along each axis, in storage order."""
        return tuple(self._axis_indices(axis) for axis in range(self.ndim))

    @cached_property
    def modes(self) -> tuple[int, ...]:
        """Shape of the stored spectrum."""
        return tuple(len(index) for index in self.indices)

    def _half(self, axis: int) -> bool:
        return self.real and axis == self.ndim - 1

    def _axis_indices(self, axis: int) -> np.ndarray:
        points = self.points[axis]
        top = (points - 1) // 3
        if self._half(axis):
            return np.arange(top + 1 if self.retained else points // 2 + 1)
        if self.retained:
            return np.concatenate([np.arange(top + 1), np.arange(-top, 0)])
        return np.fft.fftfreq(points, 1 / points).astype(int)

    @cached_property
    def weights(self) -> np.ndarray:
        """Parseval weights along the last axis: mean|u|² = Σ_k weight_k |û_k|² (float64).

        A half spectrum counts each mode twice, except k = 0 and the Nyquist mode.
        """
        index = self.indices[-1]
        scale = 1.0 / float(self.size) ** 2
        if not self.real:
            return np.full(index.shape, scale)
        once = (index == 0) | (2 * index == self.points[-1])
        return np.where(once, scale, 2 * scale)

    def mean_square(self, spectrum: jax.Array) -> jax.Array:
        """Mean over the grid of |u|², from the modes: Parseval. The trailing axes are summed."""
        weights = jnp.asarray(self.weights, dtype=spectrum.real.dtype)
        power = spectrum.real**2 + spectrum.imag**2
        return jnp.sum(power * weights, axis=tuple(range(-self.ndim, 0)))

    def symmetrised(self, spectrum: jax.Array) -> jax.Array:
        """The spectrum with û(−k) = conj û(k) restored where a real field stores both.

        In two and three dimensions a half spectrum holds the modes with last wavenumber 0 (and Nyquist)
        twice. Their anti-Hermitian part is invisible on the grid, but a linear part with growing modes
        amplifies its round-off without bound; so it is removed after every step.
        """
        if not self.real or self.ndim == 1:
            return spectrum
        leading = tuple(range(-self.ndim + 1, 0))
        for column in np.flatnonzero(2 * self.indices[-1] % self.points[-1] == 0):
            plane = spectrum[..., column]
            mirrored = jnp.roll(jnp.flip(plane, leading), (1,) * len(leading), leading)
            spectrum = spectrum.at[..., column].set((plane + mirrored.conj()) * 0.5)
        return spectrum

    def to_grid(self, spectrum: jax.Array) -> jax.Array:
        """Values on the grid from the stored modes, shape (*batch, *points); real for a real layout."""
        full, axes = self._pad(spectrum), tuple(range(-self.ndim, 0))
        if self.real:
            return jnp.fft.irfftn(full, s=self.points, axes=axes)
        return jnp.fft.ifftn(full, axes=axes)

    def to_modes(self, values: jax.Array) -> jax.Array:
        """Stored modes from values on the grid, shape (*batch, *modes)."""
        axes = tuple(range(-self.ndim, 0))
        full = jnp.fft.rfftn(values, axes=axes) if self.real else jnp.fft.fftn(values, axes=axes)
        return self._cut(full, jnp)

    def to_modes_host(self, values: np.ndarray) -> np.ndarray:
        """The same as `to_modes` in NumPy: nothing is compiled for an initial state."""
        axes = tuple(range(-self.ndim, 0))
        full = np.fft.rfftn(values, axes=axes) if self.real else np.fft.fftn(values, axes=axes)
        return self._cut(full, np)

    def _cut(self, full: Any, xp: Any) -> Any:
        if not self.retained:
            return full
        for axis in range(self.ndim):
            top, place = (self.points[axis] - 1) // 3, axis - self.ndim
            low = _slice(full, place, 0, top + 1)
            if self._half(axis):
                full = low
            else:
                high = _slice(full, place, self.points[axis] - top, self.points[axis])
                full = xp.concatenate([low, high], axis=place)
        return full

    def _pad(self, spectrum: jax.Array) -> jax.Array:
        if not self.retained:
            return spectrum
        batch = spectrum.shape[: spectrum.ndim - self.ndim]
        full = (*self.points[:-1], self.points[-1] // 2 + 1) if self.real else self.points
        # writing the corners into zeros is half the cost of concatenating along each axis in turn
        padded = jnp.zeros((*batch, *full), spectrum.dtype)
        for corner in itertools.product(*(self._blocks(axis) for axis in range(self.ndim))):
            block = spectrum
            for axis, (start, stop, _) in enumerate(corner):
                block = _slice(block, axis - self.ndim, start, stop)
            place = (*(0 for _ in batch), *(target for _, _, target in corner))
            padded = lax.dynamic_update_slice(padded, block, place)
        return padded

    def _blocks(self, axis: int) -> tuple[tuple[int, int, int], ...]:
        """Runs of stored modes along an axis: from, to, and where they belong in the whole spectrum."""
        points, top = self.points[axis], (self.points[axis] - 1) // 3
        low = (0, top + 1, 0)
        return (low,) if self._half(axis) else (low, (top + 1, 2 * top + 1, points - top))


def _slice(array: Any, axis: int, start: int, stop: int) -> Any:
    cut = [slice(None)] * array.ndim
    cut[axis] = slice(start, stop)
    return array[tuple(cut)]
