"""DC-Solver's ratios for numbers of steps and guidance weights that were never learned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from duhamel.errors import InputError

__all__ = ["Compensation"]

Learned = tuple[int, float, Sequence[float]]


@dataclass(frozen=True, eq=False)
class Compensation:
    """ρ(u; w, n), polynomials nested in each other: in u = i/(n − 1), the share of the way of step i; their
    coefficients in the guidance weight w; and the coefficients of those in 1/n, n the number of steps
    (cascade polynomial regression of DC-Solver, 2409.03755, which takes n itself; 1/n stays bounded).

    `coefficients`: (degree in u + 1, degree in w + 1, degree in 1/n + 1). Made by `fitted` from a few ratios
    that `learn(…, what=("compensation",))` found; `ratios(n, w)` are for `plan(…, "dc-solver", ratios=…)`.
    """

    coefficients: np.ndarray

    @classmethod
    def fitted(cls, learned: Sequence[Learned], degrees: tuple[int, int, int] = (2, 2, 2)) -> Compensation:
        """From triples (n, w, ratios), by least squares one variable after the other; a degree is lowered
        where there are too few values. A degree in u above 2 follows the noise of the learned ratios from
        step to step. Raises `InputError`. Cost: three small linear systems."""
        if not learned or any(len(ratios) != n or n < 3 for n, _, ratios in learned):
            raise InputError("learned: one or more (n, w, n ratios), of three steps or more")
        steps = sorted({int(n) for n, _, _ in learned})
        weights = sorted({float(w) for _, w, _ in learned})
        if len(learned) != len(steps) * len(weights):
            raise InputError("learned: every number of steps with every weight, once")
        # the first two steps are never compensated
        along = min(degrees[0], min(steps) - 3)
        known = {(int(n), float(w)): ratios for n, w, ratios in learned}
        first = np.array(
            [[_fit(np.arange(2, n) / (n - 1), known[n, w][2:], along) for w in weights] for n in steps]
        )
        across = min(degrees[1], len(weights) - 1)
        second = np.array([_fit(np.array(weights), rows, across) for rows in first])
        third = _fit(1 / np.array(steps), second, min(degrees[2], len(steps) - 1))
        return cls(third.transpose(2, 1, 0))

    def ratios(self, steps: int, weight: float = 1.0) -> list[float]:
        """ρ_0 … ρ_{n−1} for a number of steps and a weight; the first two are 1."""
        if steps < 3:
            return [1.0] * steps
        _, by_weight, by_steps = self.coefficients.shape
        inner = self.coefficients @ (1 / steps) ** np.arange(by_steps) @ float(weight) ** np.arange(by_weight)
        share = np.arange(2, steps) / (steps - 1)
        return [1.0, 1.0, *np.polynomial.polynomial.polyval(share, inner).tolist()]


def _fit(x: np.ndarray, values: np.ndarray | Sequence[float], degree: int) -> np.ndarray:
    """Coefficients of rising powers, along the first axis of `values`."""
    values = np.asarray(values, np.float64)
    powers = np.vander(x, degree + 1, increasing=True)
    flat = np.linalg.lstsq(powers, values.reshape(len(x), -1), rcond=None)[0]
    return flat.reshape(degree + 1, *values.shape[1:])
