"""A small problem solved straight from Python, without jit: what a call costs before any work is done."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import diffrax
import jax
import jax.numpy as jnp

import duhamel as dh
from bench.lorenz import slope
from bench.table import Row, row
from bench.timing import alternate

__all__ = ["measure"]

GROUP = "Cost of a call"
T1, RTOL, ATOL = 1.0, 1e-6, 1e-9


def ours(u0: Any) -> Any:
    return dh.solve(slope, u0, t1=T1, method=dh.Tsit5(), step=dh.Adaptive(rtol=RTOL, atol=ATOL)).us


def theirs(u0: Any) -> Any:
    return diffrax.diffeqsolve(
        diffrax.ODETerm(slope),
        diffrax.Tsit5(),
        0.0,
        T1,
        None,
        u0,
        stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL),
    ).ys


def measure(quick: bool = False) -> Iterator[Row]:
    u0, mine, peer = jnp.ones(3), jax.jit(ours), jax.jit(theirs)
    calls = [_waiting(f, u0) for f in (ours, theirs, mine, peer)]
    a, b, c, d = alternate(*calls, seconds=2 if quick else 5)
    note = (
        "Lorenz to t = 1, rtol 1e-6: the work itself is in the second row, the rest of the first is Python."
    )
    yield row(GROUP, "dh.solve called from Python", a, "diffrax called likewise", b, note=note)
    yield row(GROUP, "inside jit", c, "diffrax inside jit", d)


def _waiting(call: Callable[[Any], Any], u0: Any) -> Callable[[], Any]:
    return lambda: jax.block_until_ready(call(u0))
