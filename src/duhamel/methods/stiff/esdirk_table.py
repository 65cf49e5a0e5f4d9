"""The coefficients of an ESDIRK method, and what follows from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

__all__ = ["Diagonal"]

Number = Fraction | int | str
# Degree of the polynomial in c through earlier stages from which a stage is first guessed.
_GUESS_DEGREE = 2


@dataclass(frozen=True)
class Diagonal:
    """A stiffly accurate tableau with an explicit first stage and `gamma` on the rest of the diagonal.

    `rows` are the rows below the diagonal (the first is empty), the last is b without its end; `embedded` are
    the weights b̂. Entries are exact. Arrays derived from it, in float64: `a` (s, s) with the diagonal, `c`,
    `error` = b − b̂, and

    * `guess` (s, s): weights of earlier slopes that extrapolate to a stage (shortest of those exact for
      polynomials of degree 2; a stage at the same node is taken as it is);
    * `bump` (s,): w with Σ wᵢkᵢ = h³u⁗/24 + …, which lifts the cubic Hermite interpolant to order 4 (zero
      where there are too few stages).
    """

    gamma: Number
    rows: Sequence[Sequence[Number]]
    embedded: Sequence[Number]
    a: np.ndarray = field(init=False, compare=False)
    c: np.ndarray = field(init=False, compare=False)
    error: np.ndarray = field(init=False, compare=False)
    guess: np.ndarray = field(init=False, compare=False)
    bump: np.ndarray = field(init=False, compare=False)

    def __post_init__(self) -> None:
        exact = self.exact
        s = len(exact)
        a = np.array([[float(v) for v in row] for row in exact])
        c = np.array([float(sum(row)) for row in exact])
        error = np.array([float(b - Fraction(v)) for b, v in zip(exact[-1], self.embedded, strict=True)])
        guess = np.zeros((s, s))
        for i in range(1, s):
            guess[i, :i] = _guess(c[:i], c[i])
        for name, value in (("a", a), ("c", c), ("error", error), ("guess", guess), ("bump", _bump(a, c))):
            object.__setattr__(self, name, value)

    @property
    def exact(self) -> list[list[Fraction]]:
        """The whole matrix in fractions."""
        s = len(self.rows)
        return [
            [*(Fraction(v) for v in row), Fraction(self.gamma if i else 0), *[Fraction(0)] * (s - 1 - i)]
            for i, row in enumerate(self.rows)
        ]

    @property
    def goal(self) -> float:
        """What of the tolerance an iteration may leave, so that the error estimate sees little of it."""
        return 0.02 * float(Fraction(self.gamma)) / float(abs(self.error).sum())

    @property
    def stages(self) -> int:
        return len(self.rows)


def _guess(nodes: np.ndarray, node: float) -> np.ndarray:
    same = np.flatnonzero(abs(nodes - node) < 1e-12)
    if same.size:
        return np.eye(len(nodes))[same[-1]]
    powers = np.arange(min(_GUESS_DEGREE, len(nodes) - 1) + 1)
    return np.linalg.lstsq(nodes[None, :] ** powers[:, None], node**powers, rcond=None)[0]


def _bump(a: np.ndarray, c: np.ndarray) -> np.ndarray:
    # θ²(1−θ)² h Σ wᵢkᵢ must leave quadrature up to c² alone, and add the conditions of order 4 in θ⁴.
    conditions = np.stack([np.ones_like(c), c, c**2, c**3, a @ c**2])
    wanted = np.array([0.0, 0.0, 0.0, 1.0 / 4.0, 1.0 / 12.0])
    if len(c) < 6:
        return np.zeros_like(c)
    return np.linalg.lstsq(conditions, wanted, rcond=None)[0]
