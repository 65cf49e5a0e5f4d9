"""An equation as a method for stiff equations sees it: on packed states, with its linear algebra."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.lax import optimization_barrier as barrier
from jaxtyping import Array, PyTree

from duhamel.batch import in_block
from duhamel.equation import Equation, Linear, Nonlinear
from duhamel.jacobian.packing import pack, unpack
from duhamel.jacobian.structure import Structure

__all__ = ["System"]


class System:
    """M dx/dt = f(t, x) for the packed state x of shape (n,), and systems with M − shift·∂f/∂x.

    Made anew inside each step: it holds no numbers of its own. `parts` restricts f and its Jacobian to some
    of the parts of the equation (implicit–explicit methods).
    """

    def __init__(
        self,
        eq: Equation,
        structure: Structure,
        like: PyTree[Any],
        args: Any,
        parts: tuple[Linear | Nonlinear, ...] | None = None,
    ):
        self.eq, self.structure, self.like, self.args = eq, structure, like, args
        self.parts = eq.parts if parts is None else parts

    def f(self, t: Array, x: Array) -> Array:
        """The right-hand side; t in the precision of x."""
        # Or a sum of stages would be computed anew wherever f uses an entry of it.
        u = unpack(barrier(x) if in_block() else x, self.like)
        return pack(Equation(self.parts).rhs(t, u, self.args))

    def jacobian(self, t: Array, x: Array) -> Any:
        """∂f/∂x in the form of the structure: by JAX, or as the user gave it."""
        given = [p.jacobian for p in self.parts if isinstance(p, Nonlinear) and p.jacobian is not None]
        if not given:
            return self.structure.jacobian(lambda y: self.f(t, y), x)
        rest = tuple(p for p in self.parts if isinstance(p, Linear) or p.jacobian is None)
        u, n = unpack(x, self.like), x.shape[0]
        matrix = sum(jnp.asarray(g(t, u, self.args)).reshape(n, n).astype(x.dtype) for g in given)
        values = self.structure.stored(jnp.asarray(matrix))
        if rest:
            others = System(self.eq, self.structure, self.like, self.args, rest)
            values = values + self.structure.jacobian(lambda y: others.f(t, y), x)
        return values

    def time_slope(self, t: Array, x: Array) -> Array:
        """∂f/∂t."""
        return jax.jvp(lambda s: self.f(s, x), (t,), (jnp.ones_like(t),))[1]

    def factor(self, values: Any, shift: Array) -> Any:
        """Factors of M − shift·J, to be used by `solve`; the shift may be complex."""
        mass = self.eq.mass
        return self.structure.factor(values, shift, mass)

    def solve(self, factors: Any, b: Array) -> Array:
        """x with (M − shift·J) x = b."""
        return self.structure.solve(factors, b)

    def times_mass(self, x: Array) -> Array:
        """M x."""
        mass = self.eq.mass
        if mass is None:
            return x
        return mass.astype(x.dtype) * x if mass.ndim == 1 else mass.astype(x.dtype) @ x
