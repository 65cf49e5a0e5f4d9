"""An explicit method made reversible by coupling it with itself."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.equation import Equation
from duhamel.errors import InputError
from duhamel.methods.base import Method, State, Step, Tolerance, precise, where
from duhamel.methods.explicit.stepper import ExplicitRungeKutta, one_step

__all__ = ["Coupled", "coupled"]


def coupled(method: Method, coupling: float) -> Coupled:
    """The method in its reversible form; `InputError` unless it is an explicit Runge–Kutta method."""
    if not isinstance(method, ExplicitRungeKutta):
        raise InputError(
            f"gradient=dh.Reversible() couples explicit Runge–Kutta methods, and {method.name} is none: use "
            "dh.Replay(), or a method such as dh.Tsit5()."
        )
    return Coupled(method, coupling)


class Coupled(Method):
    """y₁ = λ y + (1 − λ) z + Ψ_h(t, z), z₁ = z − Ψ_{−h}(t + h, y₁), Ψ the increment of `base`
    (McCallum & Foster, 2024, Efficient, accurate and stable gradients for neural ODEs).

    y is the state and z the memory, z = y at the start. The error is estimated by `base` at z. Order of
    `base`; saved times are landed on. Cost per step: twice that of `base`, without reuse of its last stage.
    """

    base: ExplicitRungeKutta
    coupling: float = eqx.field(static=True)

    name = property(lambda self: f"reversible {self.base.name}")  # pyright: ignore[reportAssignmentType]
    order = property(lambda self: self.base.order)  # pyright: ignore[reportAssignmentType]
    family = property(lambda self: self.base.family)  # pyright: ignore[reportAssignmentType]
    adaptive = property(lambda self: self.base.adaptive)  # pyright: ignore[reportAssignmentType]
    error_order = property(lambda self: self.base.error_order)  # pyright: ignore[reportAssignmentType]
    stages = property(lambda self: 2 * self.base.stages + 1)  # pyright: ignore[reportAssignmentType]
    reference = property(lambda self: self.base.reference)  # pyright: ignore[reportAssignmentType]

    def check(self, eq: Equation) -> None:
        self.base.check(eq)

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> tuple[State, State]:
        """z, and the slope from which the first step is guessed."""
        return u, eq.rhs(precise(t, u), u, args)

    def step(
        self,
        eq: Equation,
        t: Array,
        h: Array,
        u: State,
        memory: tuple[State, State],
        args: Any,
        tolerance: Tolerance | None = None,
    ) -> Step:
        z, slope = memory
        inner = self.base.step(eq, t, h, z, self.base.init(eq, t, z, args), args, tolerance)
        new = jax.tree.map(lambda y, w, moved: self._mixed(y, w) + (moved - w), u, z, inner.u)
        back = self._increment(eq, t + h, -h, new, args)
        return Step(new, inner.error, (jax.tree.map(jnp.subtract, z, back), slope), None)

    def undo(
        self, eq: Equation, t: Array, h: Array, u: State, memory: tuple[State, State], args: Any
    ) -> tuple[State, tuple[State, State]]:
        """State and memory before a step of length h from t, from those after it."""
        after, slope = memory
        z = jax.tree.map(jnp.add, after, self._increment(eq, t + h, -h, u, args))
        moved = self._increment(eq, t, h, z, args)
        share = self.coupling
        y = jax.tree.map(lambda y, w, m: w + (y - m - w) * (1.0 / share), u, z, moved)
        return y, (z, slope)

    def keep(
        self, accepted: Array, new: tuple[State, State], old: tuple[State, State]
    ) -> tuple[State, State]:
        return where(accepted, new, old)

    def slope(self, memory: tuple[State, State]) -> State:
        return memory[1]

    def _mixed(self, y: Array, z: Array) -> Array:
        return z + (y - z) * self.coupling

    def _increment(self, eq: Equation, t: Array, h: Array, u: State, args: Any) -> State:
        return jax.tree.map(jnp.subtract, one_step(self.base, eq, t, h, u, args), u)
