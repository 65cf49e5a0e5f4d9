"""Loops, branches and functions with derivatives of their own, on values whose last axis is over the
samples."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from duhamel.batch.lane import Block, Lane, Rule, single, spread

__all__ = ["FLAGS", "RULES"]


def _lanes(values: Any, flags: Any) -> list[Lane]:
    return [Lane(v, f) for v, f in zip(values, flags, strict=True)]


def _firm(lane: Lane, many: bool, size: int) -> Array:
    """What a loop may carry: with a sample axis or without, and never of a dtype that gives way."""
    value = spread(lane, size) if many else jnp.asarray(lane.value)
    return lax.convert_element_type(value, value.dtype)


def _firmly(block: Block, program: Any, inputs: list[Lane], flags: list[bool]) -> list[Array]:
    results = block.run(program, inputs)
    return [_firm(x, many, block.size) for x, many in zip(results, flags, strict=True)]


def _flags_of(inputs: list[Lane]) -> list[bool]:
    return [x.many for x in inputs]


# --- scan


def _scan_flags(block: Block, eqn: Any, flags: list[bool]) -> list[bool]:
    p = eqn.params
    n, m = p["num_consts"], p["num_consts"] + p["num_carry"]
    carry = flags[n:m]
    while True:
        out = block.flags(p["jaxpr"], [*flags[:n], *carry, *flags[m:]])
        after = [a or b for a, b in zip(carry, out[: m - n], strict=True)]
        if after == carry:
            return [*carry, *out[m - n :]]
        carry = after


def _scan(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    p = eqn.params
    n, k = p["num_consts"], p["num_carry"]
    flags = _scan_flags(block, eqn, _flags_of(inputs))
    over = _flags_of(inputs[n + k :])

    def body(carry: list[Array], xs: list[Array]) -> tuple[list[Array], list[Array]]:
        given = [*inputs[:n], *_lanes(carry, flags[:k]), *_lanes(xs, over)]
        out = _firmly(block, p["jaxpr"], given, flags)
        return out[:k], out[k:]

    start = [_firm(x, f, block.size) for x, f in zip(inputs[n : n + k], flags[:k], strict=True)]
    xs = [x.value for x in inputs[n + k :]]
    carry, ys = lax.scan(body, start, xs, length=p["length"], reverse=p["reverse"], unroll=p["unroll"])
    return _lanes([*carry, *ys], flags)


# --- while


def _while_flags(block: Block, eqn: Any, flags: list[bool]) -> list[bool]:
    p = eqn.params
    n, m = p["cond_nconsts"], p["cond_nconsts"] + p["body_nconsts"]
    carry = flags[m:]
    while True:
        if any(block.flags(p["cond_jaxpr"], [*flags[:n], *carry])):
            return [True] * len(carry)
        out = block.flags(p["body_jaxpr"], [*flags[n:m], *carry])
        after = [a or b for a, b in zip(carry, out, strict=True)]
        if after == carry:
            return carry
        carry = after


def _while(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    p = eqn.params
    n, m = p["cond_nconsts"], p["cond_nconsts"] + p["body_nconsts"]
    flags = _while_flags(block, eqn, _flags_of(inputs))
    each = block.flags(p["cond_jaxpr"], [*_flags_of(inputs[:n]), *flags])[0]

    def going(carry: list[Array]) -> Array:
        return block.run(p["cond_jaxpr"], [*inputs[:n], *_lanes(carry, flags)])[0].value

    def body(carry: list[Array]) -> list[Array]:
        return _firmly(block, p["body_jaxpr"], [*inputs[n:m], *_lanes(carry, flags)], flags)

    start = [_firm(x, f, block.size) for x, f in zip(inputs[m:], flags, strict=True)]
    if not each:
        return _lanes(lax.while_loop(going, body, start), flags)

    def turn(state: tuple[Array, list[Array]]) -> tuple[Array, list[Array]]:
        live, old = state
        carry = [
            lax.select(jnp.broadcast_to(live, v.shape), v, w) for v, w in zip(body(old), old, strict=True)
        ]
        return live & going(carry), carry

    return _lanes(lax.while_loop(lambda s: jnp.any(s[0]), turn, (going(start), start))[1], flags)


# --- cond


def _cond_flags(block: Block, eqn: Any, flags: list[bool]) -> list[bool]:
    branches = [block.flags(b, flags[1:]) for b in eqn.params["branches"]]
    return [flags[0] or any(each) for each in zip(*branches, strict=True)]


def _cond(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    index, *operands = inputs
    programs = eqn.params["branches"]
    flags = _cond_flags(block, eqn, _flags_of(inputs))
    if not index.many:
        branches = [lambda p=p: _firmly(block, p, operands, flags) for p in programs]
        if len(branches) == 2:
            return _lanes(lax.cond(index.value != 0, branches[1], branches[0]), flags)
        return _lanes(lax.switch(index.value, branches), flags)
    results = [_firmly(block, p, operands, flags) for p in programs]
    which = index.value != 0 if len(programs) == 2 else jnp.clip(index.value, 0, len(programs) - 1)
    return [
        Lane(lax.select_n(jnp.broadcast_to(which, each[0].shape), *each), True)
        for each in zip(*results, strict=True)
    ]


# --- barriers


def _barrier(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    """Makes XLA compute the values once and store them.

    On processors it would drop the barrier, and compute sums anew wherever an entry of them is used. The
    inputs and results of a loop it does store, and it cannot see that this one has a single turn.
    """
    moving = [x.value for x in inputs if x.many]
    if block.always is None or not moving:
        results = iter(single(eqn)(*[x.value for x in inputs]))
        return [Lane(v, x.many) for v, x in zip(results, inputs, strict=True)]
    start = block.always, [jnp.zeros_like(v) for v in moving]
    _, stored = lax.while_loop(lambda c: c[0], lambda c: (jnp.zeros_like(c[0]), moving), start)
    rest = iter(stored)
    return [Lane(next(rest), True) if x.many else x for x in inputs]


# --- functions


def _called(name: str) -> tuple[Rule, Callable[[Block, Any, list[bool]], list[bool]]]:
    return (
        lambda block, eqn, inputs: block.run(eqn.params[name], inputs),
        lambda block, eqn, flags: block.flags(eqn.params[name], flags),
    )


def _custom_jvp(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    """The rule for derivatives is found again by differentiating the equation of one sample."""
    given = _flags_of(inputs)
    flags = [any(given)] * len(eqn.outvars)
    smooth = [i for i, x in enumerate(inputs) if jnp.issubdtype(x.dtype, jnp.inexact)]
    moving = [i for i, v in enumerate(eqn.outvars) if jnp.issubdtype(v.aval.dtype, jnp.inexact)]

    @jax.custom_jvp
    def call(*values: Any) -> list[Any]:
        return block.spread(eqn.params["call_jaxpr"], _lanes(values, given), flags)

    def one(*values: Any) -> list[Any]:
        points, ways = values[: len(inputs)], values[len(inputs) :]
        tangents = [np.zeros(jnp.shape(v), jax.dtypes.float0) for v in points]
        for i, way in zip(smooth, ways, strict=True):
            tangents[i] = way
        out, change = jax.jvp(single(eqn), points, tuple(tangents))
        return [*out, *[change[i] for i in moving]]

    @call.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        ways = [Lane(tangents[i], given[i]) for i in smooth]
        found = block.lifted(one, [*_lanes(primals, given), *ways])
        values = [spread(x, block.size) if flags[0] else x.value for x in found]
        out = values[: len(flags)]
        change: list[Any] = [np.zeros(v.shape, jax.dtypes.float0) for v in out]
        for i, value in zip(moving, values[len(flags) :], strict=True):
            change[i] = value
        return out, change

    return _lanes(call(*[x.value for x in inputs]), flags)


def _linear_solve(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane]:
    lengths, programs = eqn.params["const_lengths"], eqn.params["jaxprs"]
    bounds = np.cumsum([0, *lengths])
    if not any(x.many for x in inputs):
        return _lanes(single(eqn)(*[x.value for x in inputs]), [False] * len(eqn.outvars))
    consts = [inputs[a:b] for a, b in pairwise(bounds)]
    right = [spread(x, block.size) for x in inputs[bounds[-1] :]]
    flags = [True] * len(right)

    def applied(k: int) -> Callable[[list[Array]], list[Array]]:
        return lambda v: block.spread(programs[k], [*consts[k], *_lanes(v, flags)], flags)

    matvec, _, solve, back = (applied(k) if programs[k] is not None else None for k in range(4))
    assert matvec is not None
    assert solve is not None
    found = lax.custom_linear_solve(
        matvec,
        right,
        lambda _, b: solve(b),
        None if back is None else lambda _, b: back(b),
    )
    return _lanes(found, flags)


def _everything(block: Block, eqn: Any, flags: list[bool]) -> list[bool]:
    del block
    return [any(flags)] * len(eqn.outvars)


# --- over the samples


def _largest(block: Block, eqn: Any, inputs: list[Lane]) -> list[Lane] | None:
    """The maximum over the block: one for all samples."""
    if eqn.params["axes"] != (block.axis,):
        return None
    return [
        Lane(
            (jnp.any(x.value, -1) if x.dtype == bool else jnp.max(x.value, -1)) if x.many else x.value, False
        )
        for x in inputs
    ]


def _largest_flags(block: Block, eqn: Any, flags: list[bool]) -> list[bool]:
    return [False] * len(flags) if eqn.params["axes"] == (block.axis,) else [any(flags)] * len(flags)


_JIT, _JIT_FLAGS = _called("jaxpr")
RULES: dict[str, Rule] = {
    "scan": _scan,
    "while": _while,
    "cond": _cond,
    "optimization_barrier": _barrier,
    "jit": _JIT,
    "closed_call": _called("call_jaxpr")[0],
    "custom_jvp_call": _custom_jvp,
    "custom_linear_solve": _linear_solve,
    "pmax": _largest,
}
FLAGS: dict[str, Callable[[Block, Any, list[bool]], list[bool]]] = {
    "scan": _scan_flags,
    "while": _while_flags,
    "cond": _cond_flags,
    "jit": _JIT_FLAGS,
    "closed_call": _called("call_jaxpr")[1],
    "pmax": _largest_flags,
    "optimization_barrier": lambda block, eqn, flags: flags,
}
