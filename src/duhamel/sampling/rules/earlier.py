"""Rules that walk a grid in their own way: PNDM's warm-up, BDIA's two earlier states."""

from __future__ import annotations

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.builder import Builder, Sum
from duhamel.sampling.weights import Point, node_weights

__all__ = ["bdia", "pndm"]


def _transfer(b: Builder, base: Sum, s: Point, t: Point, value: Sum) -> Sum:
    """DDIM's step with a given mixture of values."""
    return b.integrate(base, s, t, [b.now], value=lambda j: value)


def pndm(b: Builder, order: int, *, warmup: str) -> None:
    """PNDM (2202.09778): DDIM's transfer with the Adams–Bashforth mixture of the last `order` values.
    `warmup`: "plms" begins with a trapezoid (one evaluation more), "prk" with Runge–Kutta steps of four
    evaluations for the first three, "none" with mixtures of what there is (for runs that begin late)."""
    if warmup not in ("plms", "prk", "none"):
        raise InputError(f"pndm has warmup 'plms', 'prk' or 'none', not {warmup!r}")
    kept: list[int] = []
    for i in range(b.steps):
        s, t = b.point(i), b.point(i + 1)
        start = b.now
        kept.append(start)
        if warmup == "prk" and i < 3 and t.sigma > 0:
            _runge_kutta(b, s, t)
        elif warmup == "plms" and i == 0 and t.sigma > 0:
            b.advance(_transfer(b, b.x(), s, t, b.f()), t, 1)
            both = (b.f(start) + b.f()) * 0.5
            b.advance(_transfer(b, b.x(start), s, t, both), t, 2)
        else:
            last = kept[: -order - 1 : -1]
            count = len(last)
            weights = node_weights(-np.arange(float(count)), 1 / np.arange(1.0, count + 1))
            mixed = Sum()
            for j, weight in zip(last, weights, strict=True):
                mixed = mixed + b.f(j) * float(weight)
            b.advance(_transfer(b, b.x(), s, t, mixed), t, count)


def _runge_kutta(b: Builder, s: Point, t: Point) -> None:
    when = 0.5 * (s.t + t.t)
    middle = Point(when, float(b.schedule.alpha(when)), float(b.schedule.sigma(when)))
    start = b.now
    for stage, end in enumerate((middle, middle, t)):
        b.advance(_transfer(b, b.x(start), s, end, b.f(start + stage)), end, stage + 1)
    values = [b.f(start + j) for j in range(4)]
    mixed = (values[0] + values[1] * 2.0 + values[2] * 2.0 + values[3]) * (1 / 6)
    b.advance(_transfer(b, b.x(start), s, t, mixed), t, 4)


def bdia(b: Builder, order: int, *, gamma: float) -> None:
    """Exact inversion by two states (2307.10829): x_{i+1} = x_{i−1} − (1 − γ)(x_{i−1} − x_i) − γ Δ(t_i →
    t_{i−1}) + Δ(t_i → t_{i+1}), with Δ the increment of DDIM from x_i. γ = 1 inverts best, γ near 0.5 is more
    accurate and loses digits like γ^{−N}."""
    if not 0 < gamma <= 1:
        raise InputError(f"bdia has gamma above 0 and up to 1, not {gamma!r}")
    for i in range(b.steps):
        s, t = b.point(i), b.point(i + 1)
        ahead = b.integrate(b.x(), s, t, [i])
        if i == 0:
            b.advance(ahead, t, 1)
            continue
        back = b.integrate(b.x(), s, b.point(i - 1), [i])
        # x_{i−1}γ + x_i(1 − γ) − γ(back − x_i) + ahead − x_i
        b.advance(b.x(i - 1) * gamma - back * gamma + ahead, t, 1)
