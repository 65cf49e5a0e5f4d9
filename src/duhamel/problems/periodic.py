"""Stiff periodic PDEs, built from their text: Kassam and Trefethen's set, Hairer and Wanner's KS."""

from __future__ import annotations

from math import pi
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.pde.catalogue import Entry, get
from duhamel.pde.equations import pde
from duhamel.problems.problem import Problem, Reference
from duhamel.problems.sources import HAIRER_WANNER, HW_FILES
from duhamel.spaces import Fourier

__all__ = ["MAKERS"]

KASSAM_TREFETHEN = "A.-K. Kassam, L. N. Trefethen (2005), SIAM Journal on Scientific Computing 26, 1214-1233"
KS = "u_t = -u_xx - u_xxxx - u*u_x"


def _ks(points: int = 256, dealias: bool = False) -> Problem:
    entry = get("ks")
    assert isinstance(entry, Entry)
    space = Fourier(points, length=32 * pi)
    computed = Reference(
        10.0, np.array(KS_END), 1e-9, KS_BY, lambda u: np.asarray(u)[points // 32 :: points // 8]
    )
    return Problem(
        name="ks",
        set="kassam-trefethen",
        equation=pde(entry.text, space, dealias=dealias),
        u0=entry.initial["u"],
        t1=10.0,
        references=(computed,) if points >= 256 and points % 32 == 0 and not dealias else (),
        physics=entry.physics,
        literature=KASSAM_TREFETHEN,
        stiff=True,
        kind="pde",
        space=space,
        text=entry.text,
    )


def _ks_hairer_wanner() -> Problem:
    space = Fourier(1024, length=80 * pi)
    # Mirrored: the transform of the original program turns the axis round.
    x = (1024 - np.arange(1024)) % 1024 / 1024
    bumps = [np.minimum(x, 0.1 - x), 20 * (x - 0.2) * (0.3 - x), np.minimum(x - 0.6, 0.7 - x)]
    bumps.append(np.minimum(x - 0.9, 1 - x))
    return Problem(
        name="ks-hairer-wanner",
        set="hairer-wanner",
        equation=pde(KS, space, dealias=False),
        u0=16 * np.maximum(0, np.max(bumps, axis=0)),
        t1=100.0,
        references=(Reference(100.0, np.array(MODES), 1e-7, HW_FILES, _modes),),
        physics="Kuramoto-Sivashinsky on 1024 points from four bumps, some with kinks, far into chaos.",
        literature=HAIRER_WANNER,
        stiff=True,
        kind="pde",
        space=space,
        text=KS,
    )


def _modes(u: Any) -> np.ndarray:
    """Real and imaginary parts, in turn, of the coefficients of e^{ikx}, k = 1 … 15, where published."""
    modes = np.fft.rfft(np.asarray(u))[1:16] / np.size(u)
    return np.stack([modes.real, modes.imag], axis=1).reshape(-1)[PUBLISHED]


def _burgers(points: int = 256, epsilon: float = 0.03) -> Problem:
    space = Fourier(points, length=2 * pi, origin=-pi)
    text = "u_t = epsilon*u_xx - u*u_x"
    x = np.asarray(space.grid[0])

    def exact(t: Array) -> Array:
        return cole_hopf(x, t, epsilon)

    return Problem(
        name="burgers",
        set="kassam-trefethen",
        equation=pde(text, space, dealias=False, epsilon=epsilon),
        u0="exp(-10*sin(x/2)^2)",
        t1=1.0,
        exact=exact,
        physics="A bump steepens into a front of width epsilon; exact by the formula of Cole and Hopf.",
        literature=KASSAM_TREFETHEN,
        stiff=True,
        kind="pde",
        space=space,
        text=text,
    )


def cole_hopf(x: np.ndarray, t: Array, epsilon: float) -> Array:
    """u_t + uu_x = εu_xx from exp(-10 sin²(x/2)): mean + ∫ w e^{-s²-W/(2ε)} / ∫ e^{-s²-W/(2ε)}.

    w is the initial state without its mean and W' = w, both at y = x - mean·t + s√(4εt). An average with
    positive weights, so nothing cancels. The trapezoidal rule in s converges exponentially.
    """
    grid = 2 * np.pi * np.arange(128) / 128
    waves = np.fft.rfft(np.exp(-10 * np.sin(grid / 2) ** 2)).real[:64] / 64
    mean, k = waves[0] / 2, np.arange(1.0, 64)
    s = np.linspace(-6.5, 6.5, 131)
    y = x[:, None] - mean * t + s * jnp.sqrt(4 * epsilon * t)
    angles = k * y[..., None]
    w, integral = jnp.cos(angles) @ waves[1:], jnp.sin(angles) @ (waves[1:] / k)
    exponents = -(s**2) - integral / (2 * epsilon)
    weights = jnp.exp(exponents - jnp.max(exponents, axis=1, keepdims=True))
    return mean + jnp.sum(weights * w, axis=1) / jnp.sum(weights, axis=1)


def _kdv_solitons(points: int = 512) -> Problem:
    space = Fourier(points, length=2 * pi, origin=-pi)
    text = "u_t = -u*u_x - u_xxx"
    x = np.asarray(space.grid[0])

    def exact(t: Array) -> Array:
        return two_solitons(x, t, (25.0, 16.0), (-2.0, -1.0))

    return Problem(
        name="kdv-solitons",
        set="kassam-trefethen",
        equation=pde(text, space, dealias=False),
        u0=np.asarray(exact(jnp.zeros(()))),
        t1=0.006,
        exact=exact,
        physics="A tall soliton overtakes a small one: a dispersive, imaginary spectrum up to 10^7.",
        literature=KASSAM_TREFETHEN,
        stiff=True,
        kind="pde",
        space=space,
        text=text,
        scale=100.0,
    )


def two_solitons(x: np.ndarray, t: Array, sizes: tuple[float, float], centres: tuple[float, float]) -> Array:
    """u = 12 d²/dx² log F, F = 1 + e^a + e^b + s e^{a+b}: solves u_t + uu_x + u_xxx = 0 on the line.

    a and b are A(x - x₀) - A³t for the two sizes A, s = ((A - B)/(A + B))². All exponentials are divided by
    the largest, so that nothing overflows.
    """
    (a, b), (first, second) = sizes, centres
    shift = ((a - b) / (a + b)) ** 2
    one, two = a * (x - first) - a**3 * t, b * (x - second) - b**3 * t
    rates = np.array([0.0, a, b, a + b])[:, None]
    exponents = jnp.stack([jnp.zeros_like(one), one, two, one + two + np.log(shift)])
    weights = jnp.exp(exponents - jnp.max(exponents, axis=0))
    weights = weights / jnp.sum(weights, axis=0)
    mean = jnp.sum(rates * weights, axis=0)
    return 12 * jnp.sum((rates - mean) ** 2 * weights, axis=0)


def _nls_soliton(points: int = 512, height: float = 1.0, speed: float = 2.0) -> Problem:
    entry = get("nls")
    assert isinstance(entry, Entry)
    space = Fourier(points, length=80.0, origin=-40.0)
    x = np.asarray(space.grid[0])
    half = speed / 2

    def exact(t: Array) -> Array:
        phase = half * x + (height**2 - half**2) * t
        size = height / jnp.cosh(height * (x - speed * t))
        return jax.lax.complex(size * jnp.cos(phase), size * jnp.sin(phase))

    return Problem(
        name="nls-soliton",
        set="periodic",
        equation=pde(entry.text, space, dealias=False),
        u0=np.asarray(exact(jnp.zeros(()))),
        t1=4.0,
        exact=exact,
        physics="A pulse of light that keeps its form: focusing and dispersion in balance.",
        literature="V. E. Zakharov, A. B. Shabat (1972), Soviet Physics JETP 34, 62-69",
        stiff=True,
        kind="pde",
        space=space,
        text=entry.text,
    )


KS_BY = (
    "computed: ETD54 at rtol 1e-13 on 512 points; rkstiff's ETD35 at 1e-12 agrees to 2e-13, "
    "ETD54 on 1024 points to 4e-13"
)
KS_END = (
    *(0.72246841182221, 1.19711048465891, -1.30173706019345, -0.98813262672271),
    *(-0.45684471797652, -0.04021607096144, -0.02161874636719, 0.21811708041719),
)
PUBLISHED = np.array([*range(10), 10, 15, 20, 25])
MODES = (
    *(0.0387294818017374, 0.0011594920936697, 0.0161135569739015, -0.0497378990194494, 0.0161388094706610),
    *(
        -0.0790294186417376,
        -0.0562945063709753,
        -0.0194501629216551,
        -0.0317390967305054,
        -0.0256301653146683,
    ),
    *(-0.0896908152487471, 0.0452570608746347, 0.0110762324013310, 0.0095676261122614),
)
MAKERS = {
    "ks": _ks,
    "ks-hairer-wanner": _ks_hairer_wanner,
    "burgers": _burgers,
    "kdv-solitons": _kdv_solitons,
    "nls-soliton": _nls_soliton,
}
