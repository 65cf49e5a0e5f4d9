"""From the table of a splitting to the flows of one step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

__all__ = [
    "Branch",
    "Flow",
    "Fraction",
    "Sweep",
    "alternating",
    "flows",
    "lie",
    "period",
    "strangs",
    "symmetric",
]

Fraction = float | complex


class Sweep(NamedTuple):
    """All parts one after the other over `fraction` of the step, forwards or backwards."""

    fraction: Fraction
    forwards: bool


class Branch(NamedTuple):
    """One composition of a method that adds several: its weight in the new state and in the error."""

    sweeps: tuple[Sweep, ...]
    weight: float
    error: float


class Flow(NamedTuple):
    """The flow of one part over `fraction` of the step. `clocks`: how far the parts have come before it."""

    part: int
    fraction: Fraction
    clocks: tuple[Fraction, ...]


@lru_cache(maxsize=256)
def flows(sweeps: tuple[Sweep, ...], parts: int) -> tuple[Flow, ...]:
    """The flows of one step, neighbours of the same part merged into one.

    Each part has a clock, which only its own flows advance: the equation with one time variable for each part
    is autonomous, and split into the same parts, so no order is lost however the flows are merged. A linear
    part advances its clock like any other; nobody reads it.
    """
    merged: list[tuple[int, Fraction]] = []
    for fraction, forwards in sweeps:
        if fraction == 0:
            continue
        for part in range(parts) if forwards else range(parts - 1, -1, -1):
            if merged and merged[-1][0] == part:
                merged[-1] = (part, _real(merged[-1][1] + fraction))
            else:
                merged.append((part, _real(fraction)))
    clocks: list[Fraction] = [0.0] * parts
    result = []
    for part, fraction in merged:
        result.append(Flow(part, fraction, tuple(clocks)))
        clocks[part] = _real(clocks[part] + fraction)
    return tuple(result)


def _real(value: Fraction) -> Fraction:
    """A complex number without imaginary part as a real one, for which everything is cheaper."""
    return value.real if abs(value.imag) < 1e-15 else value


def period(sequence: tuple[Flow, ...]) -> int:
    """The length of the shortest pattern of parts that the sequence repeats, up to an incomplete end."""
    parts = [flow.part for flow in sequence]
    return next(n for n in range(1, len(parts) + 1) if all(p == parts[i % n] for i, p in enumerate(parts)))


def lie(*fractions: Fraction) -> tuple[Sweep, ...]:
    """Lie steps and, by turns, their adjoints: χ(γ₁h), χ*(γ₂h), χ(γ₃h), …"""
    return tuple(Sweep(fraction, i % 2 == 0) for i, fraction in enumerate(fractions))


def strangs(weights: Sequence[Fraction]) -> tuple[Sweep, ...]:
    """Strang steps one after the other, over the fractions `weights` of a step."""
    return tuple(Sweep(0.5 * w, forwards) for w in weights for forwards in (True, False))


def symmetric(first: Sequence[Fraction]) -> list[Fraction]:
    """w₁, …, wₘ, w₀, wₘ, …, w₁ from w₁, …, wₘ, with the w₀ that makes the sum one."""
    return [*first, 1.0 - 2.0 * sum(first), *reversed(first)]


def alternating(
    first: Sequence[Fraction], second: Sequence[Fraction], stages: int, swapped: bool = False
) -> tuple[Sweep, ...]:
    """Sweeps that give two parts A, B the symmetric flows A B A … A, with `stages` flows of B.

    `first` and `second` list the fractions of A and B from the start, without the last of either, which
    follows from their sum. `swapped` puts B before A in the order of the parts. As sweeps the same table
    serves any number of parts at the same order (McLachlan & Quispel, Acta Numerica 11 (2002); McLachlan,
    SIAM J. Sci. Comput. 16 (1995)). Both halves are made from the first, so it is symmetric to the bit.
    """
    a, b = list(first), list(second)
    if len(a) != stages // 2 or len(b) != (stages - 1) // 2:
        raise ValueError("a symmetric sequence is given by its first half")
    a.append(0.5 - sum(a) if stages % 2 else 1.0 - 2.0 * sum(a))
    b.append(1.0 - 2.0 * sum(b) if stages % 2 else 0.5 - sum(b))
    half = [x for pair in zip(a, b, strict=False) for x in pair][:stages]
    values: list[Fraction] = [0.0] if swapped else []
    previous: Fraction = 0.0
    for fraction in half:
        previous = fraction - previous
        values.append(previous)
    return lie(*values, *reversed(values))
