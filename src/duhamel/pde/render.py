"""Polynomials as text, in the grammar that they were read from."""

from __future__ import annotations

from fractions import Fraction
from math import factorial, prod

from duhamel.pde.algebra import Atom, Call, Conj, Coord, Field, Form, Grid, Monomial, Op, Param, Poly, Time

__all__ = ["render"]

_Orders = tuple[int, int, int]


def render(poly: Poly, ndim: int) -> str:
    """The polynomial as text; parsed again it means the same. A sum like u_xx + u_yy is shown as lap(u)."""
    pieces = [_term(body, number) for body, number in _laplacians(poly, ndim)]
    if not pieces:
        return "0"
    first = pieces[0]
    return first + "".join(f" - {p[1:]}" if p.startswith("-") else f" + {p}" for p in pieces[1:])


def _term(body: list[str], number: complex) -> str:
    """number · body[0] · body[1] · …"""
    if isinstance(number, complex):
        sign, number = ("-", -number) if (number.real or number.imag) < 0 else ("", number)
        if number.real:
            head = [
                f"({_decimal(number.real)} {'-' if number.imag < 0 else '+'} {_decimal(abs(number.imag))}*i)"
            ]
            return sign + "*".join([*head, *body])
        return sign + _term(["i", *body], number.imag)
    sign = "-" if number < 0 else ""
    fraction = Fraction(abs(number)).limit_denominator(720)
    if float(fraction) != abs(number) or not body:
        return sign + "*".join([_decimal(abs(number)), *body])
    head = [] if fraction.numerator == 1 else [str(fraction.numerator)]
    tail = "" if fraction.denominator == 1 else f"/{fraction.denominator}"
    return sign + "*".join([*head, *body]) + tail


def _decimal(number: float) -> str:
    return str(int(number)) if number == int(number) and abs(number) < 1e15 else repr(float(number))


def _laplacians(poly: Poly, ndim: int) -> list[tuple[list[str], complex]]:
    """The terms, each as a list of factors and a number; powers of ∇² recognised."""
    result: list[tuple[list[str], complex]] = []
    groups: dict[tuple, dict[_Orders, complex]] = {}
    for factors, number in poly.terms:
        last = factors[-1][0] if factors else None
        if isinstance(last, Field | Op) and factors[-1][1] == 1:
            bare = _bare(last)
            groups.setdefault((factors[:-1], bare, sum(last.orders)), {})[last.orders] = number
        else:
            groups[(factors, None, 0)] = {(0, 0, 0): number}
    for (factors, bare, _), numbers in groups.items():
        if bare is None:
            result.append((_factors(factors, ndim), numbers[0, 0, 0]))
            continue
        common = _power_of_laplacian(numbers, ndim) if ndim > 1 else None
        if common is not None:
            offset, times, number = common
            result.append(([*_factors(factors, ndim), _derivative(bare, offset, times, ndim)], number))
            continue
        for orders, number in numbers.items():
            result.append(([*_factors(factors, ndim), _derivative(bare, orders, 0, ndim)], number))
    return result


def _bare(atom: Field | Op) -> Field | Op:
    zero = (0, 0, 0)
    if isinstance(atom, Field):
        return Field(atom.name, zero, atom.inverse, atom.rate)
    return Op(zero, atom.inverse, atom.of)


def _power_of_laplacian(numbers: dict[_Orders, complex], ndim: int) -> tuple[_Orders, int, complex] | None:
    """(m, j, c) if the derivatives add up to c·∂^m (∇²)^j, j ≥ 1."""
    low = (min(o[0] for o in numbers), min(o[1] for o in numbers), min(o[2] for o in numbers))
    rest = {tuple(a - b for a, b in zip(o, low, strict=True)): c for o, c in numbers.items()}
    if any(n % 2 for orders in rest for n in orders):
        return None
    half = sum(next(iter(rest))) // 2
    number = rest.get((2 * half, 0, 0))
    if not half or number is None or len(rest) != prod(range(half + 1, half + ndim)) // factorial(ndim - 1):
        return None
    for orders, c in rest.items():
        if c != number * factorial(half) / prod(factorial(n // 2) for n in orders):
            return None
    return low, half, number


def _derivative(bare: Field | Op, orders: _Orders, laplacians: int, ndim: int) -> str:
    inner = (
        (bare.name + "_t" if bare.rate else bare.name) if isinstance(bare, Field) else render(bare.of, ndim)
    )
    wrappers = ["inv_lap"] * bare.inverse + ["lap"] * laplacians
    letters = "".join(letter * n for letter, n in zip("xyz", orders, strict=True))
    if isinstance(bare, Field) and letters and not wrappers:
        return f"{bare.name}_{letters}{'t' if bare.rate else ''}"
    for name in [*wrappers, *(f"d{letter}" for letter in letters)]:
        inner = f"{name}({inner})"
    return inner


def _factors(factors: Monomial, ndim: int) -> list[str]:
    """Factors as text; a·conj(a) as |a|²."""
    left = dict(factors)
    result: list[str] = []
    for atom, n in factors:
        if isinstance(atom, Conj) and atom.of in left and n > 0 and left[atom.of] > 0:
            pairs = min(n, left[atom.of])
            left[atom] -= pairs
            left[atom.of] -= pairs
            result.append(f"abs({_atom(atom.of, ndim)})^{2 * pairs}")
    plain = [(atom, n) for atom, n in left.items() if n]
    scalars = [_power(atom, n, ndim) for atom, n in plain if isinstance(atom, Param | Grid)]
    others = [_power(atom, n, ndim) for atom, n in plain if not isinstance(atom, Param | Grid)]
    return [*scalars, *result, *others]


def _power(atom: Atom, n: int, ndim: int) -> str:
    text = _atom(atom, ndim)
    return text if n == 1 else f"{text}^{n}"


def _atom(atom: Atom, ndim: int) -> str:
    match atom:
        case Param() | Grid():
            return atom.name
        case Time():
            return "t"
        case Coord():
            return "xyz"[atom.axis]
        case Field() | Op():
            return _derivative(_bare(atom), atom.orders, 0, ndim)
        case Form():
            return f"({render(atom.of, ndim)})"
        case Conj():
            return f"conj({_atom(atom.of, ndim)})"
        case Call():
            return _call(atom, [render(arg, ndim) for arg in atom.args])
    raise AssertionError(atom)


def _call(atom: Call, args: list[str]) -> str:
    match atom.name:
        case "recip":
            return f"(1/({args[0]}))"
        case "identity":
            return f"({args[0]})"
        case "ipow":
            return f"(({args[0]})^{args[1]})"
        case "pow":
            return f"(({args[0]})^({args[1]}))"
    return f"{atom.name}({', '.join(args)})"
