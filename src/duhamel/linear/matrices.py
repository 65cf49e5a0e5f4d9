"""Operators that couple entries: a small matrix per wavenumber, or one matrix for all."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import lu_factor, lu_solve
from jaxtyping import Array

from duhamel.coefficients import phi_matrix
from duhamel.errors import InputError
from duhamel.linear.base import Operator, State, Weight, as_number, cast_weight, real_state_error, scaled

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
        system = self._system(shift)
        dtype = np.result_type(system.dtype, v.dtype)
        right = jnp.moveaxis(v, 0, -1)[..., None].astype(dtype)
        return jnp.moveaxis(jnp.linalg.solve(system.astype(dtype), right)[..., 0], -1, 0).astype(v.dtype)

    def factored(self, shift: Array) -> Array:
        """The inverse block of every mode."""
        return jnp.moveaxis(jnp.linalg.inv(self._system(shift)), (-2, -1), (0, 1))

    def solve_factored(self, factors: Array, shift: Array, v: State) -> State:
        del shift
        return _product(cast_weight(factors, v), v)

    def _system(self, shift: Array) -> Array:
        return _shifted(jnp.moveaxis(self.blocks, (0, 1), (-2, -1)), shift)

    def phi(self, kmax: int, h: Array) -> Weight:
        matrices = jnp.moveaxis(self.blocks, (0, 1), (-2, -1))
        arguments = scaled(h.reshape(-1, *[1] * matrices.ndim), matrices)
        values = jnp.stack(phi_matrix(kmax, arguments), axis=1)
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
        return self.solve_factored(self.factored(shift), shift, v)

    def factored(self, shift: Array) -> tuple[Array, Array]:
        """The LU factors of I − shift·L and their row exchanges."""
        return lu_factor(_shifted(self.matrix, shift))

    def solve_factored(self, factors: tuple[Array, Array], shift: Array, v: State) -> State:
        del shift
        dtype = factors[0].dtype
        if jnp.iscomplexobj(v) and not jnp.iscomplexobj(factors[0]):
            both = lu_solve(factors, jnp.stack([v.real, v.imag], axis=1).astype(dtype))
            return jax.lax.complex(both[:, 0], both[:, 1]).astype(v.dtype)
        return lu_solve(factors, v.astype(dtype)).astype(v.dtype)

    def phi(self, kmax: int, h: Array) -> Weight:
        return jnp.stack(phi_matrix(kmax, scaled(h[:, None, None], self.matrix)), axis=1)

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


def _shifted(matrices: Array, shift: Array) -> Array:
    """I − shift·L in full precision, whatever the state's."""
    dtype = np.promote_types(matrices.dtype, jnp.result_type(float))
    one = jnp.eye(matrices.shape[-1], dtype=dtype)
    return one - jnp.asarray(shift).astype(dtype) * matrices.astype(dtype)


def _product(blocks: Array, u: Array) -> Array:
    """Σⱼ blocks[i, j] uⱼ as unrolled sums: entrywise operations that fuse with their neighbours."""
    blocks = blocks.astype(u.dtype)
    n = blocks.shape[0]
    return jnp.stack([sum((blocks[i, j] * u[j] for j in range(1, n)), blocks[i, 0] * u[0]) for i in range(n)])


def _matmul(matrix: Array, u: Array) -> Array:
    return matrix.astype(u.dtype) @ u
