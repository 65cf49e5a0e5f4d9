"""Real and complex numbers and arrays together, NumPy or JAX, without implicit promotion.

A real array times a complex one is two real products, not a complex one; and under strict promotion JAX
refuses to mix them. NumPy values follow NumPy's own rules.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

__all__ = ["apply_function", "as_complex", "is_complex", "modulus_squared", "plus", "times"]


def is_complex(value: Any) -> bool:
    """Whether a number or an array is complex by type."""
    return np.iscomplexobj(value)


def times(a: Any, b: Any) -> Any:
    """a·b."""
    if _is_one(a):
        return b
    if _is_one(b):
        return a
    if not (isinstance(a, jax.Array) or isinstance(b, jax.Array)) or is_complex(a) == is_complex(b):
        return a * b
    real, other = (b, a) if is_complex(a) else (a, b)
    if isinstance(real, float | int):
        return other * real
    return _complex(real * other.real, real * other.imag)


def plus(a: Any, b: Any) -> Any:
    """a + b."""
    if not (isinstance(a, jax.Array) or isinstance(b, jax.Array)) or is_complex(a) == is_complex(b):
        return a + b
    real, other = (b, a) if is_complex(a) else (a, b)
    if isinstance(real, float | int):
        return other + real
    total = real + other.real
    return _complex(total, jnp.broadcast_to(jnp.asarray(other.imag, total.dtype), total.shape))


def as_complex(value: Any) -> Any:
    """The same as a complex JAX array."""
    value = jnp.asarray(value)
    return value if is_complex(value) else _complex(value, jnp.zeros_like(value))


def modulus_squared(value: Any) -> Any:
    """|a|², real."""
    return value.real * value.real + value.imag * value.imag if is_complex(value) else value * value


def apply_function(name: str, args: list[Any]) -> Any:
    """One of the whitelisted functions, point by point."""
    xp = jnp if any(isinstance(arg, jax.Array) for arg in args) else np
    first = args[0]
    match name:
        case "identity":
            return first
        case "recip":
            return 1.0 / first
        case "sech":
            return 1.0 / xp.cosh(first)
        case "ipow":
            return first ** int(args[1].real)
        case "pow":
            return _power(xp, first, args[1])
        case "min":
            return xp.minimum(first, args[1])
        case "max":
            return xp.maximum(first, args[1])
        case "asin" | "acos" | "atan":
            return getattr(xp, "arc" + name[1:])(first)
        case "sin" | "cos" | "tan" | "sinh" | "cosh" | "tanh" | "exp" | "log" | "sqrt" | "abs" | "sign":
            return getattr(xp, name)(first)
    raise AssertionError(name)  # the parser lets no other name through


def _power(xp: Any, base: Any, exponent: Any) -> Any:
    if is_complex(base) != is_complex(exponent) and xp is jnp and not isinstance(exponent, float | int):
        base, exponent = as_complex(base), as_complex(exponent)
    return xp.power(base, exponent)


def _is_one(value: Any) -> bool:
    return isinstance(value, float | int) and value == 1


def _complex(real: Any, imag: Any) -> jax.Array:
    real, imag = jnp.asarray(real), jnp.asarray(imag)
    return lax.complex(real, imag)
