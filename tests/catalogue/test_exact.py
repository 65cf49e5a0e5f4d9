"""Runs of catalogue entries against exact solutions of the equations."""

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import pytest
from scipy.special import ive

import duhamel as dh
from duhamel.pde import catalogue

pi = np.pi


@dataclasses.dataclass(frozen=True)
class Case:
    """One run and its exact end: `exact(x, t)` or `exact(x, y, t)` for the field `field`."""

    name: str
    exact: Callable[..., np.ndarray]
    t1: float
    tolerance: float
    initial: str | Mapping[str, str] | None = None
    field: str = ""
    points: tuple[int, ...] | None = None
    steps: int = 400
    parameters: Mapping[str, float] = dataclasses.field(default_factory=dict)
    note: str = ""


def sech(x):
    return 1 / np.cosh(x)


def heat(x, t):
    def fade(k):
        return np.exp(-0.1 * k**2 * t)

    return fade(1) * np.sin(x) + 0.5 * fade(3) * np.cos(3 * x) + 0.25 * fade(8) * np.sin(8 * x + 1)


def spreading_bump(x, t):
    """exp(20 (cos(x - pi) - 1)), carried at speed 1 and spread by nu = 0.02: a series of Bessel functions."""
    waves = [2 * ive(k, 20) * np.cos(k * (x - pi - t)) * np.exp(-0.02 * k**2 * t) for k in range(1, 40)]
    return ive(0, 20) + sum(waves)


def string(x, t):
    def bump(s):
        return np.exp(10 * (np.cos(s - pi) - 1))

    return (bump(x - t) + bump(x + t)) / 2


def shock(x, t):
    """Burgers from sin(x) by Cole and Hopf, nu = 0.05: u = -2 nu d/dx log(phi)."""
    rates = [(k, ive(k, 10) * np.exp(-0.05 * k**2 * t)) for k in range(1, 60)]
    slope = sum(2 * k * c * np.sin(k * x) for k, c in rates)
    return 0.1 * slope / (ive(0, 10) + sum(2 * c * np.cos(k * x) for k, c in rates))


def coherent(x, t):
    """The swinging packet (Schrödinger 1926), displaced by 3."""
    phase = t / 2 + 3 * x * np.sin(t) - 9 / 4 * np.sin(2 * t)
    return pi**-0.25 * np.exp(-((x - 3 * np.cos(t)) ** 2) / 2 - 1j * phase)


def plasma(x, t):
    """A Zakharov soliton at speed 1/2: the wave field E."""
    return np.sqrt(1.5) * sech(x - t / 2) * np.exp(1j * (x / 4 + (1 - 1 / 16) * t))


def spread(x, y, t):
    return np.exp(-0.2 * t) * np.cos(x) * np.sin(y) + np.exp(-1.3 * t) * np.sin(3 * x + 2 * y)


ROSSBY = -10.0 * 2 / 13  # -beta k / (k² + l²) for the wave cos(2x + 3y)

