"""A text told apart: for each field what is linear with constant coefficients (L) and what is not (N)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from duhamel.errors import EquationError, InputError
from duhamel.pde.algebra import Field, Poly, is_linear, single, split_scalar
from duhamel.pde.meaning import left_meaning, meaning
from duhamel.pde.parser import parse_statements
from duhamel.pde.scope import RESERVED, Scope, second_order, split_name
from duhamel.pde.syntax import Name, Node, Statement, applied_in, names_in, operations

__all__ = ["System", "analyse", "linear_terms"]


@dataclass(frozen=True, eq=False)
class System:
    """What a text means, free of any value. Equal for the same text, dimension and kinds of parameters
    (`key`).

    `right` holds the right sides, `left` the linear operator on each time derivative (None: it is one),
    `linear` and `rest` the two parts of the right sides; `operations` how many the text has.
    """

    text: str
    ndim: int
    fields: tuple[str, ...]
    complex: bool
    right: tuple[Poly, ...]
    left: tuple[Poly | None, ...]
    linear: tuple[Poly, ...]
    rest: tuple[Poly, ...]
    operations: int
    parameters: tuple[tuple[str, str], ...]

    @property
    def key(self) -> tuple[str, int, tuple[tuple[str, str], ...]]:
        """All that the meaning depends on."""
        return (self.text, self.ndim, self.parameters)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, System) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)


@lru_cache(maxsize=256)
def analyse(text: str, ndim: int, parameters: tuple[tuple[str, str], ...]) -> System:
    """Read a text. `parameters`: pairs (name, kind) with kind number, complex, grid or complex grid.

    Errors: `EquationError` with the place; `InputError` for parameters that the text never uses.
    """
    statements = parse_statements(text)
    _check_parameters(dict(parameters))
    equations, definitions = _sort(text, statements, dict(parameters))
    trees = [side for s in statements for side in (s.left, s.right)]
    is_complex = _is_complex(trees, dict(parameters))
    scope = Scope(text, ndim, tuple(equations), definitions, dict(parameters), is_complex)
    left = tuple(_left(s, name, scope) for name, s in equations.items())
    right = tuple(_right(s, scope) for s in equations.values())
    for name, statement in definitions.items():  # those never used are read as well: a mistake is a mistake
        meaning(Name(name, statement.position), scope)
    unused = [name for name, _ in parameters if name not in scope.used]
    if unused:
        raise InputError(_unused(unused, scope))
    pairs = [_split(poly) for poly in right]
    return System(
        text, ndim, tuple(equations), is_complex, right, left,
        tuple(linear for linear, _ in pairs), tuple(rest for _, rest in pairs),
        sum(operations(tree) for tree in trees), parameters,
    )  # fmt: skip


def linear_terms(poly: Poly) -> list[tuple[Field, Poly]]:
    """Pairs (derivative of a field, scalar coefficient) of a polynomial that is linear."""
    pairs = []
    for factors, number in poly.terms:
        field = is_linear(factors)
        assert field is not None
        pairs.append((field, Poly(((split_scalar(factors)[0], number),))))
    return pairs


def _check_parameters(parameters: dict[str, str]) -> None:
    for name in parameters:
        if name in RESERVED:
            raise InputError(f"a parameter cannot be called {name!r}: that name has a meaning of its own.")


def _sort(
    text: str, statements: tuple[Statement, ...], parameters: dict[str, str]
) -> tuple[dict[str, Statement], dict[str, Statement]]:
    """Statements by what they state: the equation of a field, or the definition of a short name."""
    equations: dict[str, Statement] = {}
    definitions: dict[str, Statement] = {}
    for statement in statements:
        field = _field_of(text, statement.left, parameters)
        target, name = (equations, field) if field else (definitions, _defined(text, statement))
        position = statement.left.position
        if name in RESERVED:
            raise EquationError(f"{name!r} has a meaning of its own; choose another name.", text, position)
        if name in parameters:
            raise EquationError(f"{name} is a parameter already.", text, position)
        if name in equations or name in definitions:
            raise EquationError(f"a second equation for {name}.", text, statement.position)
        target[name] = statement
    for name, statement in definitions.items():
        base, letters = split_name(name)
        if letters and (base in equations or base in definitions):
            reason = f"{name} would be a derivative of {base}; an equation has {base}_t on its left."
            raise EquationError(reason, text, statement.left.position)
    if not equations:
        raise EquationError(
            "no equation with a time derivative: write for example u_t = u_xx.", text, statements[0].position
        )
    return equations, definitions


def _field_of(text: str, left: Node, parameters: dict[str, str]) -> str | None:
    """The field whose time derivative stands in a left side."""
    found: dict[str, Name] = {}
    for node in names_in(left):
        base, letters = split_name(node.name)
        if "t" in letters and node.name not in parameters:
            if letters.count("t") > 1:
                raise EquationError(second_order(base), text, node.position + len(base) + 1)
            found.setdefault(base, node)
    if len(found) > 1:
        first, second = list(found.values())[:2]
        raise EquationError(
            f"two time derivatives in one equation, {first.name} and {second.name}: give each its own.",
            text, second.position,
        )  # fmt: skip
    if not found:
        return None
    name = next(iter(found))
    if split_name(name)[1]:
        node = found[name]
        better = split_name(name)[0] + "_" + split_name(name)[1] + split_name(node.name)[1]
        raise EquationError(f"two subscripts in {node.name}: write {better}.", text, node.position)
    return name


def _defined(text: str, statement: Statement) -> str:
    if isinstance(statement.left, Name):
        return statement.left.name
    raise EquationError(
        "the left side must be a time derivative (u_t, or u_t - u_xxt) or the name of a definition.",
        text, statement.left.position,
    )  # fmt: skip


def _is_complex(trees: list[Node], parameters: dict[str, str]) -> bool:
    names = [name.name for tree in trees for name in names_in(tree)]
    applied = {name for tree in trees for name in applied_in(tree)}
    complex_parameter = any(parameters.get(name, "").startswith("complex") for name in names)
    return "i" in names or complex_parameter or bool(applied & {"conj", "real", "imag"})


def _left(statement: Statement, name: str, scope: Scope) -> Poly | None:
    """The operator on the time derivative, as a linear polynomial of the field; None for the identity."""
    poly = left_meaning(statement.left, scope)
    for factors, _ in poly.terms:
        field = is_linear(factors)
        if field is None or not field.rate:
            culprit = _culprit(statement.left)
            raise scope.error(
                f"left of '=' only terms linear in {name}_t with constant coefficients may stand, such as "
                f"{name}_t - {name}_xxt; move the others to the right.",
                culprit or statement.left,
            )
    if poly == single(Field(name, rate=True)):
        return None
    if not poly:
        raise scope.error("the left side is zero.", statement.left)
    return poly


def _culprit(left: Node) -> Name | None:
    """The first name without a time derivative."""
    for node in names_in(left):
        if "t" not in split_name(node.name)[1]:
            return node
    return None


def _right(statement: Statement, scope: Scope) -> Poly:
    return meaning(statement.right, scope)


def _split(poly: Poly) -> tuple[Poly, Poly]:
    linear = Poly(tuple(term for term in poly.terms if is_linear(term[0])))
    rest = Poly(tuple(term for term in poly.terms if not is_linear(term[0])))
    return linear, rest


def _unused(unused: list[str], scope: Scope) -> str:
    known = ", ".join(scope.used) or "none"
    plural = "parameters are" if len(unused) > 1 else "parameter is"
    return (
        f"{plural} given but not used: {', '.join(unused)}. The text uses: {known}. "
        "Remove it, or check the spelling in the equation."
    )
