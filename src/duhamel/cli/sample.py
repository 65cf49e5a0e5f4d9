"""``duhamel sample digits``: a small network that ships with the package, sampled with any rule."""

from __future__ import annotations

import csv
import io
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from duhamel.cli.guard import DONE
from duhamel.cli.keys import near
from duhamel.cli.numbers import number
from duhamel.errors import InputError, StoreError

NETWORKS = ("digits",)


@dataclass(frozen=True)
class Wish:
    """What was typed: how to sample (`plan`'s arguments as text), and what to draw."""

    form: str
    rule: str
    steps: str
    grid: str | None
    order: str | None
    variable: str | None
    linear: str | None
    noise: str | None
    options: tuple[str, ...]
    labels: str
    rows: str
    guidance: str
    seed: str


def sample(
    what: str,
    wish: Wish,
    out: Path,
    *,
    table: bool,
    rules: str | None,
    evaluations: str,
    force: bool,
    quiet: bool,
) -> int:
    """Sample digits, draw them into ``out``; with ``table`` also measure errors, into ``out`` as .json and
    .csv. Raises ``InputError`` and ``StoreError`` before anything is computed."""
    from duhamel.sampling import digits, plan

    if what not in NETWORKS:
        raise InputError(
            f"There is nothing to sample called {what!r}{near(what, NETWORKS)} There are: digits."
        )
    if wish.form not in digits.FORMS:
        known = ", ".join(digits.FORMS)
        raise InputError(f"There is no form {wish.form!r}{near(wish.form, digits.FORMS)} There are: {known}.")
    net = digits.load(wish.form)
    choices = _choices(wish)
    _known_rule(wish.rule)
    chosen = plan(
        net.schedule, wish.rule, steps=whole(wish.steps, "--steps"), predicts=net.predicts, **choices
    )
    contestants = _contestants(wish, choices, rules)
    budget = tuple(whole(text, "--nfe") for text in evaluations.split(","))
    files = [out, *((out.with_suffix(".json"), out.with_suffix(".csv")) if table else ())]
    _check_files(files, force=force)
    model, noise = _model(net, wish)
    with _bar(quiet) as bar:
        seconds = _drawn(model, noise, chosen, wish, out, bar)
        found = _measured(model, noise, contestants, net, budget, bar) if table else []
    if table:
        _write(files[1:], found, wish, choices, len(noise))
    if not quiet:
        console = Console()
        if table:
            _show(console, found, wish.form, budget, len(noise))
        console.print(Text(f"{chosen.nfe} evaluations for {len(noise)} digits in {seconds:.2g} s"))
        console.print(Text(f"Written: {', '.join(map(str, files))}"), soft_wrap=True, style="dim")
    return DONE


def whole(text: str, option: str) -> int:
    """A whole number, at least 1, typed after ``option``."""
    value = number(text)
    if value != int(value) or value < 1:
        raise InputError(f"{option} must be a whole number, 1 or more, not {text!r}.")
    return int(value)


def _known_rule(name: str) -> None:
    from duhamel.sampling import RULES

    known = ("default", *RULES)
    if name not in known:
        raise InputError(f"There is no rule {name!r}{near(name, known)} There are: {', '.join(known)}.")


def _choices(wish: Wish) -> dict[str, Any]:
    """The optional arguments of `plan`, in its types."""
    linear: Any = wish.linear
    if linear is not None and linear[:1] in "0123456789.-":
        linear = number(linear)
    choices = {
        "grid": _grid(wish.grid),
        "order": None if wish.order is None else whole(wish.order, "--order"),
        "variable": wish.variable,
        "linear": linear,
        "noise": None if wish.noise is None else number(wish.noise),
    }
    for entry in wish.options:
        name, sign, value = entry.partition("=")
        if not sign or not name.isidentifier():
            raise InputError(f"--set must be name=value, such as eta=0.5, not {entry!r}.")
        words = {"true": True, "false": False}
        choices[name] = words[value] if value in words else _value(value)
    return {name: value for name, value in choices.items() if value is not None}


def _value(text: str) -> Any:
    """A number, or a word as it is (solver=bh1)."""
    if text[:1].isalpha():
        return text
    value = number(text)
    return int(value) if value == int(value) else value


def _grid(text: str | None) -> Any:
    """``karras``, ``karras,5`` or the times ``1,0.5,0``."""
    if text is None:
        return None
    from duhamel.sampling import GRIDS

    first, *rest = (part.strip() for part in text.split(","))
    if not first[:1].isalpha():
        return [number(part) for part in (first, *rest)]
    if first not in GRIDS:
        raise InputError(f"There is no grid {first!r}{near(first, GRIDS)} There are: {', '.join(GRIDS)}.")
    return (first, *map(number, rest)) if rest else first


