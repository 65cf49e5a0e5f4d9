"""Optimal control of heat: which source, over space and time, brings a ring to a wanted temperature?

    minimise over f:  J(f) = ½ ∫ (u(T, x) − target(x))² dx + α/2 ∬ f(t, x)² dx dt,
    u_t = D u_xx + f on a ring,  u(0) = 0,  f = 0 outside the heaters.

The control is given by its values at the times of the steps and at the grid points, straight between these
times; ETDRK2 integrates such a source exactly. It is one more part beside the equation's L. J is quadratic,
so that one Newton step is the answer: conjugate gradients on Hessian–vector products, each a `jax.jvp`
of the gradient through `dh.solve`. The script checks the gradient against differences, and the optimum
against one that linear algebra finds mode by mode, without any solver.

    python examples/heat_control.py [--small] [--out heat_control.png]
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import duhamel as dh

D, T, ALPHA = 0.1, 1.0, 1e-3


class Problem:
    """The ring with its heaters, and the cost J of a control of shape (steps + 1, points)."""

    def __init__(self, points: int, steps: int):
        self.space, self.steps, self.dt = dh.Fourier(points), steps, T / steps
        self.x = np.asarray(self.space.coords["x"])
        self.dx = self.x[1] - self.x[0]
        self.heaters = (np.abs(np.sin(1.5 * self.x)) > 0.5).astype(float)
        self.target = np.exp(-(((self.x - 2.0) / 0.6) ** 2)) + 0.5 * np.exp(-(((self.x - 4.4) / 0.4) ** 2))
        self.heat = dh.pde("u_t = D*u_xx", self.space, D=D)
        # ∫ of the square of a function that is straight between the nodes: f·mass·f.
        mass = np.diag(np.full(steps + 1, 2 / 3)) + np.eye(steps + 1, k=1) / 6 + np.eye(steps + 1, k=-1) / 6
        mass[0, 0] = mass[-1, -1] = 1 / 3
        self.mass = self.dt * mass

    def source(self, t: Any, u: Any, control: Any) -> Any:
        """f(t) as a spectrum."""
        place = t / self.dt
        i = jnp.clip(jnp.floor(place + 1e-9), 0, self.steps - 1)
        part, i = place - i, i.astype(int)
        return self.heat.codec.layout.to_modes((1 - part) * control[i] + part * control[i + 1])[None]

    def end(self, control: Any) -> Any:
        """u(T, ·) for a control."""
        equation = self.heat + dh.Nonlinear(self.source)
        start, step = np.zeros(self.space.shape), dh.Fixed(self.dt)
        control = control * self.heaters
        return dh.solve(equation, start, t1=T, args=control, method="etdrk2", step=step).us[-1]

    def cost(self, control: Any) -> Any:
        """J, and the temperature it was reckoned with."""
        used, end = control * self.heaters, self.end(control)
        effort = jnp.sum(used * (jnp.asarray(self.mass) @ used))
        return self.dx * (jnp.sum((end - self.target) ** 2) + ALPHA * effort) / 2, end

    def by_algebra(self) -> np.ndarray:
        """The optimal control, from u_k(T) = Σ_i g_ki f_ki with g_ki = ∫ e^{−Dk²(T−s)} hat_i(s) ds."""
        n, nodes = len(self.x), np.linspace(0, T, self.steps + 1)
        s, weight = np.polynomial.legendre.leggauss(12)
        s = (nodes[:-1, None] + self.dt * (s + 1) / 2).ravel()
        hats = np.maximum(0, 1 - abs(s[:, None] - nodes) / self.dt) * np.tile(weight, self.steps)[:, None]
        k = np.fft.fftfreq(n, 1 / n)
        g = np.exp(-D * k[:, None] ** 2 * (T - s)) @ hats * self.dt / 2
        waves = np.fft.fft(np.eye(n), axis=0)
        reach = np.stack([np.fft.ifft(g[:, i, None] * waves, axis=0).real for i in range(self.steps + 1)], 1)
        reach = (reach * self.heaters).reshape(n, -1)  # u(T) = reach · f
        spread = np.linalg.solve(np.kron(self.mass, np.eye(n)), reach.T)
        control = spread @ np.linalg.solve(reach @ spread + ALPHA * np.eye(n), self.target)
        return control.reshape(-1, n)


def main(small: bool = False, out: str | None = None) -> dict[str, float]:
    """Check the gradient, minimise, compare with the optimum by linear algebra."""
    problem = Problem(16, 8) if small else Problem(64, 40)
    shape = (problem.steps + 1, len(problem.x))
    zero, way = jnp.zeros(shape), jnp.asarray(np.random.default_rng(0).normal(size=shape))
    judge = jax.jit(jax.value_and_grad(problem.cost, has_aux=True))
    times_hessian = jax.jit(lambda v: jax.jvp(lambda f: judge(f)[1], (zero,), (v,))[1])
    count = 0

    def counted(v: Any) -> Any:
        nonlocal count
        count += 1
        return times_hessian(v)

    (without, _), slope = judge(zero)
    difference = (judge(way)[0][0] - judge(-way)[0][0]) / 2  # exact, since J is quadratic
    control = conjugate_gradients(counted, -slope, 1e-9)
    (cost, end), left = judge(control)
    exact = jnp.asarray(problem.by_algebra())
    numbers = {
        "gradient_error": float(abs(jnp.sum(slope * way) / difference - 1)),
        "gradient_left": float(jnp.linalg.norm(left) / jnp.linalg.norm(slope)),
        "cost_without": float(without),
        "cost": float(cost),
        "cost_above_optimum": float(cost / judge(exact)[0][0] - 1),
        "control_error": float(np.max(abs(control - exact)) / np.max(abs(exact))),
        "target_missed": float(jnp.sqrt(jnp.mean((end - problem.target) ** 2) / np.mean(problem.target**2))),
        "hessian_products": float(count),
    }
    if out:
        draw(out, problem, np.asarray(control), np.asarray(end), numbers)
    return numbers


def conjugate_gradients(times: Any, b: Any, tolerance: float) -> Any:
    """x with A x = b for symmetric positive A, to |A x − b| ≤ tolerance·|b|."""
    x, r = jnp.zeros_like(b), b
    p, square = r, jnp.sum(r * r)
    while square > tolerance**2 * jnp.sum(b * b):
        moved = times(p)
        along = square / jnp.sum(p * moved)
        x, r = x + along * p, r - along * moved
        square, old = jnp.sum(r * r), square
        p = r + square / old * p
    return x


def draw(path: str, problem: Problem, control: Any, end: Any, numbers: dict) -> None:
    """The control over space and time, and the temperature it leads to."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    used = np.where(problem.heaters > 0, control, np.nan)
    top = np.nanmax(abs(used))
    around = (problem.x[0], 2 * np.pi, 0, T)
    image = left.imshow(
        used, origin="lower", extent=around, aspect="auto", cmap="RdBu_r", vmin=-top, vmax=top
    )
    left.set_facecolor("0.85")
    left.set(xlabel="x", ylabel="time")
    left.set_title("optimal source f(t, x); grey: no heater", fontsize=10)
    figure.colorbar(image, ax=left, label="f")
    right.plot(problem.x, problem.target, color="0.65", lw=4, label="target")
    right.plot(problem.x, end, color="#d1603d", lw=1.5, label=f"u at t = {T:g}")
    right.fill_between(problem.x, 0, 0.03, where=problem.heaters > 0, color="#1b4f9c", lw=0, label="heaters")
    right.set(xlabel="x", ylabel="temperature")
    right.set_title(
        f"missed by {100 * numbers['target_missed']:.0f} %, the optimum for α = {ALPHA:g}", fontsize=10
    )
    right.legend(frameon=False, fontsize=8)
    right.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few seconds")
    parser.add_argument("--out", default="heat_control.png", help="where the picture goes")
    given = parser.parse_args()
    for name, value in main(given.small, given.out).items():
        print(f"{name:20s}{value:12.5g}")
