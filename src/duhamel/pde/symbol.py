"""Fourier symbols of linear operators, real and imaginary parts apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from duhamel.errors import InputError
from duhamel.pde.algebra import Param, Poly
from duhamel.spaces import Fourier, Layout

__all__ = ["Symbol", "operator_symbol"]

Derivative = tuple[tuple[int, int, int], int]


@dataclass(frozen=True)
class Symbol:
    """re + i·im on the modes; None where a part is zero by structure, whatever the parameters' values."""

    re: Any = None
    im: Any = None

    def __add__(self, other: Symbol) -> Symbol:
        return Symbol(_sum(self.re, other.re), _sum(self.im, other.im))

    def __mul__(self, other: Symbol) -> Symbol:
        re = _sum(_product(self.re, other.re), _negative(_product(self.im, other.im)))
        return Symbol(re, _sum(_product(self.re, other.im), _product(self.im, other.re)))

    def inverse(self, what: str) -> Symbol:
        """1/symbol. Errors: `InputError` if it vanishes at some wavenumber."""
        square = _sum(_product(self.re, self.re), _product(self.im, self.im))
        if square is None or (not isinstance(square, Tracer) and not np.all(np.asarray(square) > 0)):
            raise InputError(f"{what} vanishes at some wavenumber of this space, so it cannot be inverted.")
        minus = _negative(self.im)
        return Symbol(
            None if self.re is None else self.re / square, None if minus is None else minus / square
        )

    @property
    def kind(self) -> str:
        """zero, real, imag or complex."""
        if self.re is None:
            return "zero" if self.im is None else "imag"
        return "real" if self.im is None else "complex"

    def values(self) -> Any:
        """One array: re for kind real, im for kind imag, re + i·im for complex."""
        if self.kind != "complex":
            return self.re if self.im is None else self.im
        if isinstance(self.re, Tracer) or isinstance(self.im, Tracer):
            re, im = jnp.broadcast_arrays(jnp.asarray(self.re), jnp.asarray(self.im))
            return lax.complex(re, im)
        return np.asarray(self.re) + 1j * np.asarray(self.im)


def operator_symbol(
    terms: Iterable[tuple[Derivative, Poly]], space: Fourier, layout: Layout, value: Callable[[Poly], Any]
) -> Symbol:
    """Σ c·i^n·Π k^a·(-|k|²)^(-m) for terms ((orders, m), c); `value` evaluates the polynomials c."""
    total = Symbol()
    for (orders, inverse), scalar in terms:
        modulus: Any = 1.0
        if any(orders) or inverse:
            modulus = space.derivative(orders, inverse, layout)
        turn = (Symbol(1.0), Symbol(None, 1.0), Symbol(-1.0), Symbol(None, -1.0))[sum(orders) % 4]
        total = total + scalar_symbol(scalar, value) * turn * Symbol(modulus)
    return total


def scalar_symbol(scalar: Poly, value: Callable[[Poly], Any]) -> Symbol:
    """A polynomial of parameters as a symbol that does not depend on the mode."""
    total = Symbol()
    for factors, number in scalar.terms:
        number = complex(number)
        phase = Symbol(number.real or None, number.imag or None)
        if not factors:
            total = total + phase
            continue
        amount = value(Poly(((factors, 1.0),)))
        is_complex = any(isinstance(atom, Param) and atom.complex for atom, _ in factors) or np.iscomplexobj(
            amount
        )
        total = total + phase * (Symbol(amount.real, amount.imag) if is_complex else Symbol(amount))
    return total


def _sum(a: Any, b: Any) -> Any:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _product(a: Any, b: Any) -> Any:
    return None if a is None or b is None else a * b


def _negative(a: Any) -> Any:
    return None if a is None else -a
