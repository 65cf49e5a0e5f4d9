"""Singular perturbation: Kaps' problem for implicit–explicit methods, Prothero and Robinson's for all
implicit ones."""

from __future__ import annotations

import numpy as np

import duhamel as dh
from bench.orders.slopes import errors, family, observed, say
from duhamel.problems import get

COUNTS = (20, 40, 80, 160)

KAPS = "Implicit–explicit methods on Kaps' problem"
KAPS_TEXT = """
`x' = (y² − x)/ε − 2x`, `y' = x − y − y²`, with the first term implicit; the solution x = y² = e⁻²ᵗ is
smooth for every ε. Up to t = 1 in 20 … 160 steps. Entries: order of the algebraic component x / of the
differential component y. Where ε is neither large nor small beside the step, order is lost: that is
expected (Kennedy & Carpenter, Appl. Numer. Math. 44 (2003), 139–181). The line below a method, where there
is one, was measured before in an independent program.
"""
EPSILONS = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6)
KAPS_HEAD = ("method", "order", *(f"ε = {e:g}" for e in EPSILONS))
KAPS_EXPECTED = {
    "kencarp3": ("3.1/2.9", "2.9/2.6", "2.6/3.0", "2.3/2.5", "2.1/3.4", "2.0/3.1", "2.0/3.1"),
    "kencarp4": ("3.9/4.1", "3.8/3.9", "3.2/3.3", "1.6/2.5", "1.3/2.2", "2.2/2.8", "2.8/3.6"),
    "kencarp5": ("5.0/4.4", "4.9/4.9", "4.2/5.0", "2.1/3.3", "1.0/1.2", "1.0/3.2", "3.2/4.4"),
}

PROTHERO = "Implicit methods on the problem of Prothero and Robinson"
PROTHERO_TEXT = """
`u' = λ(u − cos t) − sin t`, u = cos t, up to t = 5 in {first} … {last} steps. For |λ| far above the number
of steps, what is left is the stage order (of Rosenbrock methods: what their extra conditions save), not the
order. Implicit–explicit methods take λu implicitly and the forcing explicitly. BDF, which chooses its order
as it goes, is left out.
"""
IMPLICIT = ("stiff", "imex")
RATES = (-1.0, -1e2, -1e4, -1e6)
PROTHERO_HEAD = ("method", "order", *(f"λ = {r:g}" for r in RATES), "expected for large λ")
PROTHERO_EXPECTED = {
    "kvaerno3": "2.0 (stage order)",
    "kvaerno4": "2.0 (stage order)",
    "kvaerno5": "2.0 (stage order)",
    "esdirk54": "2.0 (stage order)",
    "radau": "3 or more",
}


def kaps(
    counts: tuple[int, ...] = COUNTS, epsilons: tuple[float, ...] = EPSILONS, names: list[str] | None = None
) -> list[list[str]]:
    """One row a method, and one below it for what was expected."""
    found = []
    for name in names or family("imex"):
        say(f"kaps: {name}")
        cells = [_kaps_cell(name, counts, epsilon) for epsilon in epsilons]
        found.append([f"`{name}`", str(dh.METHODS[name].order), *cells])
        if name in KAPS_EXPECTED:
            found.append(["*before*", "", *KAPS_EXPECTED[name]])
    return found


def _kaps_cell(name: str, counts: tuple[int, ...], epsilon: float) -> str:
    problem = get("kaps", epsilon=epsilon)
    exact = np.asarray(problem.reference().u)
    e = errors(problem, name, counts, lambda u: abs(u - exact))
    if e is None:
        return "–"
    return "/".join(_slope(counts, e[:, k]) for k in (0, 1))


def _slope(counts: tuple[int, ...], e: np.ndarray) -> str:
    """One number: the order over the last two refinements together."""
    good = np.isfinite(e) & (e > 1e-13)
    n, e = np.asarray(counts, float)[good][-3:], e[good][-3:]
    return "–" if len(n) < 2 else f"{np.log(e[0] / e[-1]) / np.log(n[-1] / n[0]):.1f}"


def prothero_text(counts: tuple[int, ...] = COUNTS) -> str:
    """What stands above the table."""
    return PROTHERO_TEXT.format(first=counts[0], last=counts[-1])


def prothero(
    counts: tuple[int, ...] = COUNTS, rates: tuple[float, ...] = RATES, names: list[str] | None = None
) -> list[list[str]]:
    """One row a method."""
    found = []
    for name in names or family(*IMPLICIT):
        say(f"prothero–robinson: {name}")
        cells = []
        for rate in rates:
            problem = get("prothero-robinson", lambda_=rate)
            exact = np.asarray(problem.reference().u)
            e = errors(problem, name, counts, lambda u, exact=exact: abs(u - exact).max(keepdims=True))
            cells.append("–" if e is None else observed(counts, e[:, 0], floor=2e-14))
        expected = PROTHERO_EXPECTED.get(name, "")
        found.append([f"`{name}`", str(dh.METHODS[name].order), *cells, expected])
    return found
