"""From what a user says to what the loop needs: checks, defaults, and the division of the record."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PyTree

from duhamel.compiled import is_traced
from duhamel.consistent import check_mass
from duhamel.equation import Equation, as_equation
from duhamel.errors import InputError
from duhamel.gradient.closures import carried
from duhamel.loop import Problem
from duhamel.methods import METHODS, Method, choose
from duhamel.methods.base import Interpolating
from duhamel.observe import Nothing, Observer, Save, Steps, Times
from duhamel.stepping import Adaptive, Fixed

__all__ = ["MAX_STEPS", "Plan", "make_plan"]

MAX_STEPS = 100_000_000
# States that are handed out together: enough to make hand-overs rare, few enough to bound memory.
_SLOTS, _BYTES = 256, 256 * 2**20


_END = Save()


class Plan(NamedTuple):
    """A run that has been checked and can begin. `times` are all times to save at (None: not known in
    advance, or the end alone); `slots` of them are recorded per stretch."""

    problem: Problem
    why: str
    t0: Array
    u: PyTree
    times: Any
    slots: int
    most: int
    save: Save
    traced: bool

    def window(self, number: int) -> tuple[Any, Any]:
        """Times and their count for one stretch of the run, padded to the number of slots."""
        if self.times is None:
            first = int(self.save.all_steps and number == 0)
            return np.full(max(self.slots, 1), np.inf, self.t0.dtype), np.int32(first)
        if isinstance(self.times, jax.Array):
            return self.times.astype(self.t0.dtype), np.int32(self.slots)
        part = self.times[number * self.slots : (number + 1) * self.slots]
        padded = np.full(self.slots, np.inf, self.t0.dtype)
        padded[: len(part)] = part
        return padded, np.int32(len(part))


def make_plan(
    eq: Any,
    u0: Any,
    t0: Any,
    t1: Any,
    args: Any,
    method: Any,
    step: Any,
    save: Any,
    max_steps: int | None,
    traced: bool = False,
) -> Plan:
    """Check everything that can be checked before computing, and fill in the defaults.

    `traced` says that JAX is tracing although no argument shows it.
    """
    equation = as_equation(eq)
    state = equation.encode(u0)
    equation = carried(equation, state, args)
    traced = traced or is_traced((equation, state, t0, t1, args, step, save))
    start, end = _times(t0, t1)
    stepping = _stepping(step)
    chosen, why = _method(equation, state, args, method, isinstance(stepping, Adaptive))
    if isinstance(stepping, Adaptive) and not chosen.adaptive:
        names = ", ".join(n for n, m in METHODS.items() if m.adaptive)
        raise InputError(
            f"{chosen.name} has no error estimate, so it cannot adapt its steps: give step=dh.Fixed(dt), "
            f"or choose one of {names}."
        )
    if equation.mass is not None and not chosen.takes_mass:
        names = ", ".join(n for n, m in METHODS.items() if m.takes_mass)
        raise InputError(f"{chosen.name} takes no mass matrix; these do: {names}.")
    chosen.check(equation)
    equation.check(state)
    _check_tolerances(stepping, state)
    if equation.mass is not None:
        loose = (stepping.rtol, stepping.atol) if isinstance(stepping, Adaptive) else (1e-6, 1e-9)
        check_mass(equation, state, t0, args, *loose)
    chosen = chosen.fitted(equation, state, args)
    keep = _END if save is None else save
    if not isinstance(keep, Save):
        raise InputError(f"save takes dh.Save(...), got {type(keep).__name__}.")
    times = keep.times(t0, t1)
    most = MAX_STEPS if max_steps is None else int(max_steps)
    slots = _slots(state, keep, times, traced, max_steps)
    observer = _observer(keep, times, chosen, stepping, state, traced)
    problem = Problem(equation, chosen, stepping, observer, end, args)
    return Plan(problem, why, start, state, times, slots, most, keep, traced)


def _times(t0: Any, t1: Any) -> tuple[Array, Array]:
    dtype = jnp.result_type(float)
    for name, value in (("t0", t0), ("t1", t1)):
        known = not isinstance(value, Tracer)
        if known and (np.ndim(value) or not np.isrealobj(value) or not np.isfinite(float(value))):
            raise InputError(f"{name} must be a finite number, got {value!r}.")
    if not is_traced((t0, t1)) and float(t1) < float(t0):
        raise InputError(
            f"t1={float(t1):g} lies before t0={float(t0):g}. To go backwards in time, integrate the equation "
            "with the opposite sign forwards."
        )
    return _clock(t0, dtype), _clock(t1, dtype)


def _clock(value: Any, dtype: Any) -> Any:
    return value.astype(dtype) if isinstance(value, jax.Array) else np.asarray(value, dtype)


def _stepping(step: Any) -> Fixed | Adaptive:
    if step is None:
        return Adaptive()
    if isinstance(step, Fixed | Adaptive):
        return step
    raise InputError(f"step takes dh.Fixed(dt) or dh.Adaptive(rtol=…, atol=…), got {step!r}.")


def _method(eq: Equation, u: PyTree, args: Any, method: Any, adaptive: bool) -> tuple[Method, str]:
    if method is None:
        return choose(eq, u, args, adaptive)
    if isinstance(method, str):
        if method not in METHODS:
            raise InputError(f"there is no method {method!r}; there are {', '.join(METHODS)}.")
        method = METHODS[method]
    if isinstance(method, type) and issubclass(method, Method):
        method = method()
    if not isinstance(method, Method):
        raise InputError(f"method takes a method such as dh.Tsit5(), or its name, got {method!r}.")
    return method, "asked for"


def _check_tolerances(stepping: Fixed | Adaptive, state: PyTree) -> None:
    """Tolerances are numbers, or pytrees that fit the state."""
    if isinstance(stepping, Fixed):
        return
    for name in ("rtol", "atol"):
        leaves = jax.tree.leaves(getattr(stepping, name))
        if len(leaves) not in (1, len(jax.tree.leaves(state))):
            raise InputError(
                f"{name} has {len(leaves)} entries, the state {len(jax.tree.leaves(state))} arrays."
            )


def _slots(state: PyTree, save: Save, times: Any, traced: bool, max_steps: int | None) -> int:
    if save.all_steps:
        if not traced:
            return _block(state)
        if max_steps is None:
            raise InputError(
                "Save(steps=True) and Save(dense=True) inside jit, grad or vmap need max_steps=…: the room "
                "for the steps must be known before they are taken."
            )
        return int(max_steps) + 1
    if times is None:
        return 1
    return int(times.shape[0]) if traced else _block(state)


def _block(state: PyTree) -> int:
    size = sum(v.size * v.dtype.itemsize for v in jax.tree.leaves(state))
    return int(max(1, min(_SLOTS, _BYTES // max(size, 1))))


def _observer(
    save: Save, times: Any, method: Method, stepping: Fixed | Adaptive, state: PyTree, whole: bool
) -> Observer:
    if save.all_steps:
        return Steps()
    if times is None:
        return Nothing()
    interpolate = isinstance(method, Interpolating) and isinstance(stepping, Adaptive)
    return Times(interpolate=interpolate, block=_block(state), whole=whole)
