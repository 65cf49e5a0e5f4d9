"""A function with everything it has closed over as arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax.core import eval_jaxpr

__all__ = ["opened"]


def opened(function: Callable[..., Any], *args: Any) -> tuple[Callable[..., Any], list[Any], Any]:
    """A function of the arrays that `function` has closed over, followed by the leaves of its arguments, to
    the leaves of its result; those arrays; the shapes of its result.

    Only what is an argument can be differentiated, or used outside of the trace it was made in.
    """
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*args)
    return (
        lambda *values: eval_jaxpr(closed.jaxpr, values[: len(closed.consts)], *values[len(closed.consts) :]),
        closed.consts,
        shape,
    )
