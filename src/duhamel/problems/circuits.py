"""Electric circuits: Van der Pol's oscillator, a transistor amplifier, a ring modulator."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.pde.catalogue.odes import van_der_pol
from duhamel.problems.problem import Problem, Reference
from duhamel.problems.sources import HAIRER_WANNER, HW_FILES, IVP_TEST_SET

__all__ = ["MAKERS"]

# Capacitors in farads, resistors in ohms, inductors in henries; two constants of the diodes.
MODULATOR = {
    "C": 1.6e-8,
    "Cs": 2e-12,
    "Cp": 1e-8,
    "R": 25e3,
    "Rp": 50.0,
    "Lh": 4.45,
    "Ls1": 2e-3,
    "Ls2": 5e-4,
    "Ls3": 5e-4,
    "Rg1": 36.3,
    "Rg2": 17.3,
    "Rg3": 17.3,
    "Ri": 50.0,
    "Rc": 600.0,
    "gamma": 40.67286402e-9,
    "delta": 17.7493332,
}


def relaxation(t: Array, u: Array, args: Any) -> Array:
    """x' = y, y' = ((1 - x²) y - x)/ε."""
    x, y = u
    return jnp.stack([y, ((1 - x**2) * y - x) / args["epsilon"]])


def amplifier(t: Array, u: Array, args: Any) -> Array:
    """Kirchhoff's law at eight nodes; two transistors with exponential characteristics."""
    supply, far, near = 6.0, 9000.0, 1000.0
    signal = 0.1 * jnp.sin(200 * jnp.pi * t)
    first, second = 1e-6 * jnp.expm1((u[1] - u[2]) / 0.026), 1e-6 * jnp.expm1((u[4] - u[5]) / 0.026)
    nodes = [
        (u[0] - signal) / near,
        (2 * u[1] - supply) / far + 0.01 * first,
        u[2] / far - first,
        (u[3] - supply) / far + 0.99 * first,
        (2 * u[4] - supply) / far + 0.01 * second,
        u[5] / far - second,
        (u[6] - supply) / far + 0.99 * second,
        u[7] / far,
    ]
    return -jnp.stack(nodes)


def modulator(t: Array, u: Array, args: Any) -> Array:
    """Seven voltages and eight currents; the four diodes conduct γ(e^{δU} - 1)."""
    a = args
    signal, carrier = 0.5 * jnp.sin(2e3 * jnp.pi * t), 2 * jnp.sin(2e4 * jnp.pi * t)
    v1, v2, v3, v4, v5, v6, v7, i1, i2, i3, i4, i5, i6, i7, i8 = u
    across = jnp.stack([v3 - v5 - v7, v6 - v4 - v7, v4 + v5 + v7, v7 - v3 - v6])
    across = across + carrier * jnp.asarray([-1, -1, 1, 1], u.dtype)
    d1, d2, d3, d4 = a["gamma"] * jnp.expm1(a["delta"] * across)
    return jnp.stack(
        [
            (i1 - 0.5 * i3 + 0.5 * i4 + i7 - v1 / a["R"]) / a["C"],
            (i2 - 0.5 * i5 + 0.5 * i6 + i8 - v2 / a["R"]) / a["C"],
            (i3 - d1 + d4) / a["Cs"],
            (d2 - i4 - d3) / a["Cs"],
            (i5 + d1 - d3) / a["Cs"],
            (d4 - i6 - d2) / a["Cs"],
            (d1 + d2 - d3 - d4 - v7 / a["Rp"]) / a["Cp"],
            -v1 / a["Lh"],
            -v2 / a["Lh"],
            (0.5 * v1 - v3 - a["Rg2"] * i3) / a["Ls2"],
            (v4 - 0.5 * v1 - a["Rg3"] * i4) / a["Ls3"],
            (0.5 * v2 - v5 - a["Rg2"] * i5) / a["Ls2"],
            (v6 - 0.5 * v2 - a["Rg3"] * i6) / a["Ls3"],
            (signal - v1 - (a["Ri"] + a["Rg1"]) * i7) / a["Ls1"],
            (-v2 - (a["Rc"] + a["Rg1"]) * i8) / a["Ls1"],
        ]
    )


def _van_der_pol(mu: float = 1000.0) -> Problem:
    end = np.array([0.1706167732170469e1, -0.8928097010248125e-3])
    published = (Reference(2000.0, end, 1e-11, IVP_TEST_SET),)
    return Problem(
        name="van-der-pol",
        set="ivp-test-set",
        equation=van_der_pol,
        u0=np.array([2.0, 0.0]),
        t1=2.0 * mu,
        args={"mu": mu},
        physics="Relaxation oscillation in its own time: slow drift for times of order mu, then a jump.",
        literature="B. van der Pol (1926), Philosophical Magazine 2, 978-992",
        references=published if mu == 1000.0 else (),
        stiff=mu > 10,
    )


