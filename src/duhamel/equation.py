"""Equations: sums of parts, each of which says what it can do.

    du/dt = L u + N(t, u)

`Linear(operator)` and `Nonlinear(f)` are parts; adding parts gives an `Equation`.
"""

from __future__ import annotations

import abc
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from duhamel.errors import InputError
from duhamel.linear import Operator
from duhamel.linear.base import cast_weight

__all__ = ["Codec", "Equation", "Linear", "Nonlinear", "as_equation", "total", "with_mass"]

State = PyTree[Array]


class Codec(eqx.Module):
    """How a user's state is written as the solver's state, e.g. physical values as Fourier coefficients."""

    @abc.abstractmethod
    def encode(self, u0: Any) -> State:
        """The solver's state for a user's initial state. Raises `InputError` if it does not fit."""

    @abc.abstractmethod
    def decode(self, state: State) -> Any:
        """The user's form of one solver state."""

    @abc.abstractmethod
    def mean_square(self, state: State) -> Array:
        """Mean over space of |u|² for each field, shape (fields,), real: by Parseval where the state is
        spectral."""

    @abc.abstractmethod
    def project(self, state: State) -> State:
        """The state without what only round-off can have put there; applied after every step."""


class _Part(eqx.Module):
    """A part of an equation; parts add up to an `Equation`."""

    def __add__(self, other: Linear | Nonlinear | Equation) -> Equation:
        return Equation((self,)) + other  # pyright: ignore[reportArgumentType]


class Linear(_Part):
    """The part L u. `operator` is one of `duhamel.linear`: Scalar, Diagonal, BlockDiagonal, Dense."""

    operator: Operator

    def __check_init__(self) -> None:
        if not isinstance(self.operator, Operator):
            raise InputError(
                f"Linear takes an operator (Scalar, Diagonal, BlockDiagonal, Dense), got "
                f"{type(self.operator).__name__}. For an array of entrywise factors write "
                "Linear(Diagonal(array))."
            )

    def apply(self, t: Array, u: State, args: Any) -> State:
        del t, args
        return self.operator.apply(u)


class Nonlinear(_Part):
    """The part N(t, u) = f(t, u, args), a function or a callable pytree that carries its own numbers.

    `flow(t, h, u, args)` may give the exact solution of du/dt = f over a time h; splitting methods then use
    it. `jacobian(t, u, args)` may give ∂f/∂u, of shape u.shape + u.shape for a state of one real array;
    methods for stiff equations otherwise have JAX take it. `stiff` marks a part that implicit–explicit
    methods treat implicitly, as they treat linear parts. `solve(t, shift, v, args)` may give the solution x
    of x − shift·f(t, x, args) = v in closed form, as relaxation to an equilibrium has one; these methods then
    need no Newton iteration for the part.
    """

    f: Callable[..., Any] = eqx.field(converter=lambda f: _as_pytree(f))
    flow: Callable[..., Any] | None = eqx.field(
        default=None, converter=lambda f: f if f is None else _as_pytree(f)
    )
    jacobian: Callable[..., Any] | None = eqx.field(
        default=None, converter=lambda f: f if f is None else _as_pytree(f)
    )
    stiff: bool = eqx.field(static=True, default=False)
    solve: Callable[..., Any] | None = eqx.field(
        default=None, converter=lambda f: f if f is None else _as_pytree(f)
    )

    def apply(self, t: Array, u: State, args: Any) -> State:
        return _checked(self.f(t, u, args), u, _name_of(self.f))

    def solved(self, t: Array, shift: Array, v: State, args: Any) -> State:
        """x with x − shift·f(t, x) = v, by the `solve` that was given."""
        assert self.solve is not None
        return _checked(self.solve(t, shift, v, args), v, f"the solve of {_name_of(self.f)}")


class Function(eqx.Module):
    """A plain function as a pytree without leaves, so that equations can pass through jit and vmap."""

    call: Callable[..., Any] = eqx.field(static=True)

    def __call__(self, *args: Any) -> Any:
        return self.call(*args)


class _Rest:
    """What a callable pytree holds beside arrays, compared by equality."""

    def __init__(self, tree: Any):
        leaves, form = jax.tree.flatten(tree)
        self.tree, self.key = tree, (form, tuple(leaves))

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, _Rest) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


class Carrying(eqx.Module):
    """A callable pytree, such as an Equinox module, whose leaves are its arrays alone: an activation function
    among them would be no number to differentiate."""

    arrays: Any
    rest: _Rest = eqx.field(static=True)

    def __call__(self, *args: Any) -> Any:
        return eqx.combine(self.arrays, self.rest.tree)(*args)


