"""Methods for mechanics, q' = v(p), p' = F(q) stated by `duhamel.separable`, as data."""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jax.core import Tracer

from duhamel.equation import Equation, Nonlinear
from duhamel.errors import InputError
from duhamel.linear.base import real_dtype
from duhamel.methods.base import Method, State
from duhamel.methods.splitting.separable import Rate, halves_of, shear_of
from duhamel.methods.splitting.sequence import Sweep, alternating, strangs
from duhamel.methods.splitting.stepper import Splitting

__all__ = ["BlanesMoanRKN4", "BlanesMoanRKN6", "BlanesMoanRKN6A", "Mechanical", "Nystrom", "Verlet"]


class Mechanical(Splitting):
    """A splitting of a kick and a drift, in this order."""

    family: ClassVar[str] = "symplectic"

    def check(self, eq: Equation) -> None:
        rates = [part for part in eq.parts if isinstance(part, Nonlinear) and isinstance(part.f, Rate)]
        if len(rates) != 2 or len(eq.parts) != 2:
            raise InputError(
                f"{self.name} is for q' = velocity(p), p' = force(q): state the equation with "
                "dh.separable(velocity, force) or dh.hamiltonian(kinetic, potential)."
            )
        super().check(eq)


class Nystrom(Mechanical):
    """A splitting for a velocity that is linear in p and free of time: then [F, [F, [F, v]]] = 0, and fewer
    order conditions are left."""

    def fitted(self, eq: Equation, u: State, args: Any) -> Method:
        numbers = jax.tree.leaves((eq, u, args))
        if not any(isinstance(leaf, Tracer) for leaf in numbers) and not _linear(eq, u, args):
            raise InputError(
                f"{self.name} needs a velocity that is linear in p (a quadratic kinetic energy), and this "
                "one bends: use blanes-moan4, blanes-moan6 or another splitting of the same order."
            )
        return super().fitted(eq, u, args)


def _linear(eq: Equation, u: State, args: Any) -> bool:
    """Whether the velocity is linear in p, tried along a line of momenta."""
    zero = jnp.zeros((), real_dtype(u))
    drift = shear_of(eq.parts[1])
    assert drift is not None
    half = jax.tree.map(lambda p: p + 1, halves_of(u)[1])

    def velocity(factor: float) -> list[Any]:
        return jax.tree.leaves(drift.function(zero, jax.tree.map(lambda p: factor * p, half), args))

    for one, two, three in zip(velocity(1.0), velocity(2.0), velocity(3.0), strict=True):
        bend = jnp.max(abs(three - 2 * two + one))
        if not bend <= 1e3 * jnp.finfo(one.dtype).eps * (1 + jnp.max(abs(three))):
            return False
    return True


class Verlet(Mechanical):
    """Störmer–Verlet (leapfrog) as kick–drift–kick: order 2, symplectic, symmetric, one force per step.

    The kick that ends a step has the force of the one that begins the next, so it is evaluated once. For
    molecules, planets and plasmas over very long times: the energy error stays bounded by O(h²).
    """

    name: ClassVar[str] = "verlet"
    order: ClassVar[int] = 2
    stages: ClassVar[int] = 1
    reference: ClassVar[str] = (
        "Verlet, Phys. Rev. 159 (1967), 98–103; Hairer, Lubich & Wanner, Acta Numerica 12 (2003)"
    )
    sweeps: ClassVar[tuple[Sweep, ...]] = strangs([1.0])


class BlanesMoanRKN4(Nystrom):
    """Blanes and Moan's Runge–Kutta–Nyström splitting of six stages and order 4, kick first."""

    name: ClassVar[str] = "blanes-moan-rkn4"
    order: ClassVar[int] = 4
    stages: ClassVar[int] = 6
    reference: ClassVar[str] = "Blanes & Moan, J. Comput. Appl. Math. 142 (2002), 313–330, Table 3 (SRKN6b)"
    sweeps: ClassVar[tuple[Sweep, ...]] = alternating(
        [0.0829844064174052, 0.396309801498368, -0.0390563049223486],
        [0.245298957184271, 0.604872665711080],
        stages=6,
    )


class BlanesMoanRKN6(Nystrom):
    """Blanes and Moan's Runge–Kutta–Nyström splitting of eleven stages and order 6, kick first."""

    name: ClassVar[str] = "blanes-moan-rkn6"
    order: ClassVar[int] = 6
    stages: ClassVar[int] = 11
    reference: ClassVar[str] = "Blanes & Moan, J. Comput. Appl. Math. 142 (2002), 313–330, Table 3 (SRKN11b)"
    sweeps: ClassVar[tuple[Sweep, ...]] = alternating(
        [0.0414649985182624, 0.198128671918067, -0.0400061921041533, 0.0752539843015807, -0.0115113874206879],
        [0.123229775946271, 0.290553797799558, -0.127049212625417, -0.246331761062075, 0.357208872795928],
        stages=11,
    )


class BlanesMoanRKN6A(Nystrom):
    """Blanes and Moan's Runge–Kutta–Nyström splitting of fourteen stages and order 6, drift first.

    A smaller error than blanes-moan-rkn6 for its work.
    """

    name: ClassVar[str] = "blanes-moan-rkn6a"
    order: ClassVar[int] = 6
    stages: ClassVar[int] = 14
    reference: ClassVar[str] = "Blanes & Moan, J. Comput. Appl. Math. 142 (2002), 313–330, Table 3 (SRKN14a)"
    sweeps: ClassVar[tuple[Sweep, ...]] = alternating(
        [
            0.0378593198406116,
            0.102635633102435,
            -0.0258678882665587,
            0.314241403071447,
            -0.130144459517415,
            0.106417700369543,
            -0.00879424312851058,
        ],
        [
            0.09171915262446165,
            0.183983170005006,
            -0.05653436583288827,
            0.004914688774712854,
            0.143761127168358,
            0.328567693746804,
        ],
        stages=14,
        swapped=True,
    )
