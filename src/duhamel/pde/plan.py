"""How N is evaluated: what goes to the grid, which products come back, what is done to them afterwards.

    N_i = Σ_s D_is · FFT[ product_s ( IFFT[ E_j · u ] ) ] + sources

All inverse transforms are one batch, all forward transforms another. The plan is static: it knows no values.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from duhamel.pde.algebra import (
    Field,
    Form,
    Monomial,
    Op,
    Poly,
    add,
    constant,
    depends,
    multiply,
    parts,
    split_scalar,
)
from duhamel.pde.calculus import atoms_of, ratio

__all__ = ["Derivative", "Output", "Plan", "make_plan"]

Derivative = tuple[tuple[int, int, int], int]
_NONE: Derivative = ((0, 0, 0), 0)
_Key = TypeVar("_Key", Derivative, tuple[int, Derivative])


@dataclass(frozen=True)
class Output:
    """N of one field: pairs (slot, ((derivative, scalar), …)), and pairs (time factors, source)."""

    slots: tuple[tuple[int, tuple[tuple[Derivative, Poly], ...]], ...]
    sources: tuple[tuple[Monomial, Poly], ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """The evaluation of N.

    `rest`: N in the form in which it is evaluated; `inputs`: derivatives of fields (or sums of them) taken to
    the grid; `nested`: for each further round the operators whose argument is itself a product; `slots`:
    what is
    formed on the grid and taken back; `outputs`: what is made of it, per field. `key` identifies the plan:
    equal keys, equal plans.
    """

    key: object
    fields: tuple[str, ...]
    rest: tuple[Poly, ...]
    inputs: tuple[Field | Form, ...]
    nested: tuple[tuple[Op, ...], ...]
    slots: tuple[Poly, ...]
    outputs: tuple[Output, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plan) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    @property
    def inverse_transforms(self) -> int:
        """Scalar inverse transforms in one evaluation."""
        return len(self.inputs) + sum(len(level) for level in self.nested)

    @property
    def forward_transforms(self) -> int:
        """Scalar forward transforms in one evaluation."""
        return len(self.slots) + sum(len(arguments(level)) for level in self.nested)

    @property
    def transforms(self) -> int:
        """All scalar transforms in one evaluation."""
        return self.inverse_transforms + self.forward_transforms


@lru_cache(maxsize=1024)
def make_plan(fields: tuple[str, ...], rest: tuple[Poly, ...], key: object) -> Plan:
    """The plan for N = `rest`, one polynomial a field."""
    entries: list[dict[_Piece, dict[Derivative, Poly]]] = []
    sources: list[tuple[tuple[Monomial, Poly], ...]] = []
    for poly in rest:
        pieces, source = _pieces(poly)
        entries.append(pieces)
        sources.append(source)
    slots, table = min((_by_rows(entries), _by_columns(entries)), key=lambda option: len(option[0]))
    outputs = tuple(Output(tuple(rows), source) for rows, source in zip(table, sources, strict=True))
    inputs, nested = _requirements(slots)
    return Plan(key, fields, rest, inputs, nested, slots, outputs)


def arguments(level: tuple[Op, ...]) -> list[Poly]:
    """The distinct expressions that the operators of one round act on."""
    return list(dict.fromkeys(op.of for op in level))


@dataclass(frozen=True)
class _Piece:
    """Something formed on the grid: a fixed array (or one) times factors that change."""

    fixed: Poly
    factors: Monomial


_Table = list[list[tuple[int, tuple[tuple[Derivative, Poly], ...]]]]


def _pieces(poly: Poly) -> tuple[dict[_Piece, dict[Derivative, Poly]], tuple[tuple[Monomial, Poly], ...]]:
    """Pieces with the operator that acts on each, and the sources (no field, time apart from space)."""
    found: dict[tuple[Derivative, Monomial], dict[Monomial, Poly]] = {}
    sources: dict[Monomial, Poly] = {}
    for factors, number in poly.terms:
        fixed, time, others = parts(factors)
        if not others:
            sources[time] = add(sources.get(time, Poly(())), Poly(((fixed, number),)))
            continue
        derivative, scalar, space, moving = _peel(factors)
        group = found.setdefault((derivative, moving), {})
        group[space] = add(group.get(space, Poly(())), Poly(((scalar, number),)))
    pieces: dict[_Piece, dict[Derivative, Poly]] = {}
    for (derivative, moving), group in found.items():
        if len(group) == 1:
            space, scalar = next(iter(group.items()))
            piece = _Piece(Poly(((space, 1.0),)), moving)
        else:  # several fixed arrays in front of the same product: one array
            scalar = constant(1.0)
            piece = _Piece(add(*(multiply(Poly(((s, 1.0),)), c) for s, c in group.items())), moving)
        terms = pieces.setdefault(piece, {})
        terms[derivative] = add(terms.get(derivative, Poly(())), scalar)
    return pieces, tuple(sources.items())


def _peel(factors: Monomial) -> tuple[Derivative, Monomial, Monomial, Monomial]:
    """A term as derivative of (scalar · fixed in space · moving); the derivative only if it is outermost."""
    scalar, rest = split_scalar(factors)
    operators = [f for f in rest if isinstance(f[0], Op)]
    time = tuple(f for f in rest if depends(f[0]) == {"t"})
    derivative = _NONE
    if len(operators) == 1 and operators[0][1] == 1 and len(time) + 1 == len(rest):
        op = operators[0][0]
        assert isinstance(op, Op)
        derivative = (op.orders, op.inverse)
        rest = op.of.terms[0][0] + time
    space = tuple(f for f in rest if depends(f[0]) == {"x"})
    return derivative, scalar, space, tuple(f for f in rest if f not in space)


def _normalised(terms: dict[_Key, Poly]) -> tuple[Poly, tuple[tuple[_Key, Poly], ...]]:
    """An operator as lead · rest, so that proportional operators have the same rest."""
    ordered = sorted(terms.items(), key=lambda item: item[0])
    lead = ordered[0][1]
    quotients = [(derivative, ratio(c, lead)) for derivative, c in ordered]
    if any(q is None for _, q in quotients):  # no common factor of parameters: take out the number alone
        lead = constant(lead.terms[0][1])
        quotients = [(derivative, ratio(c, lead)) for derivative, c in ordered]
    return lead, tuple((derivative, q) for derivative, q in quotients if q is not None)


def _by_rows(entries: list[dict[_Piece, dict[Derivative, Poly]]]) -> tuple[tuple[Poly, ...], _Table]:
    """One slot for each output and each operator on it; equal slots are shared between outputs."""
    slots: dict[Poly, int] = {}
    table: _Table = []
    for pieces in entries:
        classes: dict[tuple, list[tuple[Poly, _Piece]]] = {}
        for piece, terms in pieces.items():
            terms = {d: c for d, c in terms.items() if c}
            if terms:
                lead, operator = _normalised(terms)
                classes.setdefault(operator, []).append((lead, piece))
        rows = []
        for operator, members in classes.items():
            body, factor = _sum(members)
            index = slots.setdefault(body, len(slots))
            rows.append((index, _scaled(operator, factor)))
        table.append(rows)
    return tuple(slots), table


def _by_columns(entries: list[dict[_Piece, dict[Derivative, Poly]]]) -> tuple[tuple[Poly, ...], _Table]:
    """One slot for each set of pieces that enter all outputs in the same proportion."""
    columns: dict[_Piece, dict[tuple[int, Derivative], Poly]] = {}
    for output, pieces in enumerate(entries):
        for piece, terms in pieces.items():
            for derivative, scalar in terms.items():
                if scalar:
                    columns.setdefault(piece, {})[(output, derivative)] = scalar
    classes: dict[tuple, list[tuple[Poly, _Piece]]] = {}
    for piece, column in columns.items():
        lead, operator = _normalised(column)
        classes.setdefault(operator, []).append((lead, piece))
    slots: list[Poly] = []
    table: _Table = [[] for _ in entries]
    for operator, members in classes.items():
        body, factor = _sum(members)
        for output in range(len(entries)):
            own = tuple((d[1], c) for d, c in operator if d[0] == output)
            if own:
                table[output].append((len(slots), _scaled(own, factor)))
        slots.append(body)
    return tuple(slots), table


def _sum(members: list[tuple[Poly, _Piece]]) -> tuple[Poly, Poly]:
    """Σ lead·piece as factor · body: the first factor is taken out, where the others allow it."""
    first = members[0][0]
    quotients = [ratio(lead, first) for lead, _ in members]
    if any(q is None for q in quotients):
        quotients, first = [lead for lead, _ in members], constant(1.0)
    terms: list[Poly] = []
    for quotient, (_, piece) in zip(quotients, members, strict=True):
        assert quotient is not None
        # written out term by term: `multiply` would take forms apart
        terms += [
            Poly(((tuple(a + b + piece.factors), c * d),))
            for a, c in quotient.terms
            for b, d in piece.fixed.terms
        ]
    return Poly(tuple(term for poly in terms for term in poly.terms)), first


def _scaled(
    operator: tuple[tuple[Derivative, Poly], ...], factor: Poly
) -> tuple[tuple[Derivative, Poly], ...]:
    return tuple((derivative, multiply(scalar, factor)) for derivative, scalar in operator)


def _requirements(slots: tuple[Poly, ...]) -> tuple[tuple[Field | Form, ...], tuple[tuple[Op, ...], ...]]:
    """What must be on the grid before the slots can be formed, round by round."""
    levels: dict[int, dict[Op, None]] = {}
    wanted: dict[Field | Form, None] = {}
    pending = [atom for slot in slots for atom in atoms_of(slot)]
    while pending:
        atom = pending.pop(0)
        if isinstance(atom, Field | Form):
            wanted[atom] = None
        elif isinstance(atom, Op) and "u" in depends(atom) | frozenset("u" * ("t" in depends(atom))):
            levels.setdefault(_level(atom), {})[atom] = None
            pending += atoms_of(atom.of)
    nested = tuple(tuple(levels[level]) for level in sorted(levels))
    return _basis(list(wanted)), nested


def _level(op: Op) -> int:
    inner = [_level(atom) for atom in atoms_of(op.of) if isinstance(atom, Op) and depends(atom) - {"x"}]
    return 1 + max(inner, default=0)


def _basis(wanted: list[Field | Form]) -> tuple[Field | Form, ...]:
    """Derivatives alone, and sums transformed as one where that saves a transform."""
    fields = [atom for atom in wanted if isinstance(atom, Field)]
    forms = [atom for atom in wanted if isinstance(atom, Form)]
    missing = {atom for form in forms for atom in form_fields(form)} - set(fields)
    if len(missing) <= len(forms):
        return (*fields, *sorted(missing, key=repr))
    own = [form for form in forms if not set(form_fields(form)) <= set(fields)]
    return (*fields, *own)


def form_fields(form: Form) -> list[Field]:
    """The derivatives that a form is made of."""
    return [atom for factors, _ in form.of.terms for atom, _ in factors if isinstance(atom, Field)]
