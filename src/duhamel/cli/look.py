"""``duhamel info``, ``duhamel plot`` and ``duhamel list``."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from duhamel.cli.display import statistics_rows
from duhamel.cli.guard import complain
from duhamel.cli.keys import near
from duhamel.errors import InputError, StoreError

LISTS = ("equations", "methods", "spaces")


def info(store: Path, *, spec: bool) -> None:
    """What the store holds; with ``spec``, the TOML of the run alone, ready for a file."""
    from duhamel.store import open_store, stored_attributes

    attrs = stored_attributes(store)
    if spec:
        sys.stdout.write(str(attrs.get("spec", "")))
        return
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key in ("name", "physics", "equation", "parts", "space", "status", "message"):
        if attrs.get(key):
            table.add_row({"parts": "L and N"}.get(key, key), Text(str(attrs[key])))
    for label, value in [*statistics_rows(attrs), *_contents(store, open_store)]:
        table.add_row(label, Text(value))
    for key in ("precision", "created", "duhamel_version"):
        table.add_row(key.replace("duhamel_version", "written by"), Text(f"{attrs.get(key, '')}"))
    table.add_row("spec", Text(str(attrs.get("spec", "")).strip()))
    Console().print(table)


def _contents(store: Path, open_store: Any) -> list[tuple[str, str]]:
    try:
        dataset = open_store(store)
    except StoreError as cause:
        return [("states", str(cause))]
    times = dataset["time"].values
    fields = ", ".join(
        f"{name} {variable.dtype} {variable.shape[1:]}" for name, variable in dataset.data_vars.items()
    )
    return [("states", f"{times.size}, t = {times[0]:g} … {times[-1]:g}"), ("fields", fields)]


def plot(store: Path, out: Path | None, *, movie: bool, fps: float) -> None:
    """Draw the picture, or the movie, of a store; prints where it is."""
    from duhamel import plots
    from duhamel.store import open_store

    dataset = open_store(store)
    where = out or store.with_suffix(".gif" if movie else ".png")
    if not where.absolute().parent.is_dir():
        raise StoreError(
            f"Cannot write {str(where)!r}: the folder {str(where.absolute().parent)!r} does not exist."
        )
    if movie:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            task = progress.add_task("frames", total=None)
            plots.movie(
                dataset,
                where,
                fps=fps,
                progress=lambda n, total: progress.update(task, completed=n, total=total),
            )
    else:
        plots.picture(dataset, where)
    Console().print(Text(str(where)), soft_wrap=True)
    status = dataset.attrs.get("status")
    if status in ("running", "failed", "interrupted"):
        complain(f"the run is marked '{status}': it ends at t = {dataset['time'].values[-1]:g}.", word="note")


def show_list(what: str) -> None:
    """The table of equations, methods or spaces."""
    tables = {"equations": _equations, "methods": _methods, "spaces": _spaces}
    if what not in tables:
        raise InputError(f"There is no list {what!r}{near(what, tables)} There are: {', '.join(LISTS)}.")
    Console().print(tables[what]())


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=number == 0, overflow="fold", style="cyan" if number == 0 else "")
    return table


def _equations() -> Table:
    from duhamel.pde import catalogue

    table = _table("name", "equation", "physics")
    for name, entry in sorted(
        catalogue.EQUATIONS.items(), key=lambda item: isinstance(item[1], catalogue.OdeEntry)
    ):
        if isinstance(entry, catalogue.OdeEntry):
            text = f"an ODE of {len(entry.labels)} {'component' if len(entry.labels) == 1 else 'components'}"
        else:
            text = "\n".join(
                part.strip() for part in entry.text.replace("\n", ";").split(";") if part.strip()
            )
        table.add_row(Text(name), Text(text), Text(entry.physics))
    return table


def _methods() -> Table:
    from duhamel.methods import METHODS

    table = _table("name", "order", "stiff order", "family", "steps", "stages", "reference")
    for name, method in METHODS.items():
        stiff = method.stiff_order
        cells = (str(method.order), "–" if stiff is None else str(stiff), method.family)
        steps = "adaptive" if method.adaptive else "fixed"
        table.add_row(Text(name), *map(Text, (*cells, steps, str(method.stages), str(method.reference))))
    return table


def _spaces() -> Table:
    from duhamel.spaces import Fourier

    table = _table("name", "axes", "boundaries", "what it is")
    first = (inspect.getdoc(Fourier) or "").splitlines()[0]
    table.add_row(Text("Fourier"), Text("1 to 3"), Text("periodic"), Text(first))
    return table
