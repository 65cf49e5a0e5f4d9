"""Problems on which the default of `sampling.plan` is chosen, none of those on which samplers are compared
elsewhere: other mixtures, other Gaussians, other guidance, and networks trained on other data."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from bench.sampling_problems import Gauss, Guided, Network, Pair, Problem
from duhamel import sampling
from duhamel.sampling.digits import train
from duhamel.sampling.digits.network import UNKNOWN, forward

__all__ = ["DATA", "Diagonal", "Learned", "blobs", "held_out", "lesson", "mixtures"]

DATA = 0.75  # what EDM's networks are told of the data's deviation
SCHEDULES: dict[str, tuple[Any, str]] = {
    "vp": (sampling.VP(), "eps"),
    "v": (sampling.VP(), "v"),
    "edm": (sampling.EDM(data=DATA), "edm"),
    "flow": (sampling.Flow(), "flow"),
}


class Diagonal:
    """Σ wₖ N(μₖ, diag sₖ²), random: means of deviation `size`, widths between two bounds."""

    def __init__(self, seed: int, dimension: int, count: int, size: float, widths: tuple[float, float]):
        random = np.random.default_rng(seed)
        self.means = random.standard_normal((count, dimension)) * size
        self.square = random.uniform(*widths, (count, dimension)) ** 2
        self.log_weights = np.log(random.dirichlet(np.full(count, 3.0)))
        self.width = widths[0]

    def both(self, x: np.ndarray, alpha: float, sigma: float) -> Pair:
        total = alpha**2 * self.square + sigma**2
        away = x[:, None] - alpha * self.means
        log = self.log_weights - 0.5 * np.sum(away**2 / total + np.log(total), axis=-1)
        share = np.exp(log - log.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        pull = share[..., None] * away / total
        x0 = share @ self.means + alpha * np.sum(pull * self.square, axis=1)
        return x0, sigma * np.sum(pull, axis=1)

    def drawn(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Samples, (count, D)."""
        place = random.choice(len(self.log_weights), count, p=np.exp(self.log_weights))
        noise = random.standard_normal((count, self.means.shape[1]))
        return self.means[place] + np.sqrt(self.square[place]) * noise


def mixtures() -> dict[str, Diagonal]:
    """Three, in 3, 8 and 16 dimensions."""
    return {
        "3-D mixture": Diagonal(101, 3, 7, 0.8, (0.05, 0.3)),
        "8-D mixture": Diagonal(102, 8, 30, 0.6, (0.04, 0.06)),
        "16-D mixture": Diagonal(103, 16, 12, 0.7, (0.1, 0.6)),
    }


def blobs(count: int, random: np.random.Generator) -> np.ndarray:
    """Pictures of 8 × 8 pixels in [−1, 1]: two or three soft strokes each."""
    grid = np.arange(8.0)
    found = np.zeros((count, 8, 8))
    for _ in range(3):
        a, b = random.uniform(0.5, 6.5, (2, count, 1))
        wide, high = random.uniform(0.6, 2.2, (2, count, 1))
        rows, columns = np.exp(-(((grid - a) / wide) ** 2)), np.exp(-(((grid - b) / high) ** 2))
        found += random.uniform(0, 1.4, (count, 1, 1)) * rows[:, :, None] * columns[:, None, :]
    return (2 * np.minimum(found, 1) - 1).reshape(count, 64)


def lesson(form: str, count: int, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """As `train.lesson`, with v of the variance-preserving path besides."""
    if form != "v":
        return train.lesson(form, count, random)
    told, alpha, sigma, *_ = train.lesson("vp", count, random)
    return told, alpha, sigma, -sigma, alpha


class Learned:
    """A small network that was trained on data of its own."""

    def __init__(self, form: str, data: np.ndarray, steps: int = 2000, batch: int = 256):
        self.schedule, self.predicts = SCHEDULES[form]
        self.weights = _fitted(form, data.astype(np.float32), steps, batch)

    def __call__(self, x: np.ndarray, t: Any, labels: Any = None) -> np.ndarray:
        return forward(self.weights, x, np.asarray(t), self.weights["labels"][UNKNOWN])


def _fitted(form: str, data: np.ndarray, steps: int, batch: int) -> dict[str, np.ndarray]:
    import jax
    import jax.numpy as jnp
    import optax

    random = np.random.default_rng(0)
    rule = optax.adam(optax.cosine_decay_schedule(2e-3, steps))

    def loss(w: Any, x0: Any, z: Any, told: Any, a: Any, b: Any, c: Any, d: Any) -> Any:
        found = forward(w, a[:, None] * x0 + b[:, None] * z, told, w["labels"][UNKNOWN])
        return jnp.mean((found - c[:, None] * x0 - d[:, None] * z) ** 2)

    @jax.jit
    def step(w: Any, state: Any, kept: Any, *columns: Any) -> tuple[Any, Any, Any]:
        change, state = rule.update(jax.grad(loss)(w, *columns), state, w)
        w = optax.apply_updates(w, change)
        return w, state, jax.tree.map(lambda old, new: old + 0.005 * (new - old), kept, w)

    w = jax.tree.map(jnp.asarray, train.initial(0, data.shape[1]))
    state, kept = rule.init(w), w
    for _ in range(steps):
        x0 = data[random.integers(len(data), size=batch)]
        z = random.standard_normal(x0.shape, dtype=np.float32)
        w, state, kept = step(w, state, kept, x0, z, *lesson(form, batch, random))
    return {name: np.asarray(value, np.float64) for name, value in kept.items()}


@cache
def network(form: str, name: str) -> Network:
    """The network of a form on one of two data sets."""
    random = np.random.default_rng(11)
    data = blobs(20000, random) if name == "strokes" else mixtures()[name].drawn(20000, random)
    return Network(Learned(form, data))


def held_out(networks: Callable[[str, str], Network] = network) -> list[Problem]:
    """All of them, on three paths as in `sampling_problems`; "v" is a path of its own here."""
    random = np.random.default_rng(21)
    steep = Gauss(random.standard_normal(12), np.geomspace(0.05, 1.5, 12))
    even = Gauss(random.standard_normal(24), np.linspace(0.1, 0.9, 24))
    mixed = mixtures()
    parts = Diagonal(104, 16, 4, 0.9, (0.15, 0.4)), Diagonal(105, 16, 12, 0.9, (0.15, 0.4))
    exact: list[tuple[str, Any, int]] = [(name, what, what.means.shape[1]) for name, what in mixed.items()]
    exact += [("steep Gaussian", steep, 12), ("even Gaussian", even, 24)]
    guided: list[tuple[str, Any, int]] = [("guided, w = 3", Guided(parts[0], parts[1], 3.0), 16)]
    found = []
    for form, (schedule, predicts) in SCHEDULES.items():
        path = sampling.Discrete.linear() if form in ("vp", "v") else schedule
        cases = exact + guided if form == "vp" else exact
        found += [Problem(name, what, size, form, path, predicts) for name, what, size in cases]
        for name, size in (("8-D mixture", 8), ("strokes", 64)):
            found.append(Problem(f"network, {name}", networks(form, name), size, form, path, predicts))
    return found
