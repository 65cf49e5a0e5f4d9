"""What a network predicts, as an affine relation with the state it saw.

    x̂₀ = a x + b m,    ε = c x + d m

for m = ε ("eps"), x̂₀ ("x0"), v = (α ε − σ x̂₀)/√(α² + σ²) ("v"), −ε/σ ("score"), ε − x̂₀ ("flow"), or EDM's
F with x̂₀ = c_skip x + c_out F ("edm"). Exact, and finite at α = 0 and σ = 0 wherever the relation itself is.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.forms import Constant, Form, Gaussian, Straight

__all__ = ["PREDICTIONS", "convert", "form_of", "relation", "to_eps", "to_x0"]

Numbers = Any

PREDICTIONS = ("eps", "x0", "v", "score", "flow", "edm")


def form_of(predicts: str, sigma: Numbers, data: float = 0.5) -> tuple[Form, Numbers]:
    """The form Q and the factor k of a prediction m: Q_α ε − Q_σ x̂₀ = k m. `data` is EDM's σ_data."""
    if predicts not in PREDICTIONS:
        raise InputError(f"no prediction {predicts!r}: a network predicts one of {', '.join(PREDICTIONS)}")
    if predicts == "edm":
        return Gaussian(data), -data
    if predicts == "score":
        return Constant(0.0), -sigma
    known = {"eps": (Constant(0.0), 1.0), "x0": (Constant(1.0), -1.0), "v": (Gaussian(1.0), 1.0)}
    return known.get(predicts, (Straight(), 1.0))


def relation(
    predicts: str, alpha: Numbers, sigma: Numbers, data: float = 0.5
) -> tuple[Numbers, Numbers, Numbers, Numbers]:
    """(a, b, c, d) of x̂₀ = a x + b m and ε = c x + d m."""
    alpha, sigma = np.asarray(alpha, float)[()], np.asarray(sigma, float)[()]
    form, factor = form_of(predicts, sigma, data)
    one, zero = np.ones_like(alpha)[()], np.zeros_like(alpha)[()]
    with np.errstate(divide="ignore", invalid="ignore"):
        if predicts == "x0":
            return zero, one, 1 / sigma, -alpha / sigma
        if form == Constant(0.0):
            return 1 / alpha, -sigma * factor / alpha, zero, factor * one
        (by_alpha, by_sigma), total = form.slopes(alpha, sigma), form.value(alpha, sigma)
        return by_alpha / total, -sigma * factor / total, by_sigma / total, alpha * factor / total


def to_x0(m: Any, x: Any, predicts: str, alpha: float, sigma: float, data: float = 0.5) -> Any:
    """x̂₀ from a prediction m made at the state x; arrays of any library."""
    a, b, _, _ = (float(value) for value in relation(predicts, alpha, sigma, data))
    return a * x + b * m


def to_eps(m: Any, x: Any, predicts: str, alpha: float, sigma: float, data: float = 0.5) -> Any:
    """ε from a prediction m made at the state x; arrays of any library."""
    _, _, c, d = (float(value) for value in relation(predicts, alpha, sigma, data))
    return c * x + d * m


def convert(m: Any, x: Any, source: str, target: str, alpha: float, sigma: float, data: float = 0.5) -> Any:
    """A prediction of one kind turned into another, at the state x: m' = (Q_α ε − Q_σ x̂₀)/k of the
    target."""
    if source == target:
        return m
    p, q = in_form(form_of(target, sigma, data)[0], source, alpha, sigma, data)
    factor = float(form_of(target, sigma, data)[1])
    return float(p) / factor * x + float(q) / factor * m


def in_form(
    form: Form, predicts: str, alpha: Numbers, sigma: Numbers, data: float = 0.5
) -> tuple[Numbers, Numbers]:
    """(p, q) of f = p x + q m: the f of a linear part from a raw prediction. p is exactly 0 where the two
    agree."""
    alpha, sigma = np.asarray(alpha, float)[()], np.asarray(sigma, float)[()]
    own, factor = form_of(predicts, sigma, data)
    if own == form:
        return np.zeros_like(alpha)[()], factor * np.ones_like(alpha)[()]
    (la, ls), (qa, qs), total = form.slopes(alpha, sigma), own.slopes(alpha, sigma), own.value(alpha, sigma)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (la * qs - ls * qa) / total, form.value(alpha, sigma) * factor / total
