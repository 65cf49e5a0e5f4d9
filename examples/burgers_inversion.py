"""Viscosity and initial field of Burgers' equation from noisy snapshots, by the gradient of a solve.

A field obeys u_t = ν u_xx − u u_x on a ring. Snapshots at a few later times, on every second grid point and
with noise, are all that is known. Unknown are ν and the initial field, the latter as Fourier coefficients up
to a wavenumber K: diffusion has erased what is finer, so data cannot tell it. Least squares,

    minimise over (log ν, c):  Σ |r_ij|²,  r_ij = (u(t_i, x_j; ν, c) − y_ij) / noise,

by Levenberg–Marquardt with J = ∂r/∂(log ν, c) from forward mode through `dh.solve`: the unknowns are few and
the data many. At the minimum Σ|r|² is about the number of data less that of unknowns if the model is right,
and (JᵀJ)⁻¹ is the covariance of the estimate, so the script can say how far off it expects to be.

    python examples/burgers_inversion.py [--small] [--out burgers_inversion.png]
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

import duhamel as dh

NU, NOISE = 0.05, 0.05


def field(c: Any, x: Any) -> Any:
    """Σ a_k cos kx + b_k sin kx, k = 1 … K, from c = (a, b) of shape (2, K)."""
    k = jnp.arange(1.0, c.shape[1] + 1)
    angles = x[:, None] * k
    return jnp.cos(angles) @ c[0] + jnp.sin(angles) @ c[1]


def model(unknown: Any, points: int, ts: Any) -> Any:
    """All states at the times ts, shape (times, points), of unknown = (log ν, c)."""
    space = dh.Fourier(points)
    burgers = dh.pde("u_t = nu*u_xx - u*u_x", space, nu=jnp.exp(unknown[0]))
    start = field(unknown[1], jnp.asarray(space.coords["x"]))
    step, save = dh.Fixed(0.025), dh.Save(ts=ts)
    return dh.solve(burgers, start, t1=ts[-1], method="ars443", step=step, save=save, on_failure="return").us


def least_squares(linearised: Any, v: Any, most: int = 50) -> tuple[Any, Any, Any, int]:
    """Levenberg–Marquardt: v, r and J at the minimum of |r(v)|², and how many steps were tried."""
    r, jacobian = map(np.asarray, linearised(v))
    damping = 1.0
    turns = 0
    while turns < most:
        turns += 1
        normal = jacobian.T @ jacobian
        scale = np.diag(normal) + 1e-6 * np.max(normal)  # ν moves nothing where u is zero
        move = -np.linalg.solve(normal + damping * np.diag(scale), jacobian.T @ r)
        new, slope = map(np.asarray, linearised(v + move))
        if not new @ new < r @ r:  # a failed solve is not a number
            damping *= 10
        else:
            done = r @ r - new @ new < 1e-9 * (r @ r)
            v, r, jacobian, damping = v + move, new, slope, damping / 10
            if done:
                break
    return v, r, jacobian, turns


def main(small: bool = False, out: str | None = None) -> dict[str, float]:
    """Make data, recover, compare; returns errors, expected errors and the misfit."""
    points, modes, times = (32, 5, 4) if small else (128, 10, 10)
    rng = np.random.default_rng(1)
    space = dh.Fourier(points)
    x, ts = jnp.asarray(space.coords["x"]), np.linspace(0.1, 1.0, times)
    true = dh.pde("u_t = nu*u_xx - u*u_x", space, nu=NU)
    u0 = np.sin(x) + 0.5 * np.cos(2 * x + 1) - 0.3 * np.sin(3 * x)
    clean = dh.solve(true, u0, t1=1.0, step=dh.Adaptive(rtol=1e-8), save=dh.Save(ts=ts)).us
    data = jnp.asarray(np.asarray(clean)[:, ::2] + NOISE * rng.normal(size=(times, points // 2)))

    flat, tree = ravel_pytree((jnp.log(jnp.asarray(0.5)), jnp.zeros((2, modes))))

    @jax.jit
    def linearised(v: Any) -> tuple[Any, Any]:
        r, push = jax.linearize(lambda w: (model(tree(w), points, ts)[:, ::2] - data).ravel() / NOISE, v)
        return r, jax.vmap(push)(jnp.eye(v.size)).T

    flat, r, jacobian, turns = least_squares(linearised, np.asarray(flat))
    found, covariance = tree(jnp.asarray(flat)), np.linalg.inv(jacobian.T @ jacobian)
    nu, recovered = float(jnp.exp(found[0])), np.asarray(field(found[1], x))
    numbers = {
        "nu": nu,
        "nu_error": abs(nu - NU),
        "nu_expected": nu * float(np.sqrt(covariance[0, 0])),
        "field_error": float(np.sqrt(np.mean((recovered - u0) ** 2))),
        "field_expected": float(np.sqrt(np.trace(covariance[1:, 1:]) / 2)),
        "noise": NOISE,
        "misfit": float(r @ r / (r.size - flat.size)),
        "iterations": float(turns),
    }
    if out:
        draw(out, np.asarray(x), u0, recovered, np.asarray(data), np.asarray(clean), ts, numbers)
    return numbers


def draw(path: str, x: Any, u0: Any, found: Any, data: Any, clean: Any, ts: Any, numbers: dict) -> None:
    """The snapshots that were given, and the initial field that comes out."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for i, colour in zip((0, len(ts) // 2, len(ts) - 1), ("#b3cde3", "#6497b1", "#03396c"), strict=True):
        left.plot(x[::2], data[i], ".", color=colour, ms=4, label=f"t = {ts[i]:.1f}")
        left.plot(x, clean[i], color=colour, lw=1)
    left.set(xlabel="x", ylabel="u", title=f"{len(ts)} snapshots with noise {NOISE} (three shown)")
    left.legend(frameon=False, fontsize=8)
    right.plot(x, u0, color="0.6", lw=4, label="true initial field")
    right.plot(x, found, color="#d1603d", lw=1.4, label="recovered")
    right.set(
        xlabel="x", title=f"rms error {numbers['field_error']:.3f}; ν = {numbers['nu']:.4f} (true {NU})"
    )
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.title.set_fontsize(10)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few seconds")
    parser.add_argument("--out", default="burgers_inversion.png", help="where the picture goes")
    given = parser.parse_args()
    for name, value in main(given.small, given.out).items():
        print(f"{name:16s}{value:12.5g}")
