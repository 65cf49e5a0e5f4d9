"""A neural controlled differential equation tells the sense of rotation of spirals from scattered samples.

Each series is a noisy spiral, clockwise or not, seen at times of its own, of which many samples were lost.
The samples become a path X(t) = (t, x, y), cubic pieces with a continuous slope
(`duhamel.learn.HermitePath`), and a hidden state is driven by it,

    dz/dt = f_θ(z) dX/dt,   z(0) = g_θ(X(0)),   logit = l_θ(z(1)),

with f_θ(z) a matrix (Kidger, Morrill, Foster & Lyons, NeurIPS 2020). No lost sample is made up, and series at
different times share one batch and one grid of steps. One `dh.solve` under `vmap` runs it; its gradient
trains it.

    python examples/neural_cde.py [--small] [--out neural_cde.png]
"""

from __future__ import annotations

import argparse
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import duhamel as dh
from duhamel import learn
from duhamel.learn import HermitePath

NOISE, LOST, SAMPLES = 0.1, 0.6, 40


def spirals(count: int, seed: int, lost: float = LOST) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times (count, n), values (count, n, 3) with time as a channel, and labels (count,)."""
    rng = np.random.default_rng(seed)
    sense = rng.integers(0, 2, count)
    kept = round((1 - lost) * SAMPLES)
    inner = np.tile(np.linspace(0, 1, SAMPLES)[1:-1], (count, 1))
    inner = np.sort(rng.permuted(inner, axis=1)[:, : kept - 2], axis=1)
    ts = np.pad(inner, ((0, 0), (1, 1)), constant_values=((0, 0), (0, 1)))  # first and last are never lost
    angle = 2 * np.pi * rng.uniform(size=(count, 1)) + (2 * sense[:, None] - 1) * 2 * np.pi * ts
    radius = rng.uniform(0.5, 1.5, (count, 1)) * np.exp(-rng.uniform(0.5, 1.5, (count, 1)) * ts)
    place = radius[..., None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    place = place + NOISE * rng.normal(size=place.shape)
    return ts, np.concatenate([ts[..., None], place], axis=2), sense.astype(float)


class CDE(eqx.Module):
    """The three networks; a call gives the logit of one series."""

    start: eqx.nn.Linear
    field: eqx.nn.MLP
    end: eqx.nn.Linear

    def __init__(self, hidden: int, key: Any):
        one, two, three = jax.random.split(key, 3)
        self.start = eqx.nn.Linear(3, hidden, key=one)
        self.field = eqx.nn.MLP(hidden, 3 * hidden, 2 * hidden, 1, jax.nn.softplus, jnp.tanh, key=two)
        self.end = eqx.nn.Linear(hidden, 1, key=three)

    def slope(self, t: Any, z: Any, path: HermitePath) -> Any:
        """f_θ(z) dX/dt."""
        return self.field(z).reshape(-1, 3) @ path.slope(t)

    def hidden(self, ts: Any, xs: Any, save: Any = None) -> Any:
        """z at the end, or where `save` says, from the path through the samples."""
        path, z0, step = HermitePath(ts, xs), self.start(xs[0]), dh.Fixed(0.05)
        return dh.solve(self.slope, z0, t1=1.0, args=path, method="rk4", step=step, save=save).us

    def __call__(self, ts: Any, xs: Any) -> Any:
        return self.end(self.hidden(ts, xs)[-1])[0]


def loss(model: CDE, batch: Any, key: Any) -> Any:
    """Cross-entropy, and the share that is right."""
    ts, xs, labels = batch
    logits = jax.vmap(model)(ts, xs)
    entropy = jnp.mean(optax.sigmoid_binary_cross_entropy(logits, labels))
    return entropy, {"accuracy": jnp.mean(((logits > 0) == (labels > 0.5)).astype(logits.dtype))}


def main(small: bool = False, out: str | None = None) -> dict[str, float]:
    """Train on some spirals, judge on others, and on others with more samples lost than in training."""
    count, updates, hidden = (128, 40, 6) if small else (512, 300, 12)
    key = jax.random.key(0)
    fitted = learn.fit(
        CDE(hidden, key),
        loss,
        spirals(count, 0),
        steps=updates,
        key=key,
        optimiser=optax.adam(2e-2 if small else 1e-2),
        batch=32,
        every=10,
        progress=False,
    )
    numbers = {"loss": fitted.history[-1]["loss"]}
    judge = eqx.filter_jit(loss)
    for name, lost in (("", LOST), ("_few_lost", 0.2), ("_most_lost", 0.8))[: 1 if small else 3]:
        data = jax.tree.map(jnp.asarray, spirals(200, 1, lost))
        numbers["accuracy" + name] = float(judge(fitted.model, data, key)[1]["accuracy"])
    if out:
        draw(out, fitted, spirals(100, 2), numbers)
    return numbers


def draw(path: str, fitted: Any, data: Any, numbers: dict) -> None:
    """Two series with their paths, and how the verdict on each of many comes about."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    ts, xs, sense = data
    colours = ("#1b4f9c", "#d1603d")
    for value, colour, name in zip((0, 1), colours, ("clockwise", "anticlockwise"), strict=True):
        i = int(np.flatnonzero(sense == value)[0])
        control = HermitePath(ts[i], xs[i])
        curve = jax.vmap(control)(jnp.linspace(ts[i, 0], ts[i, -1], 200))
        left.plot(curve[:, 1], curve[:, 2], color=colour, lw=1.2, label=name)
        left.plot(xs[i, :, 1], xs[i, :, 2], ".", color=colour, ms=6)
        left.plot(xs[i, 0, 1], xs[i, 0, 2], "o", mfc="none", color=colour, ms=10)
    left.set(xlabel="x", ylabel="y", aspect="equal")
    left.set_title(f"{xs.shape[1]} samples left of {SAMPLES}, and the path", fontsize=10)
    left.legend(frameon=False, fontsize=8)

    share = np.linspace(0, 1, 41)

    @eqx.filter_jit
    def verdicts(model: CDE, t: Any, x: Any) -> Any:
        states = model.hidden(t, x, dh.Save(ts=share))
        return jax.nn.sigmoid(jax.vmap(model.end)(states)[:, 0])

    for i in range(60):
        curve = verdicts(fitted.model, jnp.asarray(ts[i]), jnp.asarray(xs[i]))
        right.plot(share, curve, color=colours[int(sense[i])], lw=0.7, alpha=0.6)
    right.set(xlabel="share of the series that was read", ylabel="probability of anticlockwise")
    right.set_title(f"unseen series: {100 * numbers['accuracy']:.1f} % right at the end", fontsize=10)
    right.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few seconds")
    parser.add_argument("--out", default="neural_cde.png", help="where the picture goes")
    given = parser.parse_args()
    for name, value in main(given.small, given.out).items():
        print(f"{name:20s}{value:12.5g}")
