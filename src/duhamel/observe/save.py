"""What to keep of a run."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import numpy as np
from jax.core import Tracer

from duhamel.errors import InputError

__all__ = ["Save"]


class Save(eqx.Module):
    """Which states to keep; the default, `Save()`, keeps the state at t1 alone.

    `ts`: at these times, ascending. `every`: at t0, t0 + every, … and at t1. `steps=True`: after every
    accepted step, and at t0. `dense=True`: every step, and the solution can be called at any time in between:
    `sol(t)`. Explicit Runge–Kutta methods interpolate to the times asked for; all others place their steps so
    as to meet them.
    """

    ts: Any = eqx.field(default=None, converter=lambda v: _known(v))
    every: float | None = eqx.field(default=None, static=True)
    steps: bool = eqx.field(default=False, static=True)
    dense: bool = eqx.field(default=False, static=True)

    def __check_init__(self) -> None:
        chosen = [n for n in ("ts", "every") if getattr(self, n) is not None]
        chosen += [n for n in ("steps", "dense") if getattr(self, n)]
        if len(chosen) > 1:
            raise InputError(f"Save takes one of ts, every, steps, dense; got {' and '.join(chosen)}.")
        if self.every is not None and not (np.isfinite(self.every) and self.every > 0):
            raise InputError(f"Save(every=…) must be a positive time, got {self.every}.")
        if self.ts is not None and not isinstance(self.ts, Tracer):
            ts = np.asarray(self.ts)
            if ts.ndim != 1 or ts.size == 0 or not np.all(np.isfinite(ts)) or np.any(np.diff(ts) <= 0):
                raise InputError("Save(ts=…) takes a one-dimensional array of ascending, finite times.")

    @property
    def all_steps(self) -> bool:
        return self.steps or self.dense

    def times(self, t0: Any, t1: Any) -> Any:
        """The times to save at within [t0, t1], or None where they are not known in advance."""
        if self.every is not None:
            if isinstance(t0, Tracer) or isinstance(t1, Tracer):
                raise InputError(
                    "Save(every=…) inside jit needs t0 and t1 as plain numbers, since the number of saved "
                    "states follows from them. Use Save(ts=array) instead."
                )
            return _every(float(t0), float(t1), self.every)
        if self.ts is not None and not any(isinstance(v, Tracer) for v in (self.ts, t0, t1)):
            first, last = float(self.ts[0]), float(self.ts[-1])
            if first < float(t0) or last > float(t1):
                raise InputError(
                    f"Save(ts=…) spans {first:g} … {last:g}, but the run goes from {t0} to {t1}."
                )
        return self.ts


def _known(ts: Any) -> Any:
    """Times as a NumPy array, unless JAX is tracing them."""
    return ts if ts is None or isinstance(ts, Tracer) else np.asarray(ts, float)


def _every(t0: float, t1: float, every: float) -> np.ndarray:
    count = int(np.floor((t1 - t0) / every * (1 + 1e-12)))
    if count > 10_000_000:
        raise InputError(
            f"Save(every={every:g}) from {t0:g} to {t1:g} is {count} states: choose a larger interval."
        )
    ts = t0 + every * np.arange(count + 1)
    # The last multiple is t1 itself when it falls there up to round-off; otherwise t1 is added.
    if t1 - ts[-1] > 1e-9 * every:
        return np.append(ts, t1)
    ts[-1] = t1
    return ts