def _as_pytree(f: Any) -> Callable[..., Any]:
    if not callable(f):
        raise InputError(f"Nonlinear takes a function f(t, u, args), got {type(f).__name__}.")
    return Function(f) if jax.tree.structure(f) == jax.tree.structure(0) else f


def _name_of(f: Any) -> str:
    f = f.call if isinstance(f, Function) else f.rest.tree if isinstance(f, Carrying) else f
    return getattr(f, "__name__", type(f).__name__)


class Equation(eqx.Module):
    """A sum of parts, with the codec that turns a user's states into the solver's.

    `about` is a static description (an equation typed as text puts itself there); `print` shows it. `mass` is
    the matrix M of M du/dt = …, of shape (n, n), or (n,) if diagonal, over the entries of the state in the
    order of its leaves; None stands for the identity. See `with_mass`.
    """

    parts: tuple[Linear | Nonlinear, ...]
    codec: Codec | None = None
    about: Any = eqx.field(static=True, default=None)
    mass: Array | None = None

    def __add__(self, other: Linear | Nonlinear | Equation) -> Equation:
        if isinstance(other, Linear | Nonlinear):
            other = Equation((other,))
        if not isinstance(other, Equation):
            raise InputError(
                f"only parts and equations can be added to an equation, not {type(other).__name__}."
            )
        if other.codec is not None and self.codec is not None:
            raise InputError("both equations bring a space of their own; state them as one equation instead.")
        if other.mass is not None and self.mass is not None:
            raise InputError("both equations bring a mass matrix; state them as one equation instead.")
        codec = self.codec if other.codec is None else other.codec
        mass = self.mass if other.mass is None else other.mass
        return Equation(self.parts + other.parts, codec, self.about, mass)

    def __radd__(self, other: Linear | Nonlinear) -> Equation:
        return Equation((other,)) + self

    @property
    def linear(self) -> tuple[Linear, ...]:
        return tuple(p for p in self.parts if isinstance(p, Linear))

    @property
    def nonlinear(self) -> tuple[Nonlinear, ...]:
        return tuple(p for p in self.parts if isinstance(p, Nonlinear))

    def rhs(self, t: Array, u: State, args: Any) -> State:
        """The whole right-hand side, in the solver's form."""
        return total([p.apply(t, u, args) for p in self.parts])

    def remainder(self, t: Array, u: State, args: Any) -> State:
        """The nonlinear parts alone; zero if there are none."""
        if not self.nonlinear:
            return jax.tree.map(jnp.zeros_like, u)
        return total([p.apply(t, u, args) for p in self.nonlinear])

    def check(self, u: State) -> None:
        """Raise `InputError` unless every linear part fits the solver state u."""
        for part in self.linear:
            part.operator.check(u)

    def rounded(self, u: State) -> Equation:
        """The same with the numbers of its nonlinear parts in the precision of u, rounded once at the start.

        Only for equations with a codec, whose numbers are the library's own; a user's are never converted.
        """
        if self.codec is None:
            return self

        def convert(part: Linear | Nonlinear) -> Linear | Nonlinear:
            if isinstance(part, Linear):
                return part
            return jax.tree.map(lambda v: cast_weight(v, u) if eqx.is_inexact_array(v) else v, part)

        return Equation(tuple(convert(part) for part in self.parts), self.codec, self.about, self.mass)

    def encode(self, u0: Any) -> State:
        return _plain(u0) if self.codec is None else self.codec.encode(u0)

    def decode(self, state: State) -> Any:
        return state if self.codec is None else self.codec.decode(state)

    def project(self, state: State) -> State:
        return state if self.codec is None else self.codec.project(state)

    def __str__(self) -> str:
        if self.about is not None:
            return str(self.about)
        return "du/dt = " + " + ".join(_name(p) for p in self.parts)


def as_equation(eq: Any) -> Equation:
    """An `Equation` from an equation, a part, or a function f(t, u, args), which may be a pytree."""
    if isinstance(eq, Equation):
        return eq
    if isinstance(eq, Linear | Nonlinear):
        return Equation((eq,))
    if callable(eq):
        if jax.tree.structure(eq) == jax.tree.structure(0) and eq.__hash__ is not None:
            return _of_function(eq)
        arrays, rest = eqx.partition(eq, eqx.is_array)
        return Equation((Nonlinear(Carrying(arrays, _Rest(rest))),))
    raise InputError(
        "an equation is a function f(t, u, args), a sum of Linear and Nonlinear parts, or "
        f"dh.pde(text, space); got {type(eq).__name__}."
    )


