"""What the loop may ask of a method, and the arithmetic of states."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.equation import Equation
from duhamel.linear.base import real_dtype, times
from duhamel.norm import Tolerance

__all__ = ["Interpolating", "Method", "Step", "Tolerance", "Work", "add_scaled", "precise", "where"]

State = PyTree[Array]


class Step(NamedTuple):
    """One attempted step.

    The new state, the error estimate (None without one), what the next step may reuse, and the stages that
    dense output needs (None if the method has none). `failed`: an inner iteration did not converge, so that
    the step must be tried again with a shorter h. `factor`: the ratio of the next step to this one that the
    method itself asks for, in place of the controller's (after acceptance and after rejection). `limit`: the
    longest next step that the method can take. `error_order`: the order of this step's estimate where it is
    not the method's, as in the first steps of multistep methods.
    """

    u: State
    error: State | None
    memory: Any
    stages: Any
    failed: Array | None = None
    factor: Array | None = None
    limit: Array | None = None
    error_order: Array | None = None


class Work(NamedTuple):
    """What a run has cost: evaluations of the (nonlinear) right-hand side, solutions of linear systems,
    Jacobians, and changes from one method to another."""

    evaluations: Any
    solves: Any
    jacobians: Any
    switches: Any


class Method(eqx.Module):
    """One way to approximate Duhamel's integral over a step.

    Class attributes: `name` (on the command line), `order` (classical), `stiff_order` (on semilinear
    parabolic problems; None where the notion does not apply), `family`, `adaptive` (has an error estimate, of
    order `error_order` + 1 per step), `stages` (evaluations of f per step), `held` (weights depend on h, so
    steps are held), `takes_mass` (solves M du/dt = …), `past` (values of f that it remembers: a multistep
    method is itself only from step `past` on), `first_error_order` (of the estimate of the very first step,
    where it is another), `reference`.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    stiff_order: ClassVar[int | None] = None
    family: ClassVar[str]
    adaptive: ClassVar[bool] = False
    error_order: ClassVar[int] = 0
    first_error_order: ClassVar[int | None] = None
    past: ClassVar[int] = 1
    stages: ClassVar[int]
    held: ClassVar[bool] = False
    takes_mass: ClassVar[bool] = False
    reference: ClassVar[str]

    @abc.abstractmethod
    def check(self, eq: Equation) -> None:
        """Raise `InputError` unless this method can treat the parts of the equation."""

    @abc.abstractmethod
    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Any:
        """What the first step may reuse (e.g. f at the start): `memory`."""

    @abc.abstractmethod
    def step(
        self,
        eq: Equation,
        t: Array,
        h: Array,
        u: State,
        memory: Any,
        args: Any,
        tolerance: Tolerance | None = None,
    ) -> Step:
        """One step from t to t + h. t and h are in the time precision, the state in its own.

        Methods that iterate stop by `tolerance`; without one (fixed steps) they iterate to round-off.
        """

    @abc.abstractmethod
    def keep(self, accepted: Array, new: Any, old: Any) -> Any:
        """The memory after an attempt: `new` where the step was accepted, what is still valid otherwise."""

    @abc.abstractmethod
    def slope(self, memory: Any) -> State:
        """The part of du/dt that limits the first step size."""

    def fitted(self, eq: Equation, u: State, args: Any) -> Method:
        """This method made ready for an equation before anything is compiled, e.g. with the sparsity of the
        Jacobian. `u` may be traced."""
        del eq, u, args
        return self

    def counters(self, memory: Any) -> Any:
        """The part of the memory that counts work; small, fetched once at the end."""
        del memory
        return None

    def work(self, counters: Any, attempts: Any) -> Work:
        """What the run has cost, from its counters and the number of attempted steps."""
        del counters
        return Work(1 + attempts * self.stages, 0 * attempts, 0 * attempts, 0 * attempts)

    def notes(self, counters: Any) -> str:
        """What a user should know of a finished run, as a sentence that is added to `solution.why`."""
        del counters
        return ""


class Interpolating(Method):
    """A method that can give states inside a step; other methods land on the times asked for.

    `dense_order`: the error of such a state is of order min(order, dense_order) + 1 in h.
    """

    dense_order: ClassVar[int] = 3

    @abc.abstractmethod
    def interpolate(self, theta: Array, h: Array, u: State, step: Step, memory: Any) -> State:
        """The state at t + θh inside an accepted step that started from u with `memory`."""


def precise(x: Array, u: State) -> Array:
    """A time or step size in the real precision of the state."""
    return x.astype(real_dtype(u))


def add_scaled(u: State, h: Array, factors: Sequence[float], slopes: Sequence[State]) -> State:
    """u + h Σ factor·slope, without the zero terms. u may be None: then h Σ factor·slope."""
    pairs = [(f, k) for f, k in zip(factors, slopes, strict=True) if f != 0]

    def combine(*leaves: Array) -> Array:
        total = leaves[0] if pairs[0][0] == 1 else pairs[0][0] * leaves[0]
        for (factor, _), k in zip(pairs[1:], leaves[1:], strict=True):
            total = total + factor * k
        return times(h, total)

    change = jax.tree.map(combine, *[k for _, k in pairs])
    return change if u is None else jax.tree.map(jnp.add, u, change)


def where(condition: Array, new: State, old: State) -> State:
    """Entrywise choice between two states."""
    return jax.tree.map(lambda a, b: jnp.where(condition, a, b), new, old)
