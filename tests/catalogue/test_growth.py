"""Rates of change at a known state: growth of one wave from theory, and reactions without space.

A wave of height 1e-6 on a uniform state changes at the rate that linear stability theory gives; a uniform state
changes as the ODE of its reaction.
"""

import numpy as np
import pytest
from duhamel.pde import catalogue

HEIGHT = 1e-6


def rate(name, initial, **parameters):
    """du/dt in physical values at an initial state, and the coordinates."""
    entry = catalogue.get(name)
    assert isinstance(entry, catalogue.Entry)
    space, equation, _ = entry.build(tuple(min(points, 64) for points in entry.points), **parameters)
    return space, equation.decode(equation.rhs(0.0, equation.encode(initial), None))


# name, the wave, k², the uniform state, growth rate as a function of k² (r, g, ... are those of the catalogue)
WAVES = [
    ("ks", "cos(x/2)", 0.25, 0.0, lambda q: q - q**2),
    ("ks2d", "cos(x/2 + y/4)", 5 / 16, 0.0, lambda q: q - q**2),
    ("nikolaevskiy", "cos(x/2)", 0.25, 0.0, lambda q: q * (0.2 - (1 - q) ** 2)),
    ("swift-hohenberg", "cos(x/2)", 0.25, 0.0, lambda q: 0.3 - (1 - q) ** 2),
    ("swift-hohenberg2d", "cos(x/2 + y)", 1.25, 0.0, lambda q: 0.1 - (1 - q) ** 2),
    ("cahn-hilliard", "cos(x/2 + y/4)", 5 / 16, 0.1, lambda q: q * (1 - 0.03 - q)),
    ("ohta-kawasaki", "cos(x/2 + y/4)", 5 / 16, 0.3, lambda q: q * (1 - 0.27 - q) - 0.1),
    ("phase-field-crystal", "cos(x/2 + y/2)", 0.5, -0.285, lambda q: q * (0.25 - (1 - q) ** 2 - 3 * 0.285**2)),
    ("allen-cahn", "cos(3*x)", 9.0, 0.0, lambda q: 1 - 0.01 * q),
    ("allen-cahn2d", "cos(3*x + y)", 10.0, 0.0, lambda q: 1 - 0.01 * q),
    ("fisher-kpp", "cos(pi*x/25)", (np.pi / 25) ** 2, 0.0, lambda q: 1 - q),
]


@pytest.mark.parametrize("name, wave, square, uniform, growth", WAVES, ids=[row[0] for row in WAVES])
def test_small_wave_grows_as_theory_says(name, wave, square, uniform, growth):
    space, slope = rate(name, f"{uniform} + {HEIGHT}*{wave}")
    _, at_rest = rate(name, f"{uniform}")
    grid = {letter: values for letter, values in zip("xyz", space.grid, strict=False)}
    shape = np.cos(_phase(wave, grid)) * np.ones(space.shape)
    found = np.sum((slope - at_rest) * shape) / np.sum(shape**2) / HEIGHT
    assert abs(found - growth(square)) < 1e-4


def _phase(wave, grid):
    """The argument of the cosine of a row above."""
    phases = {
        "cos(x/2)": lambda x, y: x / 2,
        "cos(x/2 + y/4)": lambda x, y: x / 2 + y / 4,
        "cos(x/2 + y/2)": lambda x, y: x / 2 + y / 2,
        "cos(x/2 + y)": lambda x, y: x / 2 + y,
        "cos(3*x)": lambda x, y: 3 * x,
        "cos(3*x + y)": lambda x, y: 3 * x + y,
        "cos(pi*x/25)": lambda x, y: np.pi * x / 25,
    }
    return phases[wave](grid["x"], grid.get("y", 0.0))
