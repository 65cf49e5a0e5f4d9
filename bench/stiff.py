"""Stiff equations: the time that a measured accuracy costs, alone and by the thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import diffrax
import jax
import numpy as np

from bench.stiff_runs import BATCH, CASES, LINE, Case, batch, diffrax_run, duhamel_run, scipy_run
from bench.table import Row, row
from bench.timing import Times, alternate, elapsed, first_calls

__all__ = ["Contestant", "measure", "tuned"]

GROUP = "Stiff equations"
ACCURACY = 1e-6
TOLERANCES = 10.0 ** -np.arange(3.0, 12.5, 0.5)
METHODS = ("rodas4", "rodas5p", "kvaerno5", "esdirk54", "radau", "bdf", "auto")
BATCH_METHODS = ("rodas4", "rodas5p", "esdirk54")
LINE_METHODS = ("rodas5p", "kvaerno5", "esdirk54", "radau", "bdf")
SOLVERS = {"Kvaerno3": diffrax.Kvaerno3, "Kvaerno5": diffrax.Kvaerno5}
SCIPY = ("Radau", "BDF", "LSODA")


class Contestant(NamedTuple):
    """A method with the loosest tolerance that gives the accuracy wanted."""

    name: str
    run: Callable[[Any, Any], Any]
    tolerance: float
    error: float
    steps: int

    def text(self) -> str:
        return f"{self.name} at rtol {self.tolerance:.1e}: {self.steps} steps, error {self.error:.1e}"


def tuned(name: str, run: Callable[[Any, Any], Any], case: Case, accuracy: float) -> Contestant | None:
    """The loosest tolerance whose error, and that of the next tighter one, is at most `accuracy`; None if
    there is none. One good result alone may be luck."""
    found = None
    for tolerance in TOLERANCES:
        u, steps, rejected = run(case.start, float(tolerance))
        error = case.error(u)
        if error > accuracy:
            found = None
        elif found is not None:
            return found
        else:
            found = Contestant(name, run, float(tolerance), error, int(steps) + int(rejected))
    return found


def measure(quick: bool = False) -> Iterator[Row]:
    tuned_for: dict[str, tuple[list[Contestant], list[Contestant]]] = {}
    for case in CASES[1:2] if quick else CASES:
        mine = _tuned(case, {m: jax.jit(duhamel_run(case, m)) for m in METHODS})
        diffraxes = _tuned(
            case, {f"diffrax {n}": jax.jit(diffrax_run(case, s())) for n, s in SOLVERS.items()}
        )
        scipys = _tuned(case, {f"SciPy {m}": scipy_run(case, m) for m in SCIPY})
        everyone = mine + diffraxes + scipys
        times = alternate(*[_waiting(case, c) for c in everyone], seconds=2 if quick else 5, least=3)
        timed = list(zip(everyone, times, strict=True))
        (ours, a), (theirs, b), (other, c) = (_fastest(timed, group) for group in (mine, diffraxes, scipys))
        note = f"{case.name} to t = {case.t1:g}. {'; '.join(e.text() for e in everyone)}."
        yield row(GROUP, f"{case.name}, {ours.name}", a, theirs.name, b, 0.3, note)
        yield row(GROUP, f"{case.name}, {ours.name}", a, other.name, c, 0.1)
        tuned_for[case.name] = [c for c in mine if c.name in BATCH_METHODS], diffraxes
    for case in CASES[1:2] if quick else CASES[:3]:
        yield _batch(case, *tuned_for[case.name])
    yield _line(quick)
    yield from _first(quick)


def _line(quick: bool) -> Row:
    """A thousand equations whose Jacobian is banded: ours detects it, LSODA is told."""
    mine = _tuned(LINE, {m: jax.jit(duhamel_run(LINE, m)) for m in LINE_METHODS})
    told = _tuned(LINE, {"SciPy LSODA, banded": scipy_run(LINE, "LSODA")})
    times = alternate(*[_waiting(LINE, c) for c in mine + told], seconds=2 if quick else 10, least=3)
    timed = list(zip(mine + told, times, strict=True))
    (ours, a), (theirs, b) = _fastest(timed, mine), _fastest(timed, told)
    note = f"{LINE.name}, 500 points, to t = {LINE.t1:g}. {'; '.join(e.text() for e in mine + told)}."
    return row(GROUP, f"{LINE.name}, {ours.name}, band detected", a, theirs.name, b, 0.5, note)


def _tuned(case: Case, runs: dict[str, Callable[[Any, Any], Any]]) -> list[Contestant]:
    found = [tuned(name, run, case, ACCURACY) for name, run in runs.items()]
    return [c for c in found if c is not None]


def _fastest(timed: list[tuple[Contestant, Times]], group: list[Contestant]) -> tuple[Contestant, Times]:
    return min((pair for pair in timed if pair[0] in group), key=lambda pair: pair[1].best)


def _waiting(case: Case, contestant: Contestant) -> Callable[[], Any]:
    start, tolerance = case.start, contestant.tolerance
    return lambda: jax.block_until_ready(contestant.run(start, tolerance))


def _batch(case: Case, ours: list[Contestant], theirs: list[Contestant]) -> Row:
    """1000 initial states, each with its own steps, at the tolerances of the single runs: the fastest of each
    side among those that bring every sample to its end."""
    many = batch(case)
    (mine, first, ends), (peer, second, others) = (_best_of_batches(group, many) for group in (ours, theirs))
    apart = np.max(abs(ends - others) / abs(others))
    a, b = alternate(first, second, seconds=1, least=2)
    note = f"{case.name}: all ends of the batch agree to {apart:.1e}; ours by {mine.name}."
    return row(GROUP, f"{case.name}, {BATCH} initial states by vmap", a, peer.name, b, 0.05, note)


def _best_of_batches(
    group: list[Contestant], many: jax.Array
) -> tuple[Contestant, Callable[[], Any], np.ndarray]:
    found = []
    for contestant in group:
        run = jax.jit(jax.vmap(contestant.run, (0, None)))

        def call(run: Any = run, tolerance: float = contestant.tolerance) -> Any:
            return jax.block_until_ready(run(many, tolerance))

        ends = np.asarray(call()[0])
        if np.all(np.isfinite(ends)):
            found.append((elapsed(call), (contestant, call, ends)))
    return min(found, key=lambda pair: pair[0])[1]


def _first(quick: bool) -> Iterator[Row]:
    ((a, more),) = first_calls("hires_duhamel", turns=2 if quick else 5)
    note = (
        "first calls are jitted and run in fresh processes; they trace, compile and run once; import takes "
        f"{more['import']:.2f} s."
    )
    yield Row(GROUP, "hires, first call of rodas5p", a.best, bar=1.0, note=note)
