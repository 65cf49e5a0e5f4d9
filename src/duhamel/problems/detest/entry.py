"""What the thirty problems share: the interval [0, 20], the source of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from duhamel.problems.problem import Problem, Reference

__all__ = ["problem"]

END = 20.0
LITERATURE = (
    "T. E. Hull, W. H. Enright, B. M. Fellen, A. E. Sedgwick (1972), SIAM Journal on Numerical Analysis 9, "
    "603-637; W. H. Enright, J. D. Pryce (1987), ACM Transactions on Mathematical Software 13, 1-27"
)
SOURCE = "ACM Algorithm 648, driver routine EVALU"


def problem(
    label: str,
    f: Callable[..., Any],
    u0: Sequence[float],
    end: Sequence[float],
    physics: str,
    accuracy: float = 1e-11,
    **more: Any,
) -> Problem:
    """The problem `label` (such as "a1") with its published state at t = 20."""
    return Problem(
        name=f"detest-{label}",
        set="detest",
        equation=f,
        u0=np.asarray(u0, float),
        t1=END,
        physics=physics,
        literature=LITERATURE,
        references=(Reference(END, np.asarray(end, float), accuracy, SOURCE),),
        **more,
    )
