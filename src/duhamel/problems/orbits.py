"""Bodies that attract each other: Kepler, Arenstorf, the Pleiades, the outer solar system."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.methods.splitting import separable
from duhamel.problems.detest.orbits import on_the_ellipse
from duhamel.problems.problem import Hamiltonian, Problem, Reference
from duhamel.problems.sources import EXTRAPOLATED, GEOMETRIC, HNW, IVP_TEST_SET

__all__ = ["MAKERS"]

MOON = 0.012277471
PERIOD = 17.0652165601579625588917206249
# Seven stars of masses 1 … 7.
STARS = np.arange(1.0, 8.0)
# Sun with inner planets, Jupiter, Saturn, Uranus, Neptune, Pluto; AU, days, suns.
GRAVITY = 2.95912208286e-4
MASSES = np.array(
    [1.00000597682, 9.54786104043e-4, 2.85583733151e-4, 4.37273164546e-5, 5.17759138449e-5, 1 / 1.3e8]
)


def _pull(difference: Array, masses: Array) -> Array:
    """Σ_j m_j d_ij/|d_ij|³ for d_ij = q_j - q_i of shape (n, n, axes): nothing pulls itself."""
    squared = jnp.sum(difference**2, axis=2) + jnp.eye(masses.size, dtype=masses.dtype)
    return jnp.sum(masses[:, None] * difference * squared[..., None] ** -1.5, axis=1)


def _potential(difference: Array, masses: Array) -> Array:
    """-Σ_{i<j} m_i m_j/|d_ij|."""
    one = jnp.eye(masses.size, dtype=masses.dtype)
    distance = jnp.sqrt(jnp.sum(difference**2, axis=2) + one)
    return -0.5 * jnp.sum(jnp.outer(masses, masses) * (1 - one) / distance)


def same(t: Array, p: Array, args: Any) -> Array:
    """The velocity where the momenta are velocities."""
    return p


def kepler_force(t: Array, q: Array, args: Any) -> Array:
    """-q/|q|³."""
    return -q * jnp.sum(q**2) ** -1.5


def kepler_energy(q: Array, p: Array, args: Any) -> Array:
    """|p|²/2 - 1/|q|."""
    return 0.5 * jnp.sum(p**2) - 1 / jnp.sqrt(jnp.sum(q**2))


def stars_force(t: Array, q: Array, args: Any) -> Array:
    """Accelerations of seven stars in the plane; q of shape (2, 7)."""
    masses = jnp.asarray(STARS, q.dtype)
    places = q.T
    return _pull(places[None] - places[:, None], masses).T


def stars_energy(q: Array, v: Array, args: Any) -> Array:
    """Σ m|v|²/2 - Σ m_i m_j/|q_i - q_j|."""
    masses = jnp.asarray(STARS, q.dtype)
    places = q.T
    return 0.5 * jnp.sum(masses * v**2) + _potential(places[None] - places[:, None], masses)


def solar_force(t: Array, q: Array, args: Any) -> Array:
    """Accelerations of the six bodies; q of shape (6, 3)."""
    return GRAVITY * _pull(q[None] - q[:, None], jnp.asarray(MASSES, q.dtype))


def solar_energy(q: Array, v: Array, args: Any) -> Array:
    """Σ m|v|²/2 - G Σ m_i m_j/|q_i - q_j|."""
    masses = jnp.asarray(MASSES, q.dtype)
    return 0.5 * jnp.sum(masses[:, None] * v**2) + GRAVITY * _potential(q[None] - q[:, None], masses)


def arenstorf(t: Array, u: Array, args: Any) -> Array:
    """A satellite in the field of earth and moon, in the frame that turns with them; state (x, y, x', y')."""
    x, y, vx, vy = u
    moon, earth = MOON, 1 - MOON
    near_earth = earth * ((x + moon) ** 2 + y**2) ** -1.5
    near_moon = moon * ((x - earth) ** 2 + y**2) ** -1.5
    ax = x + 2 * vy - near_earth * (x + moon) - near_moon * (x - earth)
    ay = y - 2 * vx - (near_earth + near_moon) * y
    return jnp.stack([vx, vy, ax, ay])


def _kepler(eccentricity: float = 0.6, orbits: float = 1.0) -> Problem:
    e = eccentricity
    return Problem(
        name="kepler",
        set="hamiltonian",
        equation=separable(same, kepler_force),
        u0=(np.array([1 - e, 0.0]), np.array([0.0, sqrt((1 + e) / (1 - e))])),
        t1=2 * pi * orbits,
        exact=lambda t: on_the_ellipse(t, e),
        physics="Two bodies on an ellipse: energy, angular momentum and the direction of the axis are kept.",
        literature=GEOMETRIC + ", Sect. I.2",
        kind="hamiltonian",
        hamiltonian=Hamiltonian(kepler_energy, same, kepler_force),
    )


def _arenstorf() -> Problem:
    start = np.array([0.994, 0.0, 0.0, -2.00158510637908252240537862224])
    back = Reference(
        PERIOD, start, 1e-8, "the orbit is periodic: R. F. Arenstorf (1963), digits of E. Hairer"
    )
    return Problem(
        name="arenstorf",
        set="three-body",
        equation=arenstorf,
        u0=start,
        t1=PERIOD,
        physics="A periodic orbit about earth and moon with close encounters: steps must vary 1000-fold.",
        literature=HNW + ", Sect. II.0",
        references=(back,),
    )


def _pleiades() -> Problem:
    places = np.array([[3.0, 3, -1, -3, 2, -2, 2], [3.0, -3, 2, 0, 0, -4, 4]])
    speeds = np.array([[0, 0, 0, 0, 0, 1.75, -1.5], [0, 0, 0, -1.25, 1, 0, 0]])
    end = np.array(PLEIADES).reshape(2, 2, 7)
    return Problem(
        name="pleiades",
        set="ivp-test-set",
        equation=separable(same, stars_force),
        u0=(places, speeds),
        t1=3.0,
        references=(Reference(3.0, (end[0], end[1]), 1e-10, IVP_TEST_SET),),
        physics="Seven stars in the plane with quasi-collisions; state (q, v), velocities for momenta.",
        literature=HNW + ", Sect. II.10",
        kind="hamiltonian",
        hamiltonian=Hamiltonian(stars_energy, same, stars_force),
    )


def _solar_system() -> Problem:
    end = np.array(SOLAR_END).reshape(2, 6, 3)
    computed = Reference(SOLAR_TIME, (end[0], end[1]), 1e-11, EXTRAPOLATED.format("4e-12", "2e-9"))
    return Problem(
        name="outer-solar-system",
        set="hamiltonian",
        equation=separable(same, solar_force),
        u0=(np.array(SOLAR_PLACES), np.array(SOLAR_SPEEDS)),
        t1=SOLAR_TIME,
        references=(computed,),
        physics="Sun and five planets for 548 years, in AU and days; state (q, v), velocities for momenta.",
        literature=GEOMETRIC + ", Sect. I.2",
        kind="hamiltonian",
        hamiltonian=Hamiltonian(solar_energy, same, solar_force),
        scale=1e-3,
    )


PLEIADES = (
    *(0.3706139143970502, 0.3237284092057233e1, -0.3222559032418324e1, 0.6597091455775310),
    *(0.3425581707156584, 0.1562172101400631e1, -0.7003092922212495, -0.3943437585517392e1),
    *(-0.3271380973972550e1, 0.5225081843456543e1, -0.2590612434977470e1, 0.1198213693392275e1),
    *(-0.2429682344935824, 0.1091449240428980e1, 0.3417003806314313e1, 0.1354584501625501e1),
    *(-0.2590065597810775e1, 0.2025053734714242e1, -0.1155815100160448e1, -0.8072988170223021),
    *(0.5952396354208710, -0.3741244961234010e1, 0.3773459685750630, 0.9386858869551073),
    *(0.3667922227200571, -0.3474046353808490, 0.2344915448180937e1, -0.1947020434263292e1),
)
SOLAR_PLACES = (
    (0.0, 0.0, 0.0),
    (-3.5023653, -3.8169847, -1.5507963),
    (9.0755314, -3.0458353, -1.6483708),
    (8.3101420, -16.2901086, -7.2521278),
    (11.4707666, -25.7294829, -10.8169456),
    (-15.5387357, -25.2225594, -3.1902382),
)
SOLAR_SPEEDS = (
    (0.0, 0.0, 0.0),
    (0.00565429, -0.00412490, -0.00190589),
    (0.00168318, 0.00483525, 0.00192462),
    (0.00354178, 0.00137102, 0.00055029),
    (0.00288930, 0.00114527, 0.00039677),
    (0.00276725, -0.00170702, -0.00136504),
)
SOLAR_TIME = 200000.0
SOLAR_END = (
    *(1.2358425423546033, -0.4899438211442761, -0.24610536181432136),
    *(2.611079570116103, -5.0795254967869665, -2.244720677852695),
    *(-7.669136247392032, -4.052052245486128, -1.3311156697106508),
    *(-5.824743949848876, 15.337173753571987, 6.78246340991742),
    *(20.663980247512892, 20.582956042461444, 7.894795414748915),
    *(36.566950698822076, -13.767684401260135, -15.043469221823251),
    *(-9.134375581592486e-07, -3.2377381060989355e-06, -1.4020802031286048e-06),
    *(0.00717887892837462, 0.002233579526074698, 0.0007837483429412299),
    *(0.0018447909562456198, -0.0047728068834895976, -0.002056579049928371),
    *(-0.003658950057161484, -0.0015548038336966894, -0.0006295145553043205),
    *(-0.0023928745660728094, 0.001890469681811705, 0.000833321369757143),
    *(0.0016299292484246958, 0.00210801156027822, 0.00016850484299439994),
)
MAKERS = {
    "kepler": _kepler,
    "arenstorf": _arenstorf,
    "pleiades": _pleiades,
    "outer-solar-system": _solar_system,
}
