"""How all tests run: double precision, strict promotion, two devices on one CPU, warnings as errors."""

import os

# JAX reads these once, when it is first imported, so they stand before any import of it.
os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
os.environ["XLA_FLAGS"] = " ".join(
    [os.environ.get("XLA_FLAGS", ""), "--xla_force_host_platform_device_count=2"]
).strip()
os.environ["MPLBACKEND"] = "Agg"

import numpy as np
import pytest


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    """Both real precisions: a state must leave a solve in the precision it came in."""
    return np.dtype(request.param)


@pytest.fixture
def complex_dtype(dtype):
    """The complex partner of `dtype`."""
    return np.dtype({"float32": "complex64", "float64": "complex128"}[dtype.name])
