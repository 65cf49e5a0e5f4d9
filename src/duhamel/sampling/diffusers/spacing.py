"""Levels that a configuration or a pipeline asks for, as the times of an explicit grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from duhamel.errors import InputError
from duhamel.sampling.diffusers.paths import Path
from duhamel.sampling.grids import beta_quantile

__all__ = ["asked", "from_config", "from_sigmas", "from_timesteps"]


def asked(config: Any, path: Path, steps: int | None, sigmas: Any, timesteps: Any) -> list[float] | int:
    """What `set_timesteps` was given, as a number of steps or the times of an explicit grid. Raises
    `InputError` if it was given nothing, or two things that do not agree."""
    given = sigmas if sigmas is not None else timesteps
    if given is None:
        if steps is None or int(steps) < 1:
            raise InputError(
                f"num_inference_steps={steps}: set_timesteps needs a number of steps, sigmas or timesteps"
            )
        return int(steps)
    if sigmas is not None and timesteps is not None and len(sigmas) != len(timesteps):
        raise InputError(f"{len(sigmas)} sigmas and {len(timesteps)} timesteps: give one of the two")
    straight = hasattr(path.schedule, "shift")
    if steps is not None and (not straight or len(given) not in (steps, steps + 1)):
        raise InputError(f"num_inference_steps={steps} and a list of {len(given)}: give one of the two")
    if sigmas is not None:
        return from_sigmas(config, path, _numbers(sigmas))
    return from_timesteps(path, _numbers(timesteps))


def _numbers(given: Any) -> list[float]:
    if isinstance(given, torch.Tensor):
        return given.detach().cpu().double().tolist()
    return [float(value) for value in given]


def from_config(config: Any, path: Path, steps: int) -> tuple[list[float], Any]:
    """The times of grid="config", and where they end: `timestep_spacing` with `steps_offset` (2305.08891,
    Table 2), or levels between the first and the last by `use_karras_sigmas`, `use_exponential_sigmas`,
    `use_beta_sigmas`, `use_lu_lambdas`."""
    schedule, final = path.schedule, config.final_sigmas_type
    kinds = [kind for kind in ("karras", "exponential", "beta") if config.get(f"use_{kind}_sigmas")]
    if config.get("use_lu_lambdas"):
        kinds.append("exponential")
    if config.path.startswith("edm"):
        kinds = [config.sigma_schedule]
    if len(kinds) > 1:
        raise InputError(
            "only one of use_karras_sigmas, use_exponential_sigmas, use_beta_sigmas and use_lu_lambdas "
            "can be used"
        )
    flow = hasattr(schedule, "shift")
    if flow or kinds or config.path == "angle":
        t = np.linspace(1.0, 1.0 / schedule.size, steps)
    else:
        t = _training(config, schedule.size, steps)
    if kinds:
        low = getattr(schedule, "sigma_min", None) or float(_level(schedule, 1.0 / schedule.size, flow))
        t = _times(
            schedule,
            _between(kinds[0], float(_level(schedule, 1.0, flow)), low, steps, float(config.rho)),
            flow,
        )
    if flow and config.shift_terminal:
        sigma = np.asarray(schedule.sigma(t))
        stretch = (1 - sigma) * (1 - config.shift_terminal) / (1 - sigma[-1])
        t = _times(schedule, 1 - stretch, flow)
    if final == "sigma_min":
        return [float(value) for value in t], "sigma_min"
    return [*map(float, t), 0.0], "zero"


def _training(config: Any, count: int, steps: int) -> np.ndarray:
    """The spacings of whole training times k, as t = (k + 1)/N."""
    kind = config.timestep_spacing
    if steps > count:
        raise InputError(
            f"{steps} steps on {count} training times: grid='config' takes whole times; use another grid"
        )
    if kind == "linspace":
        place = np.round(np.linspace(count - 1, 0, steps))
    elif kind == "leading":
        first = np.arange(steps)[::-1] * (count // steps)
        place = first + min(config.steps_offset, count - 1 - first[0])
    elif kind == "trailing":
        place = np.round(count - np.arange(steps) * (count / steps)) - 1
    else:
        raise InputError(f"no timestep_spacing {kind!r}: use linspace, leading or trailing")
    return (place + 1) / count


def _level(schedule: Any, t: Any, flow: bool) -> Any:
    """σ on a straight path, σ/α elsewhere: the number that is called sigma there."""
    return schedule.sigma(t) if flow else np.exp(-np.asarray(schedule.log_snr(t)))


def _times(schedule: Any, level: Any, flow: bool) -> np.ndarray:
    level = np.asarray(level, np.float64)
    with np.errstate(divide="ignore"):
        ratio = level / (1 - level) if flow else level
        return np.asarray(schedule.time(-np.log(ratio)), np.float64)


def _between(kind: str, high: float, low: float, steps: int, rho: float) -> np.ndarray:
    if not np.isfinite(high):
        raise InputError(
            f"a {kind} grid has no first level where α = 0; use timestep_spacing, or another grid"
        )
    u = np.linspace(0, 1, steps)
    if kind == "karras":
        return (high ** (1 / rho) + u * (low ** (1 / rho) - high ** (1 / rho))) ** rho
    if kind == "exponential":
        return np.exp(np.log(high) + u * (np.log(low) - np.log(high)))
    return low + (high - low) * beta_quantile(1 - u, 0.6)


def from_timesteps(path: Path, given: Sequence[float]) -> list[float]:
    """The times of a list of the network's own times, and 0 after them."""
    told = np.asarray(given, np.float64).ravel()
    schedule = path.schedule
    if path.told == "arctan":
        t = _times(schedule, np.tan(0.5 * np.pi * told), False)
    elif path.told == "inverted":
        t = _times(schedule, 1 - told / schedule.model_scale, True)
    elif hasattr(schedule, "shift"):
        t = _times(schedule, told / schedule.model_scale, True)
    elif hasattr(schedule, "sigma_max"):
        t = _times(schedule, np.exp(4 * told), False)
    else:
        t = (told + 1) / schedule.size if hasattr(schedule, "alphas_cumprod") else told
    if np.any(t > 1 + 1e-6):
        raise InputError(f"the time {told.max():g} lies beyond those that the network was trained for")
    return [*map(float, np.minimum(t, 1.0)), 0.0]


def from_sigmas(config: Any, path: Path, given: Sequence[float]) -> list[float] | int:
    """The times of a list of sigmas, and 0 after them; on a straight path they are shifted, as pipelines
    expect. A plain number of steps if the list says nothing more: pipelines of flow models pass 1 … 1/n
    when nobody asked for anything."""
    levels = np.asarray(given, np.float64).ravel()
    levels = levels[:-1] if len(levels) > 1 and levels[-1] == 0 else levels
    if not hasattr(path.schedule, "shift"):
        return [*map(float, _times(path.schedule, levels, False)), 0.0]
    if np.allclose(levels, np.linspace(1, 1 / len(levels), len(levels)), rtol=0, atol=1e-5):
        return len(levels)
    t = levels
    if config.shift_terminal:
        sigma = np.asarray(path.schedule.sigma(t))
        t = _times(path.schedule, 1 - (1 - sigma) * (1 - config.shift_terminal) / (1 - sigma[-1]), True)
    return [*map(float, t), 0.0]
