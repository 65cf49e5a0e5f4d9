"""The equations that Duhamel and py-pde both solve from text, and how each is asked to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import duhamel as dh
import pde
from bench import ks_runs
from duhamel.pde import catalogue

__all__ = ["PROBLEMS", "Problem"]


@dataclass(frozen=True)
class Problem:
    """One equation for both tools. `fine` points per axis make the reference.

    `euler` is the longest step that is stable for py-pde: at the accuracy of its grid its explicit Euler beat
    its Runge–Kutta, its adaptive steps and SciPy's BDF on both problems.
    """

    name: str
    text: str
    theirs: dict[str, str]
    initial: dict[str, str]
    parameters: dict[str, Any]
    length: float
    ndim: int
    t1: float
    points: int
    fine: int
    grids: tuple[int, ...]
    euler: float

    def ours(self, points: int, rtol: float) -> tuple[Callable[[], Any], Callable[[Any], Any], Any]:
        """`dh.solve` as a user calls it, the same as a function of the start, and the start on the grid."""
        space = dh.Fourier((points,) * self.ndim, length=(self.length,) * self.ndim)
        eq = dh.pde(self.text, space, **self.parameters)
        step = dh.Adaptive(rtol=rtol, atol=rtol * 1e-2)
        given = self.initial if len(self.initial) > 1 else self.initial["u"]

        def solve(u0: Any) -> Any:
            return dh.solve(eq, u0, t1=self.t1, step=step).us

        return lambda: solve(given), solve, eq.decode(eq.encode(given))

    def peer(self) -> tuple[Any, Any]:
        """The start on its grid and the equation, for py-pde."""
        bounds = [(0.0, self.length)] * self.ndim
        grid = pde.CartesianGrid(bounds, [self.points] * self.ndim, periodic=True)
        texts = (text.replace("^", "**") for text in self.initial.values())
        fields = [pde.ScalarField.from_expression(grid, text) for text in texts]
        state = fields[0] if len(fields) == 1 else pde.FieldCollection(fields)
        return state, pde.PDE(self.theirs, consts=self.parameters)


def _gray_scott() -> Problem:
    entry: Any = catalogue.get("gray-scott")
    return Problem(
        name="Gray–Scott to t = 200, as text",
        text=entry.text,
        theirs={"u": "Du*laplace(u) - u*v**2 + F*(1 - u)", "v": "Dv*laplace(v) + u*v**2 - (F + k)*v"},
        initial=dict(entry.initial),
        parameters=dict(entry.parameters),
        length=1.25,
        ndim=2,
        t1=200.0,
        points=128,
        fine=256,
        grids=(32, 48, 64, 80, 96, 112, 128),
        euler=1.0,
    )


PROBLEMS = (
    Problem(
        name="Kuramoto–Sivashinsky to t = 10, as text",
        text=ks_runs.TEXT,
        theirs={"u": "-laplace(u) - laplace(laplace(u)) - u*d_dx(u)"},
        initial={"u": "cos(x/16)*(1+sin(x/16))"},
        parameters={},
        length=ks_runs.LENGTH,
        ndim=1,
        t1=10.0,
        points=256,
        fine=512,
        grids=(32, 48, 64, 80, 96, 128, 192, 256),
        euler=2.8e-3,
    ),
    _gray_scott(),
)
