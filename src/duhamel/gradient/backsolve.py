"""Backsolve: the adjoint equation, integrated backwards in time together with the state."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from duhamel.compiled import joined, parted
from duhamel.equation import Equation, Nonlinear
from duhamel.errors import InputError
from duhamel.gradient.reach import is_smooth
from duhamel.gradient.replay import Result, plainly, rejoined
from duhamel.gradient.steps import Job
from duhamel.loop import Problem, advance, start
from duhamel.methods.base import precise
from duhamel.observe import Nothing, Times
from duhamel.stepping import Adaptive

__all__ = ["backsolved"]

_FAMILIES = ("explicit", "stiff", "auto")


def backsolved(job: Job, most: Any) -> Result:
    """A run whose cotangents solve dā/dt = −(∂f/∂u)ᵀ ā backwards from each saved state to the one before."""
    _check(job)
    key, numbers = parted(job)
    return rejoined(job, _run(key, [jnp.asarray(v) for v in numbers], most))


def _check(job: Job) -> None:
    problem = job.problem
    if job.observe:
        raise InputError(
            "gradient=dh.Backsolve() cannot differentiate what is observed of steps: use dh.Replay()."
        )
    if problem.method.family not in _FAMILIES or problem.eq.mass is not None:
        raise InputError(
            f"gradient=dh.Backsolve() solves the adjoint equation as a plain function, with an explicit or "
            f"stiff method and no mass matrix; {problem.method.name} is of the family "
            f"{problem.method.family}: use dh.Replay()."
        )
    if not isinstance(problem.observer, Nothing | Times):
        raise InputError(
            "gradient=dh.Backsolve() knows states at t1 or at Save(ts=…): use dh.Replay() for all steps."
        )
    stepping = problem.stepping
    if isinstance(stepping, Adaptive) and len(jax.tree.leaves((stepping.rtol, stepping.atol))) > 2:
        raise InputError("gradient=dh.Backsolve() takes rtol and atol as single numbers.")


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(key: Any, numbers: list[Array], most: Any) -> list[Array]:
    return jax.tree.leaves(plainly(joined(key, numbers), most))


def _forward(key: Any, numbers: list[Array], most: Any) -> tuple[list[Array], Any]:
    out: Any = _run(key, numbers, most)
    return out, (numbers, out[: len(jax.tree.leaves(joined(key, numbers).u))], most)


def _backward(key: Any, kept: Any, cotangents: list[Any]) -> tuple[list[Any], Any]:
    numbers, states, most = kept
    job: Job = joined(key, numbers)
    form = jax.tree.structure(job.u)
    us, bars = (jax.tree.unflatten(form, list(v)) for v in (states, cotangents[: len(states)]))
    ends, found = _swept(job, us, bars, most)
    zero = jax.tree.map(jnp.zeros_like, job)
    u_bar, sums, start_bar = ends
    eq, args = sums
    problem = zero.problem._replace(eq=eq, args=args)
    if isinstance(job.problem.observer, Nothing):
        problem = problem._replace(t1=found[0].astype(job.problem.t1.dtype))
        result = Job(problem, start_bar, u_bar, zero.ts, zero.count, job.observe)
    else:
        result = Job(problem, start_bar, u_bar, found, zero.count, job.observe)
    leaves = parted(result)[1]
    matched = [_like(v, n) for v, n in zip(leaves, numbers, strict=True)]
    return matched, np.zeros(np.shape(most), jax.dtypes.float0)


_run.defvjp(_forward, _backward)


def _like(v: Any, number: Array) -> Any:
    if is_smooth(number):
        return jnp.asarray(v).astype(number.dtype)
    return np.zeros(number.shape, jax.dtypes.float0)


def _swept(job: Job, us: PyTree, bars: PyTree, most: Any) -> tuple[Any, Array]:
    """Cotangents of the initial state, of (equation, arguments) and of t0; and of the times saved at."""
    problem = job.problem
    knots = jnp.asarray(problem.t1)[None] if isinstance(problem.observer, Nothing) else job.ts
    starts = jnp.concatenate([jnp.asarray(job.t0)[None], knots[:-1]])
    both, fixed = _smooth((problem.eq, problem.args))
    t_of = jnp.asarray(job.t0).dtype

    def rhs(t: Array, u: PyTree, numbers: Any) -> PyTree:
        eq, args = _whole(numbers, fixed)
        return eq.rounded(u).rhs(precise(t, u), u, args)

    def back(s: Array, state: Any, end: Any) -> Any:
        u, bar, _ = state
        t, numbers = end
        value, pull = jax.vjp(lambda v, n: rhs(t - s.astype(t_of), v, n), u, numbers)
        du, dn = pull(bar)
        return jax.tree.map(jnp.negative, value), du, dn

    def slope(t: Array, u: PyTree, bar: PyTree) -> Array:
        parts = jax.tree.map(lambda a, b: jnp.sum(a * b).real, bar, rhs(t, u, both))
        return sum(v.astype(t_of) for v in jax.tree.leaves(parts)) + jnp.zeros((), t_of)

    def turn(carry: Any, row: Any) -> Any:
        bar, sums = carry
        begin, end, u, more = row
        bar = jax.tree.map(jnp.add, bar, more)
        inner = Problem(
            Equation((Nonlinear(back),)),
            problem.method,
            problem.stepping,
            Nothing(),
            end - begin,
            (end, both),
        )
        zero = jnp.zeros_like(end)
        run = start(inner, zero, (u, bar, sums), end[None], jnp.zeros((), jnp.int32))
        before, bar, sums = advance(inner, run, most, jnp.asarray(jnp.iinfo(jnp.int32).max)).u
        del before
        return (bar, sums), jnp.where(end > job.t0, slope(end, u, more), 0.0)

    none = jax.tree.map(lambda v: jnp.zeros_like(v[0]), bars)
    carry = (none, jax.tree.map(jnp.zeros_like, both))
    (bar, sums), found = jax.lax.scan(turn, carry, (starts, knots, us, bars), reverse=True)
    # A state saved at t0 is the initial state, whenever that is.
    at_start = knots[0] <= job.t0
    later = jax.tree.map(lambda b, more: b - jnp.where(at_start, more[0], 0), bar, bars)
    return (bar, _whole(sums, _still(fixed)), -slope(jnp.asarray(job.t0), job.u, later)), found


def _smooth(tree: Any) -> tuple[list[Array], Any]:
    """The leaves that carry derivatives, and the rest."""
    key, numbers = parted(tree)
    marks = tuple(is_smooth(v) for v in numbers)
    return (
        [jnp.asarray(v) for v, m in zip(numbers, marks, strict=True) if m],
        (key, marks, [v for v, m in zip(numbers, marks, strict=True) if not m]),
    )


def _whole(smooth: list[Array], fixed: Any) -> Any:
    key, marks, rest = fixed
    first, second = iter(smooth), iter(rest)
    return joined(key, [next(first) if m else next(second) for m in marks])


def _still(fixed: Any) -> Any:
    key, marks, rest = fixed
    return key, marks, [jnp.zeros_like(v) for v in rest]
