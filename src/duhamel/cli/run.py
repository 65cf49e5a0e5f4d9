"""Drive `march` into a store, with progress, until it is done, fails or is stopped."""

from __future__ import annotations

import datetime
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from duhamel.cli.display import Bar, closing_table
from duhamel.cli.guard import DONE, FAILED, INTERRUPTED, complain
from duhamel.cli.problem import Problem, build
from duhamel.cli.spec import Spec
from duhamel.dataset import clean_attributes
from duhamel.errors import SolveError, StoreError

_CODES = {"done": DONE, "interrupted": INTERRUPTED, "failed": FAILED}


class Interrupts:
    """While entered, the first Ctrl-C only asks to stop after the current piece; the second stops at once."""

    def __init__(self) -> None:
        self.asked = False
        self._before: Any = None

    def __enter__(self) -> Interrupts:
        self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *reason: Any) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True


def run(spec: Spec, out: Path, *, picture: bool, force: bool, quiet: bool) -> int:
    """Compute ``spec`` into the store ``out``; returns the exit code.

    Bad input raises ``InputError`` or ``StoreError`` before anything is written.  From the first state on,
    whatever happens is recorded in the store as its status, and what was computed stays readable.
    """
    from duhamel.store import check_destination

    check_destination(out, force=force)
    problem = build(spec)
    pieces = _march(spec, problem)
    sink = _Sink(spec, problem, out, force)
    with Interrupts() as interrupts, Bar(spec.name or "run", spec.t0, spec.t1, quiet=quiet) as bar:
        status, message = _stream(pieces, sink, bar, lambda: interrupts.asked)
    drawn = _draw(out, sink) if picture else None
    if sink.writer is not None and not quiet:
        Console().print(closing_table({**sink.attrs, "status": status}, out, sink.writer.count, drawn))
    if status != "done":
        complain(message, word="stopped" if status == "interrupted" else "error")
    return _CODES[status]


class _Sink:
    """Where the pieces go: a store that is begun with the first piece, and the statistics so far."""

    def __init__(self, spec: Spec, problem: Problem, out: Path, force: bool) -> None:
        self.writer: Any = None
        self.path = out
        self.attrs: dict[str, Any] = {**_identity(spec), **problem.attrs, "status": "running"}
        self._problem, self._force = problem, force

    def take(self, piece: Any) -> None:
        """Write one piece of the run."""
        from duhamel.store import Writer

        if self.writer is None:
            labels, coords = self._problem.labels, self._problem.coords
            self.writer = Writer(self.path, coords=coords, labels=labels, attrs=self.attrs, force=self._force)
        self.attrs.update(clean_attributes(_statistics(piece)))
        self.writer.append(piece.ts, self._named(piece.us), **self.attrs)

    def finish(self, status: str, message: str) -> None:
        """Record how the run ended."""
        self.attrs.update(status=status, message=message)
        if self.writer is not None:
            self.writer.update(status=status, message=message)

    def _named(self, us: Any) -> Any:
        """A lone field of a PDE under its name; all else as it is."""
        lone = bool(self._problem.coords) and not isinstance(us, dict)
        return {self._problem.labels[0]: us} if lone else us


def _stream(pieces: Iterator[Any], sink: _Sink, bar: Bar, asked: Callable[[], bool]) -> tuple[str, str]:
    """Run to the end; the status and, unless it is "done", a sentence that says why."""
    status, message = "done", ""
    try:
        status, message = _consume(pieces, sink, bar, asked)
    except KeyboardInterrupt:
        status, message = "interrupted", "stopped at once by a second Ctrl-C."
    except (SolveError, StoreError, MemoryError) as cause:
        if sink.writer is None:
            raise
        status, message = "failed", str(cause) or "out of memory."
    if sink.writer is None and status == "interrupted":
        raise KeyboardInterrupt
    try:
        sink.finish(status, message)
    except StoreError as cause:
        if status == "done":
            status, message = "failed", str(cause)
    kept = sink.writer.count if sink.writer is not None else 0
    return (
        status,
        f"{message} {kept} saved states are in {sink.path}." if status != "done" else message,
    )


def _march(spec: Spec, problem: Problem) -> Iterator[Any]:
    """The pieces of the run; bad input is refused here, before the first is asked for."""
    from duhamel.march import march

    return march(
        problem.equation,
        problem.u0,
        t0=spec.t0,
        t1=spec.t1,
        args=problem.args,
        method=problem.method,
        step=problem.step,
        save=problem.save,
    )


def _consume(pieces: Iterator[Any], sink: _Sink, bar: Bar, asked: Callable[[], bool]) -> tuple[str, str]:
    from duhamel.status import Status

    for piece in pieces:
        sink.take(piece)
        bar.show(float(piece.t), float(piece.h), float(piece.run_seconds))
        if piece.status.failed:
            return "failed", piece.message
        if asked() and piece.status != Status.done:
            return "interrupted", f"interrupted at t = {float(piece.t):.6g}."
    return "done", ""


def _identity(spec: Spec) -> dict[str, Any]:
    from importlib.metadata import version

    import jax

    from duhamel import __version__

    return {
        "name": spec.name,
        "spec": spec.to_toml(),
        "precision": spec.precision,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "duhamel_version": __version__,
        "jax_version": jax.__version__,
        "zarr_version": version("zarr"),
    }


def _statistics(piece: Any) -> dict[str, Any]:
    stats = piece.stats
    found = {
        "method": piece.method.name,
        "why": piece.why,
        "t": float(piece.t),
        "h": float(piece.h),
        "steps": int(stats.steps),
        "rejected": int(stats.rejected),
        "evaluations": int(stats.evaluations),
        "solves": int(stats.solves),
        "run_seconds": float(piece.run_seconds),
        "error_estimate": float(piece.error_estimate),
    }
    if piece.compile_seconds is not None:
        found["first_call_seconds"] = float(piece.compile_seconds)
    return found


def _draw(out: Path, sink: _Sink) -> Path | None:
    """The picture beside the store, if there is a state to draw; a picture that fails is no failed run."""
    if sink.writer is None or sink.writer.count == 0:
        return None
    from duhamel.plots import picture
    from duhamel.store import open_store

    try:
        return picture(open_store(out), out.with_suffix(".png"))
    except Exception as cause:
        complain(str(cause) or type(cause).__name__, word="no picture")
        return None
