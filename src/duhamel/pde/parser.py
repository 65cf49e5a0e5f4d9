"""Tokens to trees: a Pratt parser (each operator has a binding power; the loop compares them)."""

from __future__ import annotations

from duhamel.errors import EquationError
from duhamel.pde.syntax import Apply, Binary, Name, Negative, Node, Number, Statement
from duhamel.pde.tokens import Token, tokenize

__all__ = ["parse_expression", "parse_statements"]

_POWERS = {"+": 10, "-": 10, "*": 20, "/": 20, "^": 40}
_MINUS = 30  # between * and ^: -u^2 is -(u^2)
_MAX_DEPTH = 100


def parse_statements(text: str) -> tuple[Statement, ...]:
    """All statements `left = right` of the text. Errors: `EquationError` with the place."""
    reader = _Reader(text)
    statements: list[Statement] = []
    while not reader.exhausted():
        if reader.peek().kind == "end":
            reader.take()
        else:
            statements.append(_statement(reader))
    if not statements:
        raise EquationError("there is no equation here; write for example u_t = u_xx.", text, 0)
    return tuple(statements)


def parse_expression(text: str) -> Node:
    """One expression, nothing after it. Errors: `EquationError` with the place."""
    reader = _Reader(text)
    while reader.peek().kind == "end" and not reader.exhausted():
        reader.take()
    node = _expression(reader, 0, 0)
    while reader.peek().kind == "end" and not reader.exhausted():
        reader.take()
    if not reader.exhausted():
        _unexpected(reader)
    return node


class _Reader:
    """The tokens and the place reached in them."""

    def __init__(self, text: str):
        self.text = text
        self.tokens = tokenize(text)
        self.index = 0

    def peek(self) -> Token:
        return self.tokens[self.index]

    def take(self) -> Token:
        token = self.tokens[self.index]
        self.index = min(self.index + 1, len(self.tokens) - 1)
        return token

    def exhausted(self) -> bool:
        return self.index == len(self.tokens) - 1

    def error(self, reason: str, position: int) -> EquationError:
        return EquationError(reason, self.text, position)


def _statement(reader: _Reader) -> Statement:
    start = reader.peek().position
    left = _expression(reader, 0, 0)
    if reader.peek().kind == "end":
        raise reader.error("an equation needs '=': write for example u_t = u_xx.", reader.peek().position)
    if reader.peek().kind != "=":
        _unexpected(reader)
    reader.take()
    right = _expression(reader, 0, 0)
    if reader.peek().kind == "=":
        raise reader.error("a second '='; separate equations with ';' or a new line.", reader.peek().position)
    if reader.peek().kind != "end":
        _unexpected(reader)
    return Statement(left, right, start)


def _expression(reader: _Reader, floor: int, depth: int) -> Node:
    if depth > _MAX_DEPTH:
        raise reader.error("too deeply nested.", reader.peek().position)
    left = _prefix(reader, depth)
    while (power := _POWERS.get(reader.peek().kind, -1)) > floor:
        operator = reader.take()
        # ^ associates to the right: its right side may hold another ^, and a sign (u^-2)
        right = _expression(reader, power - 1 if operator.kind == "^" else power, depth + 1)
        left = Binary(operator.kind, left, right, operator.position)
    return left


def _prefix(reader: _Reader, depth: int) -> Node:
    token = reader.take()
    if token.kind == "number":
        return Number(float(token.text), token.position)
    if token.kind in "+-":
        inner = _expression(reader, _MINUS, depth + 1)
        return Negative(inner, token.position) if token.kind == "-" else inner
    if token.kind == "(":
        inner = _expression(reader, 0, depth + 1)
        _close(reader, token)
        return inner
    if token.kind == "name":
        if reader.peek().kind == "(" and reader.peek().position == token.position + len(token.text):
            return _application(reader, token, depth)
        return Name(token.text, token.position)
    if token.kind == "end":
        raise reader.error("something is missing here: an expression was expected.", token.position)
    raise reader.error(f"{token.text!r} cannot stand here: an expression was expected.", token.position)


def _application(reader: _Reader, name: Token, depth: int) -> Node:
    opening = reader.take()
    arguments: list[Node] = []
    if reader.peek().kind == ")":
        raise reader.error(f"{name.text}() needs an argument.", reader.peek().position)
    arguments.append(_expression(reader, 0, depth + 1))
    while reader.peek().kind == ",":
        reader.take()
        arguments.append(_expression(reader, 0, depth + 1))
    _close(reader, opening)
    return Apply(name.text, tuple(arguments), name.position)


def _close(reader: _Reader, opening: Token) -> None:
    token = reader.peek()
    if token.kind == ")":
        reader.take()
    elif token.kind in ("end", "="):
        raise reader.error("this parenthesis is never closed.", opening.position)
    else:
        _unexpected(reader)


def _unexpected(reader: _Reader) -> None:
    """Something follows a complete expression: almost always a product without its sign."""
    token, before = reader.peek(), reader.tokens[reader.index - 1]
    if token.kind == ")":
        raise reader.error("this ')' was never opened.", token.position)
    if token.kind in ("name", "number", "("):
        joined = f"{before.text}*{token.text}" if token.kind != "(" else f"{before.text}*(…)"
        raise reader.error(f"a product needs its sign: write {joined}.", token.position)
    raise reader.error(f"{token.text!r} cannot stand here.", token.position)
