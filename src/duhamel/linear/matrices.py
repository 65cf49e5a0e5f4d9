"""Operators that couple entries: a small matrix per wavenumber, or one matrix for all."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Array

from duhamel.coefficients import phi_matrix
from duhamel.errors import InputError
from duhamel.linear.base import Operator, State, Weight, as_number, cast_weight, real_state_error

__all__ = ["BlockDiagonal", "Dense"]


class BlockDiagonal(Operator):
    """A matrix per mode: (L u)ᵢ = Σⱼ blocks[i, j] uⱼ, each product entry by entry over the remaining axes.

    `blocks` has shape (fields, fields, *modes), the state (fields, *modes). This is the form of a linear
    system of constant-coefficient PDEs in Fourier space. Cost of a weight: fields³ per mode and doubling.
    """

    blocks: Array = eqx.field(converter=lambda v: as_number(v, "blocks"))

    def apply(self, u: State) -> State:
        return _product(cast_weight(self.blocks, u), u)

    def solve(self, shift: Array, v: State) -> State:
        n = self.blocks.shape[0]
        matrices = jnp.moveaxis(self.blocks, (0, 1), (-2, -1))
        system = jnp.eye(n, dtype=matrices.dtype) - jnp.asarray(shift).astype(matrices.dtype) * matrices
        dtype = np.result_type(system.dtype, v.dtype)
        right = jnp.moveaxis(v, 0, -1)[..., None].astype(dtype)
        return jnp.moveaxis(jnp.linalg.solve(system.astype(dtype), right)[..., 0], -1, 0).astype(v.dtype)

    def phi(self, kmax: int, h: Array) -> Weight:
        matrices = jnp.moveaxis(self.blocks, (0, 1), (-2, -1))
        scaled = h.astype(matrices.dtype).reshape(-1, *[1] * matrices.ndim) * matrices
        values = jnp.stack(phi_matrix(kmax, scaled), axis=1)
        return jnp.moveaxis(values, (-2, -1), (2, 3))

    def act(self, weight: Weight, v: State) -> State:
        return _product(weight, v)

    def check(self, u: State) -> None:
        n = self.blocks.shape[0]
        if self.blocks.ndim < 2 or self.blocks.shape[1] != n:
            raise InputError(f"BlockDiagonal takes blocks of shape (n, n, *modes), got {self.blocks.shape}.")
        if getattr(u, "shape", None) != (n, *self.blocks.shape[2:]):
            raise InputError(
                f"BlockDiagonal of shape {self.blocks.shape} acts on one array of shape "
                f"{(n, *self.blocks.shape[2:])}, "
                f"the state is {getattr(u, 'shape', type(u).__name__)}."
            )
        if jnp.iscomplexobj(self.blocks) and not jnp.iscomplexobj(u):
            raise real_state_error("BlockDiagonal")


class Dense(Operator):
    """L u = matrix @ u for a one-dimensional state of n entries.

    Cost: n² per application, n³ per weight and per `solve`. For n up to a few hundred.
    """

    matrix: Array = eqx.field(converter=lambda v: as_number(v, "matrix"))

    def apply(self, u: State) -> State:
        return _matmul(cast_weight(self.matrix, u), u)

    def solve(self, shift: Array, v: State) -> State:
        n = self.matrix.shape[0]
        system = (
            jnp.eye(n, dtype=self.matrix.dtype) - jnp.asarray(shift).astype(self.matrix.dtype) * self.matrix
        )
        dtype = np.result_type(system.dtype, v.dtype)
        return lu_solve(lu_factor(system.astype(dtype)), v.astype(dtype)).astype(v.dtype)

    def phi(self, kmax: int, h: Array) -> Weight:
        scaled = h.astype(self.matrix.dtype)[:, None, None] * self.matrix
        return jnp.stack(phi_matrix(kmax, scaled), axis=1)

    def act(self, weight: Weight, v: State) -> State:
        return _matmul(weight, v)

    def check(self, u: State) -> None:
        shape = self.matrix.shape
        if len(shape) != 2 or shape[0] != shape[1]:
            raise InputError(f"Dense takes a square matrix, got shape {shape}.")
        if getattr(u, "shape", None) != shape[:1]:
            raise InputError(
                f"Dense with a {shape[0]}×{shape[0]} matrix acts on one array of {shape[0]} entries, "
                f"the state is {getattr(u, 'shape', type(u).__name__)}."
            )
        if jnp.iscomplexobj(self.matrix) and not jnp.iscomplexobj(u):
            raise real_state_error("Dense")


def _product(blocks: Array, u: Array) -> Array:
    """Σⱼ blocks[i, j] uⱼ as unrolled sums: entrywise operations that fuse with their neighbours."""
    blocks = blocks.astype(u.dtype)
    n = blocks.shape[0]
    return jnp.stack([sum((blocks[i, j] * u[j] for j in range(1, n)), blocks[i, 0] * u[0]) for i in range(n)])


def _matmul(matrix: Array, u: Array) -> Array:
    return matrix.astype(u.dtype) @ u
