"""Derivatives of functions of arrays, by PyTorch or JAX, whichever the array belongs to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from duhamel.errors import InputError
from duhamel.sampling.arrays import kind_of

__all__ = ["gradient", "pushed"]

Array = Any


def gradient(f: Callable[[Array], tuple[Array, Any]], x: Array) -> tuple[Array, Any]:
    """∇ₓ Σ_b f(x)_b and what else f gave; f returns (one value per sample, anything). One reverse pass."""
    kind = kind_of(x)
    if kind == "jax":
        import jax

        def summed(x: Array) -> tuple[Array, Any]:
            value, other = f(x)
            return value.sum(), other

        return jax.grad(summed, has_aux=True)(x)
    if kind == "torch":
        import torch

        outside = torch.is_grad_enabled()
        with torch.enable_grad():
            inner = x if outside and x.requires_grad else x.detach().requires_grad_()
            value, other = f(inner)
            (slope,) = torch.autograd.grad(value.sum(), inner, create_graph=outside)
        return slope, other if outside else other.detach()
    raise InputError("NumPy has no derivatives: give gradient=, or pass arrays of PyTorch or JAX")


def pushed(f: Callable[[Array], Array], x: Array, directions: Array) -> tuple[Array, Array]:
    """f(x) and J v for every direction v, shape (directions, *x.shape). The network is evaluated once;
    PyTorch then makes one reverse pass each, giving Jᵀ v: traces do not tell the two apart."""
    kind = kind_of(x)
    if kind == "jax":
        import jax

        value, push = jax.linearize(f, x)
        return value, jax.vmap(push)(directions)
    if kind == "torch":
        import torch

        outside = torch.is_grad_enabled()
        with torch.enable_grad():
            inner = x if outside and x.requires_grad else x.detach().requires_grad_()
            value = f(inner)
            found = torch.stack(
                [
                    torch.autograd.grad(value, inner, v, retain_graph=True, create_graph=outside)[0]
                    for v in directions
                ]
            )
        return (value, found) if outside else (value.detach(), found)
    raise InputError("NumPy has no derivatives: give trace= as a function, or pass arrays of PyTorch or JAX")
