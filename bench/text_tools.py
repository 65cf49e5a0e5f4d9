"""py-pde, the tool that also takes equations as text: the same equations to the same error.

It discretises by finite differences of order 2, Duhamel by Fourier modes: equal grids are not equal work. So py-pde
runs on its grid with the faster of two solvers, and Duhamel on the coarsest grid and the loosest tolerance whose
error, against one spectral reference, is no larger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import numpy as np
import pde
from pde.solvers import SolverBase

import duhamel as dh
from bench import ks
from bench.ks import relative_error
from bench.table import Row, row
from bench.timing import alternate, elapsed
from duhamel.pde import catalogue

__all__ = ["measure", "sampled"]

# The solvers of py-pde that can be quick here. BDF would form a Jacobian by differences: no thought in two dimensions.
_RUNGE_KUTTA = ("runge-kutta", {"adaptive": True, "tolerance": 1e-4})
_EULER = ("euler", {"adaptive": True, "tolerance": 1e-4})
_BDF = ("scipy", {"method": "BDF"})
TOLERANCES = tuple(10.0 ** (-k / 2) for k in range(2, 14))
NOTE = (
    "py-pde on {grid} with its {solver} solver, error {theirs:.1e}; Duhamel on {ours} with rtol {rtol:.0e}, error {error:.1e}. "
    "Stepping alone is compiled on both sides beforehand; a whole second call of py-pde's solve takes {whole:.2g} s, of dh.solve "
    "{called:.2g} s."
)


@dataclass(frozen=True)
class Problem:
    """One equation for both tools. `fine` points per axis make the reference; `grids` divide it."""

    name: str
    text: str
    theirs: dict[str, str]
    initial: dict[str, str]
    parameters: dict[str, float]
    length: float
    ndim: int
    t1: float
    points: int
    fine: int
    grids: tuple[int, ...]
    solvers: tuple[tuple[str, dict[str, Any]], ...]

    def ours(self, points: int, rtol: float) -> tuple[Callable[[], Any], Callable[[Any], Any], Any]:
        """`dh.solve` as it is called from Python, the same for compiling, and the start on the grid."""
        space = dh.Fourier((points,) * self.ndim, length=(self.length,) * self.ndim)
        eq = dh.pde(self.text, space, **self.parameters)
        step = dh.Adaptive(rtol=rtol, atol=rtol * 1e-2)
        given = self.initial if len(self.initial) > 1 else self.initial["u"]
        start = eq.decode(eq.encode(given))
        return lambda: dh.solve(eq, given, t1=self.t1, step=step).us, lambda u0: _last(eq, u0, self.t1, step), start

    def peer(self) -> tuple[Any, Any]:
        """The start on its grid and the equation, for py-pde."""
        grid = pde.CartesianGrid([[0, self.length]] * self.ndim, [self.points] * self.ndim, periodic=True)
        texts = (text.replace("^", "**") for text in self.initial.values())
        fields = [pde.ScalarField.from_expression(grid, text) for text in texts]
        state = fields[0] if self.ndim == 1 else pde.FieldCollection(fields)
        return state, pde.PDE(self.theirs, consts=self.parameters)


_GRAY_SCOTT = catalogue.get("gray-scott")
PROBLEMS = (
    Problem(
        name="Kuramoto–Sivashinsky to t = 10, beside py-pde",
        text=ks.TEXT,
        theirs={"u": "-laplace(u) - laplace(laplace(u)) - u*d_dx(u)"},
        initial={"u": "cos(x/16)*(1+sin(x/16))"},
        parameters={},
        length=ks.LENGTH,
        ndim=1,
        t1=10.0,
        points=256,
        fine=768,
        grids=(32, 48, 64, 96, 128, 192, 256),
        solvers=(_RUNGE_KUTTA, _BDF),
    ),
    Problem(
        name="Gray–Scott, 128², to t = 200, beside py-pde",
        text=_GRAY_SCOTT.text,
        theirs={"u": "Du*laplace(u) - u*v**2 + F*(1 - u)", "v": "Dv*laplace(v) + u*v**2 - (F + k)*v"},
        initial=dict(_GRAY_SCOTT.initial),
        parameters=dict(_GRAY_SCOTT.parameters),
        length=1.25,
        ndim=2,
        t1=200.0,
        points=128,
        fine=256,
        grids=(32, 64, 128),
        solvers=(_RUNGE_KUTTA, _EULER),
    ),
)


def measure(quick: bool = False) -> Iterator[Row]:
    for problem in PROBLEMS:
        yield _compare(problem, seconds=3 if quick else 10)


def _compare(problem: Problem, seconds: float) -> Row:
    exact = _stacked(problem.ours(problem.fine, 1e-8)[0]())
    solver, stepping, whole, error = _faster(problem, exact)
    points, rtol, smaller = _coarsest(problem, exact, error)
    plain, compiling, start = problem.ours(points, rtol)
    compiled = jax.jit(compiling)
    a, called, b = alternate(
        lambda: jax.block_until_ready(compiled(start)),
        lambda: jax.block_until_ready(plain()),
        stepping,
        seconds=seconds,
        least=3,
    )
    times = "×".join
    note = NOTE.format(
        grid=times([str(problem.points)] * problem.ndim),
        solver=solver,
        theirs=error,
        ours=times([str(points)] * problem.ndim),
        rtol=rtol,
        error=smaller,
        whole=elapsed(whole),
        called=called.best,
    )
    return row(problem.name, "stepping alone, to the same error", a, "py-pde", b, 1.0, note)


def _faster(problem: Problem, exact: np.ndarray) -> tuple[str, Callable[[], Any], Callable[[], Any], float]:
    """The faster of py-pde's solvers that suit: its name, the stepping alone, a whole call, the error."""
    state, equation = problem.peer()
    wanted = sampled(exact, problem.points, problem.ndim, centred=True)
    found = []
    for name, options in problem.solvers:
        solver = SolverBase.from_name(name, equation, backend="numba", **options)
        stepper = solver.make_stepper(state, 1e-3)
        result = state.copy()
        stepper(result, 0.0, problem.t1)
        seconds = elapsed(partial(stepper, state.copy(), 0.0, problem.t1))
        found.append((seconds, name, options, stepper, relative_error(result.data, wanted)))
    _, name, options, stepper, error = min(found, key=lambda entry: entry[0])

    def whole() -> Any:
        return equation.solve(state, problem.t1, dt=1e-3, solver=name, backend="numba", tracker=None, **options)

    return name, lambda: stepper(state.copy(), 0.0, problem.t1), whole, error


