"""`Plan`: a sampler as a table of numbers, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["Plan"]


@dataclass(frozen=True, eq=False)
class Plan:
    """A sampler as a table in banded normal form. Row i asks the network once and makes the next state:

        m_i = model(scale_in_i · x_i, model_time_i)
        x_{i+1} = Σₖ x[i,k] x_{i−k} + Σₖ m[i,k] m_{i−k} + Σₖ z[i,k] z_{i−k} + bias_i

    with m the raw output of the network (a prediction of kind `predicts`) and z_i independent unit normals.
    Single-step, multistep, predictor–corrector, churned and two-state rules are all of this form (a corrector
    is a change of x_i by model outputs). Arrays of n rows: `t`, `alpha`, `sigma` (where state i stands),
    `model_time`, `scale_in`, `asks` (False: the row asks nothing), `order`, and `x`, `m`, `z` of shape (n,
    lags), float64. Entries may carry more axes: with `axis="sample"` one of length B, a table for each
    sample; with `axis="dimension"` any that broadcast with the state. `end` = (t, α, σ) of the result.
    `provenance` says how the table was made. Immutable; safe to share between threads.
    """

    predicts: str
    t: np.ndarray
    alpha: np.ndarray
    sigma: np.ndarray
    model_time: np.ndarray
    scale_in: np.ndarray
    asks: np.ndarray
    order: np.ndarray
    x: np.ndarray
    m: np.ndarray
    z: np.ndarray
    end: tuple[float, float, float]
    bias: np.ndarray | None = None
    data: float = 0.5
    axis: str = "none"
    schedule: Any = None
    provenance: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, np.ndarray):
                kind = {"asks": bool, "order": np.int64}.get(entry.name, np.float64)
                fixed = np.array(value, dtype=kind)
                fixed.flags.writeable = False
                object.__setattr__(self, entry.name, fixed)

    def __len__(self) -> int:
        return len(self.asks)

    @property
    def nfe(self) -> int:
        """How often the network is asked."""
        return int(self.asks.sum())

    @property
    def stochastic(self) -> bool:
        return bool(np.any(self.z))

    @property
    def start_scale(self) -> float:
        """The deviation of the noise to start from: σ of the first point."""
        return float(np.max(self.sigma[0]))

    def __eq__(self, other: object) -> bool:
        """Equal tables: every number and what the network predicts; not how they were made."""
        if not isinstance(other, Plan):
            return NotImplemented
        same = (self.predicts, self.end, self.data, self.axis) == (
            other.predicts,
            other.end,
            other.data,
            other.axis,
        )
        arrays = [entry.name for entry in fields(self) if isinstance(getattr(self, entry.name), np.ndarray)]
        return (
            same
            and (self.bias is None) == (other.bias is None)
            and all(np.array_equal(getattr(self, name), getattr(other, name)) for name in arrays)
        )

    def __hash__(self) -> int:
        return hash((self.predicts, self.end, self.x.tobytes(), self.m.tobytes(), self.z.tobytes()))

    def replace(self, **changes: Any) -> Plan:
        """The same plan with some columns replaced."""
        return replace(self, **changes)

    def describe(self) -> str:
        """A table in words: orders, sums of |weights|, network evaluations, warnings, provenance."""
        from duhamel.sampling.description import describe

        return describe(self)

    def __repr__(self) -> str:
        name = self.provenance.get("rule", "table")
        return f"Plan({name}, {len(self)} rows, {self.nfe} evaluations, predicts {self.predicts!r})"

    def plot(self, path: str | Path | None = None) -> Any:
        """A picture of the table: where the network is asked, and the weights of each row (needs
        Matplotlib)."""
        from duhamel.sampling.description import plot

        return plot(self, path)

    def save(self, path: str | Path) -> None:
        """Write the plan as JSON, numbers to the last bit, with its provenance."""
        from duhamel.sampling.files import save

        save(self, path)

    @staticmethod
    def load(path: str | Path) -> Plan:
        """Read a plan that `save` wrote."""
        from duhamel.sampling.files import load

        return load(path)

    @staticmethod
    def from_scheduler(scheduler: Any, **options: Any) -> Plan:
        """The table of a diffusers scheduler whose timesteps are set; see `recover.from_scheduler`."""
        from duhamel.sampling.recover import from_scheduler

        return from_scheduler(scheduler, **options)

    @staticmethod
    def stack(plans: Any) -> Plan:
        """One plan for a batch from a plan for each sample; see `stacking.stack`."""
        from duhamel.sampling.stacking import stack

        return stack(plans)
