"""What one equation of the catalogue is: plain data, and how it becomes something to solve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Array

from duhamel.equation import Equation
from duhamel.errors import InputError
from duhamel.pde.equations import pde
from duhamel.pde.initial import field_from_text
from duhamel.spaces import Fourier

Parameters = Mapping[str, float]
Number = float | str


@dataclass(frozen=True)
class Entry:
    """A PDE on a periodic box, with all that a first run needs.

    name        lower case, with hyphens: what is typed on the command line
    text        the equation, in the grammar of `duhamel.pde`
    points      how many grid points along x, y, z
    length      of the box along each axis; text such as "32*pi" is allowed
    initial     the state at time zero: a text in x, y, z for each field
    t1, every   end time, and the time between saved states
    parameters  the names in the text that are numbers, and their values
    physics     one line: what it models and what is to be seen
    reference   authors (year), journal volume, pages
    rtol        relative tolerance of the default run
    dealias     False where the 2/3 rule would only cost resolution
    origin      lower corner of the box; empty: zero on every axis
    """

    name: str
    text: str
    points: tuple[int, ...]
    length: tuple[Number, ...]
    initial: Mapping[str, str]
    t1: float
    every: float
    physics: str
    reference: str
    parameters: Parameters = field(default_factory=dict)
    rtol: float = 1e-6
    dealias: bool = True
    origin: tuple[Number, ...] = ()

    def build(
        self, points: tuple[int, ...] | None = None, **parameters: float
    ) -> tuple[Fourier, Equation, dict[str, str]]:
        """The space, the equation on it and the initial state, ready for `solve`.

        `points` and `parameters` replace those of the entry. Errors: `InputError` for a parameter it has not.
        """
        for name in parameters:
            if name not in self.parameters:
                known = ", ".join(self.parameters) or "none"
                raise InputError(f"'{self.name}' has no parameter '{name}'; it has: {known}.")
        length = [_value(text) for text in self.length]
        origin = [_value(text) for text in self.origin] or 0.0
        space = Fourier(points or self.points, length=length, origin=origin)
        equation = pde(self.text, space, dealias=self.dealias, **{**self.parameters, **parameters})
        return space, equation, dict(self.initial)


@dataclass(frozen=True)
class OdeEntry:
    """An ordinary differential equation u' = f(t, u, args), with all that a first run needs.

    f           a JAX function of time, state (one array) and `args`, the dict of parameters by name
    u0          the state at time zero, float64, one dimension
    labels      what each component of the state is called
    rtol, atol  tolerances of the default run

    Names, times, physics and reference are as in `Entry`.
    """

    name: str
    f: Callable[[Array, Array, Parameters], Array]
    u0: np.ndarray
    t1: float
    every: float
    labels: tuple[str, ...]
    physics: str
    reference: str
    parameters: Parameters = field(default_factory=dict)
    rtol: float = 1e-8
    atol: float = 1e-8


def _value(number: Number) -> float:
    """A number, or the value of a text such as "32*pi": a field that is the same everywhere."""
    return float(field_from_text(number, Fourier(4))[0]) if isinstance(number, str) else float(number)
