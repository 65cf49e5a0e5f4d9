"""Which entries of a function depend on which unknowns, read off its program.

The program of the derivative is interpreted once with sets of unknowns in place of numbers. Nothing of the
state is used, so what is found holds at all states and through all branches; constants of the program (index
arrays, matrices, masks) are used, so that their zeros are found too. What is not understood is taken to
depend on everything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax.core import Tracer
from jax.extend.core import ClosedJaxpr, Literal
from jaxtyping import Array

from duhamel.jacobian.sparsity.bits import Entry, combined, identity, places, plain, union
from duhamel.jacobian.sparsity.entrywise import ENTRYWISE, FLAT, evaluated, mul, select_n
from duhamel.jacobian.sparsity.indexing import INDEXING
from duhamel.jacobian.sparsity.movement import MOVEMENT
from duhamel.jacobian.sparsity.products import PRODUCTS

__all__ = ["LARGEST", "dependences"]

# Beyond this many unknowns the sets themselves become too large: 2 n²/128 bytes for each intermediate.
LARGEST = 20_000
# Loops are followed turn by turn up to this many operations in all; longer ones, as a whole.
_TURNS = 20_000
# Unions that a loop may need to settle before it is taken to mix everything.
_ROUNDS = 12

_RULES = {**MOVEMENT, **INDEXING, **PRODUCTS}
_INSIDE = ("jaxpr", "call_jaxpr", "call", "fun_jaxpr")


def dependences(
    f: Callable[..., Array], x: Any, *others: Any, most: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Rows and columns (i, j), sorted, of all entries of ∂f/∂x that may ever differ from zero; None if these
    are more than `most`.

    f(x, *others) maps a vector of shape (n,) to one; `x` and `others` are examples or shapes, whose values
    are not used. Where JAX cannot differentiate f (a given Jacobian replaces it then), None too.
    Time: about that of interpreting the program once with n/64 words an entry.
    """

    def derivative(v: Array, y: Array, *rest: Any) -> Array:
        return jax.jvp(lambda z: f(z, *rest), (y,), (v,))[1]

    n = x.shape[0]
    try:
        program = jax.make_jaxpr(derivative)(x, x, *others)
    except (NotImplementedError, TypeError, ValueError):
        jax.eval_shape(f, x, *others)  # a mistake in f itself is for the user to see
        return None
    ins = [plain(v.aval.shape) for v in program.jaxpr.invars]
    ins[0] = identity(n)
    (out,) = _closed(program, ins)
    if out.bits is None:
        return np.zeros(0, int), np.zeros(0, int)
    return None if np.bitwise_count(out.bits).sum() > most else places(out.bits)


def _closed(program: ClosedJaxpr, ins: Sequence[Entry]) -> list[Entry]:
    constants = [_constant(c) for c in program.consts]
    return _interpret(program.jaxpr, constants, ins)


def _constant(value: Any) -> Entry:
    if isinstance(value, Tracer) or not hasattr(value, "dtype"):
        return plain(np.shape(value))
    if not np.issubdtype(value.dtype, np.number) and value.dtype != bool:
        return plain(value.shape)  # keys of random numbers
    return Entry(tuple(value.shape), None, np.asarray(value))


def _interpret(program: Any, constants: Sequence[Entry], ins: Sequence[Entry]) -> list[Entry]:
    """The entries that a program hands out. Intermediates are dropped after their last use."""
    known = dict(zip(program.constvars, constants, strict=True))
    known.update(zip(program.invars, ins, strict=True))
    last: dict[Any, int] = {}
    for number, eqn in enumerate(program.eqns):
        last.update((v, number) for v in eqn.invars if not isinstance(v, Literal))
    kept = {v for v in program.outvars if not isinstance(v, Literal)}

    def read(v: Any) -> Entry:
        if isinstance(v, Literal):
            return Entry(np.shape(v.val), None, np.asarray(v.val))
        return known[v]

    for number, eqn in enumerate(program.eqns):
        outs = _apply(eqn, [read(v) for v in eqn.invars])
        for v in eqn.invars:
            if not isinstance(v, Literal) and last[v] == number and v not in kept:
                known.pop(v, None)
        known.update((v, e) for v, e in zip(eqn.outvars, outs, strict=True) if v in last or v in kept)
    return [read(v) for v in program.outvars]


