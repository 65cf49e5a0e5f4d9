"""How the cost of an evaluation grows with the grid, beside N log N and beside the FFTs alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import duhamel as dh
from bench import ks_runs, navier_stokes
from bench.table import Row
from bench.timing import alternate

__all__ = ["exponent", "measure"]

GROUP = "Growth with the number of points"
# Work per measurement, in points times evaluations: enough for the clock, little enough to wait for.
WORK = 2**22


def exponent(points: Sequence[int], seconds: Sequence[float]) -> float:
    """The slope of log(seconds) over log(points), by least squares."""
    return float(np.polyfit(np.log(points), np.log(seconds), 1)[0])


def measure(quick: bool = False) -> Iterator[Row]:
    line = [2**k for k in range(8, 13 if quick else 17)]
    yield from _rows("Kuramoto–Sivashinsky", line, 1, [_ks(n) for n in line])
    plane = [2**k for k in range(6, 9 if quick else 11)]
    yield from _rows("Navier–Stokes", plane, 2, [_navier_stokes(n) for n in plane])


def _rows(
    name: str, sizes: Sequence[int], ndim: int, runs: Sequence[tuple[Callable[[], Any], int]]
) -> Iterator[Row]:
    points = [n**ndim for n in sizes]
    whole, transforms = [], []
    for n, (run, evaluations) in zip(sizes, runs, strict=True):
        a, b = alternate(run, _transforms(n, ndim, evaluations), seconds=1.0, least=3)
        whole.append(a.best / evaluations)
        transforms.append(b.best / evaluations)
    linear = exponent(points, [p * math.log(p) for p in points])
    mine, alone = exponent(points, whole), exponent(points, transforms)
    power = "" if ndim == 1 else "²"
    what = f"{name}, {sizes[0]}{power} … {sizes[-1]}{power}"
    spread = ", ".join(f"{n}{power}: {t * 1e6:.3g} µs" for n, t in zip(sizes, whole, strict=True))
    note = f"exponents of the time per evaluation, fitted. {name}: {spread}."
    yield Row(GROUP, what, mine, "N log N", linear, mine / linear, unit="", note=note)
    yield Row(GROUP, what, mine, "an FFT there and back", alone, mine / alone, unit="")


def _ks(points: int) -> tuple[Callable[[], Any], int]:
    """ETDRK4 on a domain that grows with the grid, so that the resolution stays."""
    length = ks_runs.LENGTH * points / 256
    eq = dh.pde(ks_runs.TEXT, dh.Fourier(points, length=length))
    x = length * np.arange(points) / points
    u0 = jnp.asarray(np.cos(x / 16) * (1 + np.sin(x / 16)))
    return _run(eq, u0, "etdrk4", 4, points)


def _navier_stokes(points: int) -> tuple[Callable[[], Any], int]:
    eq = dh.pde(navier_stokes.TEXT, dh.Fourier((points, points), length=(2 * math.pi,) * 2), nu=5e-3)
    return _run(eq, jnp.asarray(navier_stokes.initial(points)), "etdrk2", 2, points**2)


def _run(eq: Any, u0: Any, method: str, stages: int, points: int) -> tuple[Callable[[], Any], int]:
    steps = max(3, WORK // (points * stages))
    step, t1 = dh.Fixed(1e-3), steps * 1e-3
    run = jax.jit(lambda u: dh.solve(eq, u, t1=t1, method=method, step=step).us)
    return lambda: jax.block_until_ready(run(u0)), steps * stages


def _transforms(points: int, ndim: int, pairs: int) -> Callable[[], Any]:
    axes = tuple(range(ndim))

    def pair(_: Any, v: Any) -> Any:
        return jnp.fft.irfftn(jnp.fft.rfftn(v, axes=axes) * 0.999, axes=axes)

    loop = jax.jit(lambda v: jax.lax.fori_loop(0, pairs, pair, v))
    start = jnp.ones((points,) * ndim)
    return lambda: jax.block_until_ready(loop(start))
