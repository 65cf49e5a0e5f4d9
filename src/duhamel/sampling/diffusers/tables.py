"""Tables for a scheduler: for a number of steps, for given times, and for what is left of another."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from duhamel.errors import InputError
from duhamel.sampling.diffusers import spacing
from duhamel.sampling.diffusers.paths import Path
from duhamel.sampling.diffusers.runs import Run
from duhamel.sampling.grids import points
from duhamel.sampling.planning import plan
from duhamel.sampling.schedules import VP
from duhamel.sampling.table import Plan

__all__ = ["made", "planned", "rows_per_step"]


def planned(
    config: Any, path: Path, asked: Any, final: Any = "zero", eta: float = 0.0, late: bool = False
) -> Plan:
    """The table for a number of steps, or for the times of an explicit grid; in the network's own times and
    sign. With `eta` that of DDIM's steps. `late`: of a run that begins in the middle, where PNDM has no
    warm-up."""
    if isinstance(asked, list):
        grid, steps = asked, len(asked) - 1
    else:
        grid, steps = _named(config.grid), int(asked)
        if grid == "config":
            grid, final = spacing.from_config(config, path, steps)
            steps = len(grid) - 1
    names = ("order", "variable", "linear", "corrector", "noise")
    chosen: dict[str, Any] = {name: config[name] for name in names if config[name] is not None}
    chosen = {"eta": eta} if eta else chosen | (config.options or {})
    if late and config.rule == "pndm" and not eta:
        chosen["warmup"] = "none"
    found = plan(
        path.schedule,
        "ddim" if eta else config.rule,
        steps=steps,
        grid=grid,
        predicts=path.predicts,
        final=final,
        start=float(grid[0]) if isinstance(grid, list) else config.start,
        **chosen,
    )
    if found.axis != "none" or found.bias is not None:
        raise InputError("a scheduler's table has plain numbers; run tables with axes by sampling.sample")
    return path.spoken(found)


def _named(grid: Any) -> Any:
    """A grid as `plan` takes it: JSON has turned a name with parameters into a list."""
    return tuple(grid) if isinstance(grid, list) and grid and isinstance(grid[0], str) else grid


def made(config: Any, path: Path, found: Plan, steps: int, device: Any) -> Run:
    """The run of a table on a device."""
    alpha, sigma = np.append(found.alpha, found.end[1]), np.append(found.sigma, found.end[2])
    with np.errstate(divide="ignore"):
        level = sigma if hasattr(path.schedule, "shift") else sigma / alpha
    level = 1 - level if path.told == "inverted" else level
    kind = torch.int64 if config.integer_timesteps else torch.float32
    times = torch.tensor(found.model_time, dtype=torch.float64).to(kind)
    sigmas = torch.tensor(level, dtype=torch.float32).to(device)
    return Run(
        found,
        steps,
        times.to(device),
        sigmas,
        lambda i, eta: _tail(config, path, found, i, eta),
        tuple(times.tolist()),
    )


def _tail(config: Any, path: Path, whole: Plan, i: int, eta: float) -> Plan:
    """The table that begins at row i of another, with the times of its grid that are left."""
    made = whole.provenance
    t = points(path.schedule, made["steps"], _named(made["grid"]), made["start"], made["final"]).t
    here = float(whole.t[i])
    left = [here, *(float(value) for value in t if value < here - 1e-12)]
    found = planned(config, path, left, made["final"], eta, late=i > 0)
    if len(found) != len(whole) - i or not np.allclose(
        found.model_time, whole.model_time[i:], rtol=1e-9, atol=1e-9
    ):
        raise InputError(
            f"{made['rule']!r} cannot begin at entry {i} of its timesteps: begin at a multiple of "
            "scheduler.order, or use rule='multistep'"
        )
    return found


@lru_cache(maxsize=64)
def rows_per_step(rule: str, order: int | None) -> int:
    """How many rows one step more costs."""
    counts = [len(plan(VP(), rule, steps=steps, order=order)) for steps in (12, 13)]
    return max(1, counts[1] - counts[0])