def _apply(eqn: Any, ins: list[Entry]) -> list[Entry]:
    """What one operation makes of its operands."""
    name, params = eqn.primitive.name, eqn.params
    shapes = [tuple(getattr(v.aval, "shape", ())) for v in eqn.outvars]
    free = all(e.bits is None for e in ins)
    if name == "select_n":
        return [select_n(shapes[0], ins)]
    if name in ("scan", "while", "cond"):
        if free:
            return [plain(shape) for shape in shapes]
        return {"scan": _scan, "while": _while, "cond": _cond}[name](params, ins, shapes)
    if free and all(e.value is None for e in ins) and name != "iota":
        return [plain(shape) for shape in shapes]
    if name in FLAT or name in ENTRYWISE or name == "mul":
        if free:
            return [evaluated(name, params, ins, v.aval) for v in eqn.outvars]
        if name in FLAT or not np.issubdtype(eqn.outvars[0].aval.dtype, np.inexact):
            return [plain(shape) for shape in shapes]
        return [mul(shapes[0], ins) if name == "mul" else combined(shapes[0], [e.bits for e in ins])]
    if name in _RULES:
        return _RULES[name](params, ins, shapes)
    inside = next((params[key] for key in _INSIDE if key in params), None)
    if inside is not None and len(getattr(_body(inside), "invars", ())) == len(ins):
        closed = hasattr(inside, "consts")
        return _closed(inside, ins) if closed else _interpret(inside, [], ins)
    return _anything(ins, shapes)


def _body(program: Any) -> Any:
    return program.jaxpr if hasattr(program, "consts") else program


def _anything(ins: Sequence[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    """Everything depends on everything."""
    parts: list[np.ndarray | None] = [union(e.bits) for e in ins if e.bits is not None]
    return [combined(shape, parts) for shape in shapes]


def _cond(params: dict[str, Any], ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    results = [_closed(branch, ins[1:]) for branch in params["branches"]]
    return [combined(s, [r[k].bits for r in results]) for k, s in enumerate(shapes)]


def _while(params: dict[str, Any], ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    skipped, held = params["cond_nconsts"], params["body_nconsts"]
    constants, carry = ins[skipped : skipped + held], ins[skipped + held :]
    return _settled(params["body_jaxpr"], constants, carry, [])[0]


def _settled(
    body: ClosedJaxpr, constants: Sequence[Entry], carry: Sequence[Entry], extra: Sequence[Entry]
) -> tuple[list[Entry], list[Entry]]:
    """What a loop may carry after any number of turns, and what a turn hands out besides."""
    kept = [Entry(e.shape, e.bits) for e in carry]
    for _ in range(_ROUNDS):
        outs = _closed(body, [*constants, *kept, *extra])
        merged = [combined(k.shape, [k.bits, o.bits]) for k, o in zip(kept, outs, strict=False)]
        if all(_equal(a, b) for a, b in zip(merged, kept, strict=True)):
            return kept, outs[len(kept) :]
        kept = merged
    kept = _anything([*constants, *kept, *extra], [k.shape for k in kept])
    return kept, _closed(body, [*constants, *kept, *extra])[len(kept) :]


def _equal(a: Entry, b: Entry) -> bool:
    if a.bits is None or b.bits is None:
        return a.bits is b.bits
    return np.array_equal(a.bits, b.bits)


def _scan(params: dict[str, Any], ins: list[Entry], shapes: list[tuple[int, ...]]) -> list[Entry]:
    held, carried, length = params["num_consts"], params["num_carry"], params["length"]
    constants, carry, rows = ins[:held], ins[held : held + carried], ins[held + carried :]
    body = params["jaxpr"]
    if length * _size(body.jaxpr) > _TURNS or length == 0:
        inner = [combined(e.shape[1:], [None if e.bits is None else union(e.bits, (0,))]) for e in rows]
        carry, outs = _settled(body, constants, carry, inner)
        parts = [None if o.bits is None else o.bits[None] for o in outs]
        return [*carry, *(combined(s, [p]) for s, p in zip(shapes[carried:], parts, strict=True))]
    handed: list[list[Entry]] = []
    for turn in reversed(range(length)) if params["reverse"] else range(length):
        outs = _closed(body, [*constants, *carry, *(_row(e, turn) for e in rows)])
        carry = outs[:carried]
        handed.append(outs[carried:])
    if params["reverse"]:
        handed.reverse()
    stacked = [
        _RULES["stack"]({"axis": 0}, [h[k] for h in handed], [shape])[0]
        for k, shape in enumerate(shapes[carried:])
    ]
    return [*carry, *stacked]


def _row(entry: Entry, turn: int) -> Entry:
    bits = None if entry.bits is None else entry.bits[turn]
    value = None if entry.value is None else np.asarray(entry.value)[turn]
    return Entry(entry.shape[1:], bits, value)


def _size(program: Any) -> int:
    """The number of operations in a program, those inside others included."""
    total = 0
    for eqn in program.eqns:
        inner = [p for key in _INSIDE if (p := eqn.params.get(key)) is not None]
        length = eqn.params.get("length", 1)
        total += max(1, sum(_size(_body(p)) for p in inner if hasattr(_body(p), "eqns")) * length)
    return total
