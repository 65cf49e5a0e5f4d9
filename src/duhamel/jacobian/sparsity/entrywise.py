"""Operations that act on each entry by itself: names, and their values where those are known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from duhamel.jacobian.sparsity.bits import Entry, combined, plain

__all__ = ["ENTRYWISE", "FLAT", "evaluated", "mul", "select_n"]

# The derivative is zero wherever it exists.
FLAT = frozenset(
    [
        "and",
        "argmax",
        "argmin",
        "ceil",
        "clz",
        "eq",
        "eq_to",
        "floor",
        "ge",
        "gt",
        "iota",
        "is_finite",
        "le",
        "le_to",
        "lt",
        "lt_to",
        "ne",
        "not",
        "or",
        "population_count",
        "random_bits",
        "random_seed",
        "random_unwrap",
        "random_wrap",
        "rng_bit_generator",
        "rng_uniform",
        "round",
        "shift_left",
        "shift_right_arithmetic",
        "shift_right_logical",
        "sign",
        "stop_gradient",
        "threefry2x32",
        "xor",
    ]
)
# Entry i of the result depends on entry i of the operands, which have its shape or none.
ENTRYWISE = frozenset(
    [
        "abs",
        "acos",
        "acosh",
        "add",
        "add_any",
        "asin",
        "asinh",
        "atan",
        "atan2",
        "atanh",
        "bessel_i0e",
        "bessel_i1e",
        "cbrt",
        "clamp",
        "complex",
        "conj",
        "convert_element_type",
        "copy",
        "copy_p",
        "cos",
        "cosh",
        "digamma",
        "div",
        "erf",
        "erf_inv",
        "erfc",
        "exp",
        "exp2",
        "expm1",
        "igamma",
        "igamma_grad_a",
        "igammac",
        "imag",
        "integer_pow",
        "lgamma",
        "log",
        "log1p",
        "logistic",
        "max",
        "min",
        "mulhi",
        "neg",
        "nextafter",
        "polygamma",
        "pow",
        "random_gamma_grad",
        "real",
        "reduce_precision",
        "regularized_incomplete_beta",
        "rem",
        "rsqrt",
        "sin",
        "sinh",
        "sqrt",
        "square",
        "sub",
        "tan",
        "tanh",
        "tie",
        "zeta",
    ]
)

_VALUES: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "add": np.add,
    "and": np.bitwise_and,
    "ceil": np.ceil,
    "clamp": lambda low, x, high: np.minimum(np.maximum(x, low), high),
    "convert_element_type": lambda x: x,
    "copy": lambda x: x,
    "div": lambda x, y: np.true_divide(x, y) if np.issubdtype(x.dtype, np.inexact) else np.trunc(x / y),
    "eq": np.equal,
    "floor": np.floor,
    "ge": np.greater_equal,
    "gt": np.greater,
    "le": np.less_equal,
    "lt": np.less,
    "max": np.maximum,
    "min": np.minimum,
    "mul": np.multiply,
    "ne": np.not_equal,
    "neg": np.negative,
    "not": np.invert,
    "or": np.bitwise_or,
    "rem": np.fmod,
    "sign": np.sign,
    "square": np.square,
    "sub": np.subtract,
    "xor": np.bitwise_xor,
}


def evaluated(name: str, params: dict[str, Any], ins: list[Entry], out: Any) -> Entry:
    """The result of an operation on nothing but constants: its value, if it is one of the simple ones."""
    shape, values = tuple(out.shape), [e.value for e in ins]
    if any(v is None for v in values):
        return plain(shape)
    with np.errstate(all="ignore"):
        if name == "iota":
            along = np.arange(shape[params["dimension"]])
            ones = [1] * len(shape)
            ones[params["dimension"]] = -1
            result = np.broadcast_to(along.reshape(ones), shape)
        elif name == "integer_pow":
            result = np.asarray(values[0]) ** float(params["y"])
        elif name in _VALUES:
            result = _VALUES[name](*values)
        else:
            return plain(shape)
    if np.iscomplexobj(result) and not np.issubdtype(out.dtype, np.complexfloating):
        return plain(shape)
    return Entry(shape, None, np.broadcast_to(np.asarray(result).astype(out.dtype), shape))


def mul(shape: tuple[int, ...], ins: list[Entry]) -> Entry:
    """A product; where a factor is a known zero, nothing depends on the other."""
    first, second = ins
    return combined(shape, [_masked(first.bits, second.value), _masked(second.bits, first.value)])


def _masked(bits: np.ndarray | None, factor: np.ndarray | None) -> np.ndarray | None:
    if bits is None or factor is None or np.all(factor):
        return bits
    return np.where((np.asarray(factor) != 0)[..., None], bits, np.uint64(0))


def select_n(shape: tuple[int, ...], ins: list[Entry]) -> Entry:
    """One of the cases: the one that is taken, if that is known, or any. The choice has no derivative."""
    which, cases = ins[0].value, ins[1:]
    if which is None:
        return combined(shape, [c.bits for c in cases])
    taken = np.broadcast_to(which, shape).astype(int)
    value = None
    if all(c.value is not None for c in cases):
        value = np.choose(taken, [np.broadcast_to(np.asarray(c.value), shape) for c in cases])
    parts = [
        None if c.bits is None else np.where((taken == i)[..., None], c.bits, np.uint64(0))
        for i, c in enumerate(cases)
    ]
    entry = combined(shape, parts)
    return Entry(entry.shape, entry.bits, value if entry.bits is None else None)
