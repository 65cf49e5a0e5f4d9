"""What one step adds to a quantity observed, differentiated by itself: for local regularisation."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient as frozen
from jaxtyping import Array

from duhamel.gradient.observed import Taken, check_observed, quantities
from duhamel.methods import Tsit5
from duhamel.norm import Tolerance
from duhamel.plan import make_plan
from duhamel.stepping import Adaptive, Fixed

__all__ = ["one_step"]


def one_step(
    eq: Any,
    t: Any,
    u: Any,
    h: Any,
    *,
    of: str = "error",
    args: Any = None,
    method: Any = None,
    step: Fixed | Adaptive | None = None,
) -> Array:
    """What a step from (t, u) of length h adds to the quantity `of`, a scalar: h‖e‖ for "error", and so on
    for all that `dh.solve(observe=…)` knows.

    Differentiable with respect to `args` and what `eq` closes over, by plain AD through this one step; t, u
    and h are held fixed. So it can be added to a loss whose solve is differentiated in any way, or not at all
    (Pal, Edelman & Rackauckas, ICML 2023). `method` (default: Tsit5) and `step` (its tolerances count for
    "steps") as in `dh.solve`. Cost: the stages of one step, forwards and backwards.

    Raises `InputError` where the method cannot give the quantity.
    """
    t, u, h = frozen((jnp.asarray(t), u, jnp.asarray(h)))
    clock = jnp.result_type(float)
    plan = make_plan(
        eq, u, t, t.astype(clock) + h.astype(clock), args, method or Tsit5(), step, None, None, True
    )
    p = plan.problem
    (name,) = check_observed((of,), p.method, p.stepping)
    stepping = p.stepping
    tolerance = Tolerance(stepping.rtol, stepping.atol) if isinstance(stepping, Adaptive) else None
    equation, start, length = p.eq.rounded(plan.u), t.astype(clock), h.astype(clock)
    memory = p.method.init(equation, start, plan.u, p.args)
    taken = p.method.step(equation, start, length, plan.u, memory, p.args, tolerance)
    taken = taken._replace(u=equation.project(taken.u))
    after = p.method.keep(jnp.ones((), bool), taken.memory, memory)
    found = Taken(equation, p.method, start, length, plan.u, memory, taken, after, p.args, tolerance)
    return jnp.reshape(quantities((name,), found), ())


def drawn(key: Array, low: Any, high: Any) -> Array:
    """A time between two times, uniformly, in the default precision."""
    dtype = jnp.result_type(float)
    low, high = jnp.asarray(low, dtype), jnp.asarray(high, dtype)
    return low + (high - low) * jax.random.uniform(key, (), dtype)
