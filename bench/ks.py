"""Kuramoto–Sivashinsky, a stiff PDE that every peer can solve: time to a relative error of 1e-7."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from bench.ks_runs import duhamel_run, exponax_run, initial, relative_error, rkstiff_run
from bench.table import Row, row
from bench.timing import alternate, first_calls

__all__ = ["measure"]

GROUP = "Kuramoto–Sivashinsky"
GOAL = 1e-7
NOTE = (
    "256 points, to t = 10, relative error at most 1e-7. It is measured against a solution on 512 points, so "
    "nobody drops modes by the 2/3 rule: on 256 points that alone costs {cut:.1e}. Duhamel: rtol {rtol:.1e}, "
    "{steps} steps, error {ours:.1e}; exponax: {count} steps, error {exponax:.1e}; rkstiff: epsilon 1e-6, "
    "error {rkstiff:.1e}."
)
DEFAULT = (
    "where both apply the 2/3 rule, their default, the error is in time: each against its own converged run."
)
FIRST = (
    "the first call reads the text, traces, compiles and runs in a fresh process; import ({import_:.2f} s, "
    "exponax {other:.2f} s) and the start of JAX ({backend:.2f} s) are not in it."
)


def loosest(exact: np.ndarray, dealias: bool) -> float:
    """The largest rtol, in steps of a tenth of a decade, up to which the error stays within the goal."""
    best = 0.0
    for exponent in np.arange(-7.5, -4.5, 0.1):
        rtol = float(10**exponent)
        if relative_error(duhamel_run(rtol, dealias)(initial()).us[-1], exact) > GOAL:
            break
        best = rtol
    return best


def fewest(exact: np.ndarray, dealias: bool) -> int:
    """The smallest number of equal steps with which exponax reaches the goal, to one part in twenty."""
    u0, steps = jnp.asarray(initial()), 100
    while relative_error(exponax_run(steps, dealias)(u0), exact) > GOAL:
        steps = math.ceil(steps * 1.05)
    return steps


def measure(quick: bool = False) -> Iterator[Row]:
    seconds = 2.0 if quick else 6.0
    yield from _true_error(seconds)
    yield from _default(seconds)
    turns = 2 if quick else 5
    (a, more), (b, other) = first_calls("ks_duhamel", "ks_exponax", turns=turns)
    note = FIRST.format(import_=more["import"], backend=more["backend"], other=other["import"])
    yield Row(GROUP, "first call", a.best, bar=0.6, note=note)
    yield row(GROUP, "first call", a, "exponax ETDRK4", b)


def _true_error(seconds: float) -> Iterator[Row]:
    exact = np.asarray(duhamel_run(1e-12, False, 512)(initial(512)).us[-1])[::2]
    host, u0 = initial(), jnp.asarray(initial())
    check = relative_error(rkstiff_run(1e-10)(host), exact)
    if check > GOAL / 100:
        raise AssertionError(f"the reference is off by {check:.1e} from that of rkstiff")
    rtol, count = loosest(exact, False), fewest(exact, False)
    plain, exponax, rkstiff = duhamel_run(rtol, False), exponax_run(count, False), rkstiff_run(1e-6)
    jitted = jax.jit(lambda u: plain(u).us)
    sol = plain(host)
    cut = relative_error(duhamel_run(1e-12, True)(host).us[-1], exact)
    errors = {"ours": sol.us[-1], "exponax": exponax(u0), "rkstiff": rkstiff(host)}
    errors = {name: relative_error(u, exact) for name, u in errors.items()}
    note = NOTE.format(cut=cut, rtol=rtol, steps=sol.stats.steps, count=count, **errors)
    wait = jax.block_until_ready
    pairs = sol.stats.evaluations
    a, called, b, c, fft = alternate(
        lambda: wait(jitted(u0)),
        lambda: wait(plain(u0).us),
        lambda: rkstiff(host),
        lambda: wait(exponax(u0)),
        _waiting_transforms(pairs),
        seconds=seconds,
    )
    yield row(GROUP, f"{sol.method.name}, inside jit", a, "rkstiff ETD35", b, 0.25, note)
    yield row(GROUP, f"{sol.method.name}, inside jit", a, "exponax ETDRK4", c, 0.6)
    yield row(GROUP, "dh.solve called from Python", called, "rkstiff ETD35", b, 0.25)
    yield row(GROUP, "dh.solve called from Python", called, "exponax ETDRK4", c, 0.6)
    yield row(GROUP, f"{sol.method.name} beside the limit", a, f"its {pairs} FFT pairs alone", fft)


def _default(seconds: float) -> Iterator[Row]:
    u0 = jnp.asarray(initial())
    rtol = loosest(np.asarray(duhamel_run(1e-12, True)(u0).us[-1]), True)
    count = fewest(np.asarray(exponax_run(4000, True)(u0)), True)
    plain, exponax = duhamel_run(rtol, True), exponax_run(count, True)
    jitted, wait = jax.jit(lambda u: plain(u).us), jax.block_until_ready
    a, b = alternate(lambda: wait(jitted(u0)), lambda: wait(exponax(u0)), seconds=seconds / 2)
    yield row(GROUP, "2/3 rule on both sides, inside jit", a, "exponax ETDRK4", b, 0.6, DEFAULT)


def _waiting_transforms(pairs: int) -> Callable[[], Any]:
    """So many real transforms there and back in one compiled loop, and nothing else but one product that
    keeps them finite."""
    loop = jax.jit(
        lambda v: jax.lax.fori_loop(0, pairs, lambda _, w: jnp.fft.irfft(jnp.fft.rfft(w) * 0.999), v)
    )
    u0 = jnp.asarray(initial())
    return lambda: jax.block_until_ready(loop(u0))
