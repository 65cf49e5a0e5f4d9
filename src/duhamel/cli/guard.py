"""Errors as one sentence and an exit code."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.text import Text

from duhamel.errors import DuhamelError, InputError, StoreError

DONE, FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130


def guarded(action: Callable[[], int | None], *, debug: bool = False) -> int:
    """Run ``action``; what it raises becomes a sentence and an exit code, or passes with ``debug``."""
    try:
        return action() or DONE
    except KeyboardInterrupt:
        complain("interrupted; nothing was computed yet.", word="stopped")
        return INTERRUPTED
    except Exception as cause:
        if debug:
            raise
        return _explained(cause)


def complain(message: str, *, word: str = "error") -> None:
    """One red word and the message, on stderr, exactly as it is (no markup, no wrapping of lines)."""
    console = Console(stderr=True)
    console.print(Text.assemble((f"{word}: ", "bold red"), message), soft_wrap=True, highlight=False)


def _explained(cause: Exception) -> int:
    if isinstance(cause, (InputError, StoreError)):
        complain(str(cause))
        return BAD_INPUT
    if isinstance(cause, DuhamelError):
        complain(str(cause))
        return FAILED
    if hasattr(cause, "format_message"):  # what Typer raises for a wrong command line
        complain(cause.format_message())  # pyright: ignore[reportAttributeAccessIssue]
        return BAD_INPUT
    if isinstance(cause, MemoryError) or "RESOURCE_EXHAUSTED" in str(cause):
        complain("there is not enough memory for this run; use fewer points or save less often.")
        return FAILED
    first = (str(cause).strip().splitlines() or [""])[0]
    complain(f"unexpected {type(cause).__name__}: {first} (--debug shows where)")
    return FAILED
