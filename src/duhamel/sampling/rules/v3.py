"""DPM-Solver-v3: a linear part, a scaling and a bias measured on the network, as tables over λ."""

from __future__ import annotations

from typing import Any

import numpy as np

from duhamel.coefficients import lagrange
from duhamel.errors import InputError
from duhamel.sampling.builder import Builder, Sum
from duhamel.sampling.weights import Point

__all__ = ["Statistics", "v3"]

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_NODES, _WEIGHTS = 0.5 * (1 + _NODES), 0.5 * _WEIGHTS


class Statistics:
    """EMS: l (`linear`), s (`scale`) and b (`bias`) at rising λ = log α/σ, each of shape (count, …) with a
    trailing shape that broadcasts with a sample; linear in between, constant beyond (2310.13268, Sec.
    3.2)."""

    def __init__(self, log_snr: Any, linear: Any, scale: Any, bias: Any):
        self.log_snr = np.array(log_snr, float)
        self.linear, self.scale, self.bias = (np.array(value, float) for value in (linear, scale, bias))
        if self.log_snr.ndim != 1 or np.any(np.diff(self.log_snr) <= 0):
            raise InputError("statistics need rising log-SNRs in one dimension")
        if any(len(value) != len(self.log_snr) for value in (self.linear, self.scale, self.bias)):
            raise InputError("statistics need as many values of l, s and b as there are log-SNRs")

    def at(self, name: str, level: Any) -> np.ndarray:
        """A table at λ, an array of shape (*level.shape, …)."""
        values, known = getattr(self, name), self.log_snr
        level = np.clip(np.asarray(level, float), known[0], known[-1])
        cell = np.clip(np.searchsorted(known, level) - 1, 0, len(known) - 2)
        share = (level - known[cell]) / (known[cell + 1] - known[cell])
        share = share.reshape(share.shape + (1,) * (values.ndim - 1))
        return (1 - share) * values[cell] + share * values[cell + 1]

    def integral(self, name: str, start: float, level: Any, weight: Any = None) -> np.ndarray:
        """∫ from start to each λ of a table, times `weight(λ)` if given."""
        level = np.asarray(level, float)
        inner = start + (level[..., None] - start) * _NODES
        values = self.at(name, inner)
        if weight is not None:
            values = values * weight(inner)
        share = _WEIGHTS.reshape((-1,) + (1,) * (values.ndim - inner.ndim))
        width = (level - start).reshape(level.shape + (1,) * (values.ndim - inner.ndim))
        return width * np.sum(values * share, axis=inner.ndim - 1)


def v3(b: Builder, order: int, *, statistics: Statistics | None, corrector: bool, lower: bool) -> None:
    """x_t = (α_t/α_s) e^{−L} x_s − α_t e^{−L} [∫ e^{L+S} B + Σₖ E_k g⁽ᵏ⁾] with L, S, B integrals from λ_s of
    l, s, e^{−S}b, g_i = e^{−S_i} f_i − B_i, f = (σ ε − l x)/α, E_k = ∫ e^{L+S} (λ − λ_s)ᵏ/k! dλ (2310.13268,
    Eq. 8–12). The end at σ = 0 is x̂₀."""
    if not isinstance(statistics, Statistics):
        raise InputError(
            "dpm-solver-v3 needs statistics=Statistics(log_snr, linear, scale, bias), measured on the network"
        )
    if b.points.alpha[0] == 0:
        raise InputError("dpm-solver-v3 needs α > 0 at its start: give start=0.99 or so")
    made, used = Sum(), 0
    for i in range(b.steps):
        s, t, base = b.point(i), b.point(i + 1), b.x()
        if corrector and i:
            better = _step(b, statistics, b.point(i - 1), s, range(i, i - used - 1, -1))
            base = base + better - made
        if t.sigma == 0:
            b.advance(_estimate(b, base, i) * t.alpha, t, 1)
            continue
        used = min(order, i + 1, b.steps - i if lower else order)
        made = _step(b, statistics, s, t, range(i, i - used, -1))
        decay = np.exp(-statistics.integral("linear", s.log_snr, t.log_snr))
        b.advance(base * (t.alpha / s.alpha * decay) + made, t, used)


def _estimate(b: Builder, base: Sum, i: int) -> Sum:
    """x̂₀ of the corrected state: its ε is the one asked for at the state itself."""
    point = b.at[i]
    return (base - b.eps(i) * point.sigma) * (1 / point.alpha)


def _step(b: Builder, ems: Statistics, s: Point, t: Point, use: Any) -> Sum:
    """All but the carried state."""
    start, h = s.log_snr, t.log_snr - s.log_snr
    level = start + h * _NODES

    def drift(where: Any) -> np.ndarray:
        return np.exp(-ems.integral("scale", start, where))

    growth = np.exp(ems.integral("linear", start, level) + ems.integral("scale", start, level))
    offset = ems.integral("bias", start, level, drift)
    outside = -t.alpha * np.exp(-ems.integral("linear", start, t.log_snr))
    share = _WEIGHTS.reshape((-1,) + (1,) * (growth.ndim - 1))
    place = _NODES.reshape(share.shape)
    moments = [h * np.sum(growth * place**k * share, axis=0) for k in range(len(use))]
    nodes = np.array([(b.at[j].log_snr - start) / h for j in use])
    table = lagrange(nodes)
    total = b.constant(outside * h * np.sum(growth * offset * share, axis=0))
    for row, j in zip(table, use, strict=True):
        point = b.at[j]
        weight = outside * sum(c * mu for c, mu in zip(row, moments, strict=True))
        where = np.float64(point.log_snr)
        f = b.eps(j) * (point.sigma / point.alpha) - b.x(j) * (ems.at("linear", where) / point.alpha)
        total = (
            total
            + f * (weight * drift(where))
            - b.constant(weight * ems.integral("bias", start, where, drift))
        )
    return total
