"""py-pde, the tool that also takes equations as text: the same equations to the same error.

It discretises by finite differences of order 2, Duhamel by Fourier modes: equal grids are not equal work. So
py-pde runs on its grid with its fastest solver, and Duhamel on the coarsest grid and the loosest tolerance
whose error, against one spectral reference, is no larger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
from pde.solvers.euler import EulerSolver

from bench.ks_runs import relative_error
from bench.table import Row, row
from bench.text_problems import PROBLEMS, Problem
from bench.timing import alternate, elapsed

__all__ = ["measure", "sampled"]

TOLERANCES = tuple(10.0 ** (-k / 2) for k in range(2, 14))
NOTE = (
    "py-pde on {grid} with {steps} Euler steps, error {theirs:.1e}; Duhamel on {ours} with rtol {rtol:.0e}, "
    "error {error:.1e}. py-pde's stepping is compiled beforehand; a second whole call of its solve, which "
    "compiles again, takes {whole:.2g} s."
)


def measure(quick: bool = False) -> Iterator[Row]:
    for problem in PROBLEMS:
        yield from _compare(problem, seconds=3 if quick else 10)


def _compare(problem: Problem, seconds: float) -> Iterator[Row]:
    exact = _stacked(problem.ours(problem.fine, 1e-8)[0]())
    stepping, whole, error = _theirs(problem, exact)
    points, rtol, smaller = _coarsest(problem, exact, error)
    plain, function, start = problem.ours(points, rtol)
    compiled = jax.jit(function)
    a, called, b = alternate(
        lambda: jax.block_until_ready(compiled(start)),
        lambda: jax.block_until_ready(plain()),
        stepping,
        seconds=seconds,
    )
    note = NOTE.format(
        grid="×".join([str(problem.points)] * problem.ndim),
        steps=round(problem.t1 / problem.euler),
        theirs=error,
        ours="×".join([str(points)] * problem.ndim),
        rtol=rtol,
        error=smaller,
        whole=elapsed(whole),
    )
    yield row(problem.name, "inside jit, to the same error", a, "py-pde, stepping alone", b, note=note)
    yield row(problem.name, "dh.solve called from Python", called, "py-pde, stepping alone", b)


def _theirs(problem: Problem, exact: np.ndarray) -> tuple[Callable[[], Any], Callable[[], Any], float]:
    """py-pde's stepping alone, a whole call of its solve, and the error."""
    state, equation = problem.peer()
    stepper = EulerSolver(equation, backend="numba").make_stepper(state, problem.euler)

    def stepping() -> Any:
        result = state.copy()
        stepper(result, 0.0, problem.t1)
        return result

    def whole() -> Any:
        return equation.solve(
            state, problem.t1, dt=problem.euler, solver="euler", backend="numba", tracker=None, adaptive=False
        )

    wanted = sampled(exact, problem.points, problem.ndim, centred=True)
    return stepping, whole, relative_error(stepping().data, wanted)


def _coarsest(problem: Problem, exact: np.ndarray, error: float) -> tuple[int, float, float]:
    """The coarsest grid and the loosest tolerance with no larger error."""
    for points in problem.grids:
        wanted = sampled(exact, points, problem.ndim, centred=False)
        for rtol in TOLERANCES:
            smaller = relative_error(_stacked(problem.ours(points, rtol)[0]()), wanted)
            if smaller <= error:
                return points, rtol, smaller
    raise AssertionError(f"no grid up to {problem.grids[-1]} reaches the error {error:.1e}")


def _stacked(us: Any) -> np.ndarray:
    values = [v[-1] for v in us.values()] if isinstance(us, dict) else [us[-1]]
    return np.stack([np.asarray(v) for v in values])


def sampled(fine: np.ndarray, points: int, ndim: int, centred: bool) -> np.ndarray:
    """Values of a periodic function on a coarser grid: at its nodes, or (`centred`) in the middle of cells.

    Trigonometric interpolation of `fine`, shape (fields, *grid), one axis after another.
    """
    total = fine.shape[-1]
    places = (np.arange(points) + (0.5 if centred else 0.0)) / points
    waves = np.exp(2j * np.pi * np.outer(places, np.fft.fftfreq(total, 1 / total)))
    values = np.fft.fftn(fine, axes=range(-ndim, 0), norm="forward")
    for axis in range(-ndim, 0):
        values = np.moveaxis(np.tensordot(waves, values, axes=(1, axis)), 0, axis)
    return np.real(values)
