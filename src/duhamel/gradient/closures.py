"""Functions that close over traced values, as pytrees that carry these values."""

from __future__ import annotations

import functools
from types import FunctionType, MethodType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.core import Tracer, eval_jaxpr
from jaxtyping import PyTree

from duhamel.equation import Equation, Function, Linear, Nonlinear
from duhamel.linear.base import real_dtype

__all__ = ["carried"]


def carried(eq: Equation, u: PyTree, args: Any) -> Equation:
    """The equation with every plain function that closes over values JAX is tracing (a parameter inside
    `jax.grad`, say) replaced by its program and these values, so that derivatives pass through them.

    All other functions stay what they are, and so are not compiled anew in repeated calls.
    """
    t = jax.ShapeDtypeStruct((), real_dtype(u))
    changed = False

    def part(p: Linear | Nonlinear) -> Linear | Nonlinear:
        nonlocal changed
        if isinstance(p, Linear) or not any(_holds(g) for g in (p.f, p.flow, p.jacobian, p.solve)):
            return p
        changed = True
        return Nonlinear(
            _program(p.f, t, u, args),
            _program(p.flow, t, t, u, args),
            _program(p.jacobian, t, u, args),
            p.stiff,
            _program(p.solve, t, t, u, args),
        )

    parts = tuple(part(p) for p in eq.parts)
    return Equation(parts, eq.codec, eq.about, eq.mass) if changed else eq


class Program(eqx.Module):
    """A function as its program and the values it closes over. Called with other structures, shapes or dtypes
    than it was made for, it fails."""

    values: list[Any]
    program: Any = eqx.field(static=True)
    form: Any = eqx.field(static=True)
    name: str = eqx.field(static=True)

    @property
    def __name__(self) -> str:
        return self.name

    def __call__(self, *args: Any) -> Any:
        numbers = eqx.filter(args, eqx.is_array_like)
        out = eval_jaxpr(self.program, self.values, *jax.tree.leaves(numbers))
        return jax.tree.unflatten(self.form, out)


def _program(f: Any, *args: Any) -> Any:
    if not _holds(f):
        return f
    call = f.call
    numbers, rest = eqx.partition(args, lambda v: eqx.is_array_like(v) or isinstance(v, jax.ShapeDtypeStruct))
    numbers = jax.tree.map(_plain, numbers)
    closed, shape = jax.make_jaxpr(lambda n: call(*eqx.combine(n, rest)), return_shape=True)(numbers)
    name = getattr(call, "__name__", type(call).__name__)
    return Program(list(closed.consts), closed.jaxpr, jax.tree.structure(shape), name)


def _plain(v: Any) -> Any:
    return v if isinstance(v, jax.ShapeDtypeStruct | int | float | complex) else jnp.asarray(v)


def _holds(f: Any) -> bool:
    """Whether a plain function closes over something that is being traced."""
    return isinstance(f, Function) and _search(f.call, set())


def _search(value: Any, seen: set[int]) -> bool:
    if isinstance(value, Tracer):
        return True
    if id(value) in seen or isinstance(value, str | bytes | int | float | type(None)):
        return False
    seen.add(id(value))
    if isinstance(value, functools.partial):
        inside = [value.func, *value.args, *value.keywords.values()]
    elif isinstance(value, MethodType):
        inside = [value.__func__, value.__self__]
    elif isinstance(value, FunctionType):
        cells = [_content(cell) for cell in value.__closure__ or ()]
        inside = [*cells, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        inside.append(getattr(value, "__wrapped__", None))
    else:
        inside = [v for v in jax.tree.leaves(value) if v is not value]
        inside += list(vars(value).values()) if isinstance(value, eqx.Module) else []
    return any(_search(v, seen) for v in inside)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not yet filled
        return None
