"""A state as one real vector, and back."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from duhamel.linear.base import real_dtype

__all__ = ["length", "pack", "unpack"]


def pack(u: PyTree[Array]) -> Array:
    """All entries of a state in the order of its leaves, as one real vector of shape (n,).

    A complex leaf contributes its real parts and then its imaginary parts.
    """
    dtype = real_dtype(u)
    parts = []
    for leaf in jax.tree.leaves(u):
        flat = leaf.reshape(-1)
        parts += [flat.real, flat.imag] if jnp.iscomplexobj(flat) else [flat]
    return parts[0].astype(dtype) if len(parts) == 1 else jnp.concatenate([p.astype(dtype) for p in parts])


def unpack(x: Array, like: PyTree[Any]) -> PyTree[Array]:
    """The state of the structure, shapes and dtypes of `like` whose packed form is x."""
    leaves, treedef = jax.tree.flatten(like)
    place, states = 0, []
    for leaf in leaves:
        size = int(np.prod(leaf.shape, dtype=int))
        flat = x if size == x.shape[0] else x[place : place + size]
        place += size
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            flat = jax.lax.complex(flat, x[place : place + size])
            place += size
        states.append(flat.reshape(leaf.shape).astype(leaf.dtype))
    return jax.tree.unflatten(treedef, states)


def length(u: PyTree[Any]) -> int:
    """The number of entries of a packed state."""
    return sum(
        int(np.prod(v.shape, dtype=int)) * (2 if jnp.issubdtype(v.dtype, jnp.complexfloating) else 1)
        for v in jax.tree.leaves(u)
    )
