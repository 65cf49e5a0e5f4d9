"""Clocks. Only ratios within one run mean something: contestants take turns, so busy moments hit them all."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["Times", "alternate", "elapsed", "first_calls"]

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Times:
    """Seconds of every turn of one contestant."""

    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        return min(self.seconds)

    def over(self, other: Times) -> float:
        """The median over the turns of this time divided by the other's in the same turn."""
        return statistics.median(a / b for a, b in zip(self.seconds, other.seconds, strict=True))


def elapsed(call: Callable[[], Any]) -> float:
    """Seconds of one call. The call waits for its own result."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def alternate(
    *calls: Callable[[], Any], seconds: float = 3.0, least: int = 5, most: int = 60
) -> tuple[Times, ...]:
    """Time the calls in turns, A B A B …, for about `seconds` in all; each was called once before.

    At least `least` and at most `most` turns.
    """
    for call in calls:
        call()
    turns: list[list[float]] = []
    began = time.perf_counter()
    while len(turns) < least or (len(turns) < most and time.perf_counter() - began < seconds):
        turns.append([elapsed(call) for call in calls])
    return tuple(Times(column) for column in zip(*turns, strict=True))


def first_calls(*names: str, turns: int = 3) -> tuple[tuple[Times, dict[str, float]], ...]:
    """First calls, each in a new interpreter, so that none finds compiled code or warm caches of another.

    `names` are functions of `bench.first`. For each: its times, and the least of what else was reported. A
    turn that does not count goes before, so that the bytecode of all libraries is on disk, as it is after a
    first import.
    """
    with tempfile.TemporaryDirectory() as bytecode:
        rows = [[_fresh(name, bytecode) for name in names] for _ in range(turns + 1)][1:]
    found = []
    for column in zip(*rows, strict=True):
        least = {key: min(report[key] for report in column) for key in column[0]}
        found.append((Times(tuple(report["seconds"] for report in column)), least))
    return tuple(found)


def _fresh(name: str, bytecode: str) -> dict[str, float]:
    # Flags that this process gave to XLA must not reach a contestant that would not have set them.
    dropped = ("XLA", "JAX", "PYTHONDONTWRITEBYTECODE")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(dropped)}
    command = [sys.executable, "-m", "bench.first", name]
    environment = kept | {"PYTHONPYCACHEPREFIX": bytecode}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600)
    if done.returncode:
        raise RuntimeError(f"bench.first {name} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
