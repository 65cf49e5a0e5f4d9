"""What samplers are measured on: scores in closed form, and the shipped networks, with exact end points.

A problem answers (x̂₀, ε) at a state x of level (α, σ); so it can be asked by any plan, in any prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from duhamel import sampling
from duhamel.sampling.digits import FORMS, load
from duhamel.sampling.digits.errors import reference
from duhamel.sampling.digits.train import pictures
from duhamel.sampling.predictions import form_of, relation

__all__ = ["Asked", "Gauss", "Guided", "Mixture", "Network", "Problem", "problems"]

Pair = tuple[np.ndarray, np.ndarray]


class Mixture:
    """Σ wₖ N(μₖ, sₖ² I)."""

    def __init__(self, means: np.ndarray, widths: np.ndarray, weights: np.ndarray):
        self.means, self.square, self.log_weights = means, widths**2, np.log(weights)
        self.length = np.sum(means**2, axis=1)
        self.width = float(widths.min())

    def both(self, x: np.ndarray, alpha: float, sigma: float) -> Pair:
        total = alpha**2 * self.square + sigma**2
        away = np.sum(x**2, axis=1)[:, None] - 2 * alpha * x @ self.means.T + alpha**2 * self.length
        log = self.log_weights - 0.5 * (x.shape[1] * np.log(total) + away / total)
        share = np.exp(log - log.max(axis=1, keepdims=True))
        share /= share.sum(axis=1, keepdims=True)
        by = share / total
        pull = by * self.square
        x0 = (share - alpha**2 * pull) @ self.means + alpha * x * pull.sum(axis=1, keepdims=True)
        eps = sigma * (x * by.sum(axis=1, keepdims=True) - alpha * by @ self.means)
        return x0, eps


class Guided:
    """Two mixtures, m = m_u + w (m_c − m_u): an ODE, though no longer the flow of a density."""

    def __init__(self, wanted: Any, any_: Any, weight: float):
        self.wanted, self.any, self.weight = wanted, any_, weight
        self.width = wanted.width

    def both(self, x: np.ndarray, alpha: float, sigma: float) -> Pair:
        pairs = zip(self.wanted.both(x, alpha, sigma), self.any.both(x, alpha, sigma), strict=True)
        x0, eps = (other + self.weight * (one - other) for one, other in pairs)
        return x0, eps


class Gauss:
    """N(μ, diag s²)."""

    def __init__(self, mean: np.ndarray, widths: np.ndarray):
        self.mean, self.square, self.width = mean, widths**2, float(widths.min())

    def both(self, x: np.ndarray, alpha: float, sigma: float) -> Pair:
        away = (x - alpha * self.mean) / (alpha**2 * self.square + sigma**2)
        return self.mean + alpha * self.square * away, sigma * away


class Network:
    """A network in float64: net(x, t, labels) with `schedule` and `predicts`. Asked for one label, or for 0 …
    9 in turn."""

    def __init__(self, net: Any, label: int | None = None):
        self.net, self.label = net, label

    def both(self, x: np.ndarray, alpha: float, sigma: float) -> Pair:
        schedule = self.net.schedule
        with np.errstate(divide="ignore"):
            t = min(1.0, float(schedule.time(np.log(alpha) - np.log(sigma))))
        # the same level on the network's own schedule, where the state may have another scale
        own = float(schedule.alpha(t)), float(schedule.sigma(t))
        scale = np.hypot(*own) / np.hypot(alpha, sigma)
        told = 1 / np.hypot(own[1], schedule.data) if self.net.predicts == "edm" else 1.0
        labels = np.arange(len(x)) % 10 if self.label is None else np.full(len(x), self.label)
        m = self.net(scale * told * x, schedule.model_time(t), labels)
        a, b, c, d = relation(self.net.predicts, *own, getattr(schedule, "data", 0.5))
        return a * scale * x + b * m, c * scale * x + d * m


@dataclass(frozen=True)
class Asked:
    """A problem as a network: bound to a plan, it predicts what the plan says, at the plan's levels."""

    problem: Any

    def bind(self, plan: sampling.Plan) -> Callable[..., np.ndarray]:
        def ask(x: np.ndarray, t: Any, i: int) -> np.ndarray:
            alpha, sigma = float(plan.alpha[i]), float(plan.sigma[i])
            x0, eps = self.problem.both(x / plan.scale_in[i], alpha, sigma)
            form, factor = form_of(plan.predicts, sigma, plan.data)
            by_alpha, by_sigma = form.slopes(alpha, sigma)
            return (by_alpha * eps - by_sigma * x0) / factor

        return ask


