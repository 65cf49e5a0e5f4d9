"""Splitting: the parts' own flows, one after the other."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.equation import Equation, Linear, Nonlinear
from duhamel.errors import InputError
from duhamel.linear.base import cast_weight
from duhamel.methods.base import Method, State, Step, Tolerance, precise
from duhamel.methods.explicit import RK4, ExplicitRungeKutta
from duhamel.methods.explicit.stepper import one_step

__all__ = ["Lie", "Splitting", "Strang"]


class Flows(NamedTuple):
    """The exponentials of the linear parts (None for others), with the h they belong to."""

    h: Array
    exponentials: tuple[Any, ...]


class Splitting(Method):
    """u₁ = Φ_{part n}(γ h) ∘ … ∘ Φ_{part 1}(h …) u: a composition of the flows of the parts.

    Linear parts flow exactly, e^{hL}; a nonlinear part by its own `flow` if it has one, otherwise by one step
    of `inner`. Any number and any kind of parts.
    """

    inner: ExplicitRungeKutta = RK4()

    family: ClassVar[str] = "splitting"
    held: ClassVar[bool] = True
    # Sweeps of one step: (fraction of h, forwards or backwards through the parts).
    sweeps: ClassVar[tuple[tuple[float, bool], ...]]

    def check(self, eq: Equation) -> None:
        if not isinstance(self.inner, ExplicitRungeKutta):
            raise InputError(
                f"the inner method of a splitting is explicit (e.g. dh.RK4()), not {self.inner!r}."
            )
        if not eq.parts:
            raise InputError("there is nothing to split: the equation has no parts.")

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Flows:
        shapes = jax.eval_shape(lambda h: self._exponentials(eq, h, u), t)
        return Flows(jnp.full_like(t, jnp.nan), jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes))

    def _exponentials(self, eq: Equation, h: Array, u: State) -> tuple[Any, ...]:
        def one(part: Linear | Nonlinear) -> Any:
            if isinstance(part, Nonlinear):
                return None
            weight = part.operator.phi(0, (self.sweeps[0][0] * h)[None])
            return cast_weight(jax.tree.map(lambda w: w[0, 0], weight), u)

        return tuple(one(part) for part in eq.parts)

    def step(
        self,
        eq: Equation,
        t: Array,
        h: Array,
        u: State,
        memory: Flows,
        args: Any,
        tolerance: Tolerance | None = None,
    ) -> Step:
        del tolerance
        fresh = jax.lax.cond(h == memory.h, lambda: memory.exponentials, lambda: self._exponentials(eq, h, u))
        start = t
        for fraction, forwards in self.sweeps:
            pairs = list(zip(eq.parts, fresh, strict=True))
            for part, exponential in pairs if forwards else pairs[::-1]:
                u = self._flow(part, exponential, start, fraction * h, u, args)
            start = start + fraction * h
        return Step(u, None, Flows(h, fresh), None)

    def _flow(
        self, part: Linear | Nonlinear, exponential: Any, t: Array, h: Array, u: State, args: Any
    ) -> State:
        if isinstance(part, Linear):
            return part.operator.act(exponential, u)
        if part.flow is not None:
            return part.flow(precise(t, u), precise(h, u), u, args)
        alone = Equation((part,))
        return one_step(self.inner, alone, t, h, u, args)

    def keep(self, accepted: Array, new: Flows, old: Flows) -> Flows:
        del accepted, old  # exponentials stay valid for the h they carry
        return new

    def slope(self, memory: Flows) -> State:
        raise InputError(f"{self.name} has no error estimate: give step=dh.Fixed(dt).")


class Lie(Splitting):
    """Lie–Trotter: each part over the whole step, in the order in which the parts were added. Order 1."""

    name: ClassVar[str] = "lie"
    order: ClassVar[int] = 1
    stages: ClassVar[int] = 4
    reference: ClassVar[str] = "Trotter, Proc. Amer. Math. Soc. 10 (1959), 545–551"
    sweeps: ClassVar[tuple[tuple[float, bool], ...]] = ((1.0, True),)


class Strang(Splitting):
    """Strang–Marchuk: half a step through the parts forwards, half a step backwards. Order 2.

    Order 1 to 1.5 where a boundary condition does not fit a part (non-zero Dirichlet data).
    """

    name: ClassVar[str] = "strang"
    order: ClassVar[int] = 2
    stages: ClassVar[int] = 8
    reference: ClassVar[str] = "Strang, SIAM J. Numer. Anal. 5 (1968), 506–517"
    sweeps: ClassVar[tuple[tuple[float, bool], ...]] = ((0.5, True), (0.5, False))
