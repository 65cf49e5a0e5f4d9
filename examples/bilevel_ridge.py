"""Two regularisation weights of a regression, chosen by the gradient of the validation error.

Lower level: ridge regression of noisy values by waves cos kx, sin kx, in which wave k is penalised by
exp(a + b log k), how strongly and how fast with k,

    w(a, b) = argmin over w of  ½ |X w − y|² / n + ½ Σ_k exp(a + b log k) |w_k|².

Upper level: the error on held-out data, V(a, b) = |X' w(a, b) − y'|² / n'. `dh.implicit` takes its gradient
from the condition that w fulfils, by one linear system with the Hessian of the lower level; how w was found
plays no role (here by conjugate gradients, which are not differentiated). BFGS descends V. A grid of
(a, b), the usual way, shows whether it found the best place, and at what price. (With other samples V may
fall without end towards a sharp cut-off, b → ∞: then the grid's edge, not its inside, is best.)

    python examples/bilevel_ridge.py [--small] [--out bilevel_ridge.png]
"""

from __future__ import annotations

import argparse
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import duhamel as dh

WAVES, TRAIN, HELD, NOISE = 20, 50, 50, 0.2


def wanted(x: Any) -> Any:
    """What is to be found: smooth, with a kink."""
    return 2 * np.abs(np.sin((x - 1) / 2)) - 1 + 0.5 * np.sin(2 * x)


def features(x: Any) -> Any:
    """1, cos kx, sin kx for k = 1 … WAVES, shape (len(x), 2 WAVES + 1)."""
    angles = np.asarray(x)[:, None] * np.arange(1, WAVES + 1)
    return jnp.asarray(np.concatenate([np.ones((len(x), 1)), np.cos(angles), np.sin(angles)], axis=1))


def penalties(weights: Any) -> Any:
    """exp(a + b log k) for every coefficient; the mean is as the first wave."""
    log_k = np.log(np.concatenate([[1.0], *2 * [np.arange(1.0, WAVES + 1)]]))
    return jnp.exp(weights[0] + weights[1] * log_k)


