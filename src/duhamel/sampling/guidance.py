"""Guidance: two predictions made into one, as a model that `sample` runs like any other.

    m = m_c + (w − 1) u,    u = m_c − m_u

in classifier-free guidance (2207.12598, Eq. 6); w = 1 is the conditional network, w = 0 the unconditional
one. Predictions of all kinds are affine in each other, so the result does not depend on the kind.
`weight` may be one for each sample; outside of an interval of noise levels it is 1, and the second
evaluation is then not made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import Column, concatenated, norm, total
from duhamel.sampling.program import x0_relation
from duhamel.sampling.table import Plan

__all__ = [
    "Conditioned",
    "Guided",
    "Once",
    "Projection",
    "Twice",
    "apg",
    "bound",
    "cfg",
    "contrast",
    "weights",
]

Array = Any


def bound(model: Any, plan: Plan) -> Any:
    """A model as f(x, t, i), whether it asks to know the plan or not."""
    return model.bind(plan) if hasattr(model, "bind") else lambda x, t, i: model(x, t)


@dataclass(frozen=True, eq=False)
class Conditioned:
    """model(x, t, c) with its conditioning c fixed. A model with `bind(plan)` is called as f(x, t, i,
    c)."""

    model: Any
    given: Any

    def bind(self, plan: Plan) -> Callable[..., Array]:
        """f(x, t, i)."""
        ask = _asking(self.model, plan)
        return lambda x, t, i: ask(x, t, i, self.given)


def _asking(model: Any, plan: Plan) -> Callable[..., Array]:
    return model.bind(plan) if hasattr(model, "bind") else lambda x, t, i, c: model(x, t, c)


@dataclass(frozen=True, eq=False)
class Twice:
    """Two models asked one after the other: the wanted and the unwanted one."""

    positive: Any
    negative: Any

    def bind(self, plan: Plan) -> tuple[Any, Any]:
        """(both, wanted): f(x, t, i) -> (m_c, m_u), and f(x, t, i) -> m_c alone."""
        one, other = bound(self.positive, plan), bound(self.negative, plan)
        return lambda x, t, i: (one(x, t, i), other(x, t, i)), one


@dataclass(frozen=True, eq=False)
class Once:
    """One model(x, t, c) asked once with the batch doubled: c is `cond` for the first half, `uncond` for
    the second (arrays with the batch first; tuples, lists and dictionaries of such)."""

    model: Any
    cond: Any
    uncond: Any

    def bind(self, plan: Plan) -> tuple[Any, Any]:
        """See `Twice.bind`."""
        ask = _asking(self.model, plan)
        given = concatenated(self.cond, self.uncond)

        def both(x: Array, t: Any, i: Any) -> tuple[Array, Array]:
            m = ask(concatenated(x, x), concatenated(t, t) if np.ndim(t) else t, i, given)
            return m[: x.shape[0]], m[x.shape[0] :]

        return both, lambda x, t, i: ask(x, t, i, self.cond)


@dataclass(frozen=True)
class Projection:
    """Adaptive projected guidance (2410.02416, Sec. 4, Alg. 1): u, in x̂₀, is averaged over rows (u_i +
    momentum · ū_{i−1}, momentum < 0 pushes back), shortened to `threshold` per sample, and its part along
    the conditional x̂₀ is multiplied by `parallel`. parallel=1 without the rest is classifier-free
    guidance."""

    parallel: float = 0.0
    momentum: float = 0.0
    threshold: float | None = None

    def __call__(self, u: Array, wanted: Array) -> Array:
        """What is added to `wanted`, less its factor w − 1."""
        if self.threshold is not None:
            u = u * (self.threshold / norm(u).clip(1e-12)).clip(max=1.0)
        along = total(u * wanted) / total(wanted * wanted).clip(1e-12) * wanted
        return u + (self.parallel - 1) * along


def weights(
    plan: Plan, weight: Any, interval: tuple[float, float] | None, over: str, idle: float
) -> np.ndarray:
    """The weight of every row, shape (rows,) or (rows, B): `idle` where the noise level is outside of the
    interval."""
    levels = {"ratio": lambda: plan.sigma / plan.alpha, "sigma": lambda: plan.sigma, "t": lambda: plan.t}
    if over not in levels:
        raise InputError(
            f"over={over!r}: an interval of guidance is in 'ratio' (σ/α, the σ of EDM), 'sigma' or 't'"
        )
    given = np.asarray(weight(plan.t) if callable(weight) else weight, dtype=np.float64)
    with np.errstate(divide="ignore"):
        level = levels[over]()
    if not callable(weight) and given.ndim == 1 and level.ndim == 1:
        level = level[:, None]
    table = given + np.zeros_like(level)
    if interval is None:
        return table
    low, high = interval
    if not low < high:
        raise InputError(f"interval={interval!r}: the lower end comes first")
    return np.where((level > low) & (level <= high), table, idle)


@dataclass(frozen=True, eq=False)
class Guided:
    """A guided model: give it to `sample` (or to `invert`, `log_likelihood`, …) in the place of a network.

    `pair`: `Once` or `Twice`. `weight`: w, a number, one for each sample, or a function of the plan's
    times (an array of the rows' t). `interval` = (low, high]: where guidance acts (2404.07724), measured
    `over` "ratio" (σ/α), "sigma" or "t". `rescale`: φ, the share in which the deviation of each sample of
    m is brought back to that of m_c (2305.08891, Eq. 15–16). `projection`: APG.
    """

    pair: Any
    weight: Any = 1.0
    interval: tuple[float, float] | None = None
    over: str = "ratio"
    rescale: float = 0.0
    projection: Projection | None = None

    def bind(self, plan: Plan) -> Any:
        """f(x, t, i) for the rows of a plan; with momentum f(x, t, i, memory) -> (m, memory), see
        `sample`."""
        if not 0 <= self.rescale <= 1:
            raise InputError(f"rescale={self.rescale!r}: a share between 0 (off) and 1")
        table = weights(plan, self.weight, self.interval, self.over, 1.0)
        projected = _Projected(self.projection, plan) if self.projection else None
        both, wanted = self.pair.bind(plan)
        return _BoundGuided(self, table, both, wanted, projected)


class _BoundGuided:
    def __init__(
        self, guided: Guided, table: np.ndarray, both: Any, wanted: Any, projected: _Projected | None
    ):
        self.guided, self.both, self.wanted, self.projected = guided, both, wanted, projected
        self.column = Column(table - 1)
        self.on = (table != 1).reshape(len(table), -1).any(1)
        if projected is not None and projected.rule.momentum:
            self.memory = lambda x: x * 0.0

    def __call__(self, x: Array, t: Any, i: Any, *memory: Array) -> Any:
        if isinstance(i, int | np.integer):
            return (self._made if self.on[i] else self._idle)(x, t, i, *memory)
        if self.on.all():
            return self._made(x, t, i, *memory)
        import jax

        return jax.lax.cond(jax.numpy.asarray(self.on)[i], self._made, self._idle, x, t, i, *memory)

    def _idle(self, x: Array, t: Any, i: Any, *memory: Array) -> Any:
        m = self.wanted(x, t, i)
        return (m, *memory) if memory else m

    def _made(self, x: Array, t: Any, i: Any, *memory: Array) -> Any:
        m, other = self.both(x, t, i)
        u, extra = m - other, self.column.at(i, m)
        if self.projected is not None:
            u, memory = self.projected(u, m, x, i, memory)
        found = m + extra * u
        if self.guided.rescale:
            share = self.guided.rescale
            found = found * (1 - share + share * _deviation(m) / _deviation(found).clip(1e-12))
        return (found, *memory) if memory else found


def _deviation(x: Array) -> Array:
    count = x[0].size if isinstance(x[0].size, int) else x[0].numel()
    away = x - total(x) / count
    return (total(away * away) / count) ** 0.5


class _Projected:
    """A projection in x̂₀ applied to raw predictions of a plan: x̂₀ = a x + b m."""

    def __init__(self, rule: Projection, plan: Plan):
        self.rule = rule
        a, b = zip(*(x0_relation(plan, i) for i in range(len(plan))), strict=True)
        scale = np.asarray(plan.scale_in)
        self.a, self.b = Column(np.array(a) / scale), Column(np.array(b))

    def __call__(
        self, u: Array, m: Array, x: Array, i: Any, memory: tuple[Array, ...]
    ) -> tuple[Array, tuple[Array, ...]]:
        b = self.b.at(i, m)
        u = u * b
        if memory:
            u = u + self.rule.momentum * memory[0]
            memory = (u,)
        return self.rule(u, self.a.at(i, m) * x + b * m) / b, memory


def _pair(model: Any, cond: Any, uncond: Any, batched: bool) -> Once | Twice:
    if batched:
        return Once(model, cond, uncond)
    return Twice(Conditioned(model, cond), Conditioned(model, uncond))


def cfg(
    model: Any, cond: Any, uncond: Any, weight: Any, *, batched: bool = True,
    interval: tuple[float, float] | None = None, over: str = "ratio", rescale: float = 0.0,
) -> Guided:  # fmt: skip
    """Classifier-free guidance of model(x, t, c): one call with the doubled batch, or two calls. See
    `Guided`."""
    return Guided(_pair(model, cond, uncond, batched), weight, interval, over, rescale)


def apg(
    model: Any, cond: Any, uncond: Any, weight: Any, *, parallel: float = 0.0, momentum: float = -0.5,
    threshold: float | None = None, batched: bool = True,
    interval: tuple[float, float] | None = None, over: str = "ratio",
) -> Guided:  # fmt: skip
    """Adaptive projected guidance of model(x, t, c); for high weights. See `Projection` and `Guided`."""
    pair = _pair(model, cond, uncond, batched)
    return Guided(pair, weight, interval, over, projection=Projection(parallel, momentum, threshold))


def contrast(
    strong: Any, weak: Any, weight: Any, *, interval: tuple[float, float] | None = None, over: str = "ratio"
) -> Guided:
    """Guidance of a model by a weaker one, both models of (x, t) (autoguidance, 2406.02507, Eq. 3)."""
    return Guided(Twice(strong, weak), weight, interval, over)
