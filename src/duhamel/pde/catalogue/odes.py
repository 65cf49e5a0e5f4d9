"""Ordinary differential equations: reactions, oscillators, chaos.

Each right-hand side is a JAX function f(t, u, args); `args` is the dict of its parameters by name.
The end times are such that an explicit adaptive method finishes in seconds, also for the stiff ones
(Van der Pol, Robertson, HIRES), where stability and not accuracy limits its step.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.pde.catalogue.entry import OdeEntry, Parameters


def lorenz(t: Array, u: Array, args: Parameters) -> Array:
    """Convection in three modes: x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z."""
    x, y, z = u
    return jnp.stack([args["sigma"] * (y - x), x * (args["rho"] - z) - y, x * y - args["beta"] * z])


def rossler(t: Array, u: Array, args: Parameters) -> Array:
    """One band that is stretched and folded: x' = -y - z, y' = x + a y, z' = b + z (x - c)."""
    x, y, z = u
    return jnp.stack([-y - z, x + args["a"] * y, args["b"] + z * (x - args["c"])])


def lorenz96(t: Array, u: Array, args: Parameters) -> Array:
    """Weather on a circle of latitude: u_k' = (u_{k+1} - u_{k-2}) u_{k-1} - u_k + F."""
    return (jnp.roll(u, -1) - jnp.roll(u, 2)) * jnp.roll(u, 1) - u + args["F"]


def van_der_pol(t: Array, u: Array, args: Parameters) -> Array:
    """A valve oscillator: x' = y, y' = mu (1 - x^2) y - x."""
    x, y = u
    return jnp.stack([y, args["mu"] * (1 - x**2) * y - x])


def lotka_volterra(t: Array, u: Array, args: Parameters) -> Array:
    """Prey x and predators y: x' = a x - b x y, y' = d x y - c y."""
    x, y = u
    return jnp.stack([args["a"] * x - args["b"] * x * y, args["d"] * x * y - args["c"] * y])


def brusselator(t: Array, u: Array, args: Parameters) -> Array:
    """A chemical clock: x' = A + x^2 y - (B + 1) x, y' = B x - x^2 y."""
    x, y = u
    return jnp.stack([args["A"] + x**2 * y - (args["B"] + 1) * x, args["B"] * x - x**2 * y])


def robertson(t: Array, u: Array, args: Parameters) -> Array:
    """x' = -k1 x + k3 y z, y' = k1 x - k3 y z - k2 y^2, z' = k2 y^2; x + y + z stays one."""
    x, y, z = u
    slow, fast, back = args["k1"] * x, args["k2"] * y**2, args["k3"] * y * z
    return jnp.stack([back - slow, slow - back - fast, fast])


def hires(t: Array, u: Array, args: Parameters) -> Array:
    """High irradiance response: eight concentrations in a seedling under light."""
    u1, u2, u3, u4, u5, u6, u7, u8 = u
    binding = args["k"] * u6 * u8
    return jnp.stack(
        [
            -1.71 * u1 + 0.43 * u2 + 8.32 * u3 + 0.0007,
            1.71 * u1 - 8.75 * u2,
            -10.03 * u3 + 0.43 * u4 + 0.035 * u5,
            8.32 * u2 + 1.71 * u3 - 1.12 * u4,
            -1.745 * u5 + 0.43 * u6 + 0.43 * u7,
            -binding + 0.69 * u4 + 1.71 * u5 - 0.43 * u6 + 0.69 * u7,
            binding - 1.81 * u7,
            -binding + 1.81 * u7,
        ]
    )


