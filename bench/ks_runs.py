"""Kuramoto–Sivashinsky as each contestant solves it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import exponax as ex
import jax
import numpy as np
from rkstiff.etd35 import ETD35
from rkstiff.solveras import SolverConfig

import duhamel as dh

__all__ = ["LENGTH", "T1", "TEXT", "duhamel_run", "exponax_run", "initial", "relative_error", "rkstiff_run"]

TEXT = "u_t = -u_xx - u_xxxx - u*u_x"
LENGTH, T1 = 32 * math.pi, 10.0


def initial(points: int = 256) -> np.ndarray:
    """u at the start, on the grid."""
    x = LENGTH * np.arange(points) / points
    return np.cos(x / 16) * (1 + np.sin(x / 16))


def relative_error(u: Any, exact: Any) -> float:
    """Relative error in the mean square over the grid."""
    u, exact = np.asarray(u, float).ravel(), np.asarray(exact, float).ravel()
    return float(np.linalg.norm(u - exact) / np.linalg.norm(exact))


def duhamel_run(rtol: float, dealias: bool, points: int = 256) -> Callable[[Any], Any]:
    """The method that the library chooses, called as a user calls it."""
    eq = dh.pde(TEXT, dh.Fourier(points, length=LENGTH), dealias=dealias)
    step = dh.Adaptive(rtol=rtol)
    return lambda u0: dh.solve(eq, u0, t1=T1, step=step)


def exponax_run(steps: int, dealias: bool) -> Callable[[Any], Any]:
    """ETDRK4 with equal steps that stay in Fourier space, the faster of the two ways that exponax offers."""
    fraction = 2 / 3 if dealias else 1.0
    stepper = ex.stepper.KuramotoSivashinskyConservative(
        1, LENGTH, 256, T1 / steps, order=4, dealiasing_fraction=fraction
    )
    repeated = ex.RepeatedStepper(stepper, steps)
    return jax.jit(lambda u0: repeated(u0[None])[0])


def rkstiff_run(epsilon: float) -> Callable[[np.ndarray], np.ndarray]:
    """ETD35 in NumPy, on the half spectrum."""
    k = 2 * np.pi / LENGTH * np.arange(129)
    half = -0.5j * k

    def nonlinear(spectrum: np.ndarray) -> np.ndarray:
        return half * np.fft.rfft(np.fft.irfft(spectrum) ** 2)

    def run(u0: np.ndarray) -> np.ndarray:
        solver = ETD35(k**2 - k**4, nonlinear, SolverConfig(epsilon=epsilon))
        return np.fft.irfft(solver.evolve(np.fft.rfft(u0), 0.0, T1, store_data=False))

    return run
