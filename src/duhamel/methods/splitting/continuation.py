"""Analytic continuation of JAX functions: real functions at complex arguments, u + iv as the pair (u, v).

A function is traced as it is, for arguments of the dtypes that it knows, and its operations are then carried
out on pairs. What is linear over the real numbers (sums, transforms, conjugation, taking a real part) acts on
both halves; products and analytic functions follow the rules of complex numbers. So a spectral state of real
fields, whose entries are complex already, is continued as correctly as a plain real state.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend import core
from jaxtyping import Array, PyTree

from duhamel.errors import InputError

__all__ = ["Pair", "continued"]


class Pair(NamedTuple):
    """re + i·im, where both halves are arrays of the dtype of the value that is continued."""

    re: Array
    im: Array


Value = Any  # an array, or a Pair


def continued(
    function: Callable[..., Any], real: tuple[PyTree, ...], imag: tuple[PyTree, ...], what: str
) -> tuple[PyTree, PyTree]:
    """function(*real + i·imag): real and imaginary part of the result.

    `imag` holds None for an argument that is real. Raises `InputError`, which names `what`, where the
    function holds an operation that has no continuation. Branches are chosen by real parts, so functions that
    are analytic piece by piece are continued from each piece.
    """
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*real)
    values: list[Value] = []
    for re, im in zip(real, imag, strict=True):
        res = jax.tree.leaves(re)
        ims = [None] * len(res) if im is None else jax.tree.leaves(im)
        values += [r if i is None else Pair(r, i) for r, i in zip(res, ims, strict=True)]
    try:
        results = _run(closed, values)
    except _Unknown as error:
        raise InputError(
            f"{what} cannot be taken over a complex time: it uses `{error.name}`, which has no analytic "
            "continuation here. Use a method with real coefficients, or write it without that operation."
        ) from None
    tree = jax.tree.structure(shape)
    pairs = [_pair(value) for value in results]
    return tree.unflatten([p.re for p in pairs]), tree.unflatten([p.im for p in pairs])


class _Unknown(Exception):
    def __init__(self, name: str):
        super().__init__(name)
        self.name = name


def _run(closed: core.ClosedJaxpr, arguments: Sequence[Value]) -> list[Value]:
    jaxpr = closed.jaxpr
    known: dict[Any, Value] = dict(zip(jaxpr.constvars, closed.consts, strict=True))
    known.update(zip(jaxpr.invars, arguments, strict=True))

    def read(var: Any) -> Value:
        return var.val if isinstance(var, core.Literal) else known[var]

    for eqn in _needed(jaxpr):
        inputs = [read(var) for var in eqn.invars]
        known.update(zip(eqn.outvars, _apply(eqn, inputs), strict=True))
    return [read(var) for var in jaxpr.outvars]


def _needed(jaxpr: Any) -> list[Any]:
    """The operations on which the results depend: what is thrown away need not be continued."""
    wanted = {var for var in jaxpr.outvars if not isinstance(var, core.Literal)}
    kept = []
    for eqn in reversed(jaxpr.eqns):
        if wanted.intersection(eqn.outvars):
            kept.append(eqn)
            wanted.update(var for var in eqn.invars if not isinstance(var, core.Literal))
    return kept[::-1]


def _apply(eqn: Any, inputs: list[Value]) -> list[Value]:
    name = eqn.primitive.name
    if name not in _CONTROL:
        for key in ("jaxpr", "call_jaxpr", "fun_jaxpr", "call"):
            inner = eqn.params.get(key)
            if isinstance(inner, core.ClosedJaxpr):
                return _run(inner, inputs)
            if isinstance(inner, core.Jaxpr):
                return _run(core.ClosedJaxpr(inner, ()), inputs)
    if not any(isinstance(v, Pair) for v in inputs):
        return _bind(eqn, inputs)
    if name in _CONTROL:
        return _CONTROL[name](eqn, inputs)
    if name in _BY_REAL_PART:
        return _bind(eqn, [_half(v) for v in inputs])
    if name == "convert_element_type" and not jnp.issubdtype(eqn.params["new_dtype"], jnp.inexact):
        return _bind(eqn, [_half(v) for v in inputs])
    if name in _LINEAR or (name == "div" and not isinstance(inputs[1], Pair)):
        return _linear(eqn, inputs)
    if name in _BILINEAR:
        return [_bilinear(eqn, *inputs)]
    if name in _ANALYTIC:
        return [_analytic(eqn, inputs)]
    if name in ("reduce_max", "reduce_min"):
        return [_extreme(eqn, inputs[0])]
    if name in _SPECIAL:
        return [_SPECIAL[name](*inputs)]
    raise _Unknown(name)


def _bind(eqn: Any, inputs: Sequence[Any]) -> list[Any]:
    out = eqn.primitive.bind(*inputs, **eqn.params)
    return list(out) if eqn.primitive.multiple_results else [out]


def _half(value: Value) -> Array:
    return value.re if isinstance(value, Pair) else value


def _inexact(value: Any) -> bool:
    return jnp.issubdtype(jnp.result_type(value), jnp.inexact)


def _pair(value: Value) -> Pair:
    return value if isinstance(value, Pair) else Pair(value, jnp.zeros_like(value))


def _paired(value: Value) -> Value:
    """A pair of whatever can be one."""
    return _pair(value) if isinstance(value, Pair) or _inexact(value) else value


def _linear(eqn: Any, inputs: list[Value]) -> list[Value]:
    """Real-linear in all floating inputs that are not fixed (a divisor): each half by itself."""
    fixed = eqn.primitive.name == "div"
    pairs = [v if fixed and i == 1 else _paired(v) for i, v in enumerate(inputs)]
    re = _bind(eqn, [_half(v) for v in pairs])
    im = _bind(eqn, [v.im if isinstance(v, Pair) else v for v in pairs])
    return [Pair(a, b) for a, b in zip(re, im, strict=True)]


def _bilinear(eqn: Any, a: Value, b: Value) -> Pair:
    def times(x: Array, y: Array) -> Array:
        return _bind(eqn, [x, y])[0]

    if not isinstance(a, Pair):
        return Pair(times(a, b.re), times(a, b.im))
    if not isinstance(b, Pair):
        return Pair(times(a.re, b), times(a.im, b))
    return Pair(times(a.re, b.re) - times(a.im, b.im), times(a.re, b.im) + times(a.im, b.re))


def _analytic(eqn: Any, inputs: list[Value]) -> Pair:
    """An analytic function of each entry. Pairs of complex numbers z = u + iv, with a unit i that is not the
    one inside u and v, are two complex numbers u ± iv at which the function is taken (the algebra C ⊗ C is
    C ⊕ C)."""
    if not any(isinstance(v, Pair) and jnp.iscomplexobj(v.re) for v in inputs):
        value = _bind(eqn, [_joined(v) for v in inputs])[0]
        return Pair(value.real, value.imag)
    plus = _bind(eqn, [v.re + 1j * v.im if isinstance(v, Pair) else v for v in inputs])[0]
    minus = _bind(eqn, [v.re - 1j * v.im if isinstance(v, Pair) else v for v in inputs])[0]
    return Pair((plus + minus) * 0.5, (plus - minus) * (-0.5j))


def _joined(value: Value) -> Array:
    """The pair of real arrays as one complex array."""
    if isinstance(value, Pair) or _inexact(value):
        pair = _pair(value)
        return lax.complex(pair.re, pair.im)
    return value


def _abs(z: Value) -> Pair:
    """|z| as it continues: ±z for real z; √(x² + y²) of the continued real and imaginary part."""
    if not jnp.iscomplexobj(z.re):
        sign = jnp.sign(z.re)
        return Pair(sign * z.re, sign * z.im)
    x, y = lax.complex(z.re.real, z.im.real), lax.complex(z.re.imag, z.im.imag)
    root = jnp.sqrt(x * x + y * y)
    return Pair(root.real, root.imag)


def _chosen(better: Callable[[Array, Array], Array]) -> Callable[[Value, Value], Pair]:
    def choose(a: Value, b: Value) -> Pair:
        first = better(_half(a), _half(b))
        a, b = _pair(a), _pair(b)
        return Pair(jnp.where(first, a.re, b.re), jnp.where(first, a.im, b.im))

    return choose


def _extreme(eqn: Any, z: Pair) -> Pair:
    """The entry with the largest or smallest real part; of equals their mean."""
    axes = tuple(eqn.params["axes"])
    best = _bind(eqn, [z.re])[0]
    here = z.re == jnp.expand_dims(best, axes)
    count = jnp.sum(here, axes).astype(best.dtype)
    return Pair(best, jnp.sum(jnp.where(here, z.im, 0), axes) / count)


def _clamp(low: Value, x: Value, high: Value) -> Pair:
    return _chosen(jnp.less)(_chosen(jnp.greater)(x, low), high)


def _cond(eqn: Any, inputs: list[Value]) -> list[Value]:
    index, operands = _half(inputs[0]), inputs[1:]

    def branch(closed: core.ClosedJaxpr) -> Callable[..., list[Value]]:
        return lambda *values: [_paired(v) for v in _run(closed, values)]

    return list(lax.switch(index, [branch(b) for b in eqn.params["branches"]], *operands))


def _scan(eqn: Any, inputs: list[Value]) -> list[Value]:
    p = eqn.params
    n, m = p["num_consts"], p["num_carry"]
    consts = inputs[:n]

    def body(carry: list[Value], xs: list[Value]) -> tuple[list[Value], list[Value]]:
        out = [_paired(v) for v in _run(p["jaxpr"], [*consts, *carry, *xs])]
        return out[:m], out[m:]

    start = [_paired(v) for v in inputs[n : n + m]]
    carry, ys = lax.scan(body, start, inputs[n + m :], length=p["length"], reverse=p["reverse"])
    return [*carry, *ys]


def _while(eqn: Any, inputs: list[Value]) -> list[Value]:
    p = eqn.params
    n, m = p["cond_nconsts"], p["cond_nconsts"] + p["body_nconsts"]
    start = [_paired(v) for v in inputs[m:]]
    return lax.while_loop(
        lambda carry: _run(p["cond_jaxpr"], [*inputs[:n], *carry])[0],
        lambda carry: [_paired(v) for v in _run(p["body_jaxpr"], [*inputs[n:m], *carry])],
        start,
    )


def _names(text: str) -> frozenset[str]:
    """Primitives by their names, so that nothing private of JAX is imported."""
    return frozenset(text.split())


_LINEAR = _names(
    "neg add sub add_any reduce_sum cumsum reshape broadcast_in_dim transpose squeeze expand_dims slice "
    "dynamic_slice dynamic_update_slice rev gather scatter scatter-add pad concatenate split select_n "
    "copy copy_p convert_element_type reduce_precision real imag conj complex fft optimization_barrier "
    "device_put sharding_constraint stack stop_gradient tile reduce_window_sum psum"
)
_BILINEAR = _names("mul dot_general conv_general_dilated")
_ANALYTIC = _names(
    "div exp exp2 expm1 log log1p sqrt rsqrt square integer_pow pow logistic sin cos tan tanh sinh cosh "
    "asin acos atan asinh acosh atanh"
)
_BY_REAL_PART = _names("eq ne lt le gt ge is_finite sign floor ceil round argmax argmin")
_CONTROL: dict[str, Callable[..., list[Value]]] = {"cond": _cond, "scan": _scan, "while": _while}
_SPECIAL: dict[str, Callable[..., Pair]] = {
    "abs": _abs,
    "max": _chosen(jnp.greater_equal),
    "min": _chosen(jnp.less_equal),
    "clamp": _clamp,
}