ENTRIES = (
    OdeEntry(
        name="lorenz",
        f=lorenz,
        u0=np.array([1.0, 1.0, 1.0]),
        t1=40.0,
        every=0.02,
        parameters={"sigma": 10.0, "rho": 28.0, "beta": 8.0 / 3.0},
        labels=("x", "y", "z"),
        physics="Convection reduced to three modes: two nearby starts part exponentially.",
        reference="E. N. Lorenz (1963), Journal of the Atmospheric Sciences 20, 130-141",
        rtol=1e-8,
        atol=1e-8,
    ),
    OdeEntry(
        name="rossler",
        f=rossler,
        u0=np.array([1.0, 1.0, 0.0]),
        t1=200.0,
        every=0.1,
        parameters={"a": 0.2, "b": 0.2, "c": 5.7},
        labels=("x", "y", "z"),
        physics="The simplest chaotic flow: a spiral that is lifted and folded back.",
        reference="O. E. Rössler (1976), Physics Letters A 57, 397-398",
        rtol=1e-8,
        atol=1e-8,
    ),
    OdeEntry(
        name="lorenz96",
        f=lorenz96,
        u0=np.array([8.01] + [8.0] * 39),
        t1=20.0,
        every=0.05,
        parameters={"F": 8.0},
        labels=tuple(f"u{k}" for k in range(1, 41)),
        physics="Forty places on a circle of latitude: the test model of weather forecasting.",
        reference="E. N. Lorenz (1996), Predictability: a problem partly solved, "
        "Proceedings of the ECMWF Seminar on Predictability 1, 1-18",
        rtol=1e-8,
        atol=1e-8,
    ),
    OdeEntry(
        name="van-der-pol",
        f=van_der_pol,
        u0=np.array([2.0, 0.0]),
        t1=50.0,
        every=0.05,
        parameters={"mu": 10.0},
        labels=("x", "y"),
        physics="Relaxation oscillation: slow drift, then a jump; the larger mu, the stiffer.",
        reference="B. van der Pol (1926), Philosophical Magazine 2, 978-992",
        rtol=1e-8,
        atol=1e-8,
    ),
    OdeEntry(
        name="lotka-volterra",
        f=lotka_volterra,
        u0=np.array([10.0, 5.0]),
        t1=30.0,
        every=0.05,
        parameters={"a": 1.5, "b": 1.0, "c": 3.0, "d": 1.0},
        labels=("prey", "predators"),
        physics="Predators and prey rise and fall on closed curves.",
        reference="A. J. Lotka (1920), Journal of the American Chemical Society 42, 1595-1599; "
        "V. Volterra (1926), Nature 118, 558-560",
        rtol=1e-8,
        atol=1e-8,
    ),
    OdeEntry(
        name="brusselator-ode",
        f=brusselator,
        u0=np.array([1.5, 3.0]),
        t1=20.0,
        every=0.02,
        parameters={"A": 1.0, "B": 3.0},
        labels=("x", "y"),
        physics="A model reaction that ticks like a clock once B > 1 + A^2.",
        reference="I. Prigogine, R. Lefever (1968), Journal of Chemical Physics 48, 1695-1700",
        rtol=1e-8,
        atol=1e-8,
    ),
    OdeEntry(
        name="robertson",
        f=robertson,
        u0=np.array([1.0, 0.0, 0.0]),
        t1=40.0,
        every=0.4,
        parameters={"k1": 0.04, "k2": 3e7, "k3": 1e4},
        labels=("x", "y", "z"),
        physics="An autocatalytic reaction with rates from 4e-2 to 3e7: the classic of stiffness.",
        reference="H. H. Robertson (1966), in J. Walsh (ed.), Numerical Analysis: An Introduction, "
        "Academic Press, 178-182",
        rtol=1e-6,
        atol=1e-10,
    ),
    OdeEntry(
        name="hires",
        f=hires,
        u0=np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057]),
        t1=321.8122,
        every=1.0,
        parameters={"k": 280.0},
        labels=tuple(f"u{k}" for k in range(1, 9)),
        physics="How a seedling answers strong light: eight reactants of phytochrome.",
        reference="E. Schäfer (1975), Journal of Mathematical Biology 2, 41-56",
        rtol=1e-6,
        atol=1e-10,
    ),
)