CASES = [
    Case("heat", heat, 5.0, 1e-12, steps=4),
    Case("heat2d", spread, 1.0, 1e-12, "cos(x)*sin(y) + sin(3*x + 2*y)", points=(16, 32), steps=4),
    Case("advection", lambda x, t: np.exp(8 * (np.cos(x - pi - t) - 1)), 4.0, 1e-11, steps=4),
    Case("advection-diffusion", spreading_bump, 3.0, 1e-11, steps=4),
    Case(
        "dispersion",
        lambda x, t: np.sin(x + t) + np.cos(x / 4 + t / 64),
        3.0,
        1e-11,
        "sin(x) + cos(x/4)",
        points=(128,),
        steps=4,
    ),
    Case("burgers", shock, 1.5, 1e-7, "sin(x)"),
    Case("wave", string, 5.0, 1e-11, field="u", steps=4),
    Case(
        "klein-gordon",
        lambda x, t: np.cos(3 * x / 8) * np.cos(np.sqrt(1 + 9 / 64) * t),
        10.0,
        1e-11,
        {"u": "cos(3*x/8)", "v": "0"},
        "u",
        points=(128,),
        steps=4,
    ),
    Case(
        "sine-gordon",
        lambda x, t: 4 * np.arctan(4 / 3 * np.sin(0.6 * t) * sech(0.8 * x)),
        10.0,
        1e-6,
        field="u",
        note="breather",
    ),
    Case("kdv", lambda x, t: 2 * sech(x - 4 * t) ** 2, 1.0, 1e-6, "2/cosh(x)^2", steps=1000, note="soliton"),
    Case("mkdv", lambda x, t: sech(x - t), 4.0, 1e-6, "1/cosh(x)", steps=1000, note="soliton"),
    Case(
        "bbm", lambda x, t: sech((x - 4 / 3 * t) / 4) ** 2, 12.0, 1e-7, "1/cosh(x/4)^2", note="solitary wave"
    ),
    Case(
        "kawahara",
        lambda x, t: 105 / 169 * sech((x - 36 / 169 * t) / np.sqrt(52)) ** 4,
        20.0,
        1e-7,
        "105/169/cosh(x/sqrt(52))^4",
        note="solitary wave",
    ),
    Case(
        "boussinesq",
        lambda x, t: -0.24 * sech(0.2 * (x - np.sqrt(0.84) * t)) ** 2,
        10.0,
        1e-7,
        {"u": "-0.24/cosh(0.2*x)^2", "v": "0.24*sqrt(0.84)/cosh(0.2*x)^2"},
        "u",
        note="solitary wave",
    ),
    Case("schrodinger", coherent, 2.0, 1e-7),
    Case("nls", lambda x, t: sech(x - 2 * t) * np.exp(1j * x), 2.0, 1e-7, "exp(i*x)/cosh(x)", note="soliton"),
    Case(
        "zakharov",
        plasma,
        2.0,
        1e-6,
        {"E": "sqrt(1.5)*exp(i*x/4)/cosh(x)", "n": "-2/cosh(x)^2", "v": "-1/cosh(x)^2"},
        "E",
        note="soliton",
    ),
    Case(
        "ginzburg-landau",
        lambda x, t: np.sqrt(15 / 16) * np.exp(1j * (x / 4 - (0.5 / 16 + 0.25 * 15 / 16) * t)),
        5.0,
        1e-8,
        "sqrt(15/16)*exp(i*x/4)",
        points=(64,),
        parameters={"b": 0.5, "c": 0.25},
        note="plane wave",
    ),
    Case(
        "navier-stokes",
        lambda x, y, t: np.exp(-0.5 * t) * (np.cos(3 * x + 4 * y) + np.sin(5 * x)),
        2.0,
        1e-9,
        "cos(3*x + 4*y) + sin(5*x)",
        points=(32, 48),
        parameters={"nu": 0.02},
        note="vortices of one wavenumber, as Taylor and Green's",
    ),
    Case(
        "kolmogorov",
        lambda x, y, t: -10 * np.cos(4 * y) + 0 * x,
        1.0,
        1e-9,
        "-10*cos(4*y)",
        points=(16, 32),
        note="the steady flow",
    ),
    Case(
        "beta-plane",
        lambda x, y, t: np.exp(-13 * 4e-3 * t) * np.cos(2 * x + 3 * y - ROSSBY * t),
        3.0,
        1e-9,
        "cos(2*x + 3*y)",
        points=(32, 32),
        note="Rossby wave",
    ),
    Case(
        "fisher-kpp",
        lambda x, t: 1 / (1 + 9 * np.exp(-t)) + 0 * x,
        3.0,
        1e-8,
        "0.1",
        points=(16,),
        note="logistic",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_exact_solution(case, run):
    space, sol = run(case.name, case.initial, case.t1, case.points, case.steps, **case.parameters)
    end = sol.us[case.field] if case.field else sol.us
    wanted = case.exact(*space.grid, case.t1)
    error = np.max(np.abs(np.asarray(end[-1]) - wanted)) / np.max(np.abs(wanted))
    assert error < case.tolerance, f"{case.name}: {error:.1e}"


@pytest.mark.slow
@pytest.mark.parametrize("name", catalogue.EQUATIONS)
def test_default_run_reaches_its_end(name):
    entry = catalogue.get(name)
    if isinstance(entry, catalogue.Entry):
        _, equation, u0 = entry.build()
        sol = dh.solve(equation, u0, t1=entry.t1, step=dh.Adaptive(rtol=entry.rtol))
    else:
        step = dh.Adaptive(rtol=entry.rtol, atol=entry.atol)
        sol = dh.solve(
            entry.f, entry.u0, t1=entry.t1, args=dict(entry.parameters), step=step, max_steps=10**6
        )
    assert sol.status == dh.Status.done
