"""Equal steps whose number is known beforehand: a plain scan, which JAX can differentiate backwards."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.compiled import compiled, is_traced
from duhamel.loop import Problem, Run
from duhamel.norm import finite
from duhamel.plan import Plan
from duhamel.status import Status
from duhamel.stepping import Fixed

__all__ = ["fixed_run", "runs_fixed"]


def runs_fixed(plan: Plan, t0: Any, t1: Any) -> bool:
    """Whether the number of steps can be known while tracing."""
    return isinstance(plan.problem.stepping, Fixed) and not is_traced(
        (t0, t1, plan.problem.stepping, plan.times)
    )


def fixed_run(plan: Plan, t0: Any, t1: Any, memory: Any = "all") -> tuple[Run, Array, Any]:
    """The run, the saved times and the saved states.

    The way between consecutive times to meet is divided into the same number of steps, the smallest for which
    none is longer than dt. What a backward pass finds: with "all" every step with its stages; otherwise some
    of the states, between which steps are taken again: about √n of n with "sqrt", or so many as `memory`
    says (the saved states come on top).
    """
    dt = float(plan.problem.stepping.dt)  # pyright: ignore[reportAttributeAccessIssue]
    begin, end = float(t0), float(t1)
    if plan.save.all_steps:
        total = max(1, int(np.ceil((end - begin) / dt * (1 - 1e-9))))
        knots = begin + (end - begin) * np.arange(total + 1) / total
    elif plan.times is None:
        knots = np.array([begin, end])
    else:
        knots = np.unique(np.concatenate([[begin], np.asarray(plan.times), [end]]))
    lengths = np.diff(knots)
    pieces = int(np.ceil(lengths.max(initial=0.0) / dt * (1 - 1e-9)))
    if pieces * len(lengths) > plan.most:
        lengths, pieces = lengths[:0], 0
    status, counters, us = _scan(
        plan.problem,
        plan.t0,
        plan.u,
        knots[:-1],
        _equalised(lengths / max(pieces, 1)),
        _Count(pieces),
        _Count(_group(pieces, len(lengths), memory)),
    )
    kept = _kept(knots, plan, end)
    us = jax.tree.map(lambda v: v[kept], us)
    steps = jnp.asarray(pieces * len(lengths), jnp.int32)
    t = jnp.asarray(end, plan.t0.dtype)
    zero = jnp.zeros_like(t)
    run = Run(t, zero, None, counters, t, t, t, zero, status, steps, jnp.zeros_like(steps), None)
    return run, jnp.asarray(knots[kept], plan.t0.dtype), us


class _Count(int):
    """A number of steps: static, since the scan must know it. (Plain ints are traced.)"""


def _group(pieces: int, stretches: int, memory: Any) -> int:
    """How many steps there are from one state that is kept to the next; 0 if all is kept."""
    total = pieces * stretches
    if memory == "all" or total == 0:
        return 0
    kept = np.sqrt(total) if memory == "sqrt" else max(memory, 1)
    return int(min(max(np.ceil(total / kept), 1), pieces))


def _equalised(h: np.ndarray) -> np.ndarray:
    """Steps that agree up to round-off made equal, so that weights are computed once."""
    return np.where(abs(h - h.mean()) <= 1e-12 * h.mean(), h.mean(), h) if h.size else h


def _kept(knots: np.ndarray, plan: Plan, end: float) -> np.ndarray:
    if plan.save.all_steps:
        return np.arange(len(knots))
    if plan.times is None:
        return np.array([len(knots) - 1])
    return np.searchsorted(knots, np.asarray(plan.times))


def _scan_steps(
    problem: Problem, t0: Array, u: Any, starts: Array, lengths: Array, pieces: int, group: int
) -> tuple[Array, Any, Any]:
    eq, method, args = problem.eq.rounded(u), problem.method, problem.args

    def one(carry: Any, index: Array, start: Array, h: Array) -> Any:
        u, memory, failed = carry
        step = method.step(eq, start + index.astype(h.dtype) * h, h, u, memory, args)
        failed = failed if step.failed is None else failed | step.failed
        return (eq.project(step.u), step.memory, failed), None

    def stretch(carry: Any, knot: Any) -> Any:
        start, h = knot

        def some(carry: Any, indices: Array) -> Any:
            return jax.lax.scan(lambda c, i: one(c, i, start, h), carry, indices)

        # As many groups as fit, and what is left over.
        size = int(group) or int(pieces)
        whole = int(pieces) // max(size, 1) * size
        indices = jnp.arange(int(pieces))
        if group:
            some = jax.checkpoint(some, prevent_cse=False)
            if whole > size:
                carry, _ = jax.lax.scan(some, carry, indices[:whole].reshape(-1, size))
            elif whole:
                carry, _ = some(carry, indices[:whole])
            indices = indices[whole:]
        if indices.size:
            carry, _ = some(carry, indices)
        return carry, carry[0]

    memory = method.init(eq, t0, u, args)
    (last, kept, failed), later = jax.lax.scan(stretch, (u, memory, jnp.zeros((), bool)), (starts, lengths))
    us = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), u, later)
    status = jnp.where(failed, Status.step_too_small, Status.done)
    status = jnp.where(finite(eq, last), status, Status.not_finite).astype(jnp.int32)
    return status, method.counters(kept), jax.vmap(eq.decode)(us)


_scan = compiled(_scan_steps)
