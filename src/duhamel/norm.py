"""How errors are measured against the tolerances."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.equation import Equation
from duhamel.linear.base import real_dtype

__all__ = ["Tolerance", "finite", "scaled_norm"]


class Tolerance(NamedTuple):
    """What an error may be: atol + rtol·|u|. Methods that iterate stop by it."""

    rtol: Any
    atol: Any

    def measure(self, eq: Equation, error: PyTree, size: tuple[PyTree, ...]) -> Array:
        """‖error‖ in units of the tolerance; at most 1 is good enough. `size` holds the states u."""
        return scaled_norm(eq, (error,), size, self.rtol, self.atol)[0]


def scaled_norm(
    eq: Equation, errors: tuple[PyTree, ...], size: tuple[PyTree, ...], rtol: Any, atol: Any
) -> list[Array]:
    """‖e‖ in units of the tolerance for each of `errors`, real scalars; at most 1 is good enough.

    Plain states: root mean square over all entries of |eᵢ|/(atol + rtol·max|uᵢ|), with tolerances that are
    numbers or pytrees like the state. Spectral states: the largest over the fields of ‖e‖/(atol + rtol·‖u‖)
    with the root mean square over space, computed by Parseval from the coefficients. `size` holds the states
    u.
    """
    if eq.codec is None:
        return [_entrywise(error, size, rtol, atol) for error in errors]
    dtype = real_dtype(size[0])
    # One reduction for all states: each costs as much to compile as a stage.
    squares = eq.codec.mean_square(jnp.stack([*errors, *size]))
    lengths = jnp.sqrt(squares)
    scale = jnp.max(lengths[len(errors) :], axis=0)
    wanted = jnp.asarray(atol).astype(dtype) + jnp.asarray(rtol).astype(dtype) * scale
    return [jnp.max(lengths[i] / wanted) for i in range(len(errors))]


def _entrywise(error: PyTree, size: tuple[PyTree, ...], rtol: Any, atol: Any) -> Array:
    def ratio(e: Array, r: Array, a: Array, *us: Array) -> tuple[Array, int]:
        magnitude = abs(us[0])
        for u in us[1:]:
            magnitude = jnp.maximum(magnitude, abs(u))
        scaled = abs(e) / (a.astype(magnitude.dtype) + r.astype(magnitude.dtype) * magnitude)
        return jnp.sum(scaled * scaled), e.size

    leaves, structure = jax.tree.flatten(error)
    parts = [
        ratio(*row)
        for row in zip(
            leaves,
            _like(rtol, structure),
            _like(atol, structure),
            *[jax.tree.leaves(u) for u in size],
            strict=True,
        )
    ]
    total = sum(p[0].astype(real_dtype(error)) for p in parts[1:]) + parts[0][0].astype(real_dtype(error))
    return jnp.sqrt(total / sum(p[1] for p in parts))


def finite(eq: Equation, u: PyTree) -> Array:
    """Whether every entry of a state is finite; for spectral states by their mean square."""
    if eq.codec is not None:
        return jnp.all(jnp.isfinite(eq.codec.mean_square(u)))
    checks = [jnp.all(jnp.isfinite(v)) for v in jax.tree.leaves(u)]
    return jnp.all(jnp.stack(checks)) if len(checks) > 1 else checks[0]


def _like(tolerance: Any, structure: Any) -> list[Array]:
    """One tolerance per leaf: the same number for all, or a pytree like the state."""
    leaves = [jnp.asarray(v) for v in jax.tree.leaves(tolerance)]
    return leaves * structure.num_leaves if len(leaves) == 1 else leaves
