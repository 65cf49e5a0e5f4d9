"""What implicit–explicit methods ask of an equation: N evaluated, I solved for."""

from __future__ import annotations

import abc
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.equation import Equation, Linear, Nonlinear, total
from duhamel.errors import InputError
from duhamel.jacobian import Structure, System, pack, structure_of, unpack
from duhamel.linear import BlockDiagonal, Dense, Diagonal, Operator, Scalar
from duhamel.methods.base import State, Tolerance, precise
from duhamel.methods.imex.newton import Ending, newton

__all__ = ["Implicit", "check_parts", "explicit_slope", "implicit", "structure_for"]


class Implicit(abc.ABC):
    """The implicit parts I of an equation within one step. Holds no numbers of its own."""

    iterates: bool = False

    @abc.abstractmethod
    def slope(self, t: Array, u: State) -> State:
        """I(t, u)."""

    @abc.abstractmethod
    def factor(self, shift: Array) -> Any:
        """What solutions with one shift share, whatever u is; None if nothing."""

    @abc.abstractmethod
    def at(self, t: Array, u: State, shift: Array) -> Any:
        """What the solutions of one step share that begins at u; None if nothing."""

    @abc.abstractmethod
    def solve(
        self, shared: Any, t: Array, shift: Array, v: State, guess: State, tolerance: Tolerance | None
    ) -> tuple[State, Ending | None]:
        """x with x − shift·I(t, x) = v, and how the iteration went (None where there is none)."""


class Direct(Implicit):
    """A linear operator: one direct solution."""

    def __init__(self, operator: Operator):
        self.operator = operator

    def slope(self, t: Array, u: State) -> State:
        return self.operator.apply(u)

    def factor(self, shift: Array) -> Any:
        return self.operator.factored(shift)

    def at(self, t: Array, u: State, shift: Array) -> Any:
        return None

    def solve(
        self, shared: Any, t: Array, shift: Array, v: State, guess: State, tolerance: Tolerance | None
    ) -> tuple[State, Ending | None]:
        return self.operator.solve_factored(shared[0], shift, v), None


class Closed(Implicit):
    """A nonlinear part that brings its own solution."""

    def __init__(self, part: Nonlinear, args: Any):
        self.part, self.args = part, args

    def slope(self, t: Array, u: State) -> State:
        return self.part.apply(t, u, self.args)

    def factor(self, shift: Array) -> Any:
        return None

    def at(self, t: Array, u: State, shift: Array) -> Any:
        return None

    def solve(
        self, shared: Any, t: Array, shift: Array, v: State, guess: State, tolerance: Tolerance | None
    ) -> tuple[State, Ending | None]:
        return self.part.solved(t, precise(shift, v), v, self.args), None


class Iterated(Implicit):
    """Anything else: simplified Newton with the Jacobian at the start of the step."""

    iterates = True

    def __init__(self, eq: Equation, parts: tuple[Linear | Nonlinear, ...], system: System):
        self.eq, self.parts, self.system = eq, parts, system

    def slope(self, t: Array, u: State) -> State:
        return total([p.apply(t, u, self.system.args) for p in self.parts])

    def factor(self, shift: Array) -> Any:
        return None

    def at(self, t: Array, u: State, shift: Array) -> Any:
        return self.system.factor(self.system.jacobian(t, pack(u)), precise(shift, u))

    def solve(
        self, shared: Any, t: Array, shift: Array, v: State, guess: State, tolerance: Tolerance | None
    ) -> tuple[State, Ending | None]:
        def measure(dx: Array, x: Array) -> Array:
            state = unpack(x, guess)
            return tolerance.measure(self.eq, unpack(dx, guess), (state,))  # pyright: ignore[reportOptionalMemberAccess]

        x, end = newton(
            self.system,
            shared[1],
            t,
            precise(shift, v),
            pack(v),
            pack(guess),
            None if tolerance is None else measure,
        )
        return unpack(x, guess), end


def implicit(eq: Equation, structure: Structure | None, like: State, args: Any) -> Implicit:
    """The implicit parts of `eq`, solved for in the cheapest way they allow."""
    parts = _implicit_parts(eq)
    if all(isinstance(p, Linear) for p in parts):
        return Direct(_sum([p.operator for p in parts if isinstance(p, Linear)]))
    only = parts[0]
    if len(parts) == 1 and isinstance(only, Nonlinear) and only.solve is not None:
        return Closed(only, args)
    if structure is None:
        structure = structure_of(Equation(parts), like, args)
    return Iterated(eq, parts, System(eq, structure, like, args, parts))


def explicit_slope(eq: Equation, t: Array, u: State, args: Any) -> State:
    """N(t, u): the sum of the parts that are treated explicitly."""
    parts = [p for p in eq.nonlinear if not p.stiff]
    return total([p.apply(t, u, args) for p in parts]) if parts else jax.tree.map(jnp.zeros_like, u)


def structure_for(eq: Equation, u: State, args: Any) -> Structure | None:
    """The structure of the Jacobian of the implicit parts; None where no Jacobian is needed."""
    parts = _implicit_parts(eq)
    direct = all(isinstance(p, Linear) for p in parts)
    closed = len(parts) == 1 and isinstance(parts[0], Nonlinear) and parts[0].solve is not None
    return None if direct or closed else structure_of(Equation(parts), u, args)


def check_parts(eq: Equation, name: str) -> None:
    """Raise `InputError` unless something is there to treat implicitly, and linear parts can be added."""
    parts = _implicit_parts(eq)
    if not parts:
        raise InputError(
            f"{name} treats linear parts and parts marked stiff implicitly, and this equation has neither. "
            "State the stiff terms as Linear(…) or Nonlinear(f, stiff=True), or choose an explicit method."
        )
    if all(isinstance(p, Linear) for p in parts):
        _sum([p.operator for p in parts if isinstance(p, Linear)])


def _implicit_parts(eq: Equation) -> tuple[Linear | Nonlinear, ...]:
    return tuple(p for p in eq.parts if isinstance(p, Linear) or p.stiff)


def _sum(operators: list[Operator]) -> Operator:
    """The operators as one."""
    result = operators[0]
    for other in operators[1:]:
        result = _added(result, other)
    return result


def _added(a: Operator, b: Operator) -> Operator:
    if isinstance(a, Scalar) and isinstance(b, Scalar):
        return Scalar(_plus(a.factor, b.factor))
    if isinstance(a, Scalar | Diagonal) and isinstance(b, Scalar | Diagonal):
        return _added_entrywise(a, b)
    for kind, field in ((Dense, "matrix"), (BlockDiagonal, "blocks")):
        if isinstance(a, kind) and isinstance(b, kind):
            return kind(_plus(getattr(a, field), getattr(b, field)))
    raise InputError(
        f"the linear parts {type(a).__name__} and {type(b).__name__} cannot be solved for together: add them "
        "into one operator, or mark one of them for explicit treatment by stating it as Nonlinear."
    )


def _added_entrywise(a: Scalar | Diagonal, b: Scalar | Diagonal) -> Operator:
    if isinstance(a, Diagonal) and isinstance(b, Diagonal):
        return Diagonal(jax.tree.map(_plus, a.symbol, b.symbol))
    scalar, diagonal = (a, b) if isinstance(a, Scalar) else (b, a)
    assert isinstance(scalar, Scalar)
    assert isinstance(diagonal, Diagonal)
    return Diagonal(jax.tree.map(lambda s: _plus(s, scalar.factor), diagonal.symbol))


def _plus(a: Array, b: Array) -> Array:
    dtype = jnp.promote_types(a.dtype, b.dtype)
    return a.astype(dtype) + b.astype(dtype)