@dataclass(frozen=True)
class Problem:
    """`path`: which schedulers of others fit ("vp", "edm", "flow"). `predicts`: what our default is told."""

    name: str
    what: Any
    dimension: int
    path: str
    schedule: Any
    predicts: str

    def noise(self, samples: int) -> np.ndarray:
        return np.random.default_rng(1).standard_normal((samples, self.dimension))

    def ends(self, noise: np.ndarray) -> np.ndarray:
        """The exact end points of x_T = σ(1) noise; for a network, and where α(1) = 0, those of 1600 steps of
        order 3."""
        start = float(self.schedule.sigma(1.0)), float(self.schedule.alpha(1.0))
        if isinstance(self.what, Network) or start[1] == 0:
            fine = reference(self.schedule, self.predicts, 1.0, 1600)
            return sampling.sample(Asked(self.what), noise * fine.start_scale, fine)
        if isinstance(self.what, Gauss):
            ratio = start[0] / start[1]
            return self.what.mean + (noise * ratio - self.what.mean) * np.sqrt(
                self.what.square / (self.what.square + ratio**2)
            )
        return integrated(self.what, noise, start[0] / start[1])


def integrated(what: Any, noise: np.ndarray, ratio: float, tolerance: float = 1e-9) -> np.ndarray:
    """dy/dρ = ε from y = ρ_T noise to ρ = 0, in u = asinh(ρ/s_min), by DOP853."""
    from scipy.integrate import solve_ivp

    width = what.width

    def slope(u: float, y: np.ndarray) -> np.ndarray:
        eps = what.both(y.reshape(noise.shape), 1.0, width * np.sinh(u))[1]
        return (eps * width * np.cosh(u)).ravel()

    span = (np.arcsinh(ratio / width), 0.0)
    done = solve_ivp(slope, span, ratio * noise.ravel(), method="DOP853", rtol=tolerance, atol=tolerance)
    return done.y[:, -1].reshape(noise.shape)


def problems() -> list[Problem]:
    """All of them. Where the path is "vp" it is that of DDPM's linear betas, and ε is asked for; the network
    was trained on their continuous limit, and is told the time of the level."""
    angle = 2 * np.pi * np.arange(8) / 8
    ring = Mixture(np.stack([np.cos(angle), np.sin(angle)], axis=1), np.full(8, 0.1), np.full(8, 1 / 8))
    random = np.random.default_rng(0)
    means = random.standard_normal((20, 64))
    means *= 4 / np.linalg.norm(means, axis=1, keepdims=True)
    widths, weights = random.uniform(0.05, 0.3, 20), random.dirichlet(np.full(20, 3.0))
    wide = Mixture(means, widths, weights)
    part = Mixture(means[:5], widths[:5], weights[:5] / weights[:5].sum())
    data = pictures()[0].astype(np.float64)
    empirical = Mixture(data, np.full(len(data), 0.1), np.full(len(data), 1 / len(data)))
    gauss = Gauss(random.standard_normal(16), np.geomspace(0.02, 1.0, 16))
    linear = sampling.Discrete.linear()
    closed = [
        ("2-D mixture", ring, 2),
        ("64-D mixture", wide, 64),
        ("digits as data", empirical, 64),
        ("guided 64-D mixture, w = 4", Guided(part, wide, 4.0), 64),
        ("anisotropic Gaussian", gauss, 16),
    ]
    found = [Problem(name, what, size, "vp", linear, "eps") for name, what, size in closed]
    for form, (schedule, predicts) in FORMS.items():
        path = linear if form == "vp" else schedule
        found.append(Problem(f"network on digits, {form}", Network(load(form)), 64, form, path, predicts))
    return found
