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
    "duhamel.conditions": ("implicit", "steady_state"),
    "duhamel.consistent": ("consistent",),
    "duhamel.equation": ("Codec", "Equation", "Linear", "Nonlinear", "with_mass"),
    "duhamel.errors": ("DuhamelError", "EquationError", "InputError", "SolveError", "StoreError"),
    "duhamel.gradient": ("Backsolve", "Direct", "Forward", "Replay", "Reversible"),
    "duhamel.learn": ("learn",),
    "duhamel.linear": ("BlockDiagonal", "Dense", "Diagonal", "Operator", "Scalar"),
    "duhamel.march": ("Chunk", "march"),
    "duhamel.methods": (
        "ARK43",
        "ARK54",
        "ARS222",
        "ARS443",
        "CNAB2",
        "SBDF1",
        "SBDF2",
        "SBDF3",
        "SBDF4",
        "KenCarp3",
        "KenCarp4",
        "KenCarp5",
        "ETD1",
        "ETD54",
        "ETDRK2",
        "ETDRK4",
        "METHODS",
        "RK4",
        "Auto",
        "ROS3P",
        "Rodas3",
        "BDF",
        "ESDIRK54",
        "Kvaerno3",
        "Kvaerno4",
        "Kvaerno5",
        "Radau",
        "Rodas4",
        "Rodas5P",
        "RKC2",
        "ROCK2",
        "SSPRK3",
        "Bosh3",
        "Dop853",
        "Dopri5",
        "Euler",
        "ExpRK5S8",
        "Heun",
        "Krogstad",
        "Krogstad43",
        "Lie",
        "Method",
        "Strang",
        "Tsit5",
        "Vern6",
        "HochbruckOstermann",
        "Lawson4",
        "StrehmelWeiner",
        "AdaptiveStrang",
        "AdjointLie",
        "BlanesComplex6",
        "BlanesMoan4",
        "BlanesMoan6",
        "BlanesMoanRKN4",
        "BlanesMoanRKN6",
        "BlanesMoanRKN6A",
        "Castella4",
        "ComplexJump4",
        "ConjugateStrang4",
        "KahanLi6",
        "KahanLi8",
        "McLachlan4",
        "McLachlan6",
        "McLachlan8",
        "Palindromic4",
        "Ruth3",
        "Suzuki4",
        "Suzuki6",
        "Verlet",
        "Yoshida4",
        "Yoshida6",
        "Yoshida8",
        "affine",
        "boundary_corrected",
        "compose",
        "hamiltonian",
        "separable",
        "EAB2",
        "EAB3",
        "EAB4",
        "EAB5",
        "EAB6",
        "EAM2",
        "EAM3",
        "EAM4",
        "EAM5",
        "EAM6",
        "EPIRK4s3A",
        "ExpRB32",
        "ExpRB43",
        "ExpRB53s3",
        "ExpRB54s4",
    ),
    "duhamel.observe": ("Save",),
    "duhamel.pde": ("pde",),
    "duhamel.pde.catalogue": ("catalogue",),
    "duhamel.problems": ("problems",),
    "duhamel.sampling": ("sampling",),
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
