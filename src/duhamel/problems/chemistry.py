"""Stiff chemistry: reactions whose rates lie many powers of ten apart."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.pde.catalogue.odes import hires, robertson
from duhamel.problems.problem import Problem, Reference
from duhamel.problems.sources import HAIRER_WANNER, HW_FILES, IVP_TEST_SET

__all__ = ["MAKERS"]

ROBERTSON = {"k1": 0.04, "k2": 3e7, "k3": 1e4}
ROBERTSON_PAPER = (
    "H. H. Robertson (1966), in J. Walsh (ed.), Numerical Analysis: An Introduction, Academic Press, 178-182"
)
ROBERTSON_END = (0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050)


def oregonator(t: Array, u: Array, args: Any) -> Array:
    """x' = s(y + x(1 - qx - y)), y' = (z - (1 + x)y)/s, z' = w(x - z)."""
    x, y, z = u
    s, q, w = args["s"], args["q"], args["w"]
    return jnp.stack([s * (y + x * (1 - q * x - y)), (z - (1 + x) * y) / s, w * (x - z)])


def pyrolysis(t: Array, u: Array, args: Any) -> Array:
    """x' = -Ax - Bxz, y' = Ax - MCyz, w' = Bxz - Cw, z' = y' - w'; state (x, y, z, w)."""
    x, y, z, w = u
    first, second = args["A"] * x, args["B"] * x * z
    made, bound = first - args["M"] * args["C"] * y * z, second - args["C"] * w
    # z' must be this difference: summed up anew, its round-off would break y = z + w and spoil late times.
    return jnp.stack([-first - second, made, made - bound, bound])


def robertson_with_sum(t: Array, u: Array, args: Any) -> Array:
    """The first two equations of `robertson`, and 0 = x + y + z - 1."""
    x, y, _ = robertson(t, u, args)
    return jnp.stack([x, y, jnp.sum(u) - 1])


def akzo_nobel(t: Array, u: Array, args: Any) -> Array:
    """Two species are mixed while carbon dioxide (the second) is added; last equation: 0 = K a d - e."""
    a, c, b, d, ab, e = u
    root = jnp.sqrt(c)
    r1, r2 = 18.7 * a**4 * root, 0.58 * b * d
    r3, r4, r5 = 0.58 / 34.4 * a * ab, 0.09 * a * d**2, 0.42 * e**2 * root
    supply = 3.3 * (0.9 / 737 - c)
    balance = [r2 - 2 * r1 - r3 - r4, supply - r1 / 2 - r4 - r5 / 2, r1 - r2 + r3, r3 - r2 - 2 * r4]
    return jnp.stack([*balance, r2 - r3 + r5, 115.83 * a * d - e])


def _robertson(t1: float = 1e11) -> Problem:
    published = Reference(1e11, np.array(ROBERTSON_END), 1e-12, IVP_TEST_SET)
    early = [0.715827068719405, 9.18553476455778e-06, 0.28416374574583]
    computed = "computed: extrapolated midpoint rule with 64-bit mantissas; SciPy Radau agrees to 5e-14"
    return Problem(
        name="robertson",
        set="hairer-wanner",
        equation=robertson,
        u0=np.array([1.0, 0.0, 0.0]),
        t1=t1,
        args=ROBERTSON,
        physics="An autocatalytic reaction with rates from 4e-2 to 3e7, for eleven powers of ten in time.",
        literature=ROBERTSON_PAPER,
        references=(Reference(40.0, np.array(early), 1e-12, computed), published),
        stiff=True,
        scale=1e-6,
    )


def _robertson_dae(t1: float = 1e11) -> Problem:
    return Problem(
        name="robertson-dae",
        set="dae",
        equation=robertson_with_sum,
        u0=np.array([1.0, 0.0, 0.0]),
        t1=t1,
        args=ROBERTSON,
        mass=np.array([1.0, 1.0, 0.0]),
        physics="Robertson's reaction with the conservation of mass as an algebraic equation (index 1).",
        literature=ROBERTSON_PAPER,
        references=(Reference(1e11, np.array(ROBERTSON_END), 1e-12, IVP_TEST_SET),),
        stiff=True,
        kind="dae",
        scale=1e-6,
    )


def _oregonator() -> Problem:
    ends = np.array(OREGONATOR).reshape(12, 3)
    return Problem(
        name="oregonator",
        set="hairer-wanner",
        equation=oregonator,
        u0=np.array([1.0, 2.0, 3.0]),
        t1=360.0,
        args={"s": 77.27, "q": 8.375e-6, "w": 0.161},
        physics="The Belousov-Zhabotinskii reaction: concentrations that jump by five powers of ten.",
        literature="R. J. Field, R. M. Noyes (1974), Journal of Chemical Physics 60, 1877-1884; "
        + HAIRER_WANNER,
        references=tuple(Reference(30.0 * (k + 1), end, 1e-8, HW_FILES) for k, end in enumerate(ends)),
        stiff=True,
    )


