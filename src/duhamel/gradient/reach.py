"""Which numbers a function passes derivatives on from, and where to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.extend.core
import jax.numpy as jnp

__all__ = ["is_smooth", "reach"]


def is_smooth(v: Any) -> bool:
    """Whether derivatives with respect to a number or array exist."""
    return jnp.issubdtype(jnp.result_type(v), jnp.inexact)


def reach(function: Callable[..., list[Any]], inputs: Sequence[Any]) -> list[set[int]]:
    """For each result of `function(*inputs)`, the inputs whose tangents it may depend on.

    Read off the program of the tangents, where JAX has left out what is zero.
    """
    smooth = [i for i, v in enumerate(inputs) if is_smooth(v)]
    results: list[int] = []
    total = [0]

    def tangents(*dots: Any) -> list[Any]:
        def of(*moving: Any) -> list[Any]:
            filled = list(inputs)
            for i, v in zip(smooth, moving, strict=True):
                filled[i] = v
            out = function(*filled)
            total[0] = len(out)
            results[:] = [k for k, v in enumerate(out) if is_smooth(v)]
            return [out[k] for k in results]

        return jax.jvp(of, [inputs[i] for i in smooth], list(dots))[1]

    program = jax.make_jaxpr(tangents)(*[inputs[i] for i in smooth]).jaxpr
    sources: dict[Any, set[int]] = {v: {i} for i, v in zip(smooth, program.invars, strict=True)}
    for equation in program.eqns:
        found = set[int]().union(*[sources.get(v, set()) for v in equation.invars if _is_variable(v)])
        if found:
            sources.update(dict.fromkeys(equation.outvars, found))
    out: list[set[int]] = [set() for _ in range(total[0])]
    for k, v in zip(results, program.outvars, strict=True):
        out[k] = sources.get(v, set()) if _is_variable(v) else set()
    return out


def _is_variable(v: Any) -> bool:
    return not isinstance(v, jax.extend.core.Literal)