def _coarsest(problem: Problem, exact: np.ndarray, error: float) -> tuple[int, float, float]:
    """The coarsest grid and the loosest tolerance with no larger error."""
    for points in problem.grids:
        wanted = sampled(exact, points, problem.ndim, centred=False)
        for rtol in TOLERANCES:
            smaller = relative_error(_stacked(problem.ours(points, rtol)[0]()), wanted)
            if smaller <= error:
                return points, rtol, smaller
    raise AssertionError(f"no grid up to {problem.grids[-1]} reaches the error {error:.1e}")


def _last(eq: Any, u0: Any, t1: float, step: Any) -> Any:
    return dh.solve(eq, u0, t1=t1, step=step).us


def _stacked(us: Any) -> np.ndarray:
    values = [v[-1] for v in us.values()] if isinstance(us, dict) else [us[-1]]
    return np.stack([np.asarray(v) for v in values])


def sampled(fine: np.ndarray, points: int, ndim: int, centred: bool) -> np.ndarray:
    """Values of a periodic function given on a fine grid, on a coarser one: at its nodes or (`centred`) in the
    middle of its cells. Trigonometric interpolation, one axis after another."""
    total = fine.shape[-1]
    places = (np.arange(points) + (0.5 if centred else 0.0)) / points
    waves = np.exp(2j * np.pi * np.outer(places, np.fft.fftfreq(total, 1 / total)))
    values = np.fft.fftn(fine, axes=range(-ndim, 0), norm="forward")
    for axis in range(-ndim, 0):
        values = np.moveaxis(np.tensordot(waves, values, axes=(1, axis)), 0, axis)
    return values.real
