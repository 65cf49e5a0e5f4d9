"""Write a flat table, with tables one level down, as TOML text."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any


def to_toml(table: Mapping[str, Any]) -> str:
    """TOML text of text, numbers, booleans, sequences of these, and mappings (as sections, written last).

    Reading it back with ``tomllib`` gives the same values: floats are written with all their digits.
    """
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    sections = {key: value for key, value in table.items() if isinstance(value, Mapping)}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in plain.items()]
    for key, section in sections.items():
        lines += [
            "",
            f"[{_key(key)}]",
            *(f"{_key(name)} = {_value(value)}" for name, value in section.items()),
        ]
    return "\n".join(lines) + "\n"


def _key(key: str) -> str:
    bare = key.replace("_", "").replace("-", "")
    return key if bare.isascii() and bare.isalnum() else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Sequence):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    raise TypeError(f"TOML has no form for {type(value).__name__}.")


def _text(value: str) -> str:
    """A basic string; JSON escapes are TOML escapes, but for DEL, which JSON leaves bare."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
