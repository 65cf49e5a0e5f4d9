"""Oscillators that keep their energy: pendulum, Hénon-Heiles, chains of springs."""

from __future__ import annotations

from math import pi, sin, sqrt
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.methods.splitting import separable
from duhamel.problems.problem import Hamiltonian, Problem, Reference
from duhamel.problems.sources import EXTRAPOLATED, GEOMETRIC

__all__ = ["MAKERS"]


def same(t: Array, p: Array, args: Any) -> Array:
    """∂T/∂p for T = |p|²/2."""
    return p


def pendulum_force(t: Array, q: Array, args: Any) -> Array:
    """-sin q."""
    return -jnp.sin(q)


def pendulum_energy(q: Array, p: Array, args: Any) -> Array:
    """p²/2 - cos q."""
    return jnp.sum(0.5 * p**2 - jnp.cos(q))


def galaxy_force(t: Array, q: Array, args: Any) -> Array:
    """(-x - 2xy, -y - x² + y²)."""
    x, y = q
    return jnp.stack([-x - 2 * x * y, -y - x**2 + y**2])


def galaxy_energy(q: Array, p: Array, args: Any) -> Array:
    """(|p|² + |q|²)/2 + x²y - y³/3."""
    x, y = q
    return 0.5 * jnp.sum(p**2 + q**2) + x**2 * y - y**3 / 3


def chain_force(t: Array, q: Array, args: Any) -> Array:
    """Springs between n masses and two walls, each with the force s + αs² at stretch s."""
    stretch = jnp.diff(jnp.pad(q, 1))
    pull = stretch + args["alpha"] * stretch**2
    return pull[1:] - pull[:-1]


def chain_energy(q: Array, p: Array, args: Any) -> Array:
    """Σ p²/2 + Σ (s²/2 + αs³/3)."""
    stretch = jnp.diff(jnp.pad(q, 1))
    return 0.5 * jnp.sum(p**2) + jnp.sum(0.5 * stretch**2 + args["alpha"] / 3 * stretch**3)


def _soft(q: Array) -> Array:
    """Stretches of the m + 1 soft springs; q holds m slow and m fast coordinates."""
    slow, fast = jnp.split(q, 2)
    right = jnp.concatenate([jnp.zeros_like(slow[:1]), slow + fast])
    left = jnp.concatenate([slow - fast, jnp.zeros_like(slow[:1])])
    return left - right


def springs_force(t: Array, q: Array, args: Any) -> Array:
    """Stiff linear springs inside m pairs, soft cubic ones between them."""
    fast = jnp.split(q, 2)[1]
    cubes = _soft(q) ** 3
    change = cubes[1:] - cubes[:-1]
    both = cubes[1:] + cubes[:-1]
    return jnp.concatenate([change, both - args["omega"] ** 2 * fast])


def springs_energy(q: Array, p: Array, args: Any) -> Array:
    """Σ p²/2 + ω²/2 Σ x_fast² + Σ s⁴/4."""
    fast = jnp.split(q, 2)[1]
    return 0.5 * jnp.sum(p**2) + 0.5 * args["omega"] ** 2 * jnp.sum(fast**2) + 0.25 * jnp.sum(_soft(q) ** 4)


def _pendulum(amplitude: float = 2.0) -> Problem:
    # The period is 2π over the arithmetic-geometric mean of 1 and cos(amplitude/2).
    a, b = 1.0, sqrt(1 - sin(amplitude / 2) ** 2)
    for _ in range(8):
        a, b = (a + b) / 2, sqrt(a * b)
    start = (np.array([amplitude]), np.array([0.0]))
    back = Reference(
        2 * pi / a, start, 1e-12, "after one period, 4 K(sin(amplitude/2)), the pendulum is back"
    )
    return Problem(
        name="pendulum",
        set="hamiltonian",
        equation=separable(same, pendulum_force),
        u0=start,
        t1=2 * pi / a,
        references=(back,),
        physics="A pendulum that swings with a large amplitude, for one period.",
        literature=GEOMETRIC + ", Sect. I.1",
        kind="hamiltonian",
        hamiltonian=Hamiltonian(pendulum_energy, same, pendulum_force),
    )


def _henon_heiles() -> Problem:
    start = (np.array([0.0, 0.1]), np.array([0.4, 0.0]))
    end = (np.array(GALAXY_END[:2]), np.array(GALAXY_END[2:]))
    return Problem(
        name="henon-heiles",
        set="hamiltonian",
        equation=separable(same, galaxy_force),
        u0=start,
        t1=100.0,
        references=(Reference(100.0, end, 1e-13, COMPUTED),),
        physics="A star in a galaxy: regular and chaotic motion side by side.",
        literature="M. Hénon, C. Heiles (1964), The Astronomical Journal 69, 73-79",
        kind="hamiltonian",
        hamiltonian=Hamiltonian(galaxy_energy, same, galaxy_force),
    )


def _chain(n: int = 32, alpha: float = 0.25) -> Problem:
    sites = np.arange(1, n + 1) / (n + 1)
    computed = Reference(
        100.0,
        np.array(CHAIN_END),
        1e-13,
        COMPUTED,
        lambda u: np.concatenate([np.asarray(v)[3::8] for v in u]),
    )
    return Problem(
        name="fput",
        set="hamiltonian",
        equation=separable(same, chain_force),
        u0=(np.sin(np.pi * sites), np.zeros(n)),
        t1=100.0,
        args={"alpha": alpha},
        references=(computed,) if (n, alpha) == (32, 0.25) else (),
        physics="Masses joined by slightly nonlinear springs: the energy returns to the mode it started in.",
        literature="E. Fermi, J. Pasta, S. Ulam (1955), Los Alamos report LA-1940",
        kind="hamiltonian",
        hamiltonian=Hamiltonian(chain_energy, same, chain_force),
    )


def _springs(omega: float = 50.0) -> Problem:
    q, p = np.zeros(6), np.zeros(6)
    q[0], q[3], p[0], p[3] = 1.0, 1 / omega, 1.0, 1.0
    end = (np.array(SPRINGS_END[:6]), np.array(SPRINGS_END[6:]))
    return Problem(
        name="fput-springs",
        set="hamiltonian",
        equation=separable(same, springs_force),
        u0=(q, p),
        t1=10.0,
        args={"omega": omega},
        references=(Reference(10.0, end, 1e-13, COMPUTED),) if omega == 50.0 else (),
        physics="Three stiff springs joined by soft ones, in slow and fast coordinates: two time scales.",
        literature=GEOMETRIC + ", Sect. I.5",
        kind="hamiltonian",
        hamiltonian=Hamiltonian(springs_energy, same, springs_force),
        stiff=True,
    )


COMPUTED = EXTRAPOLATED.format("1e-14", "5e-11")
GALAXY_END = (0.09590214648832235, 0.3026798003007926, 0.28435402095314477, 0.024143324459033735)
CHAIN_END = (
    *(-0.3714228061972422, -0.9085211453155534, -0.937390011286451, -0.45009504402514966),
    *(-0.00047867476474808263, 0.0037792124016882817, 0.011628041429835593, 0.008331390664952549),
)
SPRINGS_END = (
    *(1.0420576371025054, 0.24363557036319355, -0.1063604379646479),
    *(-0.027557931201251756, -0.0005927177946675811, 0.0003950540596100752),
    *(0.8973233890558305, -0.6154175505667897, -0.12870702707427079),
    *(-0.11632415447805229, 0.224683718563867, 0.00254906948623642),
)
MAKERS = {"pendulum": _pendulum, "henon-heiles": _henon_heiles, "fput": _chain, "fput-springs": _springs}
