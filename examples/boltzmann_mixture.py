"""Two gases of very different masses come to one temperature in epochs, and the time step does not care.

A light and a heavy species, homogeneous in space, two velocity components each, collide by a BGK model of
mixtures with a common temperature T (Haack, Hauck & Murillo, J. Stat. Phys. 168 (2017)):

    ∂f_L/∂t = (1/μ)(M[T_L] − f_L) + (1/μ)(M[T] − f_L) + (q/2) Δ f_L,
    ∂f_H/∂t = (1/√μ)(M[T_H] − f_H) +     (M[T] − f_H),            T = (T_L + μ T_H)/(1 + μ).

μ is the ratio of the masses; each species has its own thermal unit of velocity, and time is measured by the
exchange of energy between the species. So there are three time scales: the light species forgets its initial
shape after a time μ, the heavy one after √μ, and the temperatures meet after a time 1. The light species is
heated slowly at the rate q.

Collisions are the stiff part; `relaxed` solves a stage of them in closed form, since the moments at its end
are known in advance. Heating is treated explicitly. For μ → 0 both species are Maxwellians whose temperatures
obey dT_L/dt = T_H − T_L + q, dT_H/dt = T_L − T_H: the reduced model that asymptotic-preserving methods reach
at a fixed time step. Directional temperatures obey linear equations for every μ, so errors are exact.

    python examples/boltzmann_mixture.py [picture.png]
"""

from __future__ import annotations

import sys
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import duhamel as dh

POINTS, REACH = 40, 10.0
SPACING = 2 * REACH / POINTS
HEATING = 0.1
# Temperatures by species (light, heavy) and direction.
START = np.array([[1.6, 0.8], [0.5, 0.9]])

_velocity = -REACH + SPACING * np.arange(POINTS)
_squares = np.stack(np.broadcast_arrays(_velocity[:, None] ** 2, _velocity[None, :] ** 2))
_square = _squares.sum(axis=0)
_wave = 2 * np.pi * np.fft.fftfreq(POINTS, SPACING)
_laplacian = -(_wave[:, None] ** 2 + _wave[None, :] ** 2)


def maxwellian(temperature: Any) -> Any:
    """exp(−|c|²/2T)/(2πT) on the velocity grid, shape (POINTS, POINTS)."""
    return jnp.exp(-0.5 * jnp.asarray(_square) / temperature) / (2 * np.pi * temperature)


def temperatures(f: Any) -> Any:
    """∫ c_i² f dc for both species and both directions, shape (2, 2); f has shape (2, POINTS, POINTS)."""
    return jnp.einsum("sij,dij->sd", f, jnp.asarray(_squares)) * SPACING**2


def initial() -> Any:
    """A Gaussian with two temperatures for each species."""
    warm = START[:, :, None, None]
    return jnp.asarray(np.prod(np.exp(-0.5 * _squares / warm) / np.sqrt(2 * np.pi * warm), axis=1))


def _rates(mass_ratio: Any) -> tuple[Any, Any]:
    """Collision rates within each species and with the other one, light first."""
    return jnp.stack([1 / mass_ratio, mass_ratio**-0.5]), jnp.stack(
        [1 / mass_ratio, jnp.ones_like(mass_ratio)]
    )


def _equilibria(means: Any, mass_ratio: Any) -> Any:
    """What each species relaxes to, weighted by the rates, for temperatures `means` of shape (2,)."""
    own, other = _rates(mass_ratio)
    common = maxwellian((means[0] + mass_ratio * means[1]) / (1 + mass_ratio))
    return jnp.stack([own[s] * maxwellian(means[s]) + other[s] * common for s in range(2)])


def collide(t: Any, f: Any, mass_ratio: Any) -> Any:
    """The BGK operators of both species."""
    own, other = _rates(mass_ratio)
    return _equilibria(temperatures(f).mean(axis=1), mass_ratio) - (own + other)[:, None, None] * f


def relaxed(t: Any, shift: Any, f: Any, mass_ratio: Any) -> Any:
    """g with g − shift·collide(g) = f: the temperatures of g first, then g itself."""
    light, heavy = temperatures(f).mean(axis=1)
    difference = (light - heavy) / (1 + 2 * shift / (1 + mass_ratio))
    means = 0.5 * jnp.stack([light + heavy + difference, light + heavy - difference])
    own, other = _rates(mass_ratio)
    weight = 1 + shift * (own + other)
    return (f + shift * _equilibria(means, mass_ratio)) / weight[:, None, None]


def heat(t: Any, f: Any, mass_ratio: Any) -> Any:
    """(q/2) Δf for the light species, by Fourier transforms of the velocity grid."""
    spread = jnp.fft.ifft2(jnp.asarray(_laplacian + 0j) * jnp.fft.fft2(f[0].astype(complex))).real
    return jnp.stack([0.5 * HEATING * spread, jnp.zeros_like(f[1])])


