"""What is done to polynomials of atoms: derivatives, conjugates, quotients, counts."""

from __future__ import annotations

from duhamel.pde.algebra import (
    Atom,
    Call,
    Conj,
    Coord,
    Field,
    Grid,
    Monomial,
    Op,
    Param,
    Poly,
    Time,
    collect,
    constant,
    depends,
    monomial,
    multiply,
    power,
)  # fmt: skip

__all__ = ["atoms_of", "conjugate", "count_operations", "differentiate", "ratio"]


def differentiate(poly: Poly, orders: tuple[int, int, int], inverse: int = 0) -> Poly:
    """∂_x^a ∂_y^b ∂_z^c ∇^{-2m} of a polynomial: pushed into linear terms, kept outside of the others."""
    if not any(orders) and not inverse:
        return poly
    terms: list[tuple[Monomial, complex]] = []
    for factors, number in poly.terms:
        outside = tuple(f for f in factors if not depends(f[0]) & {"x", "u"})
        inside = tuple(f for f in factors if f not in outside)
        if inside:  # the derivative of what does not vary in space is zero, and so is ∇^{-2} of a mean
            terms.append(((*outside, (_derivative(inside, orders, inverse), 1)), number))
    return collect(terms)


def _derivative(inside: Monomial, orders: tuple[int, int, int], inverse: int) -> Atom:
    if len(inside) == 1 and inside[0][1] == 1:
        atom = inside[0][0]
        if isinstance(atom, Field):
            return Field(atom.name, _plus(atom.orders, orders), atom.inverse + inverse, atom.rate)
        if isinstance(atom, Conj) and isinstance(atom.of, Field):
            inner = _derivative(((atom.of, 1),), orders, inverse)
            return Conj(inner)
        if isinstance(atom, Op):
            return Op(_plus(atom.orders, orders), atom.inverse + inverse, atom.of)
    return Op(orders, inverse, monomial(inside))


def _plus(a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])


def conjugate(poly: Poly) -> Poly:
    """The complex conjugate."""
    terms = []
    for factors, number in poly.terms:
        swapped = tuple((_conjugate(atom), n) for atom, n in factors)
        terms.append((swapped, number.conjugate()))
    return collect(terms)


def _conjugate(atom: Atom) -> Atom:
    match atom:
        case Conj():
            return atom.of
        case Time() | Coord():
            return atom
        case Param() | Grid():
            return Conj(atom) if atom.complex else atom
        case Call(name="abs" | "real" | "imag"):
            return atom
    return Conj(atom)


def ratio(a: Poly, b: Poly) -> Poly | None:
    """a/b if b is one monomial, or a a multiple of b; None otherwise."""
    if len(b.terms) == 1:
        return multiply(a, power(b, -1))
    others = dict(b.terms)
    quotients = {number / others[factors] for factors, number in a.terms if factors in others}
    if len(a.terms) != len(b.terms) or len(quotients) != 1 or any(f not in others for f, _ in a.terms):
        return None
    return constant(quotients.pop())


def count_operations(poly: Poly) -> int:
    """Additions, multiplications and function calls needed to evaluate a polynomial once."""
    total = max(0, len(poly.terms) - 1)
    for factors, number in poly.terms:
        total += sum(abs(n) for _, n in factors) - 1 + (number != 1.0) if factors else 0
        for atom, _ in factors:
            if isinstance(atom, Call):
                total += 1 + sum(count_operations(arg) for arg in atom.args)
            elif isinstance(atom, Op):
                total += 1 + count_operations(atom.of)
            elif isinstance(atom, Field):
                total += int(any(atom.orders) or atom.inverse > 0)
    return total


def atoms_of(poly: Poly) -> list[Atom]:
    """Every atom of a polynomial, those inside calls and forms included, those inside operators not."""
    found: list[Atom] = []
    for factors, _ in poly.terms:
        for atom, _ in factors:
            found += _inside(atom)
    return list(dict.fromkeys(found))


def _inside(atom: Atom) -> list[Atom]:
    match atom:
        case Conj():
            return [*_inside(atom.of)]
        case Call():
            return [a for arg in atom.args for a in atoms_of(arg)]
    return [atom]