@lru_cache(maxsize=64)
def _of_function(f: Callable[..., Any]) -> Equation:
    """Remembered, so that repeated calls with one function do not build it anew."""
    return Equation((Nonlinear(f),))


def with_mass(eq: Any, mass: Any) -> Equation:
    """M du/dt = f(t, u): `eq` with the mass matrix M, of shape (n, n), or (n,) if diagonal.

    n counts the entries of a real state in the order of its leaves. A singular M makes a
    differential-algebraic equation; it must be of index 1 (the algebraic equations determine the algebraic
    variables). For Rosenbrock, Radau and BDF methods.
    """
    equation = as_equation(eq)
    matrix = jnp.asarray(mass)
    if matrix.ndim not in (1, 2) or matrix.shape[0] != matrix.shape[-1] or jnp.iscomplexobj(matrix):
        raise InputError(
            f"a mass matrix is real, of shape (n, n), or (n,) if it is diagonal; got {matrix.dtype} of shape "
            f"{matrix.shape}."
        )
    if equation.mass is not None:
        raise InputError("the equation has a mass matrix already.")
    matrix = matrix.astype(matrix.dtype if jnp.issubdtype(matrix.dtype, jnp.inexact) else float)
    return Equation(equation.parts, equation.codec, equation.about, matrix)


def total(terms: list[State]) -> State:
    """The sum of states."""
    result = terms[0]
    for term in terms[1:]:
        result = jax.tree.map(jnp.add, result, term)
    return result


def _name(part: Linear | Nonlinear) -> str:
    if isinstance(part, Linear):
        return f"{type(part.operator).__name__}·u"
    return f"{_name_of(part.f)}(t, u)"


def _plain(u0: Any) -> State:
    """A pytree of numbers as floating arrays; integers become floating, precision is never lowered."""
    if isinstance(u0, str):
        raise InputError(
            f"the initial state is text, {u0!r}, but this equation has no space to evaluate it on: "
            "give an array, or state the equation with dh.pde(text, space)."
        )

    def convert(leaf: Any) -> Array:
        try:
            array = jnp.asarray(leaf)
        except (TypeError, ValueError) as error:
            raise InputError(f"the initial state holds {leaf!r}, which is no array of numbers.") from error
        if array.dtype != getattr(leaf, "dtype", array.dtype):
            raise InputError(
                f"the initial state is {leaf.dtype} but JAX is in 32-bit mode and would silently lower it to "
                f"{array.dtype}: unset JAX_ENABLE_X64=0, or give float32 on purpose."
            )
        # astype also turns a weakly typed number into a plain one: the same program then serves both.
        return array.astype(array.dtype if jnp.issubdtype(array.dtype, jnp.inexact) else float)

    state = jax.tree.map(convert, u0)
    if not jax.tree.leaves(state):
        raise InputError("the initial state is empty: give an array or a pytree of arrays.")
    return state


def _checked(du: Any, u: State, name: str) -> State:
    """du with the structure, shapes and dtypes of u, or an error that names f. Costs nothing once
    compiled."""
    if jax.tree.structure(du) != jax.tree.structure(u):
        leaves = jax.tree.leaves(du)
        hint = " Did you mean jnp.stack([...])?" if isinstance(du, list | tuple) and len(leaves) > 1 else ""
        raise InputError(
            f"{name} must return a state like u: got {jax.tree.structure(du)}, "
            f"wanted {jax.tree.structure(u)}.{hint}"
        )

    def match(d: Any, v: Array) -> Array:
        d = jnp.asarray(d)
        if d.shape != v.shape:
            raise InputError(
                f"{name} returned shape {d.shape} for a state of shape {v.shape}; they must agree."
            )
        if d.dtype != v.dtype:
            if jnp.iscomplexobj(d) and not jnp.iscomplexobj(v):
                raise InputError(
                    f"{name} returned complex values for a real state: make the initial state complex."
                )
            if np.result_type(d.dtype, v.dtype) != v.dtype:
                raise InputError(
                    f"{name} returned {d.dtype} for a {v.dtype} state: a constant or parameter inside it is "
                    f"{d.dtype}. Make it a Python number or {v.dtype}, or give a {d.dtype} initial state."
                )
            d = d.astype(v.dtype)
        return d

    return jax.tree.map(match, du, u)
