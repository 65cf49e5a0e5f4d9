"""The coefficients of a Rosenbrock method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

__all__ = ["Tableau"]

Row = tuple[float, ...]


@dataclass(frozen=True)
class Tableau:
    """Coefficients in the form without products by the Jacobian (Hairer & Wanner, Solving ODEs II, IV.7):

        (M/(hγ) − J) Uᵢ = f(t + αᵢh, u + Σⱼ aᵢⱼ Uⱼ) + M Σⱼ (cᵢⱼ/h) Uⱼ + γᵢ h ∂f/∂t,    u₁ = u + Σ mᵢ Uᵢ

    `a` and `c` list the rows below the diagonal, `nodes` the αᵢ, `slopes` the γᵢ, `weights` the mᵢ, `error`
    the weights mᵢ − m̂ᵢ of the embedded estimate. `dense`: rows H₁, H₂, … of the interpolant
    u(t + θh) = (1 − θ) u + θ u₁ + θ (1 − θ) Σₖ θᵏ⁻¹ Σⱼ Hₖⱼ Uⱼ; empty where none is known.
    """

    gamma: float
    nodes: Row
    slopes: Row
    a: tuple[Row, ...]
    c: tuple[Row, ...]
    weights: Row
    error: Row
    dense: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        count = self.stages
        lengths = {len(self.nodes), len(self.slopes), len(self.a), len(self.c), len(self.error)}
        lengths |= {len(row) for row in self.dense}
        uneven = any(len(row) != i for rows in (self.a, self.c) for i, row in enumerate(rows))
        if lengths != {count} or uneven:
            raise ValueError("a Rosenbrock tableau has rows of lengths 0, 1, 2, … and one entry per stage")

    @property
    def stages(self) -> int:
        return len(self.weights)

    def rows(self, dtype: Any) -> tuple[Array, ...]:
        """For a loop over the stages: their numbers, rows of `a` and of γ·`c` filled up with zeros, nodes and
        slopes."""
        a, c = np.zeros((2, self.stages, self.stages))
        for i in range(self.stages):
            a[i, :i], c[i, :i] = self.a[i], self.c[i]
        numbers = (a, self.gamma * c, self.nodes, self.slopes)
        places = jnp.arange(self.stages, dtype=jnp.int32)
        return places, *(jnp.asarray(v, dtype) for v in numbers)
