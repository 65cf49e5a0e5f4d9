"""The steady profile of a morphogen, its derivatives to the parameters, and the parameters from a profile.

A substance u is made at the left end of a tissue, spreads, decays, and is bound by a receptor v that the
tissue renews; at rest

    0 = D u_xx − k u − b u v  (flux J in at x = 0, none at x = 1),      0 = d v_xx + F (1 − v) − b u v.

`dh.steady_state` finds the profile without running to t = ∞, and gives its exact derivatives by one linear
solve with the Jacobian it already has the structure of. Here (D, k, F) are recovered from a noisy profile of
u and v by Gauss–Newton, and the derivatives are compared with differences of two whole solves.

    python examples/steady_reaction_diffusion.py [--small] [--out steady_reaction_diffusion.png]
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import duhamel as dh

NAMES, TRUE = ("D", "k", "F"), np.array([0.05, 0.5, 0.8])
FLUX, BIND, SLOW, NOISE = 0.6, 4.0, 0.002, 0.02


def tissue(t: Any, state: Any, log_p: Any) -> Any:
    """The slopes of (u, v), each of shape (cells,), for log_p = log (D, k, F)."""
    u, v = state["u"], state["v"]
    spread, decay, renewal = jnp.exp(log_p)
    cells = u.shape[0]
    bound = BIND * u * v
    inflow = jnp.zeros(cells).at[0].set(FLUX * cells)
    return {
        "u": spread * laplacian(u) + inflow - decay * u - bound,
        "v": SLOW * laplacian(v) + renewal * (1 - v) - bound,
    }


def laplacian(u: Any) -> Any:
    """u_xx on [0, 1] by finite volumes, no flux through the ends."""
    flux = jnp.diff(u, prepend=u[:1], append=u[-1:]) * u.shape[0]
    return jnp.diff(flux) * u.shape[0]


def main(small: bool = False, out: str | None = None) -> dict[str, float]:
    """Compare derivatives, then fit."""
    cells = 24 if small else 200
    start = {"u": jnp.full(cells, 0.2), "v": jnp.full(cells, 0.5)}

    def profile(log_p: Any) -> Any:
        rest = dh.steady_state(tissue, start, args=log_p)
        return jnp.concatenate([rest["u"], rest["v"]])

    @jax.jit
    def linearised(log_p: Any) -> tuple[Any, Any]:
        value, push = jax.linearize(profile, log_p)
        return value, jax.vmap(push)(jnp.eye(3)).T

    log_true = np.log(TRUE)
    clean, exact = map(np.asarray, linearised(log_true))
    h = 1e-4
    differences = np.stack(
        [(linearised(log_true + h * e)[0] - linearised(log_true - h * e)[0]) / (2 * h) for e in np.eye(3)], 1
    )
    data = clean + NOISE * np.random.default_rng(3).normal(size=clean.shape)
    log_p = np.log([0.2, 0.2, 0.2])
    for _ in range(12):
        value, jacobian = map(np.asarray, linearised(log_p))
        move = np.linalg.lstsq(jacobian, data - value)[0]
        log_p = log_p + np.clip(move, -1, 1)
    deviation = NOISE * np.sqrt(np.diag(np.linalg.inv(jacobian.T @ jacobian)))
    numbers = {name: float(np.exp(v)) for name, v in zip(NAMES, log_p, strict=True)}
    numbers |= {
        "derivative_error": float(np.max(abs(exact - differences)) / np.max(abs(exact))),
        "last_move": float(np.max(abs(move))),
        "largest_error_in_deviations": float(np.max(abs(log_p - log_true) / deviation)),
        "largest_relative_error": float(np.max(abs(np.exp(log_p - log_true) - 1))),
        "misfit": float(np.mean((value - data) ** 2) / NOISE**2),
    }
    if out:
        draw(out, data, value, exact, differences, deviation, numbers)
    return numbers


def draw(path: str, data: Any, fit: Any, exact: Any, differences: Any, deviation: Any, numbers: dict) -> None:
    """The profiles with the data, and du/d log p by both ways."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    cells = len(data) // 2
    x = (np.arange(cells) + 0.5) / cells
    for part, name, colour in ((slice(0, cells), "u", "#d1603d"), (slice(cells, None), "v", "#1b4f9c")):
        left.plot(x, data[part], ".", color=colour, ms=3, alpha=0.35)
        left.plot(x, fit[part], color=colour, lw=1.5, label=f"{name}, fitted")
    left.set(xlabel="x", ylabel="concentration")
    texts = [f"{n} = {numbers[n]:.4f} ± {numbers[n] * s:.4f}" for n, s in zip(NAMES, deviation, strict=True)]
    left.set_title(", ".join(texts) + "\n(true " + ", ".join(f"{v:g}" for v in TRUE) + ")", fontsize=9)
    left.legend(frameon=False, fontsize=8)
    for i, (name, colour) in enumerate(zip(NAMES, ("#d1603d", "#1b4f9c", "#4a9c1b"), strict=True)):
        right.plot(x, exact[:cells, i], color=colour, lw=1.5, label=f"∂u/∂log {name}")
        every = slice(0, cells, max(1, cells // 16))
        right.plot(x[every], differences[:cells, i][every], "o", mfc="none", color=colour, ms=5)
    right.axhline(0, color="0.8", lw=0.8, zorder=0)
    right.set(xlabel="x", ylabel="derivative")
    right.set_title("implicit (lines) and by differences (circles)", fontsize=9)
    right.legend(frameon=False, fontsize=8)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few seconds")
    parser.add_argument("--out", default="steady_reaction_diffusion.png", help="where the picture goes")
    given = parser.parse_args()
    for name, value in main(given.small, given.out).items():
        print(f"{name:28s}{value:12.5g}")
