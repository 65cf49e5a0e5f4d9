"""Lorenz: a small ODE with tight tolerances, alone and by the thousand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import duhamel as dh
from bench import limits
from bench.table import Row, row
from bench.timing import alternate, first_calls

__all__ = ["measure"]

GROUP = "Lorenz"
TOLERANCE = 1e-8
SHARED = "Both run in one process, so diffrax too gains from the XLA flag that importing Duhamel sets."


def slope(t: Any, u: Any, args: Any) -> Any:
    x, y, z = u
    return jnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])


def ours(u0: Any, t1: Any) -> Any:
    step = dh.Adaptive(rtol=TOLERANCE, atol=TOLERANCE)
    sol = dh.solve(slope, u0, t1=t1, method=dh.Tsit5(), step=step)
    return sol.us[-1], sol.stats.steps, sol.stats.rejected


def theirs(u0: Any, t1: Any) -> Any:
    sol = diffrax.diffeqsolve(
        diffrax.ODETerm(slope),
        diffrax.Tsit5(),
        0.0,
        t1,
        None,
        u0,
        saveat=diffrax.SaveAt(t1=True),
        stepsize_controller=diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE),
        max_steps=None,
    )
    return jnp.asarray(sol.ys)[-1], sol.stats["num_accepted_steps"], sol.stats["num_rejected_steps"]


def measure(quick: bool = False) -> Iterator[Row]:
    u0, t1 = jnp.ones(3), 100.0
    mine, peer = jax.jit(ours), jax.jit(theirs)
    note = f"rtol = atol = 1e-8. {_errors(mine, peer)} {SHARED}"
    limit = limits.lorenz()
    calls = [_waiting(mine, u0, t1), _waiting(peer, u0, t1)]
    if limit:
        _check_limit(limit, mine)
        calls.append(lambda: limit(np.ones(3), t1, TOLERANCE, TOLERANCE))
    a, b, *c = alternate(*calls, seconds=2 if quick else 5)
    yield row(GROUP, "one trajectory to t = 100", a, "diffrax Tsit5", b, 0.5, note)
    if c:
        yield row(GROUP, "the same beside the limit", a, "C, -O3 -march=native", c[0], 1.5)
    yield from _batch(mine, peer, limit, quick)
    (a, more), (b, other) = first_calls("lorenz_duhamel", "lorenz_diffrax", turns=2 if quick else 5)
    note = (
        "first calls are jitted and run in fresh processes, without the flag for diffrax; they trace, "
        f"compile and run once. Import is not in it: {more['import']:.2f} s, diffrax {other['import']:.2f} s."
    )
    yield row(GROUP, "first call", a, "diffrax Tsit5", b, 0.4, note)


def _batch(mine: Any, peer: Any, limit: Any, quick: bool) -> Iterator[Row]:
    """1000 trajectories from neighbouring points, each with its own steps."""
    t1 = 20.0 if quick else 100.0
    many = jnp.ones((1000, 3)) + 0.001 * jnp.arange(1000.0)[:, None]
    batched = [jax.jit(jax.vmap(f, (0, None))) for f in (mine, peer)]
    calls = [_waiting(f, many, t1) for f in batched]
    host = np.asarray(many)
    if limit:
        calls.append(lambda: [limit(u, t1, TOLERANCE, TOLERANCE) for u in host])
    a, b, *c = alternate(*calls, seconds=1, least=2 if quick else 3)
    yield row(GROUP, f"1000 trajectories by vmap to t = {t1:g}", a, "diffrax Tsit5", b, 0.2)
    if c:
        yield row(GROUP, "the same beside the limit", a, "C, one after another", c[0])


def _waiting(call: Callable[..., Any], *args: Any) -> Callable[[], Any]:
    return lambda: jax.block_until_ready(call(*args))


def _errors(mine: Any, peer: Any) -> str:
    """At t = 10, before chaos has swallowed the initial digits, both must have the accuracy they were asked
    for."""
    exact = solve_ivp(
        lambda t, u: np.asarray(slope(t, u, None)), (0, 10), np.ones(3), "DOP853", rtol=1e-13, atol=1e-13
    )
    texts = []
    for name, f in (("Duhamel", mine), ("diffrax", peer)):
        error = np.max(abs(np.asarray(f(jnp.ones(3), 10.0)[0]) - exact.y[:, -1]))
        _, steps, rejected = f(jnp.ones(3), 100.0)
        texts.append(f"{name}: {steps} + {rejected} rejected steps, error at t = 10 {error:.1e}")
    return "; ".join(texts) + "."


def _check_limit(limit: Any, mine: Any) -> None:
    """The C program must do the same work: same result, same steps."""
    u, accepted, rejected = limit(np.ones(3), 5.0, TOLERANCE, TOLERANCE)
    state, steps, refused = mine(jnp.ones(3), 5.0)
    if (accepted, rejected) != (int(steps), int(refused)) or np.max(abs(u - np.asarray(state))) > 1e-9:
        raise AssertionError(
            f"C and Duhamel differ: {accepted}+{rejected} steps and {steps}+{refused}, {u} and {state}"
        )
