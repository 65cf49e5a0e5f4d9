"""Plans on disk: JSON, every number to its last bit."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.discrete import Discrete
from duhamel.sampling.pfgm import PFGM
from duhamel.sampling.schedules import EDM, VE, VP, Cosine, Flow, SubVP
from duhamel.sampling.table import Plan

__all__ = ["load", "save"]

_FORMAT, _VERSION = "duhamel sampling plan", 1
_SCHEDULES = {kind.__name__: kind for kind in (VP, SubVP, Cosine, VE, EDM, Flow, Discrete, PFGM)}


def save(plan: Plan, path: str | Path) -> None:
    """Write a plan. A schedule of the user's own is written as its name only: the table does not need it."""
    content: dict[str, Any] = {"format": _FORMAT, "version": _VERSION}
    for entry in fields(plan):
        value = getattr(plan, entry.name)
        if entry.name == "schedule":
            value = _schedule(value)
        content[entry.name] = _plain(value)
    lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in content.items())
    Path(path).write_text("{\n" + lines + "\n}\n", encoding="utf-8")


def load(path: str | Path) -> Plan:
    """Read a plan. Raises `InputError` if the file is not one."""
    try:
        content = json.loads(Path(path).read_text("utf-8"), parse_constant=_refused)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a plan: {error}") from error
    if (
        not isinstance(content, dict)
        or content.get("format") != _FORMAT
        or content.get("version") != _VERSION
    ):
        raise InputError(f"{path} is not a plan of this library (format {_FORMAT!r}, version {_VERSION})")
    known = {entry.name for entry in fields(Plan)}
    given = {name: _back(value) for name, value in content.items() if name in known}
    try:
        given["schedule"] = _schedule_from(content.get("schedule"))
        given["end"] = tuple(tuple(v) if isinstance(v, list) else v for v in given["end"])
        for name in ("t", "alpha", "sigma", "model_time", "scale_in", "asks", "order", "x", "m", "z", "bias"):
            if given.get(name) is not None:
                given[name] = _array(content[name])
        return Plan(**given)
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a whole plan: {error}") from error


def _plain(value: Any) -> Any:
    """As JSON knows it; arrays keep their shape even when it has a zero, numbers that JSON lacks become
    words."""
    if isinstance(value, np.ndarray):
        return {"shape": list(value.shape), "values": [_plain(entry) for entry in value.ravel().tolist()]}
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float) and not math.isfinite(value):
        return {"number": repr(value)}
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return repr(value)


def _back(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"number"}:
        return float(value["number"])
    if isinstance(value, dict):
        return {name: _back(entry) for name, entry in value.items()}
    return [_back(entry) for entry in value] if isinstance(value, list) else value


def _array(stored: dict[str, Any]) -> np.ndarray:
    return np.array(_back(stored["values"])).reshape(stored["shape"])


def _schedule(schedule: Any) -> Any:
    if schedule is None:
        return None
    kind = type(schedule).__name__
    if _SCHEDULES.get(kind) is not type(schedule):
        return {"kind": kind, "own": repr(schedule)}
    return {
        "kind": kind,
        **{entry.name: getattr(schedule, entry.name) for entry in fields(schedule) if entry.init},
    }


def _schedule_from(stored: Any) -> Any:
    if not stored or "own" in stored:
        return None
    return _SCHEDULES[stored["kind"]](
        **{name: _back(value) for name, value in stored.items() if name != "kind"}
    )


def _refused(constant: str) -> Any:
    raise ValueError(f"{constant} is not a number of a plan")
