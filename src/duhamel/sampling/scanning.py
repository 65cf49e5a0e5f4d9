"""`sample` in JAX: the rows of a plan as one `lax.scan`, so that compile time does not grow with the
steps."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from duhamel.sampling.noise import seeds_of
from duhamel.sampling.program import x0_relation
from duhamel.sampling.table import Plan

__all__ = ["columns_of", "draws_of", "first_carry", "row_body", "scanned"]


def scanned(ask: Any, state: Any, plan: Plan, noise: Any, last: int, keep: bool, on_x0: Any) -> Any:
    """Run rows state.i … last − 1. One scan for each stretch of rows that all ask, or all do not ask, the
    network."""
    from duhamel.sampling.running import State

    x = state.x
    narrow = x.dtype if state.narrow is None else state.narrow
    wide = x.dtype if x.dtype.itemsize > 2 else jnp.dtype("float32")
    columns = columns_of(plan, x.ndim, wide)
    draw = draws_of(noise, x, wide) if plan.stochastic else None
    body = row_body(ask, plan, narrow, wide, draw, on_x0)
    carry = first_carry(state, plan, x.astype(wide), ask, columns, narrow)
    for asks, group in groupby(range(state.i, last), key=lambda i: bool(plan.asks[i])):
        rows = list(group)
        part = {name: value[rows[0] : rows[-1] + 1] for name, value in columns.items()}
        carry, _ = jax.lax.scan(lambda c, row, asks=asks: (body(c, row, asks), None), carry, part)
    xs, ms, memory = carry
    if not keep:
        return xs[0].astype(narrow)
    states = {last - k: xs[k] for k in range(1, len(xs)) if last - k >= 0}
    outputs = {last - 1 - k: m for k, m in enumerate(ms) if last - 1 - k >= 0}
    return State(last, xs[0], states, outputs, memory, state.narrow)


def columns_of(plan: Plan, ndim: int, wide: Any) -> dict[str, Any]:
    """The plan's columns as arrays whose first axis is the row."""
    found = {"i": jnp.arange(len(plan)), "model_time": jnp.asarray(plan.model_time, wide)}
    a, b = (
        np.stack(values) for values in zip(*(x0_relation(plan, i) for i in range(len(plan))), strict=True)
    )
    named = {"x": plan.x, "m": plan.m, "z": plan.z, "scale_in": plan.scale_in, "a": a, "b": b}
    if plan.bias is not None:
        named["bias"] = plan.bias
    lags = {"x": 2, "m": 2, "z": 2}
    for name, value in named.items():
        fixed = lags.get(name, 1)
        if plan.axis == "sample" and value.ndim > fixed:
            value = value.reshape(*value.shape, *(1,) * (ndim - 1))
        found[name] = jnp.asarray(value, wide)
    return found


def first_carry(
    state: Any, plan: Plan, x: Any, ask: Any, columns: dict[str, Any], narrow: Any
) -> tuple[Any, ...]:
    """The newest states and outputs; what does not exist yet is zero, and multiplied by zero."""
    i = state.i
    known = {j: value.astype(x.dtype) for j, value in state.states.items()}
    xs = [x] + [known.get(i - k, jnp.zeros_like(x)) for k in range(1, plan.x.shape[1])]
    memory = state.memory
    if memory is None and hasattr(ask, "memory"):
        memory = ask.memory(state.x)
    remembered = () if memory is None else (memory,)
    time = jax.ShapeDtypeStruct(columns["model_time"].shape[1:], _told(narrow))
    like = jax.eval_shape(
        ask, jax.ShapeDtypeStruct(x.shape, narrow), time, jax.ShapeDtypeStruct((), jnp.int32), *remembered
    )
    like = like if memory is None else like[0]
    blank = jnp.zeros(like.shape, like.dtype)
    ms = [state.outputs.get(i - 1 - k, blank) for k in range(plan.m.shape[1])]
    return tuple(xs), tuple(ms), memory


def _told(narrow: Any) -> Any:
    """The dtype of model times."""
    return narrow if narrow.itemsize > 2 else jnp.dtype("float32")


def row_body(ask: Any, plan: Plan, narrow: Any, wide: Any, draw: Any, on_x0: Any) -> Any:
    """One row as a function (carry, columns of the row, whether it asks) -> carry."""

    told = _told(narrow)

    def body(carry: tuple[Any, ...], row: dict[str, Any], asks: bool) -> tuple[Any, ...]:
        xs, ms, memory = carry
        x = xs[0]
        if asks:
            given = (x * row["scale_in"]).astype(narrow), row["model_time"].astype(told), row["i"]
            m, memory = (ask(*given), None) if memory is None else ask(*given, memory)
            if on_x0 is not None:
                kept, m = m.dtype, m.astype(wide)
                estimate = row["a"] * x + row["b"] * m
                m = (m + (on_x0(estimate) - estimate) / row["b"]).astype(kept)
        else:
            m = jnp.zeros_like(ms[0])
        ms = (m, *ms[:-1])
        total: Any = sum(row["x"][k] * xs[k] for k in range(len(xs)))
        total = total + sum(row["m"][k] * ms[k].astype(wide) for k in range(len(ms)))
        for k in range(plan.z.shape[1]):
            total = total + row["z"][k] * draw(row["i"] - k)
        if plan.bias is not None:
            total = total + row["bias"]
        return (total, *xs[:-1]), ms, memory

    return body


def draws_of(noise: Any, x: Any, wide: Any) -> Any:
    """Unit normals of a row, counter based: a key for each sample, folded with the row."""
    if callable(noise):
        return lambda i: jnp.asarray(noise(i, x)).astype(wide)
    if isinstance(noise, jax.Array) and jnp.issubdtype(noise.dtype, jax.dtypes.prng_key):
        keys = noise if noise.ndim else jax.random.split(noise, x.shape[0])
    else:
        pairs = seeds_of(noise, x.shape[0])
        keys = jnp.stack([jax.random.fold_in(jax.random.key(seed % 2**63), place) for seed, place in pairs])
    return lambda i: jax.vmap(lambda key: jax.random.normal(jax.random.fold_in(key, i), x.shape[1:], wide))(
        keys
    )
