"""Splittings of diffusion and reaction, with and without the right boundary values."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

import duhamel as dh
from bench.orders.slopes import errors, norms, observed, say
from duhamel.equation import Equation
from duhamel.methods.splitting import boundary_corrected
from duhamel.problems import get
from duhamel.problems.grids import OnNodes, SineCodec

TITLE = "Splitting and boundary values"
TEXT = """
`u_t = u_xx + u²` up to t = 0.1 with both flows exact, {n} points, steps of 0.1/4 … 0.1/64. With u = 1 at
the ends the reaction moves u off its boundary values, and Strang's splitting falls to order 1; with u = 0,
or on a periodic interval, it does not. The correction (`dh.boundary_corrected`) takes off the reaction what
it does on the boundary and gives it to the diffusion. (Einkemmer & Ostermann, SIAM J. Sci. Comput. 37
(2015), A1577–A1592.)
"""
HEAD = ("boundary", "method", "L∞", "L²", "L¹", "expected")
COUNTS = (4, 8, 16, 32, 64)
EXPECTED = {
    "u = 1": "1.00; 1.25; 1.50",
    "u = 1, corrected": "2; 2; 2",
    "u = 0": "2.00; 2.00; 1.99",
    "periodic": "2.00",
}


def text(n: int = 499) -> str:
    """What stands above the table."""
    return TEXT.format(n=n)


def rows(n: int = 499, counts: tuple[int, ...] = COUNTS) -> list[list[str]]:
    """One row a boundary condition, and one for Lie's splitting in the worst case."""
    cases = {
        "u = 1": get("diffusion-reaction", n=n, border=1.0),
        "u = 1, corrected": corrected(n),
        "u = 0": get("diffusion-reaction", n=n, border=0.0),
        "periodic": periodic(n + 1),
    }
    found = []
    for what, problem in cases.items():
        say(f"boundary: {what}")
        exact = np.asarray(problem.solve(method="etd54", rtol=1e-12).us[-1])
        e = errors(problem, "strang", counts, lambda u, exact=exact: norms(u - exact))
        cells = ["–"] * 3 if e is None else [observed(counts, e[:, k]) for k in range(3)]
        found.append([what, "`strang`", *cells, EXPECTED[what]])
    return found


def corrected(n: int) -> Any:
    """The first case with u² − 1 in place of u², and 1 added to the diffusion; both flows exact."""
    plain = get("diffusion-reaction", n=n, border=1.0)
    codec = plain.equation.codec
    flow = OnNodes(codec.basis, _shifted_flow, 1.0, shift=1.0)
    one = codec.basis @ jnp.ones(n)
    split = boundary_corrected(*plain.equation.parts, one, flow=flow)
    return replace(plain, equation=Equation(split.parts, codec))


def _shifted_flow(t: Any, h: Any, u: Any, args: Any) -> Any:
    """The solution of u' = u² − 1 after a time h."""
    bend = jnp.tanh(h).astype(u.dtype)
    return (u - bend) / (1 - u * bend)


def periodic(n: int) -> Any:
    """The same equation on a ring of length 1, in the real basis cos + sin of Hartley."""
    plain = get("diffusion-reaction", n=4, border=0.0)
    j = np.arange(n)
    angle = 2 * np.pi * np.outer(j, j) / n
    basis = jnp.asarray((np.cos(angle) + np.sin(angle)) / np.sqrt(n))
    symbol = jnp.asarray(-4.0 * n**2 * np.sin(np.pi * j / n) ** 2)
    square, flow = plain.equation.parts[1].f, plain.equation.parts[1].flow
    rest = dh.Nonlinear(OnNodes(basis, square.call), OnNodes(basis, flow.call))
    parts = (dh.Linear(dh.Diagonal(symbol)), rest)
    return replace(
        plain, equation=Equation(parts, SineCodec(basis)), u0=1 + np.sin(2 * np.pi * j / n), references=()
    )
