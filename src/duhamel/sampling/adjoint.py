"""Gradients through a plan by its discrete adjoint: one reverse pass per network evaluation, states kept,
stored in part, or made again.

    x̄_{i−k} += x[i,k] x̄_{i+1},    m̄_{i−k} += m[i,k] x̄_{i+1},    x̄_i += s_i Jᵀ m̄_i,    θ̄ += (∂m_i/∂θ)ᵀ m̄_i

It is the exact gradient of what `sample` computes, not of an equation that it approximates: equal to
backpropagation through `sample(grad=True)` to round-off, which however keeps the network's activations of
every row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duhamel.errors import InputError
from duhamel.sampling.arrays import kind_of
from duhamel.sampling.guidance import bound
from duhamel.sampling.inversion import depth
from duhamel.sampling.table import Plan

__all__ = ["differentiable"]

Array = Any

MEMORIES = ("all", "sqrt", "constant")


def differentiable(
    model: Any, x: Array, plan: Plan, *, memory: str = "sqrt", wrt: Sequence[Any] = (), noise: Any = None
) -> Array:
    """`sample(model, x, plan)`, differentiable with little memory; a drop-in in a loss.

    `memory` besides one evaluation's activations: "all", the states of all n rows (2 evaluations a row:
    forward, and with its reverse pass); "sqrt", about 2√n of them (3 evaluations a row); "constant", the
    last two, the others made again by undoing the rows: plans that `invert` can undo only, as BDIA's (γ
    near 1). JAX: gradients reach x and all that the model closes over. PyTorch: x, the model's
    `parameters()`, and the tensors in `wrt` (conditioning, weights of a plain function). A model with a
    memory (momentum of guidance) is differentiated through it, except with "constant": a memory cannot be
    undone. Hooks and callbacks: use `sample(grad=True)`. Raises `InputError`. Compare 2307.10711
    (AdjointDPM), which solves the continuous adjoint backwards.
    """
    if memory not in MEMORIES:
        raise InputError(f"memory={memory!r}: use 'all', 'sqrt' or 'constant'")
    if memory == "constant" and depth(plan) != 1:
        raise InputError(
            f"{plan!r} cannot be undone from its end, so constant memory has nothing to stand on: "
            "use memory='sqrt', or the rule 'bdia'"
        )
    if plan.stochastic and noise is None:
        raise InputError("this plan adds noise: give noise=, so that rows that are made again are the same")
    if memory == "constant" and hasattr(bound(model, plan), "memory"):
        raise InputError(
            "a model with a memory (momentum) cannot be run backwards: use memory='sqrt', or momentum 0"
        )
    kind = kind_of(x)
    if kind == "jax":
        from duhamel.sampling.adjoint_jax import differentiable as found

        return found(model, x, plan, memory, noise)
    if kind == "torch":
        from duhamel.sampling.adjoint_torch import differentiable as found

        return found(model, x, plan, memory, tuple(wrt), noise)
    raise InputError("NumPy has no derivatives: pass arrays of PyTorch or JAX")
