"""``duhamel compare``: which method is the cheapest for an equation, measured."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from duhamel.cli.guard import DONE, FAILED, INTERRUPTED, complain
from duhamel.cli.keys import near
from duhamel.cli.numbers import number
from duhamel.cli.problem import build
from duhamel.cli.spec import Spec
from duhamel.errors import InputError, StoreError


def compare(
    spec: Spec,
    out: Path,
    *,
    methods: str | None,
    rtols: str | None,
    error: str | None,
    limit: str,
    budget: str,
    picture: bool,
    force: bool,
    quiet: bool,
) -> int:
    """Study ``spec``; writes ``out`` with the endings .json, .csv and .png, and returns the exit code.

    Raises ``InputError`` and ``StoreError`` before anything is computed, and ``SolveError`` if no method gets
    to the end at a tight tolerance, so that there is nothing to compare with.
    """
    from duhamel.compare import RULE
    from duhamel.compare.files import write_csv, write_json
    from duhamel.compare.whole import RTOLS, study

    endings = (".json", ".csv", *((".png",) if picture else ()))
    files = [out.with_name(out.name + ending) for ending in endings]
    _check_files(files, force=force)
    tolerances = RTOLS if rtols is None else tuple(number(text) for text in rtols.split(","))
    target = number(error) if error is not None else None
    case = _case(spec)
    with Console(stderr=True).status("starting", spinner="dots") as status:
        found = study(
            case,
            _names(methods),
            rtols=tolerances,
            target=target,
            limit=number(limit),
            budget=number(budget),
            progress=(lambda name: None) if quiet else (lambda name: status.update(f"{spec.name}: {name}")),
        )
    write_json(found, files[0])
    write_csv(found, files[1])
    if picture and found.ranking:
        from duhamel.compare.picture import draw

        draw(found, files[2], spec.equation if "=" in spec.equation else "")
    if not quiet:
        _show(found, files, RULE)
    if found.stopped:
        complain("the study was stopped; what was measured is written.", word="stopped")
        return INTERRUPTED
    return DONE if found.ranking else FAILED


def _case(spec: Spec) -> Any:
    """The initial value problem of a spec; its method and its steps do not matter here."""
    from duhamel.compare import Case

    problem = build(replace(spec, method="", dt=None, rtol=spec.rtol or 1e-6))
    rtol = spec.rtol or 1e-6
    ratio = spec.atol / rtol if spec.atol else 1e-3
    return Case(
        problem.equation,
        problem.u0,
        spec.t1,
        t0=spec.t0,
        args=problem.args,
        name=spec.name,
        rtol=rtol,
        ratio=ratio,
    )


def _names(methods: str | None) -> tuple[str, ...] | None:
    from duhamel.methods import METHODS

    if methods is None:
        return None
    names = tuple(name.strip() for name in methods.split(",") if name.strip())
    for name in names:
        if name not in METHODS and name != "all":
            raise InputError(f"There is no method {name!r}{near(name, METHODS)} See: duhamel list methods.")
    if not names:
        raise InputError("--methods takes names with commas, such as etd54,tsit5, or all.")
    return names


def _check_files(files: list[Path], *, force: bool) -> None:
    for path in files:
        if not path.absolute().parent.is_dir():
            raise StoreError(f"Cannot write {str(path)!r}: the folder does not exist.")
        if path.exists() and not force:
            raise StoreError(f"{str(path)!r} exists already: give another --out, or --force to replace it.")


def _show(found: Any, files: list[Path], rule: str) -> None:
    """The table, the recommended method first, and below it what was found in words."""
    from duhamel.compare.whole import UNTRIED

    console = Console()
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("method", style="cyan", no_wrap=True)
    for column in ("rtol or dt", "error", "seconds", "steps", "rejected", "evaluations", "solves"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    tried = [row for row in found.rows if row.reason != UNTRIED]
    for name, rows in groupby(tried, key=lambda row: row.method):
        for place, row in enumerate(rows):
            table.add_row(Text(name if place == 0 else ""), *_cells(row))
    console.print(table)
    if left := [row.method for row in found.rows if row.reason == UNTRIED]:
        console.print(Text(f"Not tried, the time for the study was used up: {', '.join(left)}."))
    console.print(Text(_verdict(found)))
    console.print(Text(f"Rule: {rule}."), style="dim")
    own = f"{found.reference.error:.1e}"
    console.print(
        Text(
            f"Errors against {found.reference.text}; its own error is about {own}: smaller ones mean nothing."
        ),
        style="dim",
    )
    written = ", ".join(str(path) for path in files if path.exists())
    console.print(Text(f"Written: {written}"), soft_wrap=True, style="dim")


def _cells(row: Any) -> list[Text]:
    setting = "" if row.setting != row.setting else f"{'' if row.adaptive else 'dt '}{row.setting:.3g}"
    if row.seconds != row.seconds:
        return [Text(setting), *[Text("")] * 6, Text(row.reason)]
    error = "–" if row.error != row.error else f"{row.error:.1e}"
    counts = (row.steps, row.rejected, row.evaluations, row.solves)
    return [Text(v) for v in (setting, error, f"{row.seconds:.3g}", *map(str, counts), row.reason)]


def _verdict(found: Any) -> str:
    if not found.ranking:
        return "No method came to the end."
    best = found.ranking[0]
    goal = f"an error of {found.target:.0e}"
    if best.seconds == float("inf"):
        return f"No method reached {goal}; the nearest is {best.method} with {best.best_error:.1e}."
    able = [
        f"{choice.method} {choice.seconds:.3g} s" for choice in found.ranking if choice.seconds < float("inf")
    ]
    return f"Cheapest for {goal}: {'; then '.join([able[0], ', '.join(able[1:4])][: min(len(able), 2)])}."
