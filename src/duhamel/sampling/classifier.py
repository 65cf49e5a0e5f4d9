"""Guidance by a classifier: ε' = ε − w σ ∇ log p(y | x), as a model that `sample` runs like any other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import Column
from duhamel.sampling.differentiate import gradient
from duhamel.sampling.guidance import bound, weights
from duhamel.sampling.predictions import relation
from duhamel.sampling.table import Plan

__all__ = ["Classified", "calibrate", "calibration_error", "tempered"]

Array = Any


@dataclass(frozen=True, eq=False)
class Classified:
    """A model of (x, t) guided by a classifier (score-SDE, 2011.13456, Eq. 14; 2105.05233, Alg. 2, for
    any prediction).

    `log_prob(x, t)` -> log p(y | x) per sample, up to a constant, at the state and time that the network
    sees; its gradient is taken by PyTorch or JAX. Or `slope(x, t)`, the gradient itself, for any array.
    `on`: "state", a classifier of noisy states, or "x0", an ordinary classifier read at the network's
    x̂₀(x): the gradient then passes through the network (one reverse pass a row). `weight`, `interval`,
    `over` as in `Guided`, but off is 0. Objects with `bind(plan)` -> f(x, t, i) serve as well.
    """

    model: Any
    log_prob: Any = None
    weight: Any = 1.0
    slope: Any = None
    on: str = "state"
    interval: tuple[float, float] | None = None
    over: str = "ratio"

    def bind(self, plan: Plan) -> Callable[..., Array]:
        """f(x, t, i) for the rows of a plan."""
        if (self.log_prob is None) == (self.slope is None):
            raise InputError("guidance by a classifier needs log_prob= or slope=, one of the two")
        if self.on not in ("state", "x0") or (self.on == "x0" and self.log_prob is None):
            raise InputError(f"on={self.on!r}: use 'state', or 'x0' together with log_prob")
        table = weights(plan, self.weight, self.interval, self.over, 0.0)
        return _BoundClassified(self, plan, table)


class _BoundClassified:
    def __init__(self, given: Classified, plan: Plan, table: np.ndarray):
        self.on = given.on
        self.ask = bound(given.model, plan)
        self.judge = bound(given.log_prob if given.slope is None else given.slope, plan)
        self.direct = given.slope is not None
        a, b, _, d = relation(plan.predicts, plan.alpha, plan.sigma, plan.data)
        scale = np.asarray(plan.scale_in)
        factor = -plan.sigma / d
        # the gradient is taken with respect to what the network sees, scale · x
        factor = factor if self.direct else factor * scale
        self.factor = Column(table * (factor[:, None] if table.ndim > factor.ndim else factor))
        self.a, self.b = Column(a / scale), Column(b)

    def __call__(self, x: Array, t: Any, i: Any) -> Array:
        if self.direct:
            m, slope = self.ask(x, t, i), self.judge(x, t, i)
        elif self.on == "state":
            m = self.ask(x, t, i)
            slope, _ = gradient(lambda x: (self.judge(x, t, i), x), x)
        else:
            slope, m = gradient(lambda x: self._at_estimate(x, t, i), x)
        return m + self.factor.at(i, m) * slope

    def _at_estimate(self, x: Array, t: Any, i: Any) -> tuple[Array, Array]:
        m = self.ask(x, t, i)
        return self.judge(self.a.at(i, m) * x + self.b.at(i, m) * m, t, i), m


def tempered(
    logits: Callable[..., Array], label: Any, *, joint: float = 1.0, marginal: float = 1.0
) -> Callable[..., Array]:
    """log p(y | x) of an off-the-shelf classifier, joint · f_y − log Σ_k exp(marginal · f_k): equal
    temperatures calibrate it (`calibrate`); marginal below joint leans on the joint density of label and
    image (ElucD, 2310.11311). `logits(x, t)` -> (B, classes)."""

    def log_prob(x: Array, t: Any) -> Array:
        from duhamel.sampling.arrays import library

        xp, f = library(x), logits(x, t)
        kept = f[np.arange(f.shape[0]), label] if np.ndim(label) else f[:, label]
        scaled = marginal * f
        top = scaled.max(1)
        top = top[0] if isinstance(top, tuple) else top
        top = top.detach() if hasattr(top, "detach") else top
        return joint * kept - top - xp.log(xp.exp(scaled - top[:, None]).sum(1))

    return log_prob


def calibrate(logits: Any, labels: Any) -> float:
    """The inverse temperature τ for which softmax(τ f) has the least log loss on held-out `labels`
    (1706.04599, Sec. 4.2, as 1/T): the number for `tempered`. logits (N, classes), labels (N,). Convex;
    Newton's method."""
    f, labels = np.asarray(logits, float), np.asarray(labels)
    if f.ndim != 2 or len(f) != len(labels):
        raise InputError(
            f"calibrate needs logits (N, classes) and N labels, got shapes {f.shape} and {labels.shape}"
        )
    tau = 1.0
    for _ in range(100):
        share = np.exp(tau * f - np.max(tau * f, 1, keepdims=True))
        share /= share.sum(1, keepdims=True)
        mean = (share * f).sum(1)
        slope = np.mean(mean - f[np.arange(len(f)), labels])
        curve = np.mean((share * f**2).sum(1) - mean**2)
        change = np.clip(slope / max(curve, 1e-300), -tau, tau / 2)
        tau -= change
        if abs(change) < 1e-12 * tau:
            break
    return float(tau)


def calibration_error(probabilities: Any, labels: Any, bins: int = 15) -> float:
    """The expected calibration error (1706.04599, Eq. 3): over bins of the confidence max_k p_k, the mean
    of |accuracy − confidence| weighted by how many fall in the bin. probabilities (N, classes), labels
    (N,)."""
    p, labels = np.asarray(probabilities, float), np.asarray(labels)
    sure, right = p.max(1), p.argmax(1) == labels
    place = np.minimum((sure * bins).astype(int), bins - 1)
    gaps = [abs(right[place == k].sum() - sure[place == k].sum()) for k in range(bins)]
    return float(sum(gaps) / len(p))
