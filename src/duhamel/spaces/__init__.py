"""Spaces: grid, transform and symbols of derivatives."""

from duhamel.spaces.fourier import Fourier
from duhamel.spaces.layout import Layout
from duhamel.spaces.resample import resample

__all__ = ["Fourier", "Layout", "resample"]
