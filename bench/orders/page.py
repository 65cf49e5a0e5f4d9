"""The page docs/orders.md, section by section."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bench.orders import boundary, parabolic, singular

__all__ = ["SECTIONS", "fill"]

ABOUT = """# Orders, measured

A method of order p may show less than p: where the equation is stiff, where a boundary condition does not
fit a part of it, or in between. These tables are measured by `make orders`, in double precision, with every
registered method that they concern. An entry is the slope over the last two refinements above round-off, or
both slopes where they differ by more than 0.15. "Expected" is what the literature says, or what an
independent program gave before.
"""

Section = tuple[str, Callable[[], str], Sequence[str], Callable[[], list[list[str]]]]
SECTIONS: dict[str, Section] = {
    "parabolic": (parabolic.TITLE, parabolic.text, parabolic.HEAD, parabolic.rows),
    "boundary": (boundary.TITLE, boundary.text, boundary.HEAD, boundary.rows),
    "kaps": (singular.KAPS, lambda: singular.KAPS_TEXT, singular.KAPS_HEAD, singular.kaps),
    "prothero": (singular.PROTHERO, singular.prothero_text, singular.PROTHERO_HEAD, singular.prothero),
}


def fill(path: Path, names: Iterable[str]) -> None:
    """Measure the named sections and write them into the page; the others stay as they are."""
    sections = _parted(path.read_text("utf-8")) if path.exists() else {}
    for name in names:
        title, text, head, rows = SECTIONS[name]
        sections[name] = f"## {title}\n{text()}\n{table(head, rows())}\n"
        body = "\n".join(f"<!-- section: {key} -->\n{sections[key]}" for key in SECTIONS if key in sections)
        path.write_text(f"{ABOUT}\n{body}", "utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _parted(text: str) -> dict[str, str]:
    parts = re.split(r"^<!-- section: (\w+) -->\n", text, flags=re.MULTILINE)
    return {name: body.rstrip("\n") + "\n" for name, body in zip(parts[1::2], parts[2::2], strict=True)}
