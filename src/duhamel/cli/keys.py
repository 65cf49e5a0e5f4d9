"""The keys of a run, as typed in a TOML file or on the command line: types, and what to say when wrong."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from duhamel.cli.numbers import number
from duhamel.errors import EquationError, InputError


def near(word: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the nearest known word, or a full stop."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else "."


def check_keys(table: Mapping[str, Any], where: str) -> None:
    """Raise ``InputError`` for the first key that no run has."""
    for key in table:
        if key not in KEYS:
            raise InputError(f"{where}: unknown key {key!r}{near(key, KEYS)}")


def as_table(table: Mapping[str, Any], where: str, *, option: bool = False) -> dict[str, Any]:
    """The values in the types a run needs; numbers may be typed as arithmetic, lists as text with commas.

    Raises ``InputError`` that names the key, what it takes, and what was given.
    """
    converted: dict[str, Any] = {}
    for key, value in table.items():
        place = ("--" + {"parameters": "set"}.get(key, key)) if option else f"{where}: '{key}'"
        try:
            converted[key] = KEYS[key](value)
        except EquationError as cause:
            raise EquationError(f"{place}: {cause.reason}", cause.text, cause.position) from None
        except _WrongTypeError as cause:
            raise InputError(f"{place} must be {cause}, not {value!r}.") from None
    return converted


class _WrongTypeError(Exception):
    """Says what was expected."""


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _WrongTypeError("text")
    return value.strip()


def _number(value: Any) -> float:
    if isinstance(value, str):
        return number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _WrongTypeError('a number, or arithmetic in quotes such as "32*pi"')
    if value != value or value in (float("inf"), float("-inf")):
        raise _WrongTypeError("a finite number")
    return float(value)


def _whole(value: Any) -> int:
    result = _number(value)
    if result != int(result):
        raise _WrongTypeError("a whole number")
    return int(result)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _WrongTypeError("true or false")
    return value


def _items(value: Any) -> list[Any]:
    if isinstance(value, str):
        return value.split(",")
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _wholes(value: Any) -> tuple[int, ...]:
    return tuple(_whole(item) for item in _items(value))


def _lengths(value: Any) -> tuple[float | str, ...]:
    """Numbers, where arithmetic stays as it was typed (once it is known to be right)."""
    kept: list[float | str] = []
    for item in _items(value):
        result = _number(item)
        kept.append(item.strip() if isinstance(item, str) and not _plain(item) else result)
    return tuple(kept)


def _plain(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _parameters(value: Any) -> dict[str, float]:
    """``name=value`` texts of the command line, or a table."""
    if isinstance(value, Mapping):
        return {str(name): _number(entry) for name, entry in value.items()}
    result: dict[str, float] = {}
    for item in value if isinstance(value, (list, tuple)) else [value]:
        name, sign, entry = str(item).partition("=")
        if not sign or not name.strip().isidentifier():
            raise _WrongTypeError("name=value, such as nu=0.1")
        result[name.strip()] = _number(entry)
    return result


def _initial(value: Any) -> str | dict[str, str]:
    """Text for a single field, or ``u = ...; v = ...`` as a table by field."""
    if isinstance(value, Mapping):
        return {str(name): _text(entry) for name, entry in value.items()}
    whole = _text(value)
    if "=" not in whole:
        return whole
    fields: dict[str, str] = {}
    for part in whole.replace("\n", ";").split(";"):
        name, sign, entry = part.partition("=")
        if not part.strip():
            continue
        if not sign or not name.strip().isidentifier() or not entry.strip():
            raise _WrongTypeError("text for one field, or 'u = ...; v = ...' for several")
        if name.strip() in fields:
            raise _WrongTypeError(f"one text for each field; {name.strip()!r} has two")
        fields[name.strip()] = entry.strip()
    return fields


KEYS: dict[str, Callable[[Any], Any]] = {
    "equation": _text,
    "name": _text,
    "points": _wholes,
    "length": _lengths,
    "origin": _lengths,
    "initial": _initial,
    "t0": _number,
    "t1": _number,
    "every": _number,
    "rtol": _number,
    "atol": _number,
    "dt": _number,
    "method": _text,
    "precision": _whole,
    "dealias": _truth,
    "parameters": _parameters,
}
