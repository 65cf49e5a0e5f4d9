"""Trees to polynomials: definitions seen through, products distributed, derivatives pushed inwards."""

from __future__ import annotations

import difflib

from duhamel.pde.algebra import (
    Call,
    Poly,
    add,
    as_number,
    constant,
    depends_poly,
    multiply,
    power,
    scale,
    single,
)
from duhamel.pde.calculus import conjugate, differentiate
from duhamel.pde.scope import FUNCTIONS, OPERATORS, Scope
from duhamel.pde.syntax import Apply, Binary, Name, Negative, Node, Number

__all__ = ["laplacian", "meaning"]

_UNIT = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
_BARE = {"dx": 0, "dy": 1, "dz": 2}


def meaning(node: Node, scope: Scope) -> Poly:
    """The polynomial that a tree stands for. Errors: `EquationError` with the place."""
    return _convert(node, scope, left=False)


def left_meaning(node: Node, scope: Scope) -> Poly:
    """The same for the left side of an equation, where time derivatives stand."""
    return _convert(node, scope, left=True)


def _convert(node: Node, scope: Scope, left: bool) -> Poly:
    match node:
        case Number():
            return constant(node.value)
        case Name():
            return scope.resolve(node, meaning, left)
        case Negative():
            return scale(_convert(node.of, scope, left), -1.0)
        case Binary():
            return _binary(node, scope, left)
        case Apply():
            return _apply(node, scope, left)


def _binary(node: Binary, scope: Scope, left: bool) -> Poly:
    a, b = _convert(node.left, scope, left), _convert(node.right, scope, left)
    match node.operator:
        case "+":
            return add(a, b)
        case "-":
            return add(a, scale(b, -1.0))
        case "*":
            return multiply(a, b)
        case "/":
            if not b:
                raise scope.error("division by zero.", node)
            return multiply(a, power(b, -1))
    return _power(a, b, node, scope)


def _power(base: Poly, exponent: Poly, node: Binary, scope: Scope) -> Poly:
    number = as_number(exponent)
    if number is None or isinstance(number, complex) or number != int(number):
        value = as_number(base)
        if number is not None and value:
            return constant(
                complex(value) ** number if isinstance(value, complex) or value < 0 else value**number
            )
        return single(Call("pow", (base, exponent)))
    if not base:
        if number <= 0:
            raise scope.error("zero to a power that is not positive.", node)
        return base
    if abs(number) > 64:
        raise scope.error("integer powers go to 64.", node)
    whole = int(number)
    square = _square_of_modulus(base, scope) if whole % 2 == 0 else None
    return power(base, whole) if square is None else power(square, whole // 2)


def _square_of_modulus(base: Poly, scope: Scope) -> Poly | None:
    """For c·|p|^n the square c²·(p·conj p)^n, smooth and without a root; None for anything else."""
    if len(base.terms) != 1 or len(base.terms[0][0]) != 1:
        return None
    ((atom, exponent),), number = base.terms[0]
    if not isinstance(atom, Call) or atom.name != "abs":
        return None
    inner = atom.args[0]
    square = multiply(inner, conjugate(inner)) if scope.complex else power(inner, 2)
    return scale(power(square, exponent), number**2)


def _apply(node: Apply, scope: Scope, left: bool) -> Poly:
    name = node.name
    if name not in FUNCTIONS and name not in OPERATORS:
        _no_function(node, scope)
    wanted = FUNCTIONS.get(name, 1)
    if len(node.arguments) != wanted:
        raise scope.error(
            f"{name} takes {wanted} argument{'s'[: wanted - 1]}, not {len(node.arguments)}.", node
        )
    args = tuple(_convert(argument, scope, left) for argument in node.arguments)
    if name in OPERATORS:
        return _operator(node, args[0], scope)
    return _function(node, args, scope)


def _operator(node: Apply, inner: Poly, scope: Scope) -> Poly:
    if node.name in _BARE:
        axis = scope.axis(node, node.name[1], shift=1)
        return differentiate(inner, _UNIT[axis])
    if node.name == "lap":
        return laplacian(inner, scope.ndim)
    if node.name == "inv_lap":
        return differentiate(inner, (0, 0, 0), inverse=1)
    slopes = [differentiate(inner, _UNIT[axis]) for axis in range(scope.ndim)]
    return add(*(multiply(s, conjugate(s)) if scope.complex else power(s, 2) for s in slopes))


def laplacian(inner: Poly, ndim: int) -> Poly:
    """∇² of a polynomial."""
    twice = ((2, 0, 0), (0, 2, 0), (0, 0, 2))
    return add(*(differentiate(inner, twice[axis]) for axis in range(ndim)))


def _function(node: Apply, args: tuple[Poly, ...], scope: Scope) -> Poly:
    name, first = node.name, args[0]
    if name in ("conj", "real", "imag"):
        if not scope.complex:
            return constant(0.0) if name == "imag" else first
        mirrored = conjugate(first)
        if name == "conj":
            return mirrored
        if name == "real":
            return scale(add(first, mirrored), 0.5)
        return scale(add(first, scale(mirrored, -1.0)), -0.5j)
    if name in ("min", "max") and scope.complex and any("u" in depends_poly(arg) for arg in args):
        raise scope.error(f"{name} has no meaning for complex fields; use abs, real or imag inside.", node)
    return single(Call(name, args))


def _no_function(node: Apply, scope: Scope) -> None:
    name = node.name
    if name in scope.fields or name in scope.parameters or name in scope.definitions:
        raise scope.error(f"{name} is not a function; a product needs its sign: {name}*(…).", node)
    near = difflib.get_close_matches(name, [*FUNCTIONS, *OPERATORS], 1, 0.6)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise scope.error(
        f"unknown function {name!r}.{hint} "
        f"Functions: {', '.join(FUNCTIONS)}; operators: {', '.join(OPERATORS)}.",
        node,
    )
