"""The method ROCK2: orthogonal polynomials in place of Chebyshev's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.errors import InputError
from duhamel.methods.base import State
from duhamel.methods.explicit.rock_table import DEGREES, rock
from duhamel.methods.explicit.stabilised import Slope, Stabilised, mix, run_chain

__all__ = ["ROCK2"]


class ROCK2(Stabilised):
    """ROCK2: s stages, order 2, stable for h·radius up to 0.81 s², estimate of order 1.

    Stability polynomial (1 + 2σz + τz²) P_{s−2}(z), P orthogonal for the square of the first factor times
    Chebyshev's weight; s is 3 to 22 or one of 26 numbers from 24 to 200. Like RKC2 for diffusion with mild
    reaction, with a tenth fewer stages; its estimate is of lower order and therefore more careful.
    """

    name: ClassVar[str] = "rock2"
    order: ClassVar[int] = 2
    error_order: ClassVar[int] = 1
    stages: ClassVar[int] = 3
    least: ClassVar[int] = 3
    reference: ClassVar[str] = "Abdulle & Medovikov, Numer. Math. 90 (2001), 1–18"

    def __check_init__(self) -> None:
        if self.count is not None and self.count - 2 not in DEGREES:
            near = min((d + 2 for d in DEGREES), key=lambda s: abs(s - (self.count or 0)))
            raise InputError(f"rock2 has no polynomial of {self.count} stages; the nearest is {near}.")

    def wanted(self, z: Array) -> Array:
        place = jnp.searchsorted(jnp.asarray(rock().reach, z.dtype), z)
        return jnp.asarray(DEGREES, jnp.int32)[place] + 2

    def longest(self) -> float:
        return float(rock().reach[sum(d + 2 <= self.max_stages for d in DEGREES) - 1])

    def sweep(
        self, f: Slope, t: Array, h: Array, u: State, slope: State, count: Any
    ) -> tuple[State, Callable[[State], State]]:
        table, last = rock(), count - 2
        which = _position(last)
        mu, kappa = jnp.asarray(table.mu, t.dtype), jnp.asarray(table.kappa, t.dtype)
        start = jnp.asarray(table.start)[which]

        def row(j: Array, rest: None) -> tuple[tuple[Any, ...], None]:
            place = start + j.astype(start.dtype) - 1
            return (1.0 + kappa[place], -kappa[place], mu[place], None), rest

        chain = run_chain(row, f, t, h, (u, slope, mu[start], None), last)
        sigma = jnp.asarray(table.sigma, t.dtype)[which]
        tau = jnp.asarray(table.tau, t.dtype)[which]
        k1 = f(t + chain.c * h, chain.y)
        middle = mix([(1.0, chain.y), (sigma * h, k1)])
        k2 = f(t + (chain.c + sigma) * h, middle)
        correction = (tau / sigma - sigma) * h
        new = mix([(1.0, middle), (sigma * h + correction, k2), (-correction, k1)])
        return new, lambda _: mix([(correction, k2), (-correction, k1)])


def _position(degree: Any) -> Any:
    """Where a degree stands in the table; static if the degree is."""
    if isinstance(degree, int):
        return int(np.searchsorted(DEGREES, degree))
    return jnp.searchsorted(jnp.asarray(DEGREES, jnp.int32), degree).astype(jnp.int32)
