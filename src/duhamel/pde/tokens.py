"""Characters to tokens."""

from __future__ import annotations

import re
from dataclasses import dataclass

from duhamel.errors import EquationError

__all__ = ["Token", "tokenize"]

_NUMBER = re.compile(r"(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_NAME = re.compile(r"[^\W\d]\w*")
_OPERATORS = ("**", "^", "+", "-", "*", "/", "(", ")", ",", "=")
_ALIASES = {"−": "-", "·": "*", "×": "*", "**": "^"}
_CONTINUES = {"+", "-", "*", "/", "^", "=", ","}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of the text. `kind` is number, name, end (of a statement) or the operator itself."""

    kind: str
    text: str
    position: int


def tokenize(text: str) -> list[Token]:
    """Split `text` into tokens; statements end with `;` or at the end of a line.

    A line goes on if a parenthesis is open, if it ends with an operator, or if the next one begins with one.
    `#` starts a comment. Errors: `EquationError` for a character that has no meaning here.
    """
    tokens: list[Token] = []
    position, depth = 0, 0
    while position < len(text):
        character = text[position]
        if character == "\n":
            if not depth and not _goes_on(tokens, text, position):
                tokens.append(Token("end", "\n", position))
            position += 1
        elif character.isspace():
            position += 1
        elif character == "#":
            position = text.find("\n", position) if "\n" in text[position:] else len(text)
        elif character == ";":
            tokens.append(Token("end", ";", position))
            position += 1
            depth = 0
        else:
            token = _next(text, position)
            tokens.append(token)
            depth += {"(": 1, ")": -1}.get(token.kind, 0)
            position += len(token.text)
    tokens.append(Token("end", "", len(text)))
    return tokens


def _goes_on(tokens: list[Token], text: str, position: int) -> bool:
    if tokens and tokens[-1].kind in _CONTINUES:
        return True
    rest = re.sub(r"#[^\n]*", "", text[position:]).lstrip()
    return bool(rest) and _ALIASES.get(rest[0], rest[0]) in _CONTINUES


def _next(text: str, position: int) -> Token:
    number = _NUMBER.match(text, position)
    if number:
        return Token("number", number.group(), position)
    name = _NAME.match(text, position)
    if name:
        return Token("name", name.group(), position)
    for operator in (*_OPERATORS, *_ALIASES):
        if text.startswith(operator, position):
            return Token(_ALIASES.get(operator, operator), operator, position)
    raise EquationError(f"the character {text[position]!r} has no meaning in an equation.", text, position)
