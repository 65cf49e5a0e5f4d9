"""σ, ρ and β of the Lorenz system from noisy observations, by multiple shooting.

Why not one long run from one initial state: nearby trajectories part like e^{0.9 t}, so the sum of squares
over a long run changes by orders of magnitude within tiny changes of a parameter and has countless minima;
the right panel of the picture shows it. Its gradient is exact and useless. Cut into short windows, each with
a start state of its own, the sum of squares is smooth. The starts are unknowns too; that each window ends
where the next one starts is asked for by a third kind of residual, first loosely, then tightly,

    minimise over (p, z_1 … z_m):  Σ |observation misfit|²/noise²  +  Σ |end of window i − z_{i+1}|²/gap².

Levenberg–Marquardt (Optimistix) takes the Jacobian of all residuals by forward mode through `dh.solve`.

    python examples/lorenz_parameters.py [--small] [--out lorenz_parameters.png]
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optimistix

import duhamel as dh

TRUE = np.array([10.0, 28.0, 8 / 3])
NOISE, SPACING, PER = 1.0, 0.05, 10  # noise; time between observations; observations a window


def lorenz(t: Any, u: Any, p: Any) -> Any:
    """The Lorenz system with p = (σ, ρ, β)."""
    x, y, z = u
    return jnp.stack([p[0] * (y - x), x * (p[1] - z) - y, x * y - p[2] * z])


@partial(jax.jit, static_argnums=2)
def observed(p: Any, start: Any, count: int) -> Any:
    """States at SPACING, 2 SPACING, …, shape (count, 3)."""
    ts = SPACING * np.arange(1, count + 1)
    step, save = dh.Fixed(SPACING / 4), dh.Save(ts=ts)
    return dh.solve(
        lorenz, start, t1=ts[-1], args=p, method="rk4", step=step, save=save, on_failure="return"
    ).us


def residuals(unknown: Any, given: tuple[Any, Any]) -> tuple[Any, Any]:
    """Misfits in units of the noise, and gaps between windows in units of `gap`."""
    p, starts = jnp.exp(unknown[0]), unknown[1]
    data, gap = given
    states = jax.vmap(lambda z: observed(p, z, PER))(starts)
    return (states - data) / NOISE, (states[:-1, -1] - starts[1:]) / gap


def main(small: bool = False, out: str | None = None) -> dict[str, float]:
    """Make data, recover, compare with the profile of a single long run."""
    windows = 8 if small else 40
    rng = np.random.default_rng(2)
    first = jnp.asarray([-6.0, -8.0, 22.0])
    clean = np.asarray(observed(jnp.asarray(TRUE), first, windows * PER))
    data = jnp.asarray(clean + NOISE * rng.normal(size=clean.shape)).reshape(windows, PER, 3)
    unknown = jnp.log(jnp.asarray([6.0, 20.0, 1.5])), jnp.concatenate([data[:1, 0], data[:-1, -1]])
    solver = optimistix.LevenbergMarquardt(1e-6, 1e-6)
    turns = 0
    for gap in (10.0, 1.0, 0.1, 0.01):
        given = (data, jnp.asarray(gap))
        best = optimistix.least_squares(
            residuals, solver, unknown, given, options={"jac": "fwd"}, max_steps=100
        )
        unknown, turns = best.value, turns + int(best.stats["num_steps"])
    p, starts = np.exp(np.asarray(unknown[0])), unknown[1]
    misfit = float(jnp.mean(residuals(unknown, given)[0] ** 2))
    rho = np.linspace(24, 32, 41 if small else 321)
    long, short = profiles(jnp.asarray(rho), first, starts, data)
    numbers = {
        "sigma": float(p[0]),
        "rho": float(p[1]),
        "beta": float(p[2]),
        "largest_relative_error": float(np.max(abs(p / TRUE - 1))),
        "misfit": misfit,
        "iterations": float(turns),
        "minima_one_run": float(minima(long)),
        "minima_windows": float(minima(short)),
    }
    if out:
        states = np.asarray(jax.vmap(lambda z: observed(jnp.asarray(p), z, PER))(starts)).reshape(-1, 3)
        draw(out, np.asarray(data).reshape(-1, 3), states, rho, np.asarray(long), np.asarray(short), numbers)
    return numbers


def profiles(rho: Any, first: Any, starts: Any, data: Any) -> tuple[Any, Any]:
    """Mean squares against ρ, all else true: of one run over all data, and of windows with fixed starts."""

    def at(r: Any) -> tuple[Any, Any]:
        p = jnp.asarray(TRUE).at[1].set(r)
        one = observed(p, first, data.shape[0] * PER)
        many = jax.vmap(lambda z: observed(p, z, PER))(starts)
        return jnp.mean((one - data.reshape(-1, 3)) ** 2), jnp.mean((many - data) ** 2)

    return jax.lax.map(at, rho)


def minima(values: Any) -> int:
    """How many local minima a curve has."""
    v = np.asarray(values)
    return int(np.sum((v[1:-1] < v[:-2]) & (v[1:-1] < v[2:])))


def draw(path: str, data: Any, states: Any, rho: Any, long: Any, short: Any, numbers: dict) -> None:
    """Observations and fit; what one long run would have asked an optimiser to descend."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    shown = slice(0, min(len(data), 200))
    t = SPACING * np.arange(1, len(data) + 1)[shown]
    left.plot(t, data[shown, 0], ".", color="0.55", ms=4, label=f"observed x, noise {NOISE:g}")
    left.plot(t, states[shown, 0], color="#d1603d", lw=1.2, label="windows, fitted")
    for edge in t[PER - 1 :: PER]:
        left.axvline(edge, color="0.9", lw=0.8, zorder=0)
    left.set(xlabel="time", ylabel="x")
    found = "σ = {sigma:.2f}, ρ = {rho:.2f}, β = {beta:.3f}".format(**numbers)
    left.set_title(f"{found}  (true 10, 28, 2.667)", fontsize=10)
    left.set_ylim(-22, 28)
    left.legend(frameon=False, fontsize=8, loc="upper right", ncols=2)
    right.semilogy(rho, long, color="0.5", lw=0.9, label=f"one run over t = {SPACING * len(data):g}")
    right.semilogy(rho, short, color="#d1603d", lw=1.5, label=f"windows of {SPACING * PER:g}")
    right.set(xlabel="ρ, all else true", ylabel="mean square misfit")
    right.set_title("what an optimiser descends", fontsize=10)
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few seconds")
    parser.add_argument("--out", default="lorenz_parameters.png", help="where the picture goes")
    given = parser.parse_args()
    for name, value in main(given.small, given.out).items():
        print(f"{name:24s}{value:12.5g}")
