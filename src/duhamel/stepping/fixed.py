"""Equal steps."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jax.core import Tracer

from duhamel.errors import InputError

__all__ = ["Fixed"]


class Fixed(eqx.Module):
    """Steps of length dt, or slightly shorter: each stretch between two times that must be met (the
    saved ones and the last) is divided into equal steps, so that no sliver is left over.

    `dt` > 0, in units of time; changing it does not recompile.
    """

    dt: Any = eqx.field(converter=lambda v: v if isinstance(v, jax.Array) else np.asarray(v, dtype=float))

    def __check_init__(self) -> None:
        if isinstance(self.dt, Tracer):
            return
        if self.dt.ndim or not self.dt > 0 or not np.isfinite(self.dt):
            raise InputError(f"the step dt must be a positive number, got {self.dt}.")