def _hires() -> Problem:
    ends = np.array(HIRES).reshape(2, 8)
    return Problem(
        name="hires",
        set="hairer-wanner",
        equation=hires,
        u0=np.array([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0057]),
        t1=421.8122,
        args={"k": 280.0},
        physics="How a seedling answers strong light: a fast plateau, then a sudden fall at t = 320.",
        literature="E. Schäfer (1975), Journal of Mathematical Biology 2, 41-56; " + HAIRER_WANNER,
        references=tuple(
            Reference(time, end, 1e-10, HW_FILES)
            for time, end in zip((321.8122, 421.8122), ends, strict=True)
        ),
        stiff=True,
        scale=1e-4,
    )


def _e5() -> Problem:
    times = 10.0 ** np.arange(1, 14, 2)
    ends = np.array(E5).reshape(7, 4)
    return Problem(
        name="e5",
        set="hairer-wanner",
        equation=pyrolysis,
        u0=np.array([1.76e-3, 0.0, 0.0, 0.0]),
        t1=1e13,
        args={"A": 7.89e-10, "B": 1.1e7, "C": 1.13e3, "M": 1e6},
        physics="Chemical pyrolysis: concentrations below 1e-9 from the start, over thirteen powers of ten.",
        literature="W. H. Enright, T. E. Hull, B. Lindberg (1975), BIT 15, 10-48; " + HAIRER_WANNER,
        references=tuple(
            Reference(float(time), end, 1e-8, HW_FILES) for time, end in zip(times, ends, strict=True)
        ),
        stiff=True,
        scale=1.76e-17,
    )


def _akzo_nobel() -> Problem:
    a, d = 0.444, 0.007
    end = [0.1150794920661702, 0.1203831471567715e-2, 0.1611562887407974, 0.3656156421249283e-3]
    end += [0.1708010885264404e-1, 0.4873531310307455e-2]
    return Problem(
        name="chemical-akzo-nobel",
        set="dae",
        equation=akzo_nobel,
        u0=np.array([a, 0.00123, 0.0, d, 0.0, 115.83 * a * d]),
        t1=180.0,
        mass=np.array([1.0, 1.0, 1.0, 1.0, 1.0, 0.0]),
        physics="A process with a fast equilibrium, which is an algebraic equation (index 1).",
        literature="Test Set for IVP Solvers: Chemical Akzo Nobel problem",
        references=(Reference(180.0, np.array(end), 1e-13, IVP_TEST_SET),),
        stiff=True,
        kind="dae",
        scale=1e-3,
    )


OREGONATOR = (
    *(0.1000661467180497e1, 0.1512778937348249e4, 0.1035854312767229e5),
    *(0.1000874625199626e1, 0.1144336972384497e4, 0.8372149966624639e2),
    *(0.1001890368438751e1, 0.5299926232295553e3, 0.1662279579042420e1),
    *(0.1004118022612645e1, 0.2438326079910346e3, 0.1008822224048647e1),
    *(0.1008995416634061e1, 0.1121664388662539e3, 0.1007783229065319e1),
    *(0.1019763472537298e1, 0.5159761322947535e2, 0.1016985778956374e1),
    *(0.1043985088527474e1, 0.2373442027531524e2, 0.1037691843544522e1),
    *(0.1100849071667922e1, 0.1091533805469020e2, 0.1085831969810860e1),
    *(0.1249102130020572e1, 0.5013945178605446e1, 0.1208326626237875e1),
    *(0.1779724751937019e1, 0.2281852385542403e1, 0.1613754023671725e1),
    *(0.1000889326903503e1, 0.1125438585746596e4, 0.1641049483777168e5),
    *(0.1000814870318523e1, 0.1228178521549889e4, 0.1320554942846513e3),
)
HIRES = (
    *(0.000737131257332567, 0.000144248572631618, 0.000058887297409676, 0.001175651343283149),
    *(0.002386356198831330, 0.006238968252742796, 0.002849998395185769, 0.002850001604814231),
    *(0.000670305503581864, 0.000130996846986347, 0.000046862231597733, 0.001044668020551705),
    *(0.000594883830951485, 0.001399628833942774, 0.001014492757718480, 0.004685507242281520),
)
E5 = (
    *(
        1.7599259497677897058e-3,
        1.3846281519376516449e-11,
        7.6370038530073911180e-13,
        1.3082581134075777338e-11,
    ),
    *(
        1.6180769999072942552e-3,
        1.3822370304983735443e-10,
        8.2515735006838336088e-12,
        1.2997212954915352082e-10,
    ),
    *(
        7.4813208224292220114e-6,
        2.3734781561205975019e-12,
        2.2123586689581663654e-12,
        1.6111948716243113653e-13,
    ),
    *(
        4.7150333630401632232e-10,
        1.8188895860807021729e-14,
        1.8188812376786725407e-14,
        8.3484020296321693074e-20,
    ),
    *(
        3.1317148329356996037e-14,
        1.4840957952870064294e-16,
        1.4840957948345691466e-16,
        4.5243728279782625194e-26,
    ),
    *(
        3.8139035189787091771e-49,
        1.0192582567660293322e-20,
        1.0192582567660293322e-20,
        3.7844935507486221171e-65,
    ),
    *(0.0, 8.8612334976263783420e-23, 8.8612334976263783421e-23, 0.0),
)
MAKERS = {
    "robertson": _robertson,
    "robertson-dae": _robertson_dae,
    "oregonator": _oregonator,
    "hires": _hires,
    "e5": _e5,
    "chemical-akzo-nobel": _akzo_nobel,
}
