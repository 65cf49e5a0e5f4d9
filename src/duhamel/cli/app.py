"""The commands and their options. Every option is text here; `spec.make` reads and checks it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from duhamel.cli.guard import guarded

app = typer.Typer(
    name="duhamel",
    help="Solve what evolves in time: a PDE typed as text, or a named equation.",
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)

Text = str | None
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def execute(argv: Sequence[str]) -> int:
    """Run the command line and return its exit code; see `duhamel.cli.main`."""
    command = typer.main.get_command(app)
    arguments = list(argv) or ["--help"]
    return guarded(
        lambda: command.main(args=arguments, prog_name="duhamel", standalone_mode=False),
        debug="--debug" in arguments,
    )


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version

        try:
            typer.echo(f"duhamel {version('duhamel')}")
        except PackageNotFoundError:
            from duhamel import __version__

            typer.echo(f"duhamel {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Solve what evolves in time: a PDE typed as text, or a named equation."""


@app.command()
def run(
    target: Annotated[
        str, typer.Argument(help="A name of the catalogue, an equation as text, or a spec.toml.")
    ],
    length: Annotated[
        Text, typer.Option(help="Size of the periodic box: 32*pi; with commas for more axes.")
    ] = None,
    points: Annotated[Text, typer.Option(help="Grid points: 256; 128,128.")] = None,
    origin: Annotated[Text, typer.Option(help="Lower corner of the box: 0; -10,-10.")] = None,
    initial: Annotated[
        Text,
        typer.Option(
            help="Initial state: text, 'u = ...; v = ...', or a .npy, .npz, .nc, .zarr or .png file."
        ),
    ] = None,
    t0: Annotated[Text, typer.Option(help="Start time.")] = None,
    t1: Annotated[Text, typer.Option(help="End time.")] = None,
    every: Annotated[Text, typer.Option(help="Time between saved states.")] = None,
    rtol: Annotated[Text, typer.Option(help="Relative tolerance of adaptive steps.")] = None,
    atol: Annotated[Text, typer.Option(help="Absolute tolerance of adaptive steps.")] = None,
    dt: Annotated[Text, typer.Option(help="Size of fixed steps, in place of adaptive ones.")] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter: nu=0.1. Repeat for more.")
    ] = None,
    method: Annotated[
        Text, typer.Option(help="See 'duhamel list methods'; default: chosen by structure.")
    ] = None,
    precision: Annotated[Text, typer.Option(help="32 or 64 bits.")] = None,
    dealias: Annotated[
        bool | None,
        typer.Option("--dealias/--no-dealias", help="The 2/3 rule for nonlinear terms (default: on)."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The store to write; default: NAME.zarr.")] = None,
    picture: Annotated[bool, typer.Option("--picture/--no-picture", help="Draw NAME.png at the end.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace a store that exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only.")] = False,
    debug: Debug = False,
) -> int:
    """Solve an equation, store the result, draw its picture."""
    from duhamel.cli.run import run as start
    from duhamel.cli.spec import make

    spec = make(
        target,
        {
            "length": length, "points": points, "origin": origin, "initial": initial, "t0": t0, "t1": t1,
            "every": every, "rtol": rtol, "atol": atol, "dt": dt, "parameters": parameters or None,
            "method": method, "precision": precision, "dealias": dealias,
        },
    )  # fmt: skip
    store = out or Path(f"{_stem(target, spec.name)}.zarr")
    return start(spec, store, picture=picture, force=force, quiet=quiet)


@app.command()
def compare(
    target: Annotated[
        str, typer.Argument(help="A name of the catalogue, an equation as text, or a spec.toml.")
    ],
    methods: Annotated[
        Text, typer.Option(help="Names with commas, or 'all'; default: those that make sense here.")
    ] = None,
    rtols: Annotated[
        Text, typer.Option("--rtols", "--tolerances", help="With commas; default: 1e-3 to 1e-9 by tens.")
    ] = None,
    error: Annotated[
        Text,
        typer.Option(help="The error to recommend a method for; default: the usual tolerance, if reached."),
    ] = None,
    length: Annotated[Text, typer.Option(help="As in 'duhamel run'; so are the next seven.")] = None,
    points: Annotated[Text, typer.Option(help="Grid points.")] = None,
    origin: Annotated[Text, typer.Option(help="Lower corner of the box.")] = None,
    initial: Annotated[Text, typer.Option(help="Initial state.")] = None,
    t0: Annotated[Text, typer.Option(help="Start time.")] = None,
    t1: Annotated[Text, typer.Option(help="End time.")] = None,
    parameters: Annotated[
        list[str] | None, typer.Option("--set", help="A parameter: nu=0.1. Repeat for more.")
    ] = None,
    precision: Annotated[Text, typer.Option(help="32 or 64 bits.")] = None,
    dealias: Annotated[bool | None, typer.Option("--dealias/--no-dealias", help="The 2/3 rule.")] = None,
    limit: Annotated[str, typer.Option(help="Seconds after which a run is cut.")] = "5",
    budget: Annotated[str, typer.Option(help="Seconds after which no method is begun.")] = "300",
    out: Annotated[
        Path | None, typer.Option(help="Name of the files to write, without ending; default: NAME-compare.")
    ] = None,
    picture: Annotated[bool, typer.Option("--picture/--no-picture", help="Draw a picture.")] = True,
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only.")] = False,
    debug: Debug = False,
) -> int:
    """Measure methods on an equation: what an error costs with each, and which is the cheapest."""
    from duhamel.cli.compare import compare as start
    from duhamel.cli.spec import make

    spec = make(
        target,
        {
            "length": length, "points": points, "origin": origin, "initial": initial, "t0": t0, "t1": t1,
            "parameters": parameters or None, "precision": precision, "dealias": dealias,
        },
    )  # fmt: skip
    return start(
        spec,
        out or Path(f"{_stem(target, spec.name)}-compare"),
        methods=methods,
        rtols=rtols,
        error=error,
        limit=limit,
        budget=budget,
        picture=picture,
        force=force,
        quiet=quiet,
    )


@app.command()
def sample(
    what: Annotated[str, typer.Argument(help="What to sample: digits.")] = "digits",
    form: Annotated[str, typer.Option(help="The network: vp, edm or flow.")] = "vp",
    rule: Annotated[str, typer.Option(help="A rule of duhamel.sampling.RULES, or default.")] = "default",
    steps: Annotated[str, typer.Option(help="Intervals of the grid.")] = "10",
    grid: Annotated[Text, typer.Option(help="A grid (karras,5: with parameters), or times.")] = None,
    order: Annotated[Text, typer.Option(help="The order of the rule.")] = None,
    variable: Annotated[Text, typer.Option(help="Interpolate in logsnr, rho, t or arctan.")] = None,
    linear: Annotated[Text, typer.Option(help="Linear part: eps, x0, v, flow, gaussian or a number.")] = None,
    noise: Annotated[Text, typer.Option(help="Level of noise of stochastic rules.")] = None,
    options: Annotated[
        list[str] | None, typer.Option("--set", help="An option of the rule: eta=0.5. Repeat for more.")
    ] = None,
    labels: Annotated[str, typer.Option("--digits", help="One column each; ? for any digit.")] = "0123456789",
    rows: Annotated[str, typer.Option(help="Rows of the picture.")] = "6",
    guidance: Annotated[str, typer.Option(help="Weight of classifier-free guidance; 1 is none.")] = "1",
    seed: Annotated[str, typer.Option(help="Seed of the noise.")] = "0",
    out: Annotated[Path, typer.Option(help="The picture to write.")] = Path("digits.png"),
    table: Annotated[bool, typer.Option("--table", help="Also errors of rules, as .json and .csv.")] = False,
    rules: Annotated[Text, typer.Option(help="Rules of the table, with commas.")] = None,
    evaluations: Annotated[
        str, typer.Option("--nfe", help="Network evaluations of the table, with commas.")
    ] = "5,6,8,10,15,20,50",
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show errors only.")] = False,
    debug: Debug = False,
) -> int:
    """Sample a small network that ships with the package: pictures of digits, errors of rules."""
    from duhamel.cli.sample import Wish
    from duhamel.cli.sample import sample as start

    wish = Wish(
        form, rule, steps, grid, order, variable, linear, noise, tuple(options or ()), labels, rows, guidance,
        seed,
    )  # fmt: skip
    return start(what, wish, out, table=table, rules=rules, evaluations=evaluations, force=force, quiet=quiet)


@app.command()
def plot(
    store: Annotated[Path, typer.Argument(help="A store that 'duhamel run' wrote.")],
    out: Annotated[Path | None, typer.Option(help="The file to write; default: beside the store.")] = None,
    movie: Annotated[bool, typer.Option("--movie", help="A GIF in place of a picture.")] = False,
    fps: Annotated[str, typer.Option(help="Frames per second of the movie.")] = "20",
    debug: Debug = False,
) -> None:
    """Draw the picture or the movie of a stored result."""
    from duhamel.cli.look import plot as draw
    from duhamel.cli.numbers import number

    draw(store, out, movie=movie, fps=number(fps))


@app.command()
def info(
    store: Annotated[Path, typer.Argument(help="A store that 'duhamel run' wrote.")],
    spec: Annotated[bool, typer.Option("--spec", help="Only the TOML that repeats the run.")] = False,
    debug: Debug = False,
) -> None:
    """Show what a store holds: equation, L and N, method, statistics, status."""
    from duhamel.cli.look import info as show

    show(store, spec=spec)


@app.command(name="list")
def list_(
    what: Annotated[str, typer.Argument(help="equations, methods or spaces.")] = "equations",
    debug: Debug = False,
) -> None:
    """Show what there is: equations, methods, spaces."""
    from duhamel.cli.look import show_list

    show_list(what)


def _stem(target: str, name: str) -> str:
    """The name of the results: of the file, of the catalogue, or of the first field."""
    if target.endswith(".toml") and "=" not in target:
        return Path(target).stem
    first = re.match(r"\s*([A-Za-z][A-Za-z0-9]*)_t\b", target)
    return name or (first.group(1) if first else "run")
