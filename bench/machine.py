"""What was measured on: processor, cores, system, versions of everything that took part."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["describe", "sentence"]

PACKAGES = ("duhamel", "jax", "jaxlib", "numpy", "diffrax", "exponax", "rkstiff", "py-pde", "numba", "scipy")


def describe() -> dict[str, str]:
    """Machine and versions, one text each."""
    facts = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "cpu": _cpu(),
        "cores": _cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load at start": f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown",
    }
    return facts | {name: found for name in PACKAGES if (found := _version(name))}


def sentence(facts: dict[str, str]) -> str:
    """One line for under a table."""
    versions = ", ".join(f"{name} {facts[name]}" for name in ("python", *PACKAGES) if name in facts)
    return (
        f"Measured {facts['date']} on {facts['cpu']}, {facts['cores']} cores, {facts['system']}, "
        f"load {facts['load at start']} before it began; {versions}."
    )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        if name == "duhamel":  # run from the sources, not installed
            import duhamel

            return duhamel.__version__
        return None


def _cores() -> str:
    """How many cores there are, and how many of them this process may use if that is fewer."""
    every = os.cpu_count() or 1
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else every
    return str(every) if mine == every else f"{mine} of {every}"


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