EQUATION = dh.Nonlinear(heat) + dh.Nonlinear(collide, stiff=True, solve=relaxed)


def exact(t: Any, mass_ratio: float) -> np.ndarray:
    """The temperatures by species and direction at times t, shape (2, 2, …)."""
    t = np.asarray(t, float)
    light, heavy = START.mean(axis=1)
    rest = 0.5 * HEATING * (1 + mass_ratio)
    difference = rest + (light - heavy - rest) * np.exp(-2 * t / (1 + mass_ratio))
    total = light + heavy + HEATING * t
    means = 0.5 * np.stack([total + difference, total - difference])
    decay = np.array([2 / mass_ratio, mass_ratio**-0.5 + 1])
    apart = 0.5 * (START[:, 0] - START[:, 1]).reshape(2, *[1] * t.ndim) * np.exp(-np.multiply.outer(decay, t))
    return np.stack([means + apart, means - apart], axis=1)


def table(method: Any, steps: int, mass_ratios: np.ndarray, t1: float = 1.0) -> list[tuple[float, ...]]:
    """For each mass ratio: the ratio, the largest error of a temperature at t1 after `steps` equal steps, the
    distance of these temperatures from those of the reduced model, and of both f from their Maxwellians."""

    def run(mass_ratio: Any) -> Any:
        step = dh.Fixed(t1 / steps)
        f = dh.solve(
            EQUATION, initial(), t1=t1, args=mass_ratio, method=method, step=step, on_failure="return"
        ).us[-1]
        found = temperatures(f)
        own = jax.vmap(maxwellian)(found.mean(axis=1))
        return found, jnp.max(abs(f - own))

    rows = []
    for ratio, found, distance in zip(
        mass_ratios, *jax.jit(jax.vmap(run))(jnp.asarray(mass_ratios)), strict=True
    ):
        error = np.max(abs(np.asarray(found) - exact(t1, ratio)))
        reduced = np.max(abs(np.asarray(found) - exact(t1, 1e-300)))
        rows.append((float(ratio), float(error), float(reduced), float(distance)))
    return rows


def epochs(mass_ratio: float, rtol: float = 1e-6) -> tuple[np.ndarray, np.ndarray, Any]:
    """Times spaced by their logarithms, temperatures (times, 2, 2) of an adaptive run, and its statistics."""
    times = np.logspace(np.log10(0.01 * mass_ratio), 0.7, 61)
    sol = dh.solve(
        EQUATION,
        initial(),
        t1=times[-1],
        args=jnp.asarray(mass_ratio),
        method="ark43",
        step=dh.Adaptive(rtol=rtol, atol=1e-3 * rtol),
        save=dh.Save(ts=times),
    )
    return times, np.asarray(jax.vmap(temperatures)(sol.us)), sol.stats


def draw(path: str, mass_ratio: float = 1e-4) -> None:
    """The epochs of the relaxation: exact curves, and the adaptive run as points."""
    from matplotlib.figure import Figure

    times, found, stats = epochs(mass_ratio)
    curves = exact(times, mass_ratio)
    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.add_subplot()
    for s, (species, colour) in enumerate((("light", "#d1603d"), ("heavy", "#1b4f9c"))):
        for d, style in enumerate(("-", "--")):
            axes.semilogx(times, curves[s, d], style, color=colour, lw=1.4, label=f"{species}, $T_{'xy'[d]}$")
            axes.semilogx(times[::2], found[::2, s, d], ".", color=colour, ms=4)
    for time, what in ((mass_ratio, "light–light"), (mass_ratio**0.5, "heavy–heavy"), (1.0, "light–heavy")):
        axes.axvline(time, color="0.8", lw=0.8, zorder=0)
        axes.text(time, 1.63, f" {what}", fontsize=8, color="0.4", va="bottom")
    axes.set(xlabel="time / time of energy exchange", ylabel="temperature", ylim=(0.45, 1.72))
    axes.set_title(f"mass ratio {mass_ratio:g}: {stats.steps} steps of ark43", fontsize=10, loc="left")
    axes.legend(frameon=False, fontsize=8, loc="center", bbox_to_anchor=(0.62, 0.75))
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=150)


def main(path: str = "boltzmann_mixture.png") -> None:
    """Print errors at a fixed step against the mass ratio, then draw the epochs."""
    ratios = 10.0 ** -np.arange(0, 9, 2)
    print("20 steps to t = 1: error of the temperatures, distance from the reduced model, from equilibrium")
    for method in ("ars222", "ars443", "sbdf2", "rk4"):
        print(f"\n{method:8s}  mass ratio     error   reduced   equilibrium")
        for ratio, *distances in table(method, 20, ratios):
            known = all(np.isfinite(distances)) and max(distances) < 1e3
            numbers = "{:9.1e} {:9.1e} {:13.1e}".format(*distances) if known else "blows up"
            print(f"{'':10s}{ratio:10.0e} {numbers}")
    draw(path)
    print(f"\nepochs drawn to {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
