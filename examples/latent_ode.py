"""A latent ODE learns a pendulum from angles seen at scattered times, and goes on where the data ends.

Each series is the angle of a damped pendulum with its own start, at times of its own and with noise; the
speed is never seen. A GRU reads the samples backwards in time, together with the gaps between them, and gives
a normal distribution q for the latent state at t = 0; an ODE carries a draw of it to all times at which it is
asked for; a small network reads off the angle. The evidence lower bound is maximised,

    E_q [log p(angles | z(0))] − KL(q | N(0, 1)),

after Chen, Rubanova, Bettencourt & Duvenaud (NeurIPS 2018) and Rubanova, Chen & Duvenaud (NeurIPS 2019). The
first half of each series is encoded and the whole is to be explained, so the second half of an unseen series
is a forecast.

    python examples/latent_ode.py [--small] [--out latent_ode.png]
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

NOISE, END, SAMPLES = 0.1, 8.0, 32  # SAMPLES in all; those in the first half are encoded


def pendulum(t: Any, u: Any, args: Any) -> Any:
    """Angle and speed, lightly damped."""
    return jnp.stack([u[1], -2 * jnp.sin(u[0]) - 0.15 * u[1]])


def series(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Times (count, SAMPLES), the first half below END/2, and noisy angles (count, SAMPLES)."""
    rng = np.random.default_rng(seed)
    halves = rng.uniform(0.05, 1, (count, 2, SAMPLES // 2)) * END / 2 + np.array([0, END / 2])[:, None]
    ts = np.sort(halves.reshape(count, SAMPLES), axis=1)
    starts = np.stack([rng.uniform(-2.0, 2.0, count), rng.uniform(-1.0, 1.0, count)], 1)

    # One solve for all, and straight lines on a fine grid: the data need no better.
    grid = np.linspace(0, END, 401)
    sol = dh.solve(pendulum, starts.T, t1=END, method="rk4", step=dh.Fixed(0.02), save=dh.Save(ts=grid))
    clean = np.stack([np.interp(t, grid, y) for t, y in zip(ts, np.asarray(sol.us)[:, 0].T, strict=True)])
    return ts, clean + NOISE * rng.normal(size=clean.shape)


class LatentODE(eqx.Module):
    """Encoder, latent ODE and decoder."""

    gru: eqx.nn.GRUCell
    to_normal: eqx.nn.Linear
    field: learn.Field
    decoder: eqx.nn.MLP
    latent: int = eqx.field(static=True)

    def __init__(self, latent: int, width: int, key: Any):
        one, two, three, four = jax.random.split(key, 4)
        self.gru = eqx.nn.GRUCell(2, width, key=one)
        self.to_normal = eqx.nn.Linear(width, 2 * latent, key=two)
        self.field = learn.Field(eqx.nn.MLP(latent, latent, width, 2, jnp.tanh, key=three))
        self.decoder = eqx.nn.MLP(latent, 1, width, 1, jnp.tanh, key=four)
        self.latent = latent

    def encode(self, ts: Any, ys: Any) -> tuple[Any, Any]:
        """Mean and log deviation of z(0) from samples in ascending order."""
        gaps = jnp.diff(ts, prepend=jnp.zeros(1))
        seen = jnp.stack([ys, gaps], axis=1)[::-1]
        last, _ = jax.lax.scan(lambda h, x: (self.gru(x, h), None), jnp.zeros(self.gru.hidden_size), seen)
        both = self.to_normal(last)
        return both[: self.latent], both[self.latent :]

    def decode(self, z0: Any, ts: Any) -> Any:
        """Angles at the times ts."""
        # Equal steps, one grid for all series and cubics between: in a batch much cheaper than times of its
        # own for each solve.
        grid = np.linspace(0, END, 33)
        zs = dh.solve(self.field, z0, t1=END, method="rk4", step=dh.Fixed(0.25), save=dh.Save(ts=grid)).us
        path = HermitePath(grid, zs, jax.vmap(self.field, (None, 0))(jnp.zeros(()), zs))
        return jax.vmap(self.decoder)(jax.vmap(path)(ts))[:, 0]


def loss(model: LatentODE, batch: Any, key: Any) -> Any:
    """The negative evidence lower bound, a sample of the series."""

    def one(ts: Any, ys: Any, key: Any) -> Any:
        half = SAMPLES // 2
        mean, deviation = model.encode(ts[:half], ys[:half])
        z0 = mean + jnp.exp(deviation) * jax.random.normal(key, mean.shape)
        misfit = 0.5 * jnp.sum(((model.decode(z0, ts) - ys) / NOISE) ** 2)
        return misfit, jnp.sum(0.5 * (mean**2 + jnp.exp(2 * deviation) - 1) - deviation)

    ts, ys = batch
    misfit, divergence = jax.vmap(one)(ts, ys, jax.random.split(key, len(ts)))
    return jnp.mean(misfit + divergence) / SAMPLES, {"divergence": jnp.mean(divergence)}


def main(small: bool = False, out: str | None = None) -> dict[str, float]:
    """Train, then reconstruct and forecast series that were not seen."""
    count, updates, latent, width = (256, 120, 3, 16) if small else (1000, 1500, 4, 32)
    key = jax.random.key(0)
    rate = optax.cosine_decay_schedule(2e-2 if small else 5e-3, updates)
    fitted = learn.fit(
        LatentODE(latent, width, key),
        loss,
        series(count, 0),
        steps=updates,
        key=key,
        optimiser=optax.chain(optax.clip_by_global_norm(10.0), optax.adam(rate)),
        batch=32,
        every=50,
        progress=False,
    )
    ts, ys = series(100, 1)
    half = SAMPLES // 2

    @eqx.filter_jit
    def expected(model: LatentODE, t: Any, y: Any) -> Any:
        return jax.vmap(lambda a, b: model.decode(model.encode(a[:half], b[:half])[0], a))(t, y)

    error = np.asarray(expected(fitted.model, jnp.asarray(ts), jnp.asarray(ys))) - ys
    numbers = {
        "bound": fitted.history[-1]["loss"],
        "bound_first": fitted.history[0]["loss"],
        "divergence": fitted.history[-1]["divergence"],
        "error_seen": float(np.sqrt(np.mean(error[:, :half] ** 2))),
        "error_forecast": float(np.sqrt(np.mean(error[:, half:] ** 2))),
        "spread_of_angles": float(np.std(ys[:, half:])),
        "noise": NOISE,
    }
    if out:
        draw(out, fitted.model, ts, ys, numbers)
    return numbers


def draw(path: str, model: LatentODE, ts: Any, ys: Any, numbers: dict) -> None:
    """Four unseen series: what was encoded, what came after, and thirty draws of the model."""
    from matplotlib.figure import Figure

    half, fine = SAMPLES // 2, jnp.linspace(0.02, END, 160)

    @eqx.filter_jit
    def draws(model: LatentODE, t: Any, y: Any, keys: Any) -> Any:
        mean, deviation = model.encode(t[:half], y[:half])
        noise = jax.vmap(lambda k: jax.random.normal(k, mean.shape))(keys)
        return jax.vmap(lambda e: model.decode(mean + jnp.exp(deviation) * e, fine))(noise)

    figure = Figure(figsize=(9, 4.4), layout="constrained")
    panels = figure.subplots(2, 2, sharex=True, sharey=True)
    for i, axes in enumerate(panels.flat):
        curves = draws(model, jnp.asarray(ts[i]), jnp.asarray(ys[i]), jax.random.split(jax.random.key(i), 30))
        axes.axvspan(0, END / 2, color="0.95", lw=0)
        axes.plot(fine, curves.T, color="#d1603d", lw=0.5, alpha=0.35)
        axes.plot(ts[i, :half], ys[i, :half], ".", color="k", ms=6, label="encoded")
        axes.plot(ts[i, half:], ys[i, half:], "o", mfc="none", color="#1b4f9c", ms=4, label="not seen")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0, 0].legend(frameon=False, fontsize=8, loc="upper right")
    for axes in panels[:, 0]:
        axes.set_ylabel("angle")
    for axes in panels[1]:
        axes.set_xlabel("time")
    title = "unseen pendulums: rms error {:.2f} where encoded, {:.2f} in the forecast; noise {:.1f}"
    figure.suptitle(title.format(numbers["error_seen"], numbers["error_forecast"], NOISE), fontsize=10)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few seconds")
    parser.add_argument("--out", default="latent_ode.png", help="where the picture goes")
    given = parser.parse_args()
    for name, value in main(given.small, given.out).items():
        print(f"{name:20s}{value:12.5g}")
