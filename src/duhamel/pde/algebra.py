"""Polynomials of atoms: the one form that every expression is brought to.

An expression is a sum of monomials, a monomial a number times powers of atoms. An atom is whatever is
not a sum or a product: a parameter, a coordinate, the time, a derivative of a field, a function of an
expression, a linear operator acting on a product. Everything is frozen and hashable.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

__all__ = [
    "Atom", "Call", "Conj", "Coord", "Field", "Form", "Grid", "Monomial", "Op", "Param", "Poly", "Time",
    "add", "as_number", "collect", "constant", "depends", "depends_poly", "is_linear", "monomial", "multiply",
    "parts", "power", "scale", "single", "split_scalar",
]  # fmt: skip

_MAX_TERMS = 200  # beyond this a product stays a product
_MAX_POWER = 4  # a sum to a higher power stays a power: expanding it would cancel digits


@dataclass(frozen=True)
class Param:
    """A parameter that is one number."""

    name: str
    complex: bool = False


@dataclass(frozen=True)
class Grid:
    """A parameter that is an array on the grid."""

    name: str
    complex: bool = False


@dataclass(frozen=True)
class Time:
    """The time t."""


@dataclass(frozen=True)
class Coord:
    """A coordinate: axis 0, 1, 2 is x, y, z."""

    axis: int


@dataclass(frozen=True)
class Field:
    """∂_x^a ∂_y^b ∂_z^c ∇^{-2m} of a field: `orders` = (a, b, c), `inverse` = m.

    `rate`: of the time derivative of the field.
    """

    name: str
    orders: tuple[int, int, int] = (0, 0, 0)
    inverse: int = 0
    rate: bool = False


@dataclass(frozen=True)
class Form:
    """A sum of derivatives of fields with scalar coefficients, kept together as one factor of a product."""

    of: Poly


@dataclass(frozen=True)
class Conj:
    """The complex conjugate of an atom."""

    of: Atom


@dataclass(frozen=True)
class Call:
    """A function of expressions, point by point."""

    name: str
    args: tuple[Poly, ...]


@dataclass(frozen=True)
class Op:
    """∂_x^a ∂_y^b ∂_z^c ∇^{-2m} acting on one monomial that is not linear in the fields."""

    orders: tuple[int, int, int]
    inverse: int
    of: Poly


Atom = Param | Grid | Time | Coord | Field | Form | Conj | Call | Op
Monomial = tuple[tuple[Atom, int], ...]


@dataclass(frozen=True)
class Poly:
    """A sum: pairs (monomial, number), in the order in which they were first met."""

    terms: tuple[tuple[Monomial, complex], ...]

    def __bool__(self) -> bool:
        return bool(self.terms)


def constant(value: complex) -> Poly:
    """A number."""
    return Poly((((), _plain(value)),)) if value else Poly(())


def single(atom: Atom, exponent: int = 1) -> Poly:
    """An atom, or a power of it."""
    return Poly(((((atom, exponent),), 1.0),))


def monomial(factors: Monomial, number: complex = 1.0) -> Poly:
    """One monomial times a number."""
    return Poly(((factors, number),)) if number else Poly(())


def add(*polys: Poly) -> Poly:
    """The sum; like monomials are merged."""
    return collect(term for poly in polys for term in poly.terms)


def scale(poly: Poly, number: complex) -> Poly:
    """A number times a polynomial."""
    return collect((factors, c * number) for factors, c in poly.terms)


def multiply(a: Poly, b: Poly) -> Poly:
    """The product, distributed. A linear combination of derivatives that meets another non-constant factor
    stays together as a `Form` (one transform instead of several)."""
    if not (_is_scalar(a) or _is_scalar(b)):
        a, b = _gather(a), _gather(b)
    if len(a.terms) * len(b.terms) > _MAX_TERMS:
        a, b = (p if len(p.terms) < 2 else single(Call("identity", (p,))) for p in (a, b))
    return collect((_join(left, right), c * d) for left, c in a.terms for right, d in b.terms)


def power(base: Poly, exponent: int) -> Poly:
    """An integer power; sums are expanded up to the fourth, single monomials always."""
    if exponent == 0:
        return constant(1.0)
    if len(base.terms) == 1:
        factors, number = base.terms[0]
        return collect([(tuple((atom, n * exponent) for atom, n in factors), number**exponent)])
    if exponent < 0:
        return power(single(Call("recip", (base,))), -exponent)
    if exponent > _MAX_POWER:
        return single(Call("ipow", (base, constant(exponent))))
    result = base
    for _ in range(exponent - 1):
        result = multiply(result, base)
    return result


@cache
def depends(atom: Atom) -> frozenset[str]:
    """What an atom depends on: any of "x" (space), "t" (time), "u" (fields)."""
    match atom:
        case Param():
            return frozenset()
        case Grid() | Coord():
            return frozenset("x")
        case Time():
            return frozenset("t")
        case Field() | Form():
            return frozenset("u")
        case Conj():
            return depends(atom.of)
        case Call():
            return frozenset().union(*(depends_poly(arg) for arg in atom.args))
        case Op():
            return depends_poly(atom.of)


def depends_poly(poly: Poly) -> frozenset[str]:
    """What a polynomial depends on."""
    return frozenset().union(*(depends(atom) for factors, _ in poly.terms for atom, _ in factors))


def split_scalar(factors: Monomial) -> tuple[Monomial, Monomial]:
    """A monomial's factors that are parameters alone, and the others."""
    scalar = tuple(f for f in factors if not depends(f[0]))
    return scalar, tuple(f for f in factors if depends(f[0]))


