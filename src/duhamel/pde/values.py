"""The value of a polynomial: on the host for what is fixed, inside the compiled program for the rest."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from duhamel.errors import InputError
from duhamel.pde.algebra import Atom, Call, Conj, Coord, Grid, Monomial, Op, Param, Poly, parts
from duhamel.pde.arithmetic import apply_function, is_complex, modulus_squared, plus, times
from duhamel.pde.symbol import operator_symbol
from duhamel.spaces import Fourier

__all__ = ["Fixed", "evaluate", "groups", "parameter_kinds", "parameter_values"]

Parameters = dict[str, Any]


def groups(poly: Poly) -> list[tuple[Poly, Monomial, Monomial]]:
    """A polynomial as Σ (fixed part) · (factors of time alone) · (other factors), like ones merged."""
    merged: dict[tuple[Monomial, Monomial], list[tuple[Monomial, complex]]] = {}
    for factors, number in poly.terms:
        fixed, time, others = parts(factors)
        merged.setdefault((time, others), []).append((fixed, number))
    return [(Poly(tuple(terms)), time, others) for (time, others), terms in merged.items()]


def evaluate(poly: Poly, atom: Callable[[Atom], Any], fixed: Callable[[Poly], Any]) -> Any:
    """The value of a polynomial; `atom` gives those of atoms, `fixed` those of parts that do not change."""
    total: Any = None
    for constant, time, others in groups(poly):
        value = times(fixed(constant), times(_product(time, atom), _product(others, atom)))
        total = value if total is None else plus(total, value)
    return 0.0 if total is None else total


def _product(factors: Monomial, atom: Callable[[Atom], Any]) -> Any:
    """Powers of atoms multiplied; a·conj(a) is taken as |a|², which is real and costs half."""
    left = dict(factors)
    result: Any = 1.0
    for mirrored, n in factors:
        if isinstance(mirrored, Conj) and mirrored.of in left and n > 0 and left[mirrored.of] > 0:
            pairs = min(n, left[mirrored.of])
            result = times(result, _power(modulus_squared(atom(mirrored.of)), pairs))
            left[mirrored] -= pairs
            left[mirrored.of] -= pairs
    for factor, n in left.items():
        if n:
            result = times(result, _power(atom(factor), n))
    return result


def _power(value: Any, n: int) -> Any:
    return value if n == 1 else value**n if n > 0 else 1.0 / value ** (-n)


class Fixed:
    """Evaluates what depends on parameters and space alone, each polynomial once.

    In NumPy float64, unless a parameter or the length is traced: then in JAX.
    """

    def __init__(self, space: Fourier, parameters: Parameters):
        self.space = space
        self.parameters = parameters
        self._known: dict[Poly, Any] = {}
        self._grid: tuple[Any, ...] | None = None

    def __call__(self, poly: Poly) -> Any:
        """The value: a Python number, a 0-dimensional array or one that broadcasts against the grid."""
        if poly not in self._known:
            with np.errstate(all="ignore"):  # what is not finite is reported by whoever uses it
                self._known[poly] = self._sum(poly)
        return self._known[poly]

    def _sum(self, poly: Poly) -> Any:
        total: Any = 0.0
        for index, (factors, number) in enumerate(poly.terms):
            value = times(number, _product(factors, self.atom))
            total = plus(total, value) if index else value
        return total

    def atom(self, atom: Atom) -> Any:
        """The value of an atom."""
        match atom:
            case Param() | Grid():
                return self.parameters[atom.name]
            case Coord():
                self._grid = self.space.grid if self._grid is None else self._grid
                return self._grid[atom.axis]
            case Conj():
                value = self.atom(atom.of)
                return value.conjugate() if is_complex(value) else value
            case Call():
                return apply_function(atom.name, [self(arg) for arg in atom.args])
            case Op():
                return self._operator(atom)
        raise AssertionError(atom)

    def _operator(self, atom: Op) -> Any:
        """A derivative of something fixed, taken spectrally on the whole grid."""
        value = self(atom.of)
        real = not is_complex(value)
        xp = jnp if isinstance(value, jax.Array) else np
        layout = self.space.layout(real=real)
        symbol = operator_symbol([((atom.orders, atom.inverse), _ONE)], self.space, layout, self)
        spectrum = (xp.fft.rfftn if real else xp.fft.fftn)(xp.broadcast_to(value, self.space.shape))
        turned = apply_symbol(symbol.kind, symbol.values(), spectrum)
        if real:
            return xp.fft.irfftn(turned, s=self.space.shape, axes=tuple(range(self.space.ndim)))
        return xp.fft.ifftn(turned)


_ONE = Poly((((), 1.0),))


def apply_symbol(kind: str, values: Any, spectrum: Any) -> Any:
    """A symbol times a spectrum; real and imaginary symbols cost two real products."""
    if kind == "imag":
        return (
            times(values, times(1j, spectrum))
            if isinstance(spectrum, np.ndarray)
            else _turned(values, spectrum)
        )
    return times(values, spectrum)


def _turned(values: Any, spectrum: jax.Array) -> jax.Array:
    return jax.lax.complex(-values * spectrum.imag, values * spectrum.real)


def parameter_kinds(parameters: Parameters, space: Fourier) -> tuple[tuple[str, str], ...]:
    """What each parameter is: number, complex, grid or complex grid; `InputError` for anything else."""
    kinds = []
    for name, value in parameters.items():
        try:
            dtype, shape = jnp.result_type(value), np.shape(value)
        except (TypeError, ValueError):
            raise InputError(f"parameter {name} must be a number or an array; this is {value!r}.") from None
        prefix = "complex" if jnp.issubdtype(dtype, jnp.complexfloating) else ""
        if not (jnp.issubdtype(dtype, jnp.number) or jnp.issubdtype(dtype, jnp.bool_)):
            raise InputError(f"parameter {name} must be a number or an array; this is {value!r}.")
        if shape == ():
            kinds.append((name, prefix or "number"))
        elif shape == space.shape:
            kinds.append((name, f"{prefix} grid".strip()))
        else:
            raise InputError(
                f"parameter {name} has shape {shape}: it "
                f"must be one number, or an array on the grid {space.shape}."
            )
    return tuple(sorted(kinds))


def parameter_values(parameters: Parameters) -> Parameters:
    """Values in double precision: NumPy where they are known, JAX where they are traced.

    Errors: `InputError` for a value that is not finite.
    """
    result = {}
    for name, value in parameters.items():
        complex_ = jnp.issubdtype(jnp.result_type(value), jnp.complexfloating)
        if isinstance(value, Tracer):
            result[name] = value.astype(jnp.result_type(complex if complex_ else float))
            continue
        array = np.asarray(value, dtype=np.complex128 if complex_ else np.float64)
        if not np.all(np.isfinite(array)):
            raise InputError(f"parameter {name} is not finite: {value!r}.")
        result[name] = array
    return result
