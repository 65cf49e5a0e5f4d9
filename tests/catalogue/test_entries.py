"""Every entry is well formed, and its text is read as what it says."""

import re

import numpy as np
import pytest

from duhamel.errors import InputError
from duhamel.pde import catalogue

PDES = [name for name, entry in catalogue.EQUATIONS.items() if isinstance(entry, catalogue.Entry)]
NAMED = [
    "heat", "advection", "advection-diffusion", "dispersion", "wave", "burgers",
    "kdv", "mkdv", "bbm", "ks", "ks2d", "fisher-kpp",
    "allen-cahn", "cahn-hilliard", "swift-hohenberg", "swift-hohenberg2d", "ginzburg-landau", "nls",
    "gross-pitaevskii", "gray-scott", "fitzhugh-nagumo", "brusselator", "navier-stokes", "kolmogorov",
    "klein-gordon", "sine-gordon", "phase-field-crystal", "lorenz", "van-der-pol", "robertson",
    "hires", "pleiades", "three-body", "lotka-volterra",
]  # fmt: skip


def test_the_equations_that_everyone_asks_for_are_there():
    assert set(NAMED) <= set(catalogue.EQUATIONS)


@pytest.mark.parametrize("name", catalogue.EQUATIONS)
def test_is_well_formed(name):
    entry = catalogue.get(name)
    assert entry.name == name
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)
    assert 0 < entry.every < entry.t1
    assert entry.t1 / entry.every <= 2500
    assert entry.physics.endswith(".")
    assert "\n" not in entry.physics
    assert re.search(r"\((1[789]|20)\d\d\)", entry.reference), "a reference needs its year"
    assert 0 < entry.rtol <= 1e-5
    assert all(isinstance(value, float) for value in entry.parameters.values())


@pytest.mark.parametrize("name", PDES)
def test_text_is_read_and_changes_its_initial_state(name):
    entry = catalogue.get(name)
    coarse = tuple(min(points, 32) for points in entry.points)
    _, equation, u0 = entry.build(coarse)
    state = equation.encode(u0)
    assert set(equation.about.fields) == set(entry.initial)
    slope = equation.rhs(0.0, state, None)
    assert slope.shape == state.shape
    assert slope.dtype == state.dtype
    assert np.all(np.isfinite(slope))
    assert np.any(slope != 0)


@pytest.mark.parametrize("name", PDES)
def test_initial_state_is_periodic_and_resolved(name):
    entry = catalogue.get(name)
    space, equation, u0 = entry.build()
    fields = equation.decode(equation.encode(u0))
    for values in fields.values() if isinstance(fields, dict) else [fields]:
        spectrum = np.abs(np.fft.fftn(np.asarray(values)))
        assert np.all(np.isfinite(spectrum))
        highest = max(_end_of_spectrum(spectrum, axis) for axis in range(space.ndim))
        assert highest <= 1e-5 * spectrum.max()


def _end_of_spectrum(spectrum, axis):
    """The largest mode just below the 2/3 limit along one axis."""
    points = spectrum.shape[axis]
    limit = (points - 1) // 3
    return np.take(spectrum, range(limit - 3, limit + 1), axis=axis).max()


def test_parameters_are_checked():
    entry = catalogue.get("burgers")
    with pytest.raises(InputError, match="nu"):
        entry.build(viscosity=1.0)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("navier_stokes", "navier-stokes"), ("Heat", "heat"), ("burger", "burgers")],
)
def test_unknown_name_is_answered_with_near_ones(typed, meant):
    with pytest.raises(InputError, match=meant):
        catalogue.get(typed)


def test_unlike_name_is_answered_with_the_way_to_the_list():
    with pytest.raises(InputError, match="list equations"):
        catalogue.get("qqqqq")