def _relaxation(epsilon: float = 1e-6) -> Problem:
    ends = np.array(RELAXATION).reshape(11, 2)
    published = tuple(Reference(k + 1.0, end, 1e-9, HW_FILES) for k, end in enumerate(ends))
    return Problem(
        name="van-der-pol-epsilon",
        set="hairer-wanner",
        equation=relaxation,
        u0=np.array([2.0, 0.0]),
        t1=11.0,
        args={"epsilon": epsilon},
        physics="Relaxation oscillation in slow time: the smaller epsilon, the stiffer, a DAE in the limit.",
        literature="B. van der Pol (1926), Philosophical Magazine 2, 978-992; " + HAIRER_WANNER,
        references=published if epsilon == 1e-6 else (),
        stiff=True,
    )


def _amplifier() -> Problem:
    capacity = 1e-6 * np.array([[1.0, -1.0], [-1.0, 1.0]])
    mass = np.zeros((8, 8))
    for place, factor in ((0, 1), (3, 3), (6, 5)):
        mass[place : place + 2, place : place + 2] += factor * capacity
    mass[2, 2], mass[5, 5] = 2e-6, 4e-6
    end = [-0.5562145012262709e-2, 0.3006522471903042e1, 0.2849958788608128e1, 0.2926422536206241e1]
    end += [0.2704617865010554e1, 0.2761837778393145e1, 0.4770927631616772e1, 0.1236995868091548e1]
    return Problem(
        name="transistor-amplifier",
        set="dae",
        equation=amplifier,
        u0=np.array([0.0, 3.0, 3.0, 6.0, 3.0, 3.0, 6.0, 0.0]),
        t1=0.2,
        mass=mass,
        physics="A signal of 100 Hz through two transistors; their capacities make a singular matrix.",
        literature="P. Rentrop, M. Roche, G. Steinebach (1989), Numerische Mathematik 55, 545-563; "
        + HAIRER_WANNER,
        references=(Reference(0.2, np.array(end), 1e-10, IVP_TEST_SET),),
        stiff=True,
        kind="dae",
    )


def _modulator(Cs: float = 2e-12) -> Problem:
    published = (Reference(1e-3, np.array(MODULATED), 1e-8, IVP_TEST_SET),)
    return Problem(
        name="ring-modulator",
        set="ivp-test-set",
        equation=modulator,
        u0=np.zeros(15),
        t1=1e-3,
        args=MODULATOR | {"Cs": Cs},
        physics="Four diodes mix a low frequency with a high one: fast oscillations, stiff for small Cs.",
        literature="W. Kampowsky, P. Rentrop, W. Schmidt (1992), Surveys on Mathematics for "
        "Industry 2, 23-65",
        references=published if Cs == 2e-12 else (),
        stiff=True,
        scale=np.array([1.0] * 7 + [1e-3] * 8),
    )


RELAXATION = (
    *(-0.1863646254808130e1, 0.7535430865435460e0),
    *(0.1706167732170456e1, -0.8928097010248257e0),
    *(-0.1510606936744095e1, 0.1178380000730945e1),
    *(0.1194414677695905e1, -0.2799585996540082e1),
    *(0.1890428596416747e1, -0.7345118680166940e0),
    *(-0.1737716306805883e1, 0.8604008653025923e0),
    *(0.1551614645548223e1, -0.1102382892533321e1),
    *(-0.1278631984330405e1, 0.2013890883009155e1),
    *(-0.1916552949489830e1, 0.7169573003463228e0),
    *(0.1768163792391936e1, -0.8315276407898496e0),
    *(-0.1590150544829062e1, 0.1040279389212485e1),
)
MODULATED = (
    *(-0.2339057358486745e-1, -0.7367485485540825e-2, 0.2582956709291169, -0.4064465721283450),
    *(-0.4039455665149794, 0.2607966765422943, 0.1106761861269975, 0.2939904342435596e-6),
    *(-0.2840029933642329e-7, 0.7267198267264553e-3, 0.7929487196960840e-3, -0.7255283495698965e-3),
    *(-0.7941401968526521e-3, 0.7088495416976114e-4, 0.2390059075236570e-4),
)
MAKERS = {
    "van-der-pol": _van_der_pol,
    "van-der-pol-epsilon": _relaxation,
    "transistor-amplifier": _amplifier,
    "ring-modulator": _modulator,
}
