"""A periodic array from one even grid to another."""

from __future__ import annotations

import numpy as np

from duhamel.errors import InputError

__all__ = ["resample"]


def resample(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Trigonometric interpolation of periodic samples to another grid of the same box.

    `values` holds samples at x_j = j·L/N on each of its axes; the result those at j·L/M, M from `shape`.
    Both counts even or odd on the input, even on the output. Exact for fields whose modes fit both grids;
    the rest is cut. A Nyquist mode is split evenly between ±N/2, so real data stay real.

    Errors: `InputError` if the number of axes differs or an axis is empty.
    """
    values = np.asarray(values)
    if values.ndim != len(shape):
        raise InputError(
            f"The data have {values.ndim} axes {values.shape}, the space has {len(shape)} {shape}."
        )
    if values.size == 0:
        raise InputError(f"The data are empty: shape {values.shape}.")
    if values.shape == tuple(shape):
        return values.copy()
    result = values.astype(np.result_type(values.dtype, np.float64), copy=False)
    for axis, count in enumerate(shape):
        if result.shape[axis] != count:
            result = _resample_axis(result, axis, count)
    return np.ascontiguousarray(result if np.iscomplexobj(values) else np.real(result))


def _resample_axis(values: np.ndarray, axis: int, count: int) -> np.ndarray:
    old = values.shape[axis]
    spectrum = np.moveaxis(np.fft.fft(values, axis=axis), axis, -1)
    if old % 2 == 0:  # -N/2 stands for the sum of ±N/2: halve it and give each sign its share
        nyquist = spectrum[..., old // 2 : old // 2 + 1] / 2
        spectrum = np.concatenate(
            [spectrum[..., : old // 2], nyquist, nyquist, spectrum[..., old // 2 + 1 :]], -1
        )
    top_old, top_new = (spectrum.shape[-1] - 1) // 2, count // 2
    top = min(top_old, top_new)
    new = np.zeros((*spectrum.shape[:-1], count), complex)
    new[..., : min(top + 1, count)] = spectrum[..., : min(top + 1, count)]
    if top:
        new[..., count - top :] += spectrum[..., spectrum.shape[-1] - top :] * _share(count, top)
    if 2 * top == count:
        new[..., top] = spectrum[..., top] + spectrum[..., spectrum.shape[-1] - top]
    return np.moveaxis(np.fft.ifft(new, axis=-1) * (count / old), -1, axis)


def _share(count: int, top: int) -> np.ndarray:
    """One for each wavenumber -top … -1, zero on the Nyquist place, which is set afterwards."""
    return np.where(2 * np.arange(top, 0, -1) == count, 0.0, 1.0)
