"""Numbers typed as arithmetic: ``32*pi``, ``1e-6``, ``2^-3``, ``sqrt(2)/2``. Nothing typed is executed."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable

from duhamel.errors import EquationError

_CONSTANTS = {"pi": math.pi}
_FUNCTIONS: dict[str, Callable[[float], float]] = {
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "sin": math.sin,
    "cos": math.cos,
}
_BINARY: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: math.pow,
}
_UNARY: dict[type[ast.unaryop], Callable[[float], float]] = {ast.UAdd: operator.pos, ast.USub: operator.neg}


def number(text: str) -> float:
    """The value of ``text``: numbers, ``pi``, ``+ - * / ^ **``, brackets, sqrt, exp, log, sin, cos.

    Raises ``EquationError`` with the place of the first thing that is none of these, or that has no finite
    value.
    """
    source = text.replace("^", "**")
    if not text.strip() or len(source) > 200:
        raise EquationError("A number is expected here.", text, 0)
    lead = len(source) - len(source.lstrip())
    try:
        tree = ast.parse(source.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as cause:
        offset = (getattr(cause, "offset", None) or 1) - 1 + lead
        raise EquationError("This is not a number.", text, _place(text, offset)) from None
    try:
        value = _value(tree.body, text, lead)
    except (OverflowError, ZeroDivisionError, ValueError) as cause:
        if isinstance(cause, EquationError):
            raise
        raise EquationError("This has no finite value.", text, lead) from None
    if not math.isfinite(value):
        raise EquationError("This has no finite value.", text, lead)
    return value


def _value(node: ast.expr, text: str, lead: int) -> float:
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
    ):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id in _CONSTANTS:
        return _CONSTANTS[node.id]
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_value(node.left, text, lead), _value(node.right, text, lead))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_value(node.operand, text, lead))
    if isinstance(node, ast.Call) and _is_known(node):
        return _FUNCTIONS[node.func.id](_value(node.args[0], text, lead))  # pyright: ignore
    raise EquationError(
        "A number may use digits, pi, + - * / ^ and brackets, not this.",
        text,
        _place(text, node.col_offset + lead),
    )


def _is_known(call: ast.Call) -> bool:
    named = isinstance(call.func, ast.Name) and call.func.id in _FUNCTIONS
    return named and len(call.args) == 1 and not call.keywords


def _place(text: str, offset: int) -> int:
    """The place in ``text`` of an offset in the source where each ``^`` became two characters."""
    position = 0
    while position < len(text) and offset > 0:
        offset -= 2 if text[position] == "^" else 1
        position += 1
    return position
