"""Amplitudes of the Fourier modes of a field, by wavenumber. Numbers only."""

from __future__ import annotations

import numpy as np


def amplitudes(values: np.ndarray, lengths: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    r"""Root-mean-square amplitude of the modes in shells of wavenumber.

    ``values``: one state ``(*space)``, real or complex, on a periodic box of the given ``lengths``.  Returns
    ``k`` (shell centres, spaced by the smallest wavenumber ``2π / max(lengths)``) and
    ``a(k) = sqrt(sum over the shell of |û|²)`` with ``û`` normalised by the number of points, so that
    ``sum(a²)`` is the mean of ``|u|²``.  Shells that are empty or below rounding error are left out.
    """
    finite = np.where(np.isfinite(values), values, 0.0)
    scale = float(np.max(np.abs(finite), initial=0.0)) or 1.0
    modes = np.abs(np.fft.fftn(finite / scale) / values.size) ** 2
    squares = np.zeros(modes.shape)
    for axis, (count, length) in enumerate(zip(values.shape, lengths, strict=True)):
        k = 2.0 * np.pi * np.fft.fftfreq(count, d=length / count)
        squares = squares + (k**2).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
    spacing = 2.0 * np.pi / max(lengths)
    shell = np.rint(np.sqrt(squares) / spacing).astype(int)
    power = np.bincount(shell.ravel(), weights=modes.ravel())
    amplitude = scale * np.sqrt(power)
    reach = min(
        count // 2 * 2.0 * np.pi / length for count, length in zip(values.shape, lengths, strict=True)
    )
    k = np.arange(power.size) * spacing
    floor = 16.0 * float(np.finfo(values.dtype).eps if values.dtype.kind in "fc" else 1e-16)
    kept = (amplitude > floor * max(float(amplitude.max()), 1e-300)) & (k > 0) & (k <= reach * (1.0 + 1e-9))
    return k[kept], amplitude[kept]


def lengths_of(coords: list[np.ndarray]) -> tuple[float, ...]:
    """Lengths of the periodic box whose grid points are ``coords``: count times spacing."""
    return tuple(float((c[-1] - c[0]) / (c.size - 1) * c.size) for c in coords)