def _contestants(
    wish: Wish, choices: dict[str, Any], rules: str | None
) -> list[tuple[str, str, dict[str, Any]]]:
    """The typed rule with its settings first, then the others with their defaults."""
    from duhamel.sampling.digits.errors import RULES_COMPARED

    names = RULES_COMPARED if rules is None else tuple(name.strip() for name in rules.split(","))
    for name in names:
        _known_rule(name)
    free = {name: value for name, value in choices.items() if name != "grid" or not isinstance(value, list)}
    if not free and wish.rule in names:
        return [(name, name, {}) for name in sorted(names, key=lambda name: name != wish.rule)]
    title = " ".join([wish.rule, *(f"{name}={_short(value)}" for name, value in free.items())])
    return [(title, wish.rule, free), *((name, name, {}) for name in names)]


def _short(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _model(net: Any, wish: Wish) -> tuple[Any, Any]:
    """The network with its labels (and guidance), and unit normals for it, (rows × columns, 64)."""
    import numpy as np

    from duhamel.sampling.digits import UNKNOWN
    from duhamel.sampling.guidance import Conditioned, cfg

    if not wish.labels or set(wish.labels) - set("0123456789?"):
        raise InputError(
            f"--digits takes digits without spaces, ? for any, such as 0123 or ????, not {wish.labels!r}."
        )
    line = [UNKNOWN if sign == "?" else int(sign) for sign in wish.labels]
    labels = np.tile(line, whole(wish.rows, "--rows"))
    noise = np.random.default_rng(_seed(wish.seed)).standard_normal((len(labels), 64))
    weight = number(wish.guidance)
    if weight == 1:
        return Conditioned(net, labels), noise
    return cfg(net, labels, np.full_like(labels, UNKNOWN), weight), noise


def _seed(text: str) -> int:
    value = number(text)
    if value != int(value) or value < 0:
        raise InputError(f"--seed must be a whole number, 0 or more, not {text!r}.")
    return int(value)


def _check_files(files: list[Path], *, force: bool) -> None:
    if files[0].suffix.lower() not in (".png", ".pdf", ".svg"):
        raise InputError(f"--out must end in .png, .pdf or .svg, not {files[0].name!r}.")
    for path in files:
        if not path.absolute().parent.is_dir():
            raise StoreError(f"Cannot write {str(path)!r}: the folder does not exist.")
        if path.exists() and not force:
            raise StoreError(f"{str(path)!r} exists already: give another --out, or --force to replace it.")


def _bar(quiet: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=quiet,
    )


def _drawn(model: Any, noise: Any, chosen: Any, wish: Wish, out: Path, bar: Progress) -> float:
    """Sample and draw; the seconds that sampling took."""
    from duhamel.sampling import sample as run
    from duhamel.sampling.digits.picture import draw

    task = bar.add_task("sampling", total=len(chosen))
    began = time.perf_counter()
    x = run(
        model,
        noise * chosen.start_scale,
        chosen,
        noise=_seed(wish.seed) + 1,
        callback=lambda seen: bar.advance(task),
    )
    seconds = time.perf_counter() - began
    title = f"{wish.form}, {wish.rule}\n{len(chosen)} rows, {chosen.nfe} evaluations, {seconds:.2g} s"
    draw(x, out, columns=len(wish.labels), title=title)
    return seconds


def _measured(
    model: Any, noise: Any, contestants: list[Any], net: Any, budget: tuple[int, ...], bar: Progress
) -> list[Any]:
    from duhamel.sampling.digits.errors import scores

    task = bar.add_task("errors", total=len(contestants) * len(budget))
    found = []
    for score in scores(
        model,
        noise,
        contestants,
        schedule=net.schedule,
        predicts=net.predicts,
        evaluations=budget,
        progress=lambda title: bar.update(task, description=f"errors of {title}"),
    ):
        found.append(score)
        bar.advance(task)
    return found


def _show(console: Console, found: list[Any], form: str, budget: tuple[int, ...], count: int) -> None:
    """Rules down, evaluations along; in each cell the mean above the median."""
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.title = f"{form}: error against evaluations; mean, and below it median, of {count} digits"
    table.add_column("rule", style="cyan", overflow="fold")
    for asked in budget:
        table.add_column(str(asked), justify="right", no_wrap=True)
    for title in dict.fromkeys(score.rule for score in found):
        cells = [_cell(score) for score in found if score.rule == title]
        table.add_row(Text(title), *cells)
    console.print(table)
    for text in dict.fromkeys(f"{score.rule}: {score.reason}" for score in found if score.reason):
        console.print(Text(text), style="dim")
    note = "Error: RMS per pixel to the end of 400 steps of order 3, same network and noise;"
    console.print(Text(f"{note} pixels lie in [−1, 1]."), style="dim")


def _cell(score: Any) -> str:
    return "–" if score.reason else f"{score.mean:.2g}\n[dim]{score.median:.2g}[/dim]"


def _write(files: list[Path], found: list[Any], wish: Wish, choices: dict[str, Any], count: int) -> None:
    rows = [
        {
            name: None if isinstance(value, float) and math.isnan(value) else value
            for name, value in asdict(row).items()
        }
        for row in found
    ]
    content = {
        "form": wish.form,
        "rule": wish.rule,
        "choices": choices,
        "samples": count,
        "seed": wish.seed,
        "rows": rows,
    }
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    files[0].write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", "utf-8")
    files[1].write_text(text.getvalue(), "utf-8")
