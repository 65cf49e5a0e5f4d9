"""What the machine allows: the same work in C, compiled here and now."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

__all__ = ["lorenz"]

HERE = Path(__file__).parent


def lorenz() -> Callable[[np.ndarray, float, float, float], tuple[np.ndarray, int, int]] | None:
    """(u0, t1, rtol, atol) → state at t1, accepted and rejected steps; None where there is no C compiler."""
    library = _compiled("lorenz")
    if library is None:
        return None
    pointer = ctypes.POINTER(ctypes.c_double)
    library.lorenz.argtypes = [pointer, *[ctypes.c_double] * 3, ctypes.POINTER(ctypes.c_long)]
    library.lorenz.restype = None

    def run(u0: np.ndarray, t1: float, rtol: float, atol: float) -> tuple[np.ndarray, int, int]:
        u = np.array(u0, dtype=np.float64)
        counts = (ctypes.c_long * 2)()
        library.lorenz(u.ctypes.data_as(pointer), t1, rtol, atol, counts)
        return u, counts[0], counts[1]

    return run


def _compiled(name: str) -> ctypes.CDLL | None:
    compiler = shutil.which("cc")
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{name}.so"
        flags = ["-O3", "-march=native", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, str(HERE / f"{name}.c"), "-o", str(target), "-lm"], check=True)
        return ctypes.CDLL(str(target))  # loaded now, so the file may go
