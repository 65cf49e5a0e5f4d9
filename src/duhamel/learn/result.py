"""What training leaves behind, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from duhamel.errors import DuhamelError

__all__ = ["Fit", "TrainingError"]


@dataclass(frozen=True)
class Fit:
    """The result of `fit`.

    `model`: the best model by `validate`, after `best_step` updates with the value `best`; without `validate`
    the last one. `last`: the model after the last update. `steps`: updates made in all, earlier runs of a
    resumed one among them. `why`: what ended it, as a sentence. `history`: a dict for every row that was
    recorded, with "step", the mean "loss" and the means of all that the loss logged since the row before, and
    "validation".
    """

    model: Any
    last: Any = field(repr=False)
    history: list[dict[str, float]] = field(repr=False)
    steps: int
    best_step: int
    best: float
    why: str

    def column(self, name: str) -> list[float]:
        """One quantity of the history, row by row; nan where a row has none."""
        return [row.get(name, float("nan")) for row in self.history]


class TrainingError(DuhamelError, RuntimeError):
    """Training that cannot go on.

    Attributes: `step`, the update that failed, counted from 1; `fit`, the result until then, whose `last` is
    the model before that update.
    """

    def __init__(self, message: str, step: int, fit: Fit):
        super().__init__(message)
        self.step = step
        self.fit = fit
