"""Where the network is asked: times from the start (noise) down to the end (data), in float64.

A grid is a name, a name with parameters ("karras", 5.0), or the times themselves. Every grid has steps + 1
points. Grids in λ or σ cannot reach σ = 0: they end at the schedule's `floor` and the last point is put at σ
= 0 when final is "zero". The state's (α, σ) and the time the network is told are separate columns of a plan;
both come from the same t.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import Any

import numpy as np

from duhamel.errors import InputError

__all__ = ["GRIDS", "Points", "beta_quantile", "points", "times"]

GRIDS = (
    "uniform",
    "quadratic",
    "power",
    "logsnr",
    "karras",
    "exponential",
    "beta",
    "trailing",
    "leading",
    "linspace",
    "arctan",
    "logistic",
    "softplus",
)
_REACH_ZERO = ("uniform", "quadratic", "power", "arctan", "trailing", "logistic", "softplus")
# the power of t; Karras' ρ; the shape of the Beta distribution; with r = σ/(c α): the scale c and the power p
# of θ = arctan r; c, a and p of θ = rᵃ/(1 + rᵃ), and of θ = log(1 + rᵃ); even is θ to the power 1/p
_PARAMETERS = {
    "power": (2.0,),
    "karras": (7.0,),
    "beta": (0.6,),
    "arctan": (1.0, 1.0),
    "logistic": (0.7, 0.7, 1.0),
    "softplus": (1.0, 2.0, 4.0),
}


@dataclass(frozen=True, eq=False)
class Points:
    """The points of a grid: t, α and σ, each of length steps + 1, in falling t."""

    t: np.ndarray
    alpha: np.ndarray
    sigma: np.ndarray

    @property
    def log_snr(self) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.log(self.alpha) - np.log(self.sigma)

    def __len__(self) -> int:
        return len(self.t)


def floor(schedule: Any) -> float:
    """The time of the last level of a grid that cannot reach σ = 0: σ_min of VE and EDM, t = 1/N of a
    discrete schedule, 1e-3 of a continuous one (and of a single training time)."""
    if hasattr(schedule, "sigma_min"):
        return max(0.0, float(schedule.time(-np.log(schedule.sigma_min))))
    return 1.0 / schedule.size if schedule.size > 1 else 1e-3


def times(schedule: Any, steps: int, grid: Any, start: float, end: float, zero: bool) -> np.ndarray:
    """The times of a grid, steps + 1 numbers falling from `start` to `end`, or to 0 if `zero`."""
    if not isinstance(grid, str) and not (isinstance(grid, tuple) and isinstance(grid[0], str)):
        return _explicit(grid, steps)
    name, given = (grid, ()) if isinstance(grid, str) else (grid[0], grid[1:])
    if name not in GRIDS:
        raise InputError(f"no grid {name!r}: use one of {', '.join(GRIDS)}, or give the times themselves")
    known = _PARAMETERS.get(name, ())
    if len(given) > len(known):
        raise InputError(f"the grid {name!r} takes {len(known)} parameters, got {grid!r}")
    parameter = (*map(float, given), *known[len(given) :])
    if name in ("leading", "linspace"):
        return _training(schedule, steps, name, start, end, zero)
    exact = zero and name in _REACH_ZERO and float(schedule.sigma(0.0)) == 0.0
    if exact:
        return _between(schedule, name, parameter, start, 0.0, np.linspace(0, 1, steps + 1))
    inner = steps if not zero else steps - 1
    inside = _between(
        schedule, name, parameter, start, end, np.linspace(0, 1, inner + 1) if inner else np.zeros(1)
    )
    return np.append(inside, 0.0) if zero else inside


def _between(
    schedule: Any, name: str, parameter: tuple[float, ...], start: float, end: float, u: np.ndarray
) -> np.ndarray:
    """Times at the shares u (from 0 to 1) of the way from start to end."""

    def mixed(a: float, b: float) -> np.ndarray:
        return a + (b - a) * u

    if name in ("uniform", "trailing"):
        found = mixed(start, end)
    elif name in ("quadratic", "power"):
        p = 2.0 if name == "quadratic" else parameter[0]
        found = mixed(start ** (1 / p), end ** (1 / p)) ** p
    else:
        found = _in_level(schedule, name, parameter, start, end, u)
    found[0], found[-1] = start, (end if len(u) > 1 else start)
    return found


def _in_level(
    schedule: Any, name: str, parameter: tuple[float, ...], start: float, end: float, u: np.ndarray
) -> np.ndarray:
    """Grids that are even in some function of ρ = σ/α."""
    high, low = (float(schedule.log_snr(t)) for t in (start, end))
    if name == "arctan":
        c, p = parameter
        a, b = (np.arctan(np.exp(-level) / c) ** (1 / p) for level in (high, low))
        # At ρ = ∞ the angle is π/2, and round-off must not carry it beyond.
        angle = np.minimum(np.maximum(a + (b - a) * u, 0.0) ** p, np.pi / 2)
        with np.errstate(divide="ignore"):
            return np.array(schedule.time(-np.log(c * np.tan(angle))), float)
    if name == "logistic":
        c, a, p = parameter
        ends = (1 / (1 + (c * np.exp(level)) ** a) for level in (high, low))
        top, bottom = (end ** (1 / p) for end in ends)
        share = (top + (bottom - top) * u) ** p
        with np.errstate(divide="ignore"):
            return np.array(schedule.time(-np.log(c * (share / (1 - share)) ** (1 / a))), float)
    # α = 0 at the start has no λ: begin where networks with cosine schedules are cut, and put the start
    # itself first
    high = max(high, -5.1)
    if name in ("logsnr", "exponential"):
        level = high + (low - high) * u
    elif name == "softplus":
        c, a, p = parameter
        top, bottom = (np.log1p((np.exp(-level) / c) ** a) ** (1 / p) for level in (high, low))
        with np.errstate(divide="ignore"):
            level = -np.log(c) - np.log(np.expm1((top + (bottom - top) * u) ** p)) / a
    elif name == "karras":
        rho = parameter[0]
        a, b = np.exp(-high / rho), np.exp(-low / rho)
        level = -rho * np.log(a + (b - a) * u)
    else:
        level = -np.log(
            np.exp(-high) + (np.exp(-low) - np.exp(-high)) * (1 - beta_quantile(1 - u, parameter[0]))
        )
    return np.asarray(schedule.time(level), float).copy()


def beta_quantile(share: np.ndarray, shape: float) -> np.ndarray:
    """The quantile function of the Beta(a, a) distribution, by its distribution function on a fine grid of
    angles: with v = sin²θ the density is (sin θ cos θ)^(2a−1) dθ."""
    middle = (np.arange(20000) + 0.5) * (0.5 * pi / 20000)
    mass = np.cumsum((np.sin(middle) * np.cos(middle)) ** (2 * shape - 1))
    angles = np.concatenate([[0.0], middle + 0.25 * pi / 20000])
    return np.sin(np.interp(share, np.concatenate([[0.0], mass / mass[-1]]), angles)) ** 2


def _training(schedule: Any, steps: int, name: str, start: float, end: float, zero: bool) -> np.ndarray:
    """The spacings named after places in the training times k = 0 … N − 1, at t = (k + 1)/N (2305.08891,
    Table 2)."""
    count = schedule.size
    asked = steps if zero else steps + 1
    if name == "leading":
        step = count // asked
        place = np.arange(asked)[::-1] * step if step else np.linspace(count - 1, 0, asked)
        found = np.minimum((place + 1) / count, start)
    else:
        found = np.linspace(start, end if asked > 1 else start, asked)
    return np.append(found, 0.0) if zero else found


def _explicit(grid: Any, steps: int) -> np.ndarray:
    found = np.array(grid, dtype=np.float64)
    if found.ndim != 1 or len(found) != steps + 1:
        raise InputError(
            f"an explicit grid of {steps} steps needs {steps + 1} times, got an array of shape {found.shape}"
        )
    return found


def points(schedule: Any, steps: int, grid: Any, start: float = 1.0, final: Any = "zero") -> Points:
    """The points of a grid on a schedule.

    `final`: "zero" (σ = 0), "sigma_min" (the schedule's floor) or a number, the last ratio σ/α. Raises
    `InputError` when times do not fall, or coincide after rounding to whole training times.
    """
    zero = final == "zero" or final == 0
    if not zero and final != "sigma_min" and not isinstance(final, int | float):
        raise InputError(f"final={final!r}: use 'zero', 'sigma_min' or the last ratio σ/α as a number")
    end = floor(schedule) if zero or final == "sigma_min" else float(schedule.time(-np.log(final)))
    t = times(schedule, steps, grid, start, end, zero)
    if getattr(schedule, "integer", False):
        t = (np.maximum(np.round(t * schedule.size - 1), -1 if zero else 0) + 1) / schedule.size
        t[:-1] = np.maximum(t[:-1], 1 / schedule.size)
    alpha, sigma = np.array(schedule.alpha(t), float), np.array(schedule.sigma(t), float)
    if zero:
        # an exploding schedule has σ(0) > 0, and goes on to σ = 0 from there
        alpha[-1], sigma[-1] = float(schedule.alpha(0.0)), 0.0
    found = Points(t, alpha, sigma)
    if not np.all(np.isfinite(t)) or np.any(np.diff(found.log_snr) <= 0):
        raise InputError(
            f"the grid {grid!r} with {steps} steps does not fall strictly in noise on {schedule!r}: t = "
            f"{np.round(t, 5)}; use "
            "fewer steps, another grid, or times that are not rounded"
        )
    return found
