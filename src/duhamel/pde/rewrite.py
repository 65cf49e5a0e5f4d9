"""Equal forms of N that need fewer transforms.

Both rules are identities of calculus; on a grid they are exact for products of two fields whose modes are
those of the 2/3 rule. They are used with dealiasing on, and only where they save transforms.

    F^n ∂F            = ∂(F^(n+1)) / (n+1)
    a_x w_y - a_y w_x = ∂x∂y(a_x² - a_y²) + (∂yy - ∂xx)(a_x a_y)   if w = ∇²a, in two dimensions
                        (C. Basdevant, J. Comput. Phys. 50, 1983)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from duhamel.pde.algebra import Field, Form, Monomial, Op, Poly, add, depends, single, split_scalar
from duhamel.pde.calculus import differentiate
from duhamel.pde.plan import make_plan

__all__ = ["rewrite"]

_UNIT = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
_Term = tuple[Monomial, complex]
# a rule yields pairs: terms that may be taken out, and the polynomial put in their place
_Rule = Callable[[Poly, int], Iterator[tuple[tuple[_Term, ...], Poly]]]


def rewrite(fields: tuple[str, ...], rest: tuple[Poly, ...], ndim: int) -> tuple[Poly, ...]:
    """`rest` with the rules applied where they lower the number of transforms."""
    for rule in (_stream_function, _chain_rule):
        everywhere = tuple(_replaced(poly, list(rule(poly, ndim))) for poly in rest)
        if _cost(fields, everywhere) < _cost(fields, rest):
            rest = everywhere
            continue
        for index in range(len(rest)):
            for change in list(rule(rest[index], ndim)):
                changed = (*rest[:index], _replaced(rest[index], [change]), *rest[index + 1 :])
                if _cost(fields, changed) < _cost(fields, rest):
                    rest = changed
    return rest


def _cost(fields: tuple[str, ...], rest: tuple[Poly, ...]) -> int:
    return make_plan(fields, rest, None).transforms


def _replaced(poly: Poly, changes: list[tuple[tuple[_Term, ...], Poly]]) -> Poly:
    terms = list(poly.terms)
    added: list[Poly] = []
    for out, new in changes:
        if all(term in terms for term in out):
            for term in out:
                terms.remove(term)
            added.append(new)
    return add(Poly(tuple(terms)), *added) if added else poly


def _chain_rule(poly: Poly, ndim: int) -> Iterator[tuple[tuple[_Term, ...], Poly]]:
    for factors, number in poly.terms:
        outside, inside = _outside(factors)
        if len(inside) != 2 or any("u" not in depends(atom) for atom, _ in inside):
            continue
        for (base, n), (slope, m) in (inside, inside[::-1]):
            if m != 1 or n < 1 or not isinstance(base, Field | Form) or not isinstance(slope, Field | Form):
                continue
            weights = _derivative_of(slope, base, ndim)
            if weights is not None:
                whole = single(base, n + 1)
                terms = [
                    Poly(
                        tuple(
                            ((*outside, *scalar, *f), number * c * d / (n + 1))
                            for f, d in _op(axis, whole).terms
                        )
                    )
                    for axis, scalar, c in weights
                ]
                yield ((factors, number),), add(*terms)
                break


def _derivative_of(
    slope: Field | Form, base: Field | Form, ndim: int
) -> list[tuple[int, Monomial, complex]] | None:
    """`slope` as Σ c·∂_axis base, in triples (axis, scalar factors, number); None if it is not."""
    if isinstance(slope, Field) and isinstance(base, Field):
        return next((
            [(axis, (), 1.0)] for axis in range(ndim)
            if differentiate(single(base), _UNIT[axis]) == single(slope)
        ), None)  # fmt: skip
    if isinstance(slope, Form) and isinstance(base, Field):
        triples = []
        for factors, number in slope.of.terms:
            scalar, field = split_scalar(factors)
            axes = [a for a in range(ndim) if differentiate(single(base), _UNIT[a]) == single(field[0][0])]
            if not axes:
                return None
            triples.append((axes[0], scalar, number))
        return triples
    if isinstance(slope, Form) and isinstance(base, Form):
        for axis in range(ndim):
            if set(differentiate(base.of, _UNIT[axis]).terms) == set(slope.of.terms):
                return [(axis, (), 1.0)]
    return None


def _stream_function(poly: Poly, ndim: int) -> Iterator[tuple[tuple[_Term, ...], Poly]]:
    if ndim != 2:
        return
    taken: set[_Term] = set()
    for term in poly.terms:
        outside, inside = _outside(term[0])
        if term in taken or len(inside) != 2:
            continue
        for (a, n), (w, m) in (inside, inside[::-1]):
            if n != 1 or m != 1 or not (isinstance(a, Field) and isinstance(w, Field)):
                continue
            stream = _stream(a, w)
            if stream is None:
                continue
            partner = _partner(poly, outside, stream, -term[1])
            if partner is not None and partner not in taken:
                taken |= {term, partner}
                yield (term, partner), _basdevant(outside, stream, term[1])
                break


def _stream(a: Field, w: Field) -> Field | None:
    """The field a₀ if a = ∂x a₀ and w = ∂y ∇²a₀."""
    if a.name != w.name or a.inverse != w.inverse + 1 or a.orders[0] < 1 or a.orders[2] or w.orders[2]:
        return None
    below = (a.orders[0] - 1, a.orders[1], 0)
    return Field(a.name, below, a.inverse) if w.orders == (below[0], below[1] + 1, 0) else None


def _partner(poly: Poly, outside: Monomial, stream: Field, number: complex) -> _Term | None:
    """The term number · ∂y a₀ · ∂x ∇²a₀ with the same factors outside."""
    across = Field(stream.name, _plus(stream.orders, _UNIT[1]), stream.inverse)
    along = Field(stream.name, _plus(stream.orders, _UNIT[0]), stream.inverse - 1)
    for factors, c in poly.terms:
        other, inside = _outside(factors)
        if c == number and set(other) == set(outside) and set(inside) == {(across, 1), (along, 1)}:
            return factors, c
    return None


def _basdevant(outside: Monomial, stream: Field, number: complex) -> Poly:
    a = Field(stream.name, _plus(stream.orders, _UNIT[0]), stream.inverse)
    b = Field(stream.name, _plus(stream.orders, _UNIT[1]), stream.inverse)
    product = Poly(((((a, 1), (b, 1)), 1.0),))
    pieces = [
        ((1, 1, 0), single(a, 2), 1.0), ((1, 1, 0), single(b, 2), -1.0),
        ((0, 2, 0), product, 1.0), ((2, 0, 0), product, -1.0),
    ]  # fmt: skip
    # the factors of the product in canonical order, as `add` would leave them
    return add(*(
        Poly((((*outside, (Op(orders, 0, add(inner)), 1)), sign * number),)) for orders, inner, sign in pieces
    ))  # fmt: skip


def _op(axis: int, whole: Poly) -> Poly:
    return Poly((((((Op(_UNIT[axis], 0, whole), 1),)), 1.0),))


def _outside(factors: Monomial) -> tuple[Monomial, Monomial]:
    """Factors that a derivative in space does not see, and the others."""
    outside = tuple(f for f in factors if not depends(f[0]) & {"x", "u"})
    return outside, tuple(f for f in factors if f not in outside)


def _plus(a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2])
