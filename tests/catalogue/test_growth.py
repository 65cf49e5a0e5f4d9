"""Growth of a small wave on a uniform state, against linear stability theory.

A wave of height 1e-6 must change at once at the rate that the dispersion relation of the equation gives.
"""

import numpy as np
import pytest

from duhamel.pde import catalogue

HEIGHT = 1e-6


def rate(name, initial):
    """du/dt in physical values at an initial state, and the space."""
    entry = catalogue.get(name)
    assert isinstance(entry, catalogue.Entry)
    space, equation, _ = entry.build(tuple(min(points, 64) for points in entry.points))
    return space, equation.decode(equation.rhs(0.0, equation.encode(initial), None))


# Name, wave vector, uniform state, growth rate as a function of q = k² with the parameters of the catalogue.
WAVES = [
    ("ks", (0.5,), 0.0, lambda q: q - q**2),
    ("ks2d", (0.5, 0.25), 0.0, lambda q: q - q**2),
    ("nikolaevskiy", (0.5,), 0.0, lambda q: q * (0.2 - (1 - q) ** 2)),
    ("swift-hohenberg", (0.5,), 0.0, lambda q: 0.3 - (1 - q) ** 2),
    ("swift-hohenberg2d", (0.5, 1.0), 0.0, lambda q: 0.1 - (1 - q) ** 2),
    ("cahn-hilliard", (0.5, 0.25), 0.1, lambda q: q * (1 - 3 * 0.1**2 - q)),
    ("ohta-kawasaki", (0.5, 0.25), 0.3, lambda q: q * (1 - 3 * 0.3**2 - q) - 0.1),
    ("phase-field-crystal", (0.5, 0.5), -0.285, lambda q: q * (0.25 - (1 - q) ** 2 - 3 * 0.285**2)),
    ("allen-cahn", (3.0,), 0.0, lambda q: 1 - 0.01 * q),
    ("allen-cahn2d", (3.0, 1.0), 0.0, lambda q: 1 - 0.01 * q),
    ("fisher-kpp", (np.pi / 25,), 0.0, lambda q: 1 - q),
]


@pytest.mark.parametrize(("name", "k", "uniform", "growth"), WAVES, ids=[row[0] for row in WAVES])
def test_small_wave_grows_as_theory_says(name, k, uniform, growth):
    phase = " + ".join(f"{number!r}*{axis}" for number, axis in zip(map(float, k), "xy", strict=False))
    space, slope = rate(name, f"{uniform} + {HEIGHT}*cos({phase})")
    _, at_rest = rate(name, f"{uniform}")
    wave = np.cos(sum(number * values for number, values in zip(k, space.grid, strict=True)))
    found = np.sum((slope - at_rest) * wave) / np.sum(wave**2) / HEIGHT
    assert abs(found - growth(sum(number**2 for number in k))) < 1e-5
