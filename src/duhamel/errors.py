"""What can go wrong, each kind with a class of its own. Every message says what, where, why and what to
try."""

from __future__ import annotations

from typing import Any

__all__ = ["DuhamelError", "EquationError", "InputError", "SolveError", "StoreError"]


class DuhamelError(Exception):
    """Base of every error that this library raises on purpose."""


class InputError(DuhamelError, ValueError):
    """Something given by the user cannot be right; found before anything is computed."""


class EquationError(InputError):
    """The text of an equation cannot be understood.

    Attributes: `text` (what was typed), `position` (0-based index of the offending character), `reason`.
    Printed, it shows the line with a caret under the character.
    """

    def __init__(self, reason: str, text: str, position: int):
        self.reason = reason
        self.text = text
        self.position = max(0, min(position, len(text)))
        super().__init__(self._render())

    def _render(self) -> str:
        start = self.text.rfind("\n", 0, self.position) + 1
        end = self.text.find("\n", self.position)
        line = self.text[start : end if end >= 0 else len(self.text)]
        return f"{self.reason}\n  {line}\n  {' ' * (self.position - start)}^"


class SolveError(DuhamelError, RuntimeError):
    """A run that could not be finished.

    Attributes: `solution` holds everything computed until then (its `.status`, `.t`, `.stats`, and the
    states saved so far).
    """

    def __init__(self, message: str, solution: Any = None):
        super().__init__(message)
        self.solution = solution


class StoreError(DuhamelError, OSError):
    """Results on disk cannot be written, found or read."""
