"""Settings of JAX that a library of numerical methods needs, made before JAX starts and without importing
it."""

from __future__ import annotations

import os
import sys

__all__ = ["prepare"]

# Loops that touch less memory than this per turn are compiled into one kernel instead of being dispatched
# operation by operation: a small ODE then runs at the speed of compiled C. Larger loops are not affected; a
# threshold of 4 MiB serves batches, but halves the speed of explicit methods on grids of 10⁴ points.
_SMALL_LOOP = "xla_cpu_small_while_loop_byte_threshold=262144"


def prepare() -> None:
    """Switch on 64-bit numbers and single-kernel loops, unless the environment already decides about them."""
    if "JAX_ENABLE_X64" not in os.environ:
        if "jax" in sys.modules:
            sys.modules["jax"].config.update("jax_enable_x64", True)
        else:
            os.environ["JAX_ENABLE_X64"] = "1"
    flags = os.environ.get("XLA_FLAGS", "")
    if "xla_backend_extra_options" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_backend_extra_options={_SMALL_LOOP}".strip()
