"""Duhamel: everything that evolves in time, du = (L u + N(t, u)) dt, by one principle.

    import duhamel as dh
    sol = dh.solve(f, u0, t1=10.0)

Importing Duhamel switches JAX to 64-bit numbers, unless the environment variable JAX_ENABLE_X64 says
otherwise, and lets XLA compile small loops into single kernels. JAX itself is imported only when something
that needs it is used.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any

from duhamel._environment import prepare as _prepare

__version__ = "0.1.0"

_prepare()

# Where each public name lives; imported on first use, so that `import duhamel` costs nothing.
_HOMES = {
    "duhamel.coefficients": ("phi", "phi_matrix"),
    "duhamel.equation": ("Codec", "Equation", "Linear", "Nonlinear", "with_mass"),
    "duhamel.errors": ("DuhamelError", "EquationError", "InputError", "SolveError", "StoreError"),
    "duhamel.linear": ("BlockDiagonal", "Dense", "Diagonal", "Operator", "Scalar"),
    "duhamel.march": ("Chunk", "march"),
    "duhamel.methods": (
        "ETD1",
        "ETD54",
        "ETDRK2",
        "ETDRK4",
        "METHODS",
        "RK4",
        "Bosh3",
        "Dopri5",
        "Euler",
        "ExpRK5S8",
        "Krogstad",
        "Krogstad43",
        "Lie",
        "Method",
        "Strang",
        "Tsit5",
    ),
    "duhamel.observe": ("Save",),
    "duhamel.pde": ("pde",),
    "duhamel.pde.catalogue": ("catalogue",),
    "duhamel.solution": ("Solution", "Stats"),
    "duhamel.solve": ("solve",),
    "duhamel.spaces": ("Fourier",),
    "duhamel.status": ("Status",),
    "duhamel.stepping": ("Adaptive", "Fixed"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [*_HOME, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'duhamel' has no attribute {name!r}")
    home = importlib.import_module(_HOME[name])
    value = home if _HOME[name].endswith("." + name) and not hasattr(home, name) else getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})


class _Package(ModuleType):
    """Some functions share their name with the module they live in (`solve`, `march`, `pde`). Python sets a
    module as attribute of its package when it is first imported; here the function keeps the name."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