class Data:
    """Training and held-out samples, and the two levels."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self.x, self.held = (np.sort(rng.uniform(0, 2 * np.pi, n)) for n in (TRAIN, HELD))
        self.y, self.aim = (
            jnp.asarray(wanted(v) + NOISE * rng.normal(size=len(v))) for v in (self.x, self.held)
        )
        self.matrix, self.held_matrix = features(self.x), features(self.held)

    def lower(self, w: Any, weights: Any) -> Any:
        """What the coefficients minimise."""
        misfit = jnp.mean((self.matrix @ w - self.y) ** 2)
        return 0.5 * (misfit + jnp.sum(penalties(weights) * w**2))

    def solver(self, w0: Any, weights: Any) -> Any:
        """The coefficients, by conjugate gradients."""

        def normal(w: Any) -> Any:
            return self.matrix.T @ (self.matrix @ w) / TRAIN + penalties(weights) * w

        return jax.scipy.sparse.linalg.cg(normal, self.matrix.T @ self.y / TRAIN, w0, tol=1e-12, maxiter=400)[
            0
        ]

    def coefficients(self, weights: Any) -> Any:
        """w(a, b), differentiable."""
        best = dh.implicit(self.lower, self.solver, kind="minimum")
        return best(jnp.zeros(2 * WAVES + 1), weights)

    def upper(self, weights: Any) -> Any:
        """The error on the held-out samples."""
        return jnp.mean((self.held_matrix @ self.coefficients(weights) - self.aim) ** 2)


def descend(value_and_slope: Any, start: Any, most: int = 60) -> np.ndarray:
    """BFGS with halved steps: the places visited."""
    v, inverse = np.asarray(start), np.eye(len(start))
    value, slope = map(np.asarray, value_and_slope(v))
    places = [v]
    while np.max(abs(slope)) > 1e-7 and len(places) < most:
        move = -inverse @ slope
        move *= min(1.0, 1.0 / np.max(abs(move)))
        new, new_slope = map(np.asarray, value_and_slope(v + move))
        while new > value + 1e-4 * move @ slope and np.max(abs(move)) > 1e-9:
            move = move / 2
            new, new_slope = map(np.asarray, value_and_slope(v + move))
        change, rho = new_slope - slope, (new_slope - slope) @ move
        if rho > 0:
            turn = np.eye(len(v)) - np.outer(move, change) / rho
            inverse = turn @ inverse @ turn.T + np.outer(move, move) / rho
        v, value, slope = v + move, new, new_slope
        places.append(v)
    return np.stack(places)


def main(small: bool = False, out: str | None = None) -> dict[str, float]:
    """Compare hypergradients with differences, descend, compare with a grid."""
    data, n = Data(), 9 if small else 41
    slopes = jax.jit(jax.value_and_grad(data.upper))
    at = jnp.asarray([-3.0, 1.0])
    differences = [(slopes(at.at[i].add(1e-5))[0] - slopes(at.at[i].add(-1e-5))[0]) / 2e-5 for i in range(2)]
    places = descend(slopes, np.array([-8.0, 0.0]))
    a, b = np.linspace(-14, 0, n), np.linspace(-1, 6, n)
    grid = np.asarray(
        jax.jit(jax.vmap(jax.vmap(data.upper)))(jnp.stack(jnp.meshgrid(*map(jnp.asarray, (a, b))), -1))
    )
    low = np.unravel_index(np.argmin(grid), grid.shape)
    fine = np.linspace(0, 2 * np.pi, 400)

    def true_error(weights: Any) -> float:
        w = data.coefficients(jnp.asarray(weights))
        return float(np.sqrt(np.mean((np.asarray(features(fine) @ w) - wanted(fine)) ** 2)))

    numbers = {
        "hypergradient_error": float(np.max(abs(np.asarray(differences) / np.asarray(slopes(at)[1]) - 1))),
        "a": float(places[-1, 0]),
        "b": float(places[-1, 1]),
        "validation": float(slopes(places[-1])[0]),
        "validation_grid": float(grid.min()),
        "validation_start": float(slopes(places[0])[0]),
        "distance_to_grid": float(np.max(abs(places[-1] - [a[low[1]], b[low[0]]]))),
        "spacing_of_grid": float(max(a[1] - a[0], b[1] - b[0])),
        "steps": float(len(places) - 1),
        "grid_points": float(n * n),
        "true_error_start": true_error(places[0]),
        "true_error": true_error(places[-1]),
    }
    if out:
        draw(out, data, a, b, grid, places, fine, numbers)
    return numbers


def draw(path: str, data: Data, a: Any, b: Any, grid: Any, places: Any, fine: Any, numbers: dict) -> None:
    """The way down the validation error, and the two fits at its ends."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    excess = np.log10(np.maximum(grid - 0.999 * grid.min(), 1e-4))
    filled = left.contourf(a, b, excess, levels=14, cmap="Blues")
    figure.colorbar(filled, ax=left, label="log₁₀ (validation error − least)")
    left.plot(*places.T, "o-", color="#d1603d", ms=3.5, lw=1.2, label=f"{len(places) - 1} steps of BFGS")
    low = np.unravel_index(np.argmin(grid), grid.shape)
    left.plot(a[low[1]], b[low[0]], "x", color="k", ms=8, label=f"best of {grid.size} grid points")
    left.set(xlabel="a: log of the weight of wave 1", ylabel="b: how fast it grows with k")
    left.legend(fontsize=8, loc="upper left")
    right.plot(data.x, data.y, ".", color="0.6", ms=5, label="training data")
    right.plot(fine, wanted(fine), color="0.75", lw=4, label="truth")
    for weights, colour, what, error in (
        (places[0], "#1b4f9c", "first weights", numbers["true_error_start"]),
        (places[-1], "#d1603d", "chosen weights", numbers["true_error"]),
    ):
        curve = features(fine) @ data.coefficients(jnp.asarray(weights))
        right.plot(fine, curve, color=colour, lw=1.3, label=f"{what}: error {error:.3f}")
    right.set(xlabel="x", ylabel="y")
    right.legend(frameon=False, fontsize=8)
    right.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few seconds")
    parser.add_argument("--out", default="bilevel_ridge.png", help="where the picture goes")
    given = parser.parse_args()
    for name, value in main(given.small, given.out).items():
        print(f"{name:20s}{value:12.5g}")
