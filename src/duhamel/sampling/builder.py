"""How a rule writes its rows: sums of earlier states x_j, model outputs m_j and noises z_j, collected into a
table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.forms import Constant, Form
from duhamel.sampling.grids import Points
from duhamel.sampling.predictions import in_form
from duhamel.sampling.weights import Point, node_weights, step, variable

__all__ = ["Builder", "Sum"]


class Sum(dict[tuple[str, int], Any]):
    """A linear combination of states ("x", j), model outputs ("m", j), noises ("z", j) and a constant ("1",
    row)."""

    def __add__(self, other: Sum) -> Sum:
        total = Sum(self)
        for key, value in other.items():
            total[key] = total.get(key, 0.0) + value
        return total

    def __mul__(self, factor: Any) -> Sum:
        return Sum({key: value * factor for key, value in self.items()})

    def __sub__(self, other: Sum) -> Sum:
        return self + other * -1.0

    __rmul__ = __mul__


class Builder:
    """The table of a plan while a rule writes it.

    State 0 stands at the first point. `advance(sum, point)` closes the current row: the network is asked at
    the current state, and the sum becomes the next state, which stands at `point`. A rule uses `x()`, `m()`,
    `f()`, `fresh()` and `integrate()` to form sums, and never touches α and σ itself unless it has a formula
    of its own.
    """

    def __init__(
        self,
        schedule: Any,
        points: Points,
        *,
        predicts: str,
        linear: Form,
        variable: str,
        data: float,
        noise: Any = 0.0,
    ):
        self.schedule, self.points = schedule, points
        self.predicts, self.linear, self.variable, self.data = predicts, linear, variable, data
        self.noise = noise
        self.at = [self.point(0)]
        self.model_times: list[float] = [float(schedule.model_time(self.at[0].t))]
        self.asked: list[bool] = []
        self.rows: list[Sum] = []
        self.orders: list[int] = []

    def point(self, i: int) -> Point:
        return Point(float(self.points.t[i]), float(self.points.alpha[i]), float(self.points.sigma[i]))

    @property
    def steps(self) -> int:
        return len(self.points) - 1

    @property
    def now(self) -> int:
        """The index of the current state, and of the row being written."""
        return len(self.rows)

    def x(self, j: int | None = None) -> Sum:
        return Sum({("x", self.now if j is None else j): 1.0})

    def m(self, j: int | None = None) -> Sum:
        return Sum({("m", self.now if j is None else j): 1.0})

    def fresh(self) -> Sum:
        """The noise of the current row, of unit variance."""
        return Sum({("z", self.now): 1.0})

    def constant(self, value: Any) -> Sum:
        return Sum({("1", self.now): value})

    def f(self, j: int | None = None, form: Form | None = None) -> Sum:
        """The f = Q_α ε − Q_σ x̂₀ of evaluation j in the plan's linear part (or another)."""
        j = self.now if j is None else j
        point = self.at[j]
        p, q = in_form(form or self.linear, self.predicts, point.alpha, point.sigma, self.data)
        if not (np.isfinite(p) and np.isfinite(q)):
            raise InputError(
                f"a prediction of {self.predicts!r} says nothing at t = {point.t:.4g}, where α = "
                f"{point.alpha:.3g} and "
                f"σ = {point.sigma:.3g}: start later (start=0.99), or use a network that predicts 'v', 'x0' "
                "or 'flow'"
            )
        return (self.x(j) * p if p else Sum()) + self.m(j) * q

    def eps(self, j: int | None = None) -> Sum:
        return self.f(j, Constant(0.0))

    def x0(self, j: int | None = None) -> Sum:
        return self.f(j, Constant(1.0)) * -1.0

    def between(self, s: Point, t: Point, share: float) -> Point | None:
        """The point at a share of the way from s to t in the interpolation variable; None if an end has no
        value."""
        a, b = variable(self.variable, self.schedule, s), variable(self.variable, self.schedule, t)
        if not np.isfinite(a) or not np.isfinite(b):
            return None
        if share == 1:
            return t
        place = a + share * (b - a)
        if self.variable == "t":
            when = place
        else:
            ratio = {"rho": lambda: place, "arctan": lambda: np.tan(place)}.get(self.variable)
            when = float(self.schedule.time(-np.log(ratio()) if ratio else place))
        return Point(when, float(self.schedule.alpha(when)), float(self.schedule.sigma(when)))

    def tau(self, s: Point) -> float:
        level: Any = self.noise(s.t) if callable(self.noise) else self.noise
        return float(level)

    def integrate(
        self,
        base: Sum,
        s: Point,
        t: Point,
        use: Sequence[int],
        *,
        change: Any = None,
        tau: float = 0.0,
        **other: Any,
    ) -> Sum:
        """The step from `base`, which stands at s, to t, with f interpolated at the evaluations `use` (newest
        first); deterministic part only, see `deviation`. `change(nodes, moments, z)` may alter them: that is
        how a shortcut or another library's variant is said. `other`: `form` and `variable` instead of the
        plan's, `value(j)` instead of `f(j)`, `found` instead of `weights.step`."""
        form, name = other.get("form") or self.linear, other.get("variable") or self.variable
        found = other.get("found") or step(s, t, len(use), name, self.schedule, form, tau)
        value = other.get("value") or (lambda j: self.f(j, form))
        count = len(found.moments)
        use = list(use)[:count]
        start, end = variable(name, self.schedule, s), variable(name, self.schedule, t)
        places = [variable(name, self.schedule, self.at[j]) for j in use]
        nodes = np.zeros(1) if count == 1 else (np.array(places) - start) / (end - start)
        kept = np.isfinite(nodes)
        nodes, use = nodes[kept], [j for j, good in zip(use, kept, strict=True) if good]
        moments = found.moments[: len(nodes)]
        if change is not None:
            z = (1 - 2 * form.share) * (t.log_snr - s.log_snr) if isinstance(form, Constant) else 0.0
            nodes, moments = change(nodes, moments, z)
        total = base * found.factor
        for j, weight in zip(use, node_weights(nodes, moments), strict=True):
            total = total + value(j) * float(weight)
        return total

    def carried(self, base: Sum, s: Point, t: Point, tau: float = 0.0, form: Form | None = None) -> Sum:
        """The linear part alone: `base` times the factor of the step."""
        return base * step(s, t, 1, self.variable, self.schedule, form or self.linear, tau).factor

    def deviation(self, s: Point, t: Point, tau: float, form: Form | None = None) -> float:
        """The deviation of the noise of a step with noise level τ."""
        return step(s, t, 1, self.variable, self.schedule, form or self.linear, tau).noise

    def advance(
        self, total: Sum, point: Point, order: int, *, model_time: float | None = None, ask: bool = True
    ) -> None:
        """Close the row: `total` becomes the next state, at `point`. `model_time`: what the network is told
        there, if not the schedule's. `ask=False`: the network is not asked in the row that is closed."""
        self.rows.append(total)
        self.orders.append(order)
        self.asked.append(ask)
        self.at.append(point)
        told = float(self.schedule.model_time(point.t)) if model_time is None else model_time
        self.model_times.append(told)
