"""What one test problem is: plain data, a way to solve it, and a way to measure how well that went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, PyTree

from duhamel.equation import Equation, as_equation, with_mass
from duhamel.errors import InputError
from duhamel.solution import Solution
from duhamel.solve import solve
from duhamel.spaces import Fourier
from duhamel.stepping import Adaptive

__all__ = ["Hamiltonian", "Problem", "Reference"]


@dataclass(frozen=True)
class Reference:
    """The state at one time, as known from elsewhere.

    t         the time
    u         numbers, of the shape that `part` returns; without `part`, of the state itself
    accuracy  the error, as `Problem.error` measures it, that these numbers may have
    source    who published them, or "computed: …" and how
    part      takes out of a state the numbers that were published, where they are not all of it
    """

    t: float
    u: PyTree[np.ndarray]
    accuracy: float
    source: str
    part: Callable[[Any], Any] | None = None


class Hamiltonian(NamedTuple):
    """q' = ∂H/∂p, p' = −∂H/∂q for a separable H(q, p) = T(p) + V(q).

    `energy(q, p, args)` is H; `velocity(t, p, args)` is ∂T/∂p, `force(t, q, args)` is −∂V/∂q. `f` is both as
    one plain function of the state (q, p), to compare with methods that know nothing of the split.
    """

    energy: Callable[..., Any]
    velocity: Callable[..., Any]
    force: Callable[..., Any]

    def f(self, t: Array, u: tuple[Any, Any], args: Any) -> tuple[Any, Any]:
        """(∂T/∂p, −∂V/∂q)."""
        return self.velocity(t, u[1], args), self.force(t, u[0], args)


@dataclass(frozen=True)
class Problem:
    """An initial value problem M du/dt = f(t, u, args), u(t0) = u0, with what is known of its solution.

    name        lower case with hyphens
    set         where it belongs: "detest", "hairer-wanner", "ivp-test-set", …
    equation    a function f(t, u, args) in JAX, or an `Equation` of Linear and Nonlinear parts
    u0          the state at t0: an array, a pytree, or for a `pde` what its space takes
    t1          end time
    physics     one line: what it models, and what is hard about it
    literature  authors (year), journal or book
    args        parameters of f, a dict of numbers by name
    exact       u(t) for a time, traceable by JAX
    references  published or computed states at single times
    mass        M, of shape (n, n), or (n,) if diagonal; None for the identity
    stiff       whether stability rather than accuracy bounds the steps of explicit methods
    kind        "ode", "dae", "pde" or "hamiltonian"
    scale       size below which an error counts as absolute; also the ratio atol/rtol of a sensible run
    breaks      times at which f or one of its derivatives in time jumps
    hamiltonian its energy, velocity and force, where it has these
    space, text where a `pde` lives, and how it is written
    """

    name: str
    set: str
    equation: Callable[..., Any] | Equation
    u0: Any
    t1: float
    physics: str
    literature: str
    t0: float = 0.0
    args: Any = None
    exact: Callable[[Array], Any] | None = None
    references: tuple[Reference, ...] = ()
    mass: np.ndarray | None = None
    stiff: bool = False
    kind: str = "ode"
    scale: float | np.ndarray = 1.0
    breaks: tuple[float, ...] = ()
    hamiltonian: Hamiltonian | None = None
    space: Fourier | None = None
    text: str = field(default="", repr=False)

    @property
    def posed(self) -> Equation:
        """The equation with its mass matrix, as `dh.solve` takes it."""
        equation = as_equation(self.equation)
        return equation if self.mass is None else with_mass(equation, self.mass)

    @property
    def unknowns(self) -> int:
        """How many numbers a state has; those at the grid points for a `pde`."""
        if self.space is not None:
            return int(np.prod(self.space.shape))
        return sum(np.size(v) for v in jax.tree.leaves(self.u0))

    def solve(
        self, method: Any = None, step: Any = None, *, rtol: float = 1e-6, t1: Any = None, **options: Any
    ) -> Solution:
        """`dh.solve` from u0 to t1. Without `step`, adaptive with `rtol` and atol = rtol·scale.

        `options` are those of `dh.solve`: save, gradient and so on.
        """
        if step is None:
            step = Adaptive(rtol=rtol, atol=rtol * self.scale)
        end = self.t1 if t1 is None else t1
        return solve(
            self.posed, self.u0, t0=self.t0, t1=end, args=self.args, method=method, step=step, **options
        )

    def reference(self, t: float | None = None) -> Reference:
        """What is known of the state at t (default t1): the exact solution, else the numbers on record.

        Raises InputError where nothing is.
        """
        time = self.t1 if t is None else float(t)
        if self.exact is not None:
            return Reference(
                time, jax.tree.map(np.asarray, self.exact(jax.numpy.asarray(time))), 0.0, "exact"
            )
        for found in self.references:
            if found.t == time:
                return found
        known = ", ".join(f"{found.t:g}" for found in self.references) or "no time"
        raise InputError(f"the solution of '{self.name}' is not on record at t={time:g}; it is at {known}.")

    def error(self, u: Any, t: float | None = None) -> float:
        """The largest entry of |u − reference| / (scale + |reference|) at t (default t1).

        `u` is a state, or a `Solution`, of which the last saved state counts.
        """
        state = jax.tree.map(lambda v: v[-1], u.us) if isinstance(u, Solution) else u
        return self.distance(state, self.reference(t))

    def distance(self, u: Any, reference: Reference) -> float:
        """The error of a state against one reference."""
        if reference.part is not None:
            u = reference.part(u)
        pairs = zip(jax.tree.leaves(u), jax.tree.leaves(reference.u), strict=True)
        return max(self._entries(np.asarray(a), np.asarray(b), reference) for a, b in pairs)

    def _entries(self, u: np.ndarray, wanted: np.ndarray, reference: Reference) -> float:
        if u.shape != wanted.shape:
            raise InputError(f"'{self.name}' has states of shape {wanted.shape}, this is {u.shape}.")
        scale = self.scale if reference.part is None else np.min(self.scale)
        return float(np.max(abs(u - wanted) / (scale + abs(wanted))))
