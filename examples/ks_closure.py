"""A coarse Kuramoto–Sivashinsky grid that follows a fine one, by a network beside L and N.

On a coarse grid u_t = −u_xx − u_xxxx − u u_x lacks the waves that would carry its energy away. A closure
term ∂_x N_θ(u) is added to the equation as one more part,

    coarse = dh.pde("u_t = …", space) + dh.Nonlinear(closure),

with N_θ a small network that sees each point and its neighbours (so shifts of the field are shifts of the
answer, and the mean is kept). The exponential method keeps the stiff L exact and treats the network as part
of N. Training runs the coarse equation from filtered fine states over short windows and differentiates
the distance to the fine run through `dh.solve`; the test is a run of the fine equation that was not seen.

    python examples/ks_closure.py [--small] [--out ks_closure.png]
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

TEXT, LENGTH, FINE, COARSE, DT = "u_t = -u_xx - u_xxxx - u*u_x", 60.0, 144, 46, 0.1
EVERY, REACH = 0.5, 3  # time between states; neighbours that the network sees on each side


class Closure(eqx.Module):
    """∂_x N_θ(u): neighbours (2 REACH + 1) → hidden → 1 at every point, as a spectrum."""

    first: eqx.nn.Linear
    second: eqx.nn.Linear

    def __init__(self, hidden: int, key: Any):
        one, two = jax.random.split(key)
        self.first = eqx.nn.Linear(2 * REACH + 1, hidden, key=one)
        last = eqx.nn.Linear(hidden, 1, use_bias=False, key=two)
        # Small, so that training begins at the equation without closure.
        self.second = eqx.tree_at(lambda v: v.weight, last, 0.01 * last.weight)

    def __call__(self, t: Any, spectrum: Any, args: Any) -> Any:
        layout = PLAIN.codec.layout
        u = layout.to_grid(spectrum[0])
        near = jnp.stack([jnp.roll(u, j) for j in range(-REACH, REACH + 1)], axis=-1)
        flux = jnp.tanh(jax.vmap(self.first)(near)) @ self.second.weight[0]
        return (SLOPE * layout.to_modes(flux))[None]


SPACE = dh.Fourier(COARSE, length=LENGTH)
PLAIN = dh.pde(TEXT, SPACE)
SLOPE = 1j * SPACE.wavenumbers(PLAIN.codec.layout)[0]


def fine_run(seed: int, count: int) -> np.ndarray:
    """States EVERY apart on the attractor of the fine grid, seen on the coarse one, (count, COARSE)."""
    space = dh.Fourier(FINE, length=LENGTH)
    start = np.random.default_rng(seed).normal(size=5) @ np.cos(
        2 * np.pi * np.arange(1, 6)[:, None] * np.arange(FINE) / FINE + np.arange(5)[:, None]
    )
    ts = 60 + EVERY * np.arange(count)
    us = dh.solve(
        dh.pde(TEXT, space), start, t1=ts[-1], method="etdrk4", step=dh.Fixed(DT), save=dh.Save(ts=ts)
    ).us
    modes = np.fft.rfft(np.asarray(us), axis=1)[:, : COARSE // 2 + 1] * COARSE / FINE
    modes[:, (COARSE - 1) // 3 + 1 :] = 0  # what the coarse equation cannot carry
    return np.fft.irfft(modes, COARSE, axis=1)


def coarse_run(equation: Any, start: Any, count: int) -> Any:
    """`count` states EVERY apart after `start`."""
    save = dh.Save(ts=EVERY * np.arange(1, count + 1))
    step = dh.Fixed(DT)
    t1 = EVERY * count
    return dh.solve(equation, start, t1=t1, method="etdrk2", step=step, save=save, on_failure="return").us


def loss(closure: Closure, windows: Any, key: Any) -> Any:
    """Mean square distance from the fine run over the windows, (batch, states, COARSE)."""
    count = windows.shape[1] - 1
    states = jax.vmap(lambda u: coarse_run(PLAIN + dh.Nonlinear(closure), u, count))(windows[:, 0])
    return jnp.mean((states - windows[:, 1:]) ** 2)


@eqx.filter_jit
def judged(closure: Closure, starts: Any, count: int) -> Any:
    """Coarse runs from all starts, (runs, count, COARSE)."""
    return jax.vmap(lambda u: coarse_run(PLAIN + dh.Nonlinear(closure), u, count))(starts)


def horizon(errors: Any, bound: float = 0.5) -> float:
    """The mean time at which relative errors, (runs, times), pass the bound."""
    above = ~(errors <= bound)  # a run that fails is not a number
    first = np.where(above.any(1), np.argmax(above, axis=1), errors.shape[1])
    return float(EVERY * np.mean(first + 1))


def main(small: bool = False, out: str | None = None) -> dict[str, float]:
    """Train on one fine run, compare with and without closure along another."""
    count, ahead, updates = (81, 2, 80) if small else (1201, 4, 800)
    seen, held = fine_run(0, count), fine_run(1, count)
    windows = np.stack([seen[i : i + ahead + 1] for i in range(count - ahead)])
    optimiser = optax.adam(optax.cosine_decay_schedule(1e-2, updates))
    key = jax.random.key(0)
    fitted = learn.fit(
        Closure(16 if small else 32, key),
        loss,
        jnp.asarray(windows),
        steps=updates,
        key=key,
        optimiser=optimiser,
        batch=16,
        progress=False,
    )
    steps = 40 if small else 80
    starts = held[: len(held) - steps : 4 if small else 20]
    truth = np.stack([held[i + 1 : i + 1 + steps] for i in range(0, len(held) - steps, 4 if small else 20)])
    scale = np.sqrt(np.mean(held**2))
    results = {}
    nothing = jax.tree.map(jnp.zeros_like, fitted.model)
    for name, closure in (("without", nothing), ("with", fitted.model)):
        runs = np.asarray(judged(closure, jnp.asarray(starts), steps))
        results[name] = runs, np.sqrt(np.mean((runs - truth) ** 2, axis=2)) / scale
    numbers = {}
    for name, (runs, errors) in results.items():
        numbers[f"error_at_1_{name}"] = float(np.mean(errors[:, 1]))
        numbers[f"horizon_{name}"] = horizon(errors)
        numbers[f"rms_{name}"] = float(np.sqrt(np.mean(runs[:, -1] ** 2)) / scale)
    numbers["loss"] = fitted.history[-1]["loss"]
    if out:
        draw(out, truth, results, numbers)
    return numbers


def draw(path: str, truth: Any, results: dict, numbers: dict) -> None:
    """One held-out stretch three times, and the errors of all."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 5), layout="constrained")
    parts: Any = figure.subfigures(2, 1, height_ratios=(1.1, 1))
    top, bottom = parts
    panels = top.subplots(1, 3, sharey=True)
    fields = {
        "fine grid, filtered": truth[0],
        "coarse grid": results["without"][0][0],
        "coarse grid with closure": results["with"][0][0],
    }
    for axes, (title, field) in zip(panels, fields.items(), strict=True):
        around = (0, EVERY * len(field), 0, LENGTH)
        image = axes.imshow(
            field.T, aspect="auto", extent=around, cmap="RdBu_r", vmin=-3, vmax=3, origin="lower"
        )
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("time")
    panels[0].set_ylabel("x")
    top.colorbar(image, ax=panels, label="u")
    axes = bottom.subplots()
    for (name, (_, errors)), colour in zip(results.items(), ("#1b4f9c", "#d1603d"), strict=True):
        times = EVERY * np.arange(1, errors.shape[1] + 1)
        low, middle, high = np.quantile(errors, (0.25, 0.5, 0.75), axis=0)
        label = f"{name} closure: 0.5 is passed after {numbers[f'horizon_{name}']:.1f} on average"
        axes.semilogy(times, middle, color=colour, label=label)
        axes.fill_between(times, low, high, color=colour, alpha=0.2, lw=0)
    axes.axhline(0.5, color="0.7", lw=0.8, zorder=0)
    axes.set(xlabel="time ahead, on a run that was not seen", ylabel="error / rms of u")
    axes.legend(frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--small", action="store_true", help="a few seconds")
    parser.add_argument("--out", default="ks_closure.png", help="where the picture goes")
    given = parser.parse_args()
    for name, value in main(given.small, given.out).items():
        print(f"{name:20s}{value:12.5g}")
