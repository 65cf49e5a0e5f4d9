"""Rows of measurements: on the screen and in README.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.timing import Times

__all__ = ["BEGIN", "END", "Row", "fill", "markdown", "row", "show"]

BEGIN, END = "<!-- bench:begin -->", "<!-- bench:end -->"
HEADINGS = ("what", "Duhamel", "beside it", "its time", "ratio", "bar", "met")


@dataclass(frozen=True)
class Row:
    """One comparison.

    `ours`, `theirs`: best times in seconds (exponents where `unit` is empty); `ratio`: the median over turns
    of ours/theirs. `bar` is what the ratio must not exceed, or what `ours` must not exceed where there is no
    peer.
    """

    group: str
    what: str
    ours: float
    peer: str = ""
    theirs: float | None = None
    ratio: float | None = None
    bar: float | None = None
    unit: str = "s"
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without a bar."""
        if self.bar is None:
            return None
        return (self.ours if self.theirs is None else self.ratio or 0.0) <= self.bar

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of `HEADINGS`."""
        absolute = self.theirs is None
        bar = "" if self.bar is None else f"≤ {_amount(self.bar, self.unit) if absolute else f'{self.bar:g}'}"
        return (
            self.what,
            _amount(self.ours, self.unit),
            self.peer,
            "" if self.theirs is None else _amount(self.theirs, self.unit),
            "" if self.ratio is None else f"{self.ratio:.3g}",
            bar,
            {None: "", True: "yes", False: "no"}[self.met],
        )


def row(
    group: str, what: str, ours: Times, peer: str, theirs: Times, bar: float | None = None, note: str = ""
) -> Row:
    """A row from the turns of two contestants."""
    return Row(group, what, ours.best, peer, theirs.best, ours.over(theirs), bar, note=note)


def _amount(value: float, unit: str) -> str:
    if unit != "s":
        return f"{value:.3g}{' ' if unit else ''}{unit}"
    for scale, name in ((1.0, "s"), (1e-3, "ms")):
        if value >= scale:
            return f"{value / scale:.3g} {name}"
    return f"{value * 1e6:.3g} µs"


def show(rows: Sequence[Row], footer: str, console: Console | None = None) -> None:
    """The table on the screen, with the notes under it."""
    console = console or Console()
    table = Table(*HEADINGS, title="Duhamel, measured")
    for group in dict.fromkeys(r.group for r in rows):
        table.add_section()
        table.add_row(f"[bold]{group}[/bold]")
        for r in (r for r in rows if r.group == group):
            style = {None: "", True: "green", False: "red"}[r.met]
            *cells, met = r.cells()
            table.add_row(*cells, f"[{style}]{met}[/{style}]" if style else met)
    console.print(table)
    for text in dict.fromkeys(f"{r.group}: {r.note}" for r in rows if r.note):
        console.print(text, style="dim", highlight=False)
    console.print(footer, highlight=False)


def markdown(rows: Sequence[Row], footer: str) -> str:
    """The same as Markdown."""
    lines = [f"| {' | '.join(HEADINGS)} |", "|---|--:|---|--:|--:|--:|---|"]
    for group in dict.fromkeys(r.group for r in rows):
        lines.append(f"| **{group}** |" + " |" * (len(HEADINGS) - 1))
        lines += [f"| {' | '.join(r.cells())} |" for r in rows if r.group == group]
    notes = dict.fromkeys(f"- {r.group}: {r.note}" for r in rows if r.note)
    return "\n".join([*lines, "", *notes, *([""] if notes else []), footer])


def fill(path: Path, text: str) -> None:
    """Put `text` between the two markers of a file. Raises `ValueError` where they are missing."""
    old = path.read_text("utf-8")
    head, begin, rest = old.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{path.name} has no place {BEGIN} … {END} to fill.")
    path.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}", "utf-8")
