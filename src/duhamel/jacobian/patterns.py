"""What single operations do to patterns of dependence."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["Traced", "everything", "propagate", "union"]


class Traced(NamedTuple):
    """What is known of an intermediate array: `pattern` of shape (*shape, n), None where it depends on
    nothing; `value`, None where it is not known before the program runs."""

    pattern: np.ndarray | None
    value: np.ndarray | None


_NOTHING = Traced(None, None)
_LARGEST_VALUE = 1_000_000


def union(parts: Iterable[Traced]) -> Traced:
    """What may be any of several arrays of one shape."""
    patterns = [p.pattern for p in parts if p.pattern is not None]
    return Traced(np.logical_or.reduce(patterns), None) if patterns else _NOTHING


def everything(inputs: list[Traced], shapes: list[tuple[int, ...]]) -> list[Traced]:
    """Every entry of every result may depend on all that any input depends on."""
    seen = [v.pattern.reshape(-1, v.pattern.shape[-1]).any(0) for v in inputs if v.pattern is not None]
    if not seen:
        return [_NOTHING] * len(shapes)
    whole = np.logical_or.reduce(seen)
    return [Traced(np.broadcast_to(whole, (*shape, whole.size)), None) for shape in shapes]


def propagate(equation: Any, inputs: list[Traced], shapes: list[tuple[int, ...]]) -> list[Traced]:
    """The results of one operation that is neither a loop nor a call."""
    name = equation.primitive.name
    if all(v.pattern is None for v in inputs):
        return _constant(equation, inputs, shapes)
    if name in _FLAT:
        return [_NOTHING] * len(shapes)
    if name in ("mul", "div"):
        return [_product(name, inputs, shapes[0])]
    if name in _ENTRYWISE:
        used = inputs[1:] if name == "select_n" else inputs
        return [_entrywise(used, shapes[0])]
    if name == "optimization_barrier":
        return [Traced(v.pattern, v.value) for v in inputs]
    if name == "split":
        return _split(equation, inputs)
    rule = _RULES.get(name)
    return everything(inputs, shapes) if rule is None else [Traced(rule(equation, inputs, shapes[0]), None)]


def _constant(equation: Any, inputs: list[Traced], shapes: list[tuple[int, ...]]) -> list[Traced]:
    """The value of an operation on known numbers: indices and masks are worth knowing."""
    small = all(np.prod(shape, dtype=int) <= _LARGEST_VALUE for shape in shapes)
    if not small or any(v.value is None for v in inputs):
        return [_NOTHING] * len(shapes)
    with jax.ensure_compile_time_eval():
        result = equation.primitive.bind(*[jnp.asarray(v.value) for v in inputs], **equation.params)
    results = result if equation.primitive.multiple_results else [result]
    return [Traced(None, np.asarray(r)) for r in results]


def _entrywise(inputs: list[Traced], shape: tuple[int, ...]) -> Traced:
    patterns = [v.pattern for v in inputs if v.pattern is not None]
    if not patterns:
        return _NOTHING
    wide = [np.broadcast_to(p, (*shape, p.shape[-1])) for p in patterns]
    return Traced(np.logical_or.reduce(wide), None)


def _product(name: str, inputs: list[Traced], shape: tuple[int, ...]) -> Traced:
    """A known zero factor cuts the dependence."""
    result = _entrywise(inputs, shape).pattern
    zero = [v.value == 0 for v in (inputs if name == "mul" else inputs[:1]) if v.value is not None]
    for mask in zero:
        if np.any(mask):
            result = result & ~np.broadcast_to(mask, shape)[..., None]
    return Traced(result, None)


def _pattern(value: Traced) -> np.ndarray:
    assert value.pattern is not None
    return value.pattern


def _broadcast(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    pattern = _pattern(inputs[0])
    places = equation.params["broadcast_dimensions"]
    spread = [1] * len(shape)
    for place, size in zip(places, pattern.shape[:-1], strict=True):
        spread[place] = size
    return np.broadcast_to(pattern.reshape(*spread, pattern.shape[-1]), (*shape, pattern.shape[-1]))


def _slice(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    p = equation.params
    strides = p["strides"] or [1] * len(shape)
    cut = tuple(map(slice, p["start_indices"], p["limit_indices"], strides))
    return _pattern(inputs[0])[cut]


def _filled(value: Traced, shape: tuple[int, ...], n: int) -> np.ndarray:
    return np.zeros((*shape, n), bool) if value.pattern is None else value.pattern


def _concatenate(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    n = next(v.pattern.shape[-1] for v in inputs if v.pattern is not None)
    parts = [_filled(v, a.aval.shape, n) for v, a in zip(inputs, equation.invars, strict=True)]
    return np.concatenate(parts, axis=equation.params["dimension"])


def _stack(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    n = next(v.pattern.shape[-1] for v in inputs if v.pattern is not None)
    parts = [_filled(v, a.aval.shape, n) for v, a in zip(inputs, equation.invars, strict=True)]
    return np.stack(parts, axis=equation.params["axis"])


def _split(equation: Any, inputs: list[Traced]) -> list[Traced]:
    ends = np.cumsum(equation.params["sizes"])[:-1]
    return [Traced(part, None) for part in np.split(_pattern(inputs[0]), ends, axis=equation.params["axis"])]


def _convolved(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    """A convolution with a known kernel: done to the pattern itself."""
    kernel = inputs[1].value
    if kernel is None or inputs[0].pattern is None:
        whole = everything(inputs, [shape])[0].pattern
        assert whole is not None
        return whole
    weights = jnp.asarray(kernel != 0, jnp.float32)
    params = equation.params | {"preferred_element_type": None}

    def slide(column: Any) -> Any:
        return equation.primitive.bind(column, weights, **params)

    with jax.ensure_compile_time_eval():
        columns = jnp.asarray(np.moveaxis(inputs[0].pattern, -1, 0), jnp.float32)
        return np.moveaxis(np.asarray(jax.vmap(slide)(columns)) > 0.5, 0, -1)


def _pad(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    n = next(v.pattern.shape[-1] for v in inputs if v.pattern is not None)
    body = _filled(inputs[0], equation.invars[0].aval.shape, n)
    edge = np.zeros(n, bool) if inputs[1].pattern is None else inputs[1].pattern
    result = np.broadcast_to(edge, (*shape, n)).copy()
    places, kept = [], []
    for (low, _, inside), size, whole in zip(
        equation.params["padding_config"], body.shape[:-1], shape, strict=True
    ):
        index = low + np.arange(size) * (inside + 1)
        within = (index >= 0) & (index < whole)
        places.append(index[within])
        kept.append(np.flatnonzero(within))
    result[np.ix_(*places)] = body[np.ix_(*kept)] | edge
    return result


def _reduced(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    return _pattern(inputs[0]).any(tuple(equation.params["axes"]))


def _along(pattern: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(pattern.any(axes, keepdims=True), pattern.shape)


def _cumulative(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    axis, pattern = equation.params["axis"], _pattern(inputs[0])
    if equation.params["reverse"]:
        return np.flip(np.logical_or.accumulate(np.flip(pattern, axis), axis), axis)
    return np.logical_or.accumulate(pattern, axis)


def _fft(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    pattern, count = _pattern(inputs[0]), len(equation.params["fft_lengths"])
    axes = tuple(range(len(shape) - count, len(shape)))
    return np.broadcast_to(pattern.any(axes, keepdims=True), (*shape, pattern.shape[-1]))


def _dot(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    """Each factor that depends on the argument, through the entries of the other that may be nonzero."""
    (left, right), (left_batch, right_batch) = equation.params["dimension_numbers"]
    sides = ((left, left_batch), (right, right_batch))
    sizes = [v.aval.shape for v in equation.invars]
    arranged = [_arranged(np.arange(len(s)), *side) for s, side in zip(sizes, sides, strict=True)]
    found: np.ndarray | None = None
    for mine, other in ((0, 1), (1, 0)):
        if inputs[mine].pattern is None:
            continue
        pattern = _pattern(inputs[mine]).astype(np.float32)
        n = pattern.shape[-1]
        batch, free, inner = (_size(sizes[mine], axes) for axes in arranged[mine])
        lines = pattern.transpose(*np.concatenate(arranged[mine]).astype(int), len(sizes[mine]))
        lines = np.moveaxis(lines.reshape(batch, free, inner, n), 2, 3).reshape(batch, free * n, inner)
        weights = _weights(inputs[other], sizes[other], arranged[other])
        product = np.moveaxis((lines @ weights).reshape(batch, free, n, -1), 2, 3) > 0.5
        product = product if mine == 0 else np.swapaxes(product, 1, 2)
        product = product.reshape(*shape, n)
        found = product if found is None else found | product
    assert found is not None
    return found


def _arranged(axes: np.ndarray, inner: Any, batch: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    free = np.array([a for a in axes if a not in (*inner, *batch)], dtype=int)
    return np.array(batch, dtype=int), free, np.array(inner, dtype=int)


def _size(shape: tuple[int, ...], axes: np.ndarray) -> int:
    return int(np.prod([shape[a] for a in axes], dtype=int))


def _weights(value: Traced, shape: tuple[int, ...], axes: Any) -> np.ndarray:
    """1 where the other factor may be nonzero, of shape (batch, inner, free)."""
    batch, free, inner = axes
    known = np.ones(shape, bool) if value.value is None else value.value != 0
    moved = known.transpose(*np.concatenate([batch, inner, free]).astype(int))
    return moved.reshape(_size(shape, batch), _size(shape, inner), _size(shape, free)).astype(np.float32)


def _moved(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    """An operation that only moves entries, by indices that are known: done to the pattern itself."""
    first, rest = inputs[0], inputs[1:]
    n = next(v.pattern.shape[-1] for v in inputs if v.pattern is not None)
    if first.pattern is None or any(v.value is None for v in rest):
        whole = everything(inputs, [shape])[0].pattern
        assert whole is not None
        return whole
    indices = [jnp.asarray(v.value) for v in rest]

    def move(column: Any) -> Any:
        return equation.primitive.bind(column, *indices, **equation.params)

    with jax.ensure_compile_time_eval():
        columns = jnp.asarray(
            first.pattern.reshape(-1, n).T.reshape(n, *first.pattern.shape[:-1]), jnp.float32
        )
        result = np.asarray(jax.vmap(move)(columns)) != 0
    return np.moveaxis(result, 0, -1)


def _scattered(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    """What was there, or what is written there."""
    operand, indices, updates = inputs
    n = next(v.pattern.shape[-1] for v in inputs if v.pattern is not None)
    result = _filled(operand, shape, n)
    if updates.pattern is None:
        return result
    if indices.value is None:
        whole = everything([updates], [shape])[0].pattern
        return result | whole
    numbers, mode = equation.params["dimension_numbers"], equation.params["mode"]
    index = jnp.asarray(indices.value)

    def write(column: Any) -> Any:
        return jax.lax.scatter_add(jnp.zeros(shape, jnp.float32), index, column, numbers, mode=mode)

    with jax.ensure_compile_time_eval():
        columns = jnp.asarray(np.moveaxis(updates.pattern, -1, 0), jnp.float32)
        written = np.asarray(jax.vmap(write)(columns)) != 0
    return result | np.moveaxis(written, 0, -1)


def _updated(equation: Any, inputs: list[Traced], shape: tuple[int, ...]) -> np.ndarray:
    operand, update, *starts = inputs
    n = next(v.pattern.shape[-1] for v in inputs if v.pattern is not None)
    if any(v.value is None for v in starts):
        whole = everything(inputs, [shape])[0].pattern
        assert whole is not None
        return whole
    result = _filled(operand, shape, n).copy()
    patch = _filled(update, equation.invars[1].aval.shape, n)
    first = [
        int(np.clip(v.value, 0, whole - size))
        for v, whole, size in zip(starts, shape, patch.shape[:-1], strict=True)
    ]
    result[tuple(slice(a, a + size) for a, size in zip(first, patch.shape[:-1], strict=True))] = patch
    return result


_ENTRYWISE = set()
for _names in (
    "add sub max min pow rem atan2 nextafter add_any integer_pow clamp select_n igamma igammac",
    "exp exp2 log log1p expm1 sin cos tan tanh sinh cosh asin acos atan asinh acosh atanh",
    "sqrt rsqrt cbrt abs neg square logistic erf erfc erf_inv lgamma digamma bessel_i0e bessel_i1e",
    "complex real imag conj convert_element_type copy copy_p reduce_precision device_put",
):
    _ENTRYWISE |= set(_names.split())
_FLAT = {"floor", "ceil", "round", "sign", "is_finite", "argmax", "argmin", "stop_gradient"}
_RULES: dict[str, Any] = {
    "reshape": lambda e, v, s: _pattern(v[0]).reshape(*s, -1),
    "squeeze": lambda e, v, s: _pattern(v[0]).reshape(*s, _pattern(v[0]).shape[-1]),
    "expand_dims": lambda e, v, s: _pattern(v[0]).reshape(*s, _pattern(v[0]).shape[-1]),
    "transpose": lambda e, v, s: _pattern(v[0]).transpose(*e.params["permutation"], len(s)),
    "rev": lambda e, v, s: np.flip(_pattern(v[0]), e.params["dimensions"]),
    "broadcast_in_dim": _broadcast,
    "slice": _slice,
    "concatenate": _concatenate,
    "stack": _stack,
    "pad": _pad,
    "conv_general_dilated": _convolved,
    "reduce_sum": _reduced,
    "reduce_max": _reduced,
    "reduce_min": _reduced,
    "reduce_prod": _reduced,
    "cumsum": _cumulative,
    "cumprod": _cumulative,
    "cummax": _cumulative,
    "cummin": _cumulative,
    "cumlogsumexp": _cumulative,
    "sort": lambda e, v, s: _along(_pattern(v[0]), (e.params["dimension"],)),
    "fft": _fft,
    "dot_general": _dot,
    "gather": _moved,
    "dynamic_slice": _moved,
    "dynamic_update_slice": _updated,
    "scatter": _scattered,
    "scatter-add": _scattered,
    "scatter_add": _scattered,
}
