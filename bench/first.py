"""First calls, each run by `python -m bench.first NAME` in a new interpreter; prints seconds as JSON.

Imports and the start of JAX are timed apart: `seconds` is tracing, compiling and running once.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["CASES"]


def _report(imported: float, call: Callable[[], Any]) -> dict[str, float]:
    import jax

    began = time.perf_counter()
    jax.block_until_ready(jax.numpy.zeros(3))
    started = time.perf_counter()
    jax.block_until_ready(call())
    return {"import": imported, "backend": started - began, "seconds": time.perf_counter() - started}


def lorenz_duhamel() -> dict[str, float]:
    began = time.perf_counter()
    import duhamel as dh

    solve, step, method = dh.solve, dh.Adaptive(rtol=1e-8, atol=1e-8), dh.Tsit5()
    import jax
    import jax.numpy as jnp

    imported = time.perf_counter() - began

    def slope(t: Any, u: Any, args: Any) -> Any:
        x, y, z = u
        return jnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    run = jax.jit(lambda u0, t1: solve(slope, u0, t1=t1, method=method, step=step).us)
    return _report(imported, lambda: run(jnp.ones(3), 100.0))


def lorenz_diffrax() -> dict[str, float]:
    began = time.perf_counter()
    import jax

    jax.config.update("jax_enable_x64", True)
    import diffrax
    import jax.numpy as jnp

    imported = time.perf_counter() - began

    def slope(t: Any, u: Any, args: Any) -> Any:
        x, y, z = u
        return jnp.stack([10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z])

    def solve(u0: Any, t1: Any) -> Any:
        control = diffrax.PIDController(rtol=1e-8, atol=1e-8)
        term, method = diffrax.ODETerm(slope), diffrax.Tsit5()
        return diffrax.diffeqsolve(
            term, method, 0.0, t1, None, u0, stepsize_controller=control, max_steps=None
        ).ys

    run = jax.jit(solve)
    return _report(imported, lambda: run(jnp.ones(3), 100.0))


def ks_duhamel() -> dict[str, float]:
    began = time.perf_counter()
    import numpy as np

    import duhamel as dh

    solve, pde, space, step = dh.solve, dh.pde, dh.Fourier(256, length=32 * np.pi), dh.Adaptive(rtol=1e-7)
    imported = time.perf_counter() - began

    def run() -> Any:
        eq = pde("u_t = -u_xx - u_xxxx - u*u_x", space)
        return solve(eq, "cos(x/16)*(1+sin(x/16))", t1=10.0, step=step).us

    return _report(imported, run)


def ks_exponax() -> dict[str, float]:
    began = time.perf_counter()
    import jax

    jax.config.update("jax_enable_x64", True)
    import exponax as ex
    import jax.numpy as jnp

    imported = time.perf_counter() - began

    def run() -> Any:
        stepper = ex.stepper.KuramotoSivashinskyConservative(1, 32 * jnp.pi, 256, 0.05, order=4)
        x = jnp.linspace(0, 32 * jnp.pi, 256, endpoint=False)
        u0 = (jnp.cos(x / 16) * (1 + jnp.sin(x / 16)))[None]
        return jax.jit(ex.repeat(stepper, 200))(u0)

    return _report(imported, run)


def hires_duhamel() -> dict[str, float]:
    began = time.perf_counter()
    import duhamel as dh
    from duhamel.problems import get

    solve, step, problem = dh.solve, dh.Adaptive(rtol=1e-6, atol=1e-10), get("hires")
    import jax
    import jax.numpy as jnp

    imported = time.perf_counter() - began

    def run(u0: Any, t1: Any) -> Any:
        return solve(problem.equation, u0, t1=t1, args=problem.args, method=dh.Rodas5P(), step=step).us

    return _report(imported, lambda: jax.jit(run)(jnp.asarray(problem.u0), 321.8122))


CASES = {f.__name__: f for f in (lorenz_duhamel, lorenz_diffrax, ks_duhamel, ks_exponax, hires_duhamel)}

if __name__ == "__main__":
    print(json.dumps(CASES[sys.argv[1]]()))
