"""A linear function that brings its own transpose, and bears every transformation of JAX."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array

from duhamel.errors import InputError

__all__ = ["Shape", "linear_map"]

# f(residuals, vectors) -> vectors, linear in the vectors. Hashable and comparable, or it compiles anew.
Function = Callable[[list[Array], list[Array]], list[Array]]


class Shape(NamedTuple):
    """Shape and dtype of a result."""

    shape: tuple[int, ...]
    dtype: Any


def linear_map(
    forward: Function, backward: Function, residuals: list[Any], vectors: list[Any], shapes: tuple[Shape, ...]
) -> list[Array]:
    """forward(residuals, vectors), of the given shapes; `backward(residuals, cotangents)` is its transpose.

    Only the direction that is needed is ever traced. Derivatives with respect to the residuals are taken of
    the code of whichever direction that is, in forward mode: so second derivatives work as forward over
    reverse, and reverse over reverse does not.
    """
    return _map.bind(
        *residuals, *vectors, forward=forward, backward=backward, count=len(residuals), shapes=shapes
    )


_map = Primitive("duhamel_linear_map")
_map.multiple_results = True


def _call(*operands: Any, forward: Function, count: int, **_: Any) -> list[Array]:
    return list(forward(list(operands[:count]), list(operands[count:])))


@partial(jax.jit, static_argnums=0)
def _compiled(forward: Function, residuals: list[Any], vectors: list[Any]) -> list[Array]:
    return list(forward(residuals, vectors))


@_map.def_impl
def _impl(*operands: Any, forward: Function, count: int, **_: Any) -> list[Array]:
    return _compiled(forward, list(operands[:count]), list(operands[count:]))


@_map.def_abstract_eval
def _abstract(*operands: Any, shapes: tuple[Shape, ...], **_: Any) -> list[ShapedArray]:
    del operands
    return [ShapedArray(s.shape, s.dtype) for s in shapes]


mlir.register_lowering(_map, mlir.lower_fun(_call, multiple_results=True))


def _jvp(primals: Any, tangents: Any, *, count: int, **params: Any) -> tuple[list[Any], list[Any]]:
    out = _map.bind(*primals, count=count, **params)
    residuals = list(primals[:count])
    parts = []
    if any(type(v) is not ad.Zero for v in tangents[count:]):
        moved = [ad.instantiate_zeros(v) for v in tangents[count:]]
        parts.append(_map.bind(*residuals, *moved, count=count, **params))
    moving = tuple(i for i in range(count) if type(tangents[i]) is not ad.Zero)
    if moving:
        push = _Push(params["forward"], count, moving)
        moved = [tangents[i] for i in moving]
        parts.append(linear_map(push, _refused, list(primals), moved, params["shapes"]))
    if len(parts) < 2:
        return out, parts[0]
    return out, [a + b for a, b in zip(*parts, strict=True)]


class _Push(NamedTuple):
    """The derivative of a linear function with respect to those of its residuals that move."""

    function: Function
    count: int
    moving: tuple[int, ...]

    def __call__(self, operands: list[Array], changes: list[Array]) -> list[Array]:
        residuals, vectors = operands[: self.count], operands[self.count :]

        def of(*values: Any) -> list[Array]:
            filled = list(residuals)
            for i, value in zip(self.moving, values, strict=True):
                filled[i] = value
            return list(self.function(filled, vectors))

        return jax.jvp(of, [residuals[i] for i in self.moving], changes)[1]


def _refused(residuals: list[Array], vectors: list[Array]) -> list[Array]:
    raise InputError(
        "a second derivative was asked for in reverse over reverse mode (or reverse over forward): take it "
        "forward over reverse, as jax.hessian and jax.jvp of jax.grad do, or with gradient=dh.Direct()."
    )


ad.primitive_jvps[_map] = _jvp


def _transpose(
    cotangents: Any, *operands: Any, forward: Function, backward: Function, count: int, shapes: Any
) -> list[Any]:
    inner = backward
    while isinstance(inner, _Mapped):
        inner = inner.function
    if inner is _refused:
        _refused([], [])
    of = tuple(Shape(v.aval.shape, v.aval.dtype) for v in operands[count:])
    filled = [
        jnp.zeros(s.shape, s.dtype) if type(c) is ad.Zero else c
        for c, s in zip(cotangents, shapes, strict=True)
    ]
    out = _map.bind(*operands[:count], *filled, forward=backward, backward=forward, count=count, shapes=of)
    return [None] * count + list(out)


ad.primitive_transposes[_map] = _transpose


class _Mapped(NamedTuple):
    """A function under vmap; vectors with `shared` are the same for all samples, so their cotangents add
    up."""

    function: Function
    residual_axes: tuple[int | None, ...]
    vector_axes: tuple[int | None, ...]
    shared: tuple[bool, ...]

    def __call__(self, residuals: list[Array], vectors: list[Array]) -> list[Array]:
        axes = (list(self.residual_axes), list(self.vector_axes))
        out = jax.vmap(self.function, in_axes=axes)(residuals, vectors)
        return [jnp.sum(v, axis=0) if s else v for v, s in zip(out, self.shared, strict=True)]


def _batch(
    operands: Any, axes: Any, *, forward: Function, backward: Function, count: int, shapes: Any
) -> Any:
    size = next(v.shape[a] for v, a in zip(operands, axes, strict=True) if a is not None)
    # Vectors get their sample axis in front, so that their cotangents have it there.
    front = [
        jnp.moveaxis(v, a, 0) if a is not None and i >= count else v
        for i, (v, a) in enumerate(zip(operands, axes, strict=True))
    ]
    residual_axes = tuple(axes[:count])
    vector_axes = tuple(None if a is None else 0 for a in axes[count:])
    there = _Mapped(forward, residual_axes, vector_axes, (False,) * len(shapes))
    back = _Mapped(backward, residual_axes, (0,) * len(shapes), tuple(a is None for a in vector_axes))
    wide = tuple(Shape((size, *s.shape), s.dtype) for s in shapes)
    out = _map.bind(*front, forward=there, backward=back, count=count, shapes=wide)
    return out, [0] * len(out)


batching.primitive_batchers[_map] = _batch
