"""Which entries of a function's value can depend on which entries of its argument.

The program of the function is read, not run: every intermediate array carries a boolean pattern with one
more axis, the entries of the argument. What is found holds for all states, whichever branch they take; where
the reader does not know an operation, all that comes out may depend on all that goes in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from duhamel.jacobian.patterns import Traced, everything, propagate, union

__all__ = ["dependence"]

Function = Callable[..., Any]


def dependence(f: Function, x: Any, *others: Any) -> np.ndarray:
    """The pattern of ∂f/∂x for f(x, *others): booleans of shape (entries of f, entries of x).

    x and `others` are arrays or pytrees, or their shapes; nothing is assumed of the values in `others`.
    """
    closed = jax.make_jaxpr(f)(x, *others)
    n = int(np.prod(jax.tree.leaves(x)[0].shape, dtype=int))
    shape = jax.tree.leaves(x)[0].shape
    arguments = [Traced(np.eye(n, dtype=bool).reshape(*shape, n), None)]
    arguments += [Traced(None, None)] * (len(closed.jaxpr.invars) - 1)
    results = _read(closed.jaxpr, closed.consts, arguments, n)
    rows = [_rows(value, var.aval.shape, n) for value, var in zip(results, closed.jaxpr.outvars, strict=True)]
    return np.concatenate(rows)


def _rows(value: Traced, shape: tuple[int, ...], n: int) -> np.ndarray:
    size = int(np.prod(shape, dtype=int))
    return np.zeros((size, n), bool) if value.pattern is None else value.pattern.reshape(size, n)


def _read(jaxpr: Any, consts: Any, arguments: list[Traced], n: int) -> list[Traced]:
    """The patterns of the results of a program, given those of its arguments."""
    known: dict[Any, Traced] = {}

    def look(atom: Any) -> Traced:
        return Traced(None, np.asarray(atom.val)) if hasattr(atom, "val") else known[atom]

    for var, value in zip(jaxpr.constvars, consts, strict=True):
        known[var] = Traced(None, np.asarray(value) if isinstance(value, np.ndarray | jax.Array) else None)
    known.update(zip(jaxpr.invars, arguments, strict=True))
    for equation in jaxpr.eqns:
        results = _operation(equation, [look(atom) for atom in equation.invars], n)
        for var, value in zip(equation.outvars, results, strict=True):
            # Whole numbers and truth values have no derivative.
            smooth = jnp.issubdtype(var.aval.dtype, jnp.inexact)
            known[var] = value if smooth else Traced(None, value.value)
    return [look(atom) for atom in jaxpr.outvars]


def _operation(equation: Any, inputs: list[Traced], n: int) -> list[Traced]:
    name, shapes = equation.primitive.name, [v.aval.shape for v in equation.outvars]
    control = {"scan": _scan, "while": _while, "cond": _cond}
    if name in control:
        return control[name](equation, inputs, n)
    inner = next((equation.params[k] for k in _INNER if k in equation.params), None)
    if inner is not None and name not in _NOT_CALLS:
        closed = inner if hasattr(inner, "consts") else None
        program, consts = (closed.jaxpr, closed.consts) if closed is not None else (inner, ())
        if len(program.invars) == len(inputs) and len(program.outvars) == len(shapes):
            return _read(program, consts, inputs, n)
        return everything(inputs, shapes)
    return propagate(equation, inputs, shapes)


_INNER = ("jaxpr", "call_jaxpr", "fun_jaxpr")
# These carry a program in their parameters but are no calls of it.
_NOT_CALLS = ("reduce", "scatter", "scatter-add", "scatter_add", "custom_linear_solve")


def _cond(equation: Any, inputs: list[Traced], n: int) -> list[Traced]:
    """Any branch may be taken."""
    branches = [_read(b.jaxpr, b.consts, inputs[1:], n) for b in equation.params["branches"]]
    return [union(parts) for parts in zip(*branches, strict=True)]


def _settled(body: Any, fixed: list[Traced], carry: list[Traced], rest: list[Traced], n: int) -> list[Traced]:
    """The results of a loop's body once its carried patterns have stopped growing."""
    carry = [Traced(c.pattern, None) for c in carry]
    while True:
        results = _read(body.jaxpr, body.consts, [*fixed, *carry, *rest], n)
        grown = [union((old, Traced(new.pattern, None))) for old, new in zip(carry, results, strict=False)]
        if all(_same(a, b) for a, b in zip(carry, grown, strict=True)):
            return [*carry, *results[len(carry) :]]
        carry = grown


def _same(a: Traced, b: Traced) -> bool:
    if a.pattern is None or b.pattern is None:
        return a.pattern is b.pattern
    return bool(np.array_equal(a.pattern, b.pattern))


def _scan(equation: Any, inputs: list[Traced], n: int) -> list[Traced]:
    p = equation.params
    fixed, carried = p["num_consts"], p["num_carry"]
    # Every turn may see every slice.
    rest = [v.pattern for v in inputs[fixed + carried :]]
    slices = [Traced(None if pattern is None else pattern.any(0), None) for pattern in rest]
    results = _settled(p["jaxpr"], inputs[:fixed], inputs[fixed : fixed + carried], slices, n)
    stacked = [
        Traced(None if v.pattern is None else np.broadcast_to(v.pattern, (*var.aval.shape, n)), None)
        for v, var in zip(results[carried:], equation.outvars[carried:], strict=True)
    ]
    return [*results[:carried], *stacked]


def _while(equation: Any, inputs: list[Traced], n: int) -> list[Traced]:
    p = equation.params
    first, second = p["cond_nconsts"], p["cond_nconsts"] + p["body_nconsts"]
    return _settled(p["body_jaxpr"], inputs[first:second], inputs[second:], [], n)