def is_linear(factors: Monomial) -> Field | None:
    """The field of a monomial that is scalar × one derivative of a field; None for any other."""
    _, rest = split_scalar(factors)
    if len(rest) == 1 and rest[0][1] == 1 and isinstance(rest[0][0], Field):
        return rest[0][0]
    return None


@cache
def order(atom: Atom) -> tuple[int, int, str]:
    """Sorting key of the factors of a monomial: parameters, coordinates, time, fields, the rest."""
    match atom:
        case Param():
            return (0, 0, atom.name)
        case Call() if not depends(atom):
            return (1, 0, repr(atom))
        case Grid():
            return (2, 0, atom.name)
        case Coord():
            return (2, 1, str(atom.axis))
        case Time():
            return (3, 0, "")
        case Field():
            return (4, sum(atom.orders) + 10 * atom.inverse, repr(atom))
    return (5 if "u" in depends(atom) else 3, 1, repr(atom))


def _is_scalar(poly: Poly) -> bool:
    return not depends_poly(poly)


def _gather(poly: Poly) -> Poly:
    """The linear terms of a sum as one `Form`, if there are two or more different ones."""
    linear = [term for term in poly.terms if is_linear(term[0])]
    if len(linear) < 2:
        return poly
    rest = [term for term in poly.terms if not is_linear(term[0])]
    lead_factors, lead = linear[0]
    common = split_scalar(lead_factors)[0]
    if any(split_scalar(factors)[0] != common for factors, _ in linear):
        common = ()
    body = [(tuple(f for f in factors if f not in common), number / lead) for factors, number in linear]
    body.sort(key=lambda term: [order(atom) for atom, _ in reversed(term[0])])
    form = Form(Poly(tuple((factors, _plain(number)) for factors, number in body)))
    return Poly((((*common, (form, 1)), lead), *rest))  # not collected: that would take the form apart


def _join(left: Monomial, right: Monomial) -> Monomial:
    exponents: dict[Atom, int] = {}
    for atom, n in (*left, *right):
        exponents[atom] = exponents.get(atom, 0) + n
    return tuple((atom, n) for atom, n in exponents.items() if n)


def collect(terms: Iterable[tuple[Monomial, complex]]) -> Poly:
    """A polynomial from its terms: factors in canonical order, like terms merged, zeros dropped."""
    total: dict[Monomial, complex] = {}
    for factors, number in _unform(terms):
        key = tuple(sorted(factors, key=lambda factor: order(factor[0])))
        total[key] = total.get(key, 0.0) + number
    return Poly(tuple((factors, _plain(number)) for factors, number in total.items() if number))


def _unform(terms: Iterable[tuple[Monomial, complex]]) -> Iterable[tuple[Monomial, complex]]:
    """A form that ends up alone (times scalars) is linear after all: take it apart."""
    for factors, number in terms:
        scalar, rest = split_scalar(factors)
        if len(rest) == 1 and rest[0][1] == 1 and isinstance(rest[0][0], Form):
            for inner, c in rest[0][0].of.terms:
                yield _join(scalar, inner), number * c
        else:
            yield factors, number


def _plain(number: complex) -> complex:
    """A real number as a float."""
    if isinstance(number, complex):
        return number.real if number.imag == 0 else number
    return float(number)


def parts(factors: Monomial) -> tuple[Monomial, Monomial, Monomial]:
    """A monomial's factors that are fixed (parameters, space), of the time alone, and all others."""
    fixed = tuple(f for f in factors if depends(f[0]) <= {"x"})
    time = tuple(f for f in factors if depends(f[0]) == {"t"})
    return fixed, time, tuple(f for f in factors if f not in fixed and f not in time)


def as_number(poly: Poly) -> complex | None:
    """The number that a polynomial without atoms stands for; None for any other."""
    if not poly.terms:
        return 0.0
    factors, number = poly.terms[0]
    return number if len(poly.terms) == 1 and not factors else None
