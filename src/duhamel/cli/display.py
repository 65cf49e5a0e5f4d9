"""What a run shows: progress while it goes on, a table when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

_STYLE = {"done": "green", "interrupted": "yellow", "failed": "red", "running": "cyan"}


class Bar:
    """A Rich progress bar on stderr: time reached, step size, rate, remaining; silent if asked."""

    def __init__(self, title: str, t0: float, t1: float, *, quiet: bool) -> None:
        self._t0, self._t1 = t0, t1
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("t = {task.fields[reached]}", markup=False),
            TextColumn("h = {task.fields[h]}", markup=False),
            TextColumn("{task.fields[rate]}", markup=False),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=quiet,
        )
        self._title = title
        self._task = self._progress.add_task(
            f"{title}: compiling", total=None, reached=f"{t0:g} / {t1:g}", h="–", rate="–"
        )

    def __enter__(self) -> Bar:
        self._progress.__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        self._progress.__exit__(*reason)

    def show(self, t: float, h: float, run_seconds: float) -> None:
        """The state of the run after a piece of it."""
        rate = f"{(t - self._t0) / run_seconds:.3g} time/s" if run_seconds > 0 else "–"
        self._progress.update(
            self._task,
            description=self._title,
            total=self._t1 - self._t0,
            completed=t - self._t0,
            reached=f"{t:.4g} / {self._t1:g}",
            h=f"{h:.3g}",
            rate=rate,
        )


def closing_table(attrs: dict[str, Any], store: Path, count: int, picture: Path | None) -> Table:
    """What was done, how, at what cost, and where it is; ``attrs`` are those of the store."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0), title=None)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    status = str(attrs.get("status", ""))
    table.add_row("status", Text(status, style=_STYLE.get(status, "")))
    for label, value in statistics_rows(attrs):
        table.add_row(label, Text(value))
    table.add_row("results", Text(f"{store} ({count} {'state' if count == 1 else 'states'})"))
    table.add_row("picture", Text(str(picture) if picture else "none"))
    return table


def statistics_rows(attrs: dict[str, Any]) -> list[tuple[str, str]]:
    """Method, reason, steps, evaluations, seconds and error estimate as label and text."""
    rows = [("method", str(attrs["method"]))] if "method" in attrs else []
    if "why" in attrs:
        rows.append(("because", str(attrs["why"])))
    if "steps" in attrs:
        rows.append(("steps", f"{attrs['steps']} accepted, {attrs.get('rejected', 0)} rejected"))
    if "evaluations" in attrs:
        solves = f", {attrs['solves']} linear solves" if attrs.get("solves") else ""
        rows.append(("evaluations", f"{attrs['evaluations']}{solves}"))
    if "first_call_seconds" in attrs:
        rows.append(("first call", f"{attrs['first_call_seconds']:.3g} s (trace and compile)"))
    if "run_seconds" in attrs:
        rows.append(("run", f"{attrs['run_seconds']:.3g} s"))
    estimate = attrs.get("error_estimate")
    rows.append(
        (
            "error estimate",
            f"{estimate:.2g} (relative, local errors summed)"
            if estimate is not None
            else "none with fixed steps",
        )
    )
    return rows
