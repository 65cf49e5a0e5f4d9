"""Direct: the accepted steps as a scan, which JAX differentiates in every mode and order."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.errors import InputError
from duhamel.gradient.recording import Point
from duhamel.gradient.replay import Result, recorded
from duhamel.gradient.steps import Job, Walk
from duhamel.observe import Nothing

__all__ = ["directed"]


def directed(job: Job, most: Any, limit: int | None) -> Result:
    """A run of at most `limit` attempts, taken twice: once to find its steps, once to have derivatives."""
    if limit is None:
        raise InputError(
            "gradient=dh.Direct() needs max_steps=…: a scan must know its length. With dh.Fixed(dt) and "
            "plain times it is known."
        )
    result, trail = recorded(job, most, limit)
    walk = Walk(job)
    first = walk.first()
    slots = jnp.arange(job.ts.shape[0], dtype=jnp.int32)
    at_start = walk.at_start()

    def begun(v: Array) -> Array:
        return jnp.zeros((slots.size, *v.shape), v.dtype).at[0].set(jnp.where(at_start, v, 0))

    def turn(carry: Any, index: Array) -> tuple[Any, None]:
        point, record, observed = carry
        live = index < trail.count
        # Turns that are not needed repeat the first step, so that nothing in them can go wrong.
        i = jnp.where(live, index, 0)
        after = jnp.where(i + 1 < trail.count, trail.times[jnp.minimum(i + 1, limit - 1)], result.run.t)
        place = walk.place(i, trail.times[i], trail.lengths[i], after)
        from_ = jax.tree.map(lambda a, b: jnp.where(live, a, b), point, first)
        new, step = walk.step(from_, place)
        hit = live & (slots >= place.low) & (slots < place.high)
        values = jax.vmap(lambda s: walk.value(from_, step, place, s))(slots) if walk.inside else step.u

        def put(old: Array, value: Array) -> Array:
            return jnp.where(hit.reshape(-1, *[1] * (old.ndim - 1)), value, old)

        kept = jax.tree.map(lambda a, b: jnp.where(live, a, b), new, point)
        more = jnp.where(live, walk.observed(from_, new, step, place), 0.0)
        return (Point(*kept), jax.tree.map(put, record, values), observed + more), None

    start = (first, jax.tree.map(begun, first.u), jnp.zeros_like(result.observed))
    (last, record, observed), _ = jax.lax.scan(turn, start, jnp.arange(limit, dtype=jnp.int32))
    if isinstance(job.problem.observer, Nothing):
        record = jax.tree.map(lambda v: v[None], last.u)
    return Result(record, observed, result.run)
