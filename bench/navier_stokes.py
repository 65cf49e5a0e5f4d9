"""Navier–Stokes in vorticity form, 256², single precision: 100 equal steps of ETDRK2 on both sides."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import exponax as ex
import jax
import jax.numpy as jnp
import numpy as np

import duhamel as dh
from bench.ks_runs import relative_error
from bench.table import Row, row
from bench.timing import alternate

__all__ = ["TEXT", "initial", "measure"]

GROUP = "Navier–Stokes"
TEXT = "w_t = nu*lap(w) - p_y*w_x + p_x*w_y; p = -inv_lap(w)"
POINTS, STEPS, DT, NU = 256, 100, 0.01, 5e-3


def initial(points: int = POINTS) -> np.ndarray:
    """A few vortices of different sizes."""
    x, y = np.meshgrid(*[2 * np.pi * np.arange(points) / points] * 2, indexing="ij")
    waves = 2 * np.cos(4 * x + 3 * y + 1) + 2 * np.sin(5 * x - 2 * y) + 1.5 * np.cos(x - 5 * y + 2)
    return waves + 1.5 * np.sin(3 * x + 4 * y) + np.cos(2 * x + 1) * np.cos(3 * y)


def duhamel_run() -> tuple[Callable[[Any], Any], tuple[int, int]]:
    """The run, and how many transforms to the grid and back an evaluation takes."""
    eq: Any = dh.pde(TEXT, dh.Fourier((POINTS, POINTS), length=(2 * math.pi, 2 * math.pi)), nu=NU)
    plan = eq.nonlinear[0].f.plan

    def run(w: Any) -> Any:
        return dh.solve(eq, w, t1=STEPS * DT, method="etdrk2", step=dh.Fixed(DT)).us[-1]

    return run, (plan.inverse_transforms, plan.forward_transforms)


def exponax_run(order: int, steps: int, single: bool, stay: bool = True) -> Callable[[Any], Any]:
    """`steps` equal steps to the same end; `stay`: in Fourier space all the while, the faster way."""
    stepper: Any = ex.stepper.NavierStokesVorticity(
        2,
        2 * math.pi,
        POINTS,
        STEPS * DT / steps,
        diffusivity=NU,
        vorticity_convection_scale=-1.0,  # its stream function has the other sign
        order=order,
    )
    if single:  # coefficients computed in double precision, rounded once: exponax at its best
        stepper = jax.tree.map(_single, stepper)
    run: Any = ex.RepeatedStepper(stepper, steps) if stay else ex.repeat(stepper, steps)
    return jax.jit(lambda w: run(w[None])[0])


def _single(leaf: Any) -> Any:
    if not isinstance(leaf, jax.Array):
        return leaf
    return leaf.astype(jnp.complex64 if jnp.iscomplexobj(leaf) else jnp.float32)


def measure(quick: bool = False) -> Iterator[Row]:
    w0 = jnp.asarray(initial(), jnp.float32)
    exact = exponax_run(4, 2 * STEPS, single=False)(jnp.asarray(initial()))
    plain, counts = duhamel_run()
    peer, usual = exponax_run(2, STEPS, True), exponax_run(2, STEPS, True, stay=False)
    jitted = jax.jit(plain)
    results = {"Duhamel": jitted(w0), "exponax": peer(w0)}
    for name, w in results.items():
        if w.dtype != jnp.float32:
            raise AssertionError(f"{name} left single precision: {w.dtype}")
    errors = {name: relative_error(w, exact) for name, w in results.items()}
    note = "vorticity on 256², float32, 100 equal steps of ETDRK2. "
    note += ", ".join(f"{name} error {e:.2e}" for name, e in errors.items())
    note += ", against exponax ETDRK4 in double precision with half the step."
    wait = jax.block_until_ready
    a, called, b, c, fft = alternate(
        lambda: wait(jitted(w0)),
        lambda: wait(plain(w0)),
        lambda: wait(peer(w0)),
        lambda: wait(usual(w0)),
        _transforms(w0, *counts),
        seconds=10 if quick else 40,
        least=3,
    )
    yield row(GROUP, "inside jit", a, "exponax RepeatedStepper", b, 0.8, note)
    yield row(GROUP, "inside jit", a, "exponax repeat", c)
    yield row(GROUP, "dh.solve called from Python", called, "exponax RepeatedStepper", b, 0.8)
    yield row(GROUP, "inside jit, beside the limit", a, f"its {sum(counts)} FFTs per evaluation alone", fft)


def _transforms(w0: Any, inverse: int, forward: int) -> Callable[[], Any]:
    """So many transforms to the grid and back per evaluation, two evaluations a step, little else."""

    def evaluation(_: Any, spectra: Any) -> Any:
        grid = jnp.fft.irfft2(jnp.stack([spectra[i % forward] for i in range(inverse)]))
        values = jnp.stack([grid[i % inverse] for i in range(forward)])
        return jnp.fft.rfft2(values * 0.999)

    start = jnp.fft.rfft2(jnp.stack([w0] * forward))
    loop = jax.jit(lambda w: jax.lax.fori_loop(0, 2 * STEPS, evaluation, w))
    return lambda: jax.block_until_ready(loop(start))
