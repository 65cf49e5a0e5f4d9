"""Values of a block of samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array

__all__ = ["Block", "Lane", "Rule", "names", "single", "spread"]


class Lane(NamedTuple):
    """A value of one sample; where `many` holds, an array with one more axis, the last, over the samples."""

    value: Any
    many: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        shape = jnp.shape(self.value)
        return shape[:-1] if self.many else shape

    @property
    def dtype(self) -> Any:
        return jax.typeof(self.value).dtype

    @property
    def like(self) -> jax.ShapeDtypeStruct:
        """What one sample looks like."""
        weak = getattr(jax.typeof(self.value), "weak_type", False)
        return jax.ShapeDtypeStruct(self.shape, self.dtype, weak_type=weak)


class Block(Protocol):
    """What rules need to know of a block of samples; see `Lanes`."""

    @property
    def axis(self) -> str: ...
    @property
    def size(self) -> int: ...
    @property
    def always(self) -> Any: ...
    def run(self, program: Any, inputs: Sequence[Lane]) -> list[Lane]: ...
    def spread(self, program: Any, inputs: Sequence[Lane], flags: Sequence[bool]) -> list[Any]: ...
    def flags(self, program: Any, flags: Sequence[bool]) -> list[bool]: ...
    def lifted(self, function: Callable[..., list[Any]], inputs: Sequence[Lane]) -> list[Lane]: ...


# Carries out one equation of a program; None where it has no way, and vmap must do it.
Rule = Callable[[Block, Any, list[Lane]], "list[Lane] | None"]


def names(text: str) -> frozenset[str]:
    """Primitives by their names, so that nothing private of JAX is imported."""
    return frozenset(text.split())


def single(eqn: Any) -> Callable[..., list[Any]]:
    """An equation of a program as a function of its operands."""

    def call(*values: Any) -> list[Any]:
        results = eqn.primitive.bind(*values, **eqn.primitive.get_bind_params(eqn.params))
        return list(results) if eqn.primitive.multiple_results else [results]

    return call


def spread(lane: Lane, size: int, shape: tuple[int, ...] | None = None) -> Array:
    """The array with a sample axis of this size; a mere number for each sample is repeated to `shape`."""
    own = lane.shape
    shape = own if shape is None else shape
    if lane.many and own == shape:
        return lane.value
    axes = tuple(range(len(own)))
    return lax.broadcast_in_dim(lane.value, (*shape, size), (*axes, len(shape)) if lane.many else axes)
