"""Exponential methods on Hochbruck and Ostermann's problem."""

from __future__ import annotations

import numpy as np

import duhamel as dh
from bench.orders.slopes import errors, family, norms, observed, say
from duhamel.problems import get

TITLE = "Exponential methods on a parabolic problem"
TEXT = """
`u_t = u_xx + g(u) + Φ` on (0, 1), u = 0 at both ends, exact solution x(1−x)eᵗ; second differences on {n}
points are exact for it, so that every error is one of time. Steps of 1/4 … 1/128, up to t = 1. The local
source is g = 1/(1+u²), the nonlocal one g = ∫u dx; the second keeps methods from gaining by the boundary
values of g and shows the stiff order. (Hochbruck & Ostermann, SIAM J. Numer. Anal. 43 (2005), Sect. 6.)
Methods with a * were measured on 99 points, where they form functions of a full matrix; on more they use
Krylov subspaces, for which these fixed steps are too long.
"""
HEAD = ("method", "order", "stiff order", "local L∞", "local L²", "nonlocal L∞", "nonlocal L²", "expected")
# Measured before in an independent program, for the two sources in L∞.
EXPECTED = {
    "etdrk2": "2.0; 1.9",
    "lawson4": "1.05; 1.05, L² 1.3",
    "etdrk4": "1.9 → 2.95; 2.0–2.4, irregular",
    "krogstad": "4.0; 3.1",
    "strehmel-weiner": "4.0; 3.1",
    "hochbruck-ostermann": "4.0; 3.95",
}
COUNTS = (4, 8, 16, 32, 64, 128)
SMALL, NONE = 99, "–"


def rows(n: int = 199, counts: tuple[int, ...] = COUNTS, names: list[str] | None = None) -> list[list[str]]:
    """One row a method."""
    found = []
    for name in names or family("exponential"):
        say(f"parabolic: {name}")
        cells, mark = _cells(name, n, counts), ""
        if cells == [NONE] * 4 and n > SMALL:
            cells, mark = _cells(name, SMALL, counts), " *"
        stiff = dh.METHODS[name].stiff_order
        expected = EXPECTED.get(name, NONE if stiff is None else f"nonlocal ≥ {stiff}")
        found.append([f"`{name}`{mark}", str(dh.METHODS[name].order), str(stiff or NONE), *cells, expected])
    return found


def text(n: int = 199) -> str:
    """What stands above the table."""
    return TEXT.format(n=n)


def _cells(name: str, n: int, counts: tuple[int, ...]) -> list[str]:
    cells = []
    for kind in ("-local", ""):
        problem = get(f"hochbruck-ostermann{kind}", n=n)
        exact = np.asarray(problem.reference().u)
        e = errors(problem, name, counts, lambda u, exact=exact: norms(u - exact))
        cells += [NONE] * 2 if e is None else [observed(counts, e[:, k]) for k in (0, 1)]
    return cells
