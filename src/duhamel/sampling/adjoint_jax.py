"""The discrete adjoint of a plan in JAX: see `adjoint`."""

from __future__ import annotations

from itertools import groupby
from math import isqrt
from typing import Any

import jax
import jax.numpy as jnp

from duhamel.sampling.guidance import bound
from duhamel.sampling.running import State
from duhamel.sampling.scanning import columns_of, draws_of, first_carry, row_body
from duhamel.sampling.table import Plan

__all__ = ["differentiable"]

Array = Any
Columns = dict[str, Array]


def differentiable(model: Any, x: Array, plan: Plan, memory: str, noise: Any) -> Array:
    """A run whose reverse pass makes again what it needs: scans of rematerialised rows, or rows undone."""
    ask = bound(model, plan)
    wide = x.dtype if x.dtype.itemsize > 2 else jnp.dtype("float32")
    # numbers, not tracers: the reverse pass closes over them
    with jax.ensure_compile_time_eval():
        columns = columns_of(plan, x.ndim, wide)
    if memory == "constant":
        return _reversible(ask, plan, columns, x, wide)
    draw = draws_of(noise, x, wide) if plan.stochastic else None
    body = row_body(ask, plan, x.dtype, wide, draw, None)
    carry = first_carry(State(0, x, {}, {}), plan, x.astype(wide), ask, columns, x.dtype)
    for asks, group in groupby(range(len(plan)), key=lambda i: bool(plan.asks[i])):
        rows = list(group)
        part = {name: value[rows[0] : rows[-1] + 1] for name, value in columns.items()}

        def step(carry: Any, row: Columns, asks: bool = asks) -> Any:
            return body(carry, row, asks), None

        once = jax.checkpoint(step)
        if memory == "all":
            carry, _ = jax.lax.scan(once, carry, part)
        else:
            carry = _in_parts(once, carry, part, len(rows))
    return carry[0][0].astype(x.dtype)


def _in_parts(once: Any, carry: Any, columns: Columns, count: int) -> Any:
    """A scan over parts of about √n rows; of each only its beginning is kept."""
    size = max(1, isqrt(count))
    whole = count // size

    def part(carry: Any, rows: Columns) -> Any:
        return jax.lax.scan(once, carry, rows)[0], None

    again = jax.checkpoint(part)
    split = {
        name: value[: whole * size].reshape(whole, size, *value.shape[1:]) for name, value in columns.items()
    }
    carry, _ = jax.lax.scan(again, carry, split)
    if count > whole * size:
        carry, _ = again(carry, {name: value[whole * size :] for name, value in columns.items()})
    return carry


def _reversible(ask: Any, plan: Plan, columns: Columns, x: Array, wide: Any) -> Array:
    """Rows of two states: the reverse pass undoes them one by one."""
    narrow, n = x.dtype, len(plan)
    columns = {
        name: columns[name] for name in ("i", "model_time", "scale_in", "x", "m", "bias") if name in columns
    }
    told, index = columns["model_time"], columns["i"]
    pure, closed = jax.closure_convert(ask, x, told[0], index[0])

    def output(row: Columns, x: Array, closed: Any) -> Array:
        return pure((x * row["scale_in"]).astype(narrow), row["model_time"], row["i"], *closed).astype(wide)

    def forward(x: Array, closed: Any) -> tuple[Array, Array]:
        def step(pair: Any, row: Columns) -> Any:
            x, before = pair
            after = row["x"][0] * x + row["x"][1] * before + row["m"][0] * output(row, x, closed)
            return (after + row["bias"] if "bias" in row else after, x), None

        start = x.astype(wide)
        return jax.lax.scan(step, (start, jnp.zeros_like(start)), columns)[0]

    @jax.custom_vjp
    def run(x: Array, closed: Any) -> Array:
        return forward(x, closed)[0].astype(narrow)

    def saved(x: Array, closed: Any) -> Any:
        end, before = forward(x, closed)
        return end.astype(narrow), (end, before, closed)

    def back(kept: Any, above: Array) -> Any:
        end, before, closed = kept

        def step(carry: Any, row: Columns) -> Any:
            after, x, after_bar, x_bar, closed_bar = carry
            m, pull = jax.vjp(lambda x, closed: output(row, x, closed), x, closed)
            slope, more = pull(row["m"][0] * after_bar)
            x_bar = x_bar + row["x"][0] * after_bar + slope
            known = after - row["x"][0] * x - row["m"][0] * m
            known = known - row["bias"] if "bias" in row else known
            by = row["x"][1]
            older = jnp.where(by == 0, x, known / jnp.where(by == 0, jnp.ones_like(by), by))
            closed_bar = jax.tree.map(jnp.add, closed_bar, more)
            return (x, older, x_bar, by * after_bar, closed_bar), None

        start = above.astype(wide)
        zeros = jax.tree.map(jnp.zeros_like, closed)
        carry = (end, before, start, jnp.zeros_like(start), zeros)
        (_, _, x_bar, _, closed_bar), _ = jax.lax.scan(step, carry, columns, length=n, reverse=True)
        return x_bar.astype(narrow), closed_bar

    run.defvjp(saved, back)
    return run(x, closed)
