"""Text as a field: initial states, evaluated in double precision on the host."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from duhamel.pde.meaning import meaning
from duhamel.pde.parser import parse_expression
from duhamel.pde.scope import Scope
from duhamel.pde.syntax import applied_in, names_in
from duhamel.pde.values import Fixed, parameter_kinds, parameter_values
from duhamel.spaces import Fourier

__all__ = ["field_from_text"]


def field_from_text(text: str, space: Fourier, parameters: dict[str, Any] | None = None) -> Any:
    """The values on the grid of an expression in the coordinates and parameters: "cos(x/16)*(1+sin(x/16))".

    The grammar is that of equations, without fields and time. Returns float64, or complex128 if `i` occurs;
    a JAX array if a parameter or the length is traced. Errors: `EquationError` with the place.
    """
    parameters = parameters or {}
    tree = parse_expression(text)
    kinds = dict(parameter_kinds(parameters, space))
    names = [name.name for name in names_in(tree)]
    is_complex = "i" in names or bool({"conj", "real", "imag"} & set(applied_in(tree)))
    is_complex = is_complex or any(kinds.get(name, "").startswith("complex") for name in names)
    scope = Scope(text, space.ndim, (), {}, kinds, is_complex, time=False)
    value = Fixed(space, parameter_values(parameters))(meaning(tree, scope))
    if isinstance(value, np.ndarray | np.generic | float | complex | int):
        return np.array(np.broadcast_to(np.asarray(value), space.shape))
    return jnp.broadcast_to(value, space.shape)
