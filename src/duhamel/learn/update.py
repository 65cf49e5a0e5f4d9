"""The compiled parts of training: one update, and the loss without one."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array

from duhamel.errors import InputError

__all__ = ["State", "begin", "evaluate", "takes_step", "trained", "update"]


class State(NamedTuple):
    """All that changes from one update to the next: the trained arrays, those of the best model so far, what
    the optimiser remembers."""

    weights: Any
    best: Any
    memory: Any


def trained(leaf: Any) -> bool:
    """Whether a leaf of a model is trained: JAX arrays of real or complex numbers are; NumPy arrays, Python
    numbers and integers are constants."""
    return isinstance(leaf, jax.Array) and eqx.is_inexact_array(leaf)


def begin(weights: Any, optimiser: optax.GradientTransformation) -> State:
    """The state before the first update. Weak types are made strong, so that nothing compiles twice."""
    weights = jax.tree.map(lambda v: jnp.asarray(v, v.dtype), weights)
    with jax.numpy_dtype_promotion("standard"):
        memory = optimiser.init(weights)
    return State(weights, weights, memory)


def takes_step(loss: Callable[..., Any]) -> bool:
    """Whether a loss has a parameter named `step`."""
    try:
        return "step" in inspect.signature(loss).parameters
    except (TypeError, ValueError):  # some callables have no signature
        return False


@eqx.filter_jit
def update(
    weights: Any,
    memory: Any,
    rest: Any,
    data: Any,
    rows: Any,
    key: Array,
    step: Any,
    loss: Callable[..., Any],
    optimiser: optax.GradientTransformation,
) -> tuple[Any, Any, Array, dict[str, Array], Array]:
    """Weights and memory after an update; the loss before it, what it logged, and whether loss and gradient
    were finite."""
    batch = data if rows is None else jax.tree.map(lambda v: jnp.asarray(v)[rows], data)

    def value(w: Any) -> tuple[Array, dict[str, Array]]:
        return _called(loss, eqx.combine(w, rest), batch, key, step)

    (found, logged), slope = jax.value_and_grad(value, has_aux=True)(weights)
    # JAX gives the conjugate of the direction in which a complex number should move.
    slope = jax.tree.map(jnp.conj, slope)
    finite = jnp.isfinite(found)
    for v in jax.tree.leaves(slope):
        finite = finite & jnp.all(jnp.isfinite(v))
    # Optax mixes precisions freely.
    with jax.numpy_dtype_promotion("standard"):
        extra = {"value": found, "grad": slope, "value_fn": lambda w: value(w)[0]}
        move = optax.with_extra_args_support(optimiser).update
        change, new = move(slope, memory, weights, **extra)
        moved = optax.apply_updates(weights, change)
        new = jax.tree.map(lambda a, b: jnp.asarray(a).astype(jnp.asarray(b).dtype), new, memory)
    return moved, new, found, logged, finite


@eqx.filter_jit
def evaluate(
    weights: Any, rest: Any, data: Any, key: Array, step: Any, loss: Callable[..., Any]
) -> tuple[Array, dict[str, Array]]:
    """The loss of all rows of `data` and what it logs."""
    return _called(loss, eqx.combine(weights, rest), data, key, step)


def _called(
    loss: Callable[..., Any], model: Any, batch: Any, key: Array, step: Array
) -> tuple[Array, dict[str, Array]]:
    out = loss(model, batch, key, step=step) if takes_step(loss) else loss(model, batch, key)
    value, logged = out if isinstance(out, tuple) else (out, {})
    value = jnp.asarray(value)
    if value.shape or not jnp.issubdtype(value.dtype, jnp.floating):
        raise InputError(
            f"a loss returns one real number, or it and a dict of numbers to log; got {value.dtype} of shape "
            f"{value.shape}. Take the mean over the batch, and the square of absolute values."
        )
    if not isinstance(logged, dict) or any(jnp.ndim(v) for v in logged.values()):
        raise InputError("what a loss logs is a dict of single numbers: {'accuracy': …}.")
    return value, {name: jax.lax.stop_gradient(jnp.asarray(v)) for name, v in logged.items()}
