"""Physical fields written as Fourier modes, and back."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from duhamel.equation import Codec
from duhamel.errors import InputError
from duhamel.pde.initial import field_from_text
from duhamel.spaces import Fourier, Layout

__all__ = ["FourierCodec"]


class FourierCodec(Codec):
    """One stacked spectrum (fields, *modes) for one or several periodic fields.

    `encode` takes an array on the grid, a function of the coordinates, or text; for a system a dict of these,
    one a field. The state is complex64 if every array given is single precision (text and functions
    adapt), else
    complex128 (with JAX in 64-bit mode). `decode` gives one array (*shape), or for a system a dict.
    Errors: `InputError` for a wrong shape, values that are not finite, missing or unknown fields, complex
    values for a real field.
    """

    fields: tuple[str, ...] = eqx.field(static=True)
    layout: Layout = eqx.field(static=True)
    space: Fourier
    parameters: dict[str, Any]

    def encode(self, u0: Any) -> jax.Array:
        """The spectrum of an initial state, shape (fields, *modes)."""
        values = [
            self._field(name, given) for name, given in zip(self.fields, self._by_field(u0), strict=True)
        ]
        single = all(_single(v) for v in values if _fixed_precision(v)) and any(map(_fixed_precision, values))
        real = jnp.float32 if single or not jax.config.read("jax_enable_x64") else jnp.float64
        dtype = np.dtype(
            real if self.layout.real else (jnp.complex64 if real == jnp.float32 else jnp.complex128)
        )
        plain = [v.values if isinstance(v, _Evaluated) else v for v in values]
        if any(isinstance(v, Tracer) for v in plain):
            return self.layout.to_modes(jnp.stack([_convert(v, dtype) for v in plain]))
        modes = self.layout.to_modes_host(np.stack([np.asarray(v).astype(dtype) for v in plain]))
        return jnp.asarray(modes.astype(np.complex64 if real == jnp.float32 else np.complex128))

    def decode(self, state: jax.Array) -> Any:
        """Physical values of one state: an array, or a dict for a system."""
        values = self.layout.to_grid(state)
        if len(self.fields) == 1:
            return values[0]
        return {name: values[index] for index, name in enumerate(self.fields)}

    def mean_square(self, state: jax.Array) -> jax.Array:
        """Mean over space of |u|² for each field, shape (fields,)."""
        return self.layout.mean_square(state)

    def project(self, state: jax.Array) -> jax.Array:
        """The state with round-off removed that no real field can have."""
        return self.layout.symmetrised(state)

    def _by_field(self, u0: Any) -> list[Any]:
        names = ", ".join(self.fields)
        if not isinstance(u0, Mapping):
            if len(self.fields) > 1:
                example = ", ".join(f'"{name}": …' for name in self.fields)
                raise InputError(
                    f"the initial state of a system is given by name, {{{example}}}; got {_what(u0)}."
                )
            return [u0]
        for name in u0:
            if name not in self.fields:
                near = difflib.get_close_matches(str(name), self.fields, 1, 0.5)
                hint = f" Did you mean {near[0]}?" if near else ""
                raise InputError(f"the initial state has a field {name!r}; the equation has {names}.{hint}")
        missing = [name for name in self.fields if name not in u0]
        if missing:
            raise InputError(f"the initial state lacks {', '.join(missing)}; the equation has {names}.")
        return [u0[name] for name in self.fields]

    def _field(self, name: str, given: Any) -> Any:
        if isinstance(given, str):
            value: Any = _Evaluated(field_from_text(given, self.space, self.parameters))
        elif callable(given):
            value = _Evaluated(self._called(name, given))
        else:
            value = _array(name, given)
        plain = value.values if isinstance(value, _Evaluated) else value
        self._check(name, plain, given)
        return value

    def _called(self, name: str, function: Any) -> Any:
        value = function(*self.space.grid)
        return self._spread(name, value if isinstance(value, jax.Array) else np.asarray(value))

    def _spread(self, name: str, value: Any) -> Any:
        try:
            xp = jnp if isinstance(value, Tracer) else np
            return xp.broadcast_to(value, self.space.shape)
        except ValueError:
            raise InputError(
                f"the function given for {name} returned shape {value.shape}; the grid is {self.space.shape}."
            ) from None

    def _check(self, name: str, value: Any, given: Any) -> None:
        if value.shape != self.space.shape:
            raise InputError(_shape_message(name, value.shape, self.space.shape))
        if self.layout.real and jnp.issubdtype(value.dtype, jnp.complexfloating):
            raise InputError(
                f"the initial state of {name} is complex, but the equation is real "
                "(no i, conj, real or imag in it)."
            )
        if isinstance(value, Tracer):
            return
        bad = ~np.isfinite(np.asarray(value))
        if bad.any():
            place = tuple(int(n) for n in np.argwhere(bad)[0])
            at = place[0] if len(place) == 1 else place
            source = f" ({given!r})" if isinstance(given, str) else ""
            what = "NaN" if np.isnan(np.asarray(value)[place]) else "infinity"
            raise InputError(
                f"the initial state of {name}{source} has {what} at index {at}, {bad.sum()} in all."
            )


class _Evaluated:
    """Values computed from text or a function: they take the precision of the others."""

    def __init__(self, values: Any):
        self.values = values


def _fixed_precision(value: Any) -> bool:
    return not isinstance(value, _Evaluated)


def _single(value: Any) -> bool:
    return value.dtype in (jnp.float32, jnp.complex64)


def _array(name: str, given: Any) -> Any:
    if isinstance(given, Tracer):
        return given
    try:
        value = np.asarray(given)
    except (TypeError, ValueError):
        value = np.asarray(None)
    if not np.issubdtype(value.dtype, np.number) and value.dtype != bool:
        raise InputError(
            f"the initial state of {name} must be an array, a function of the coordinates or text; "
            f"got {_what(given)}."
        )
    return value


def _convert(value: Any, dtype: np.dtype) -> jax.Array:
    value = jnp.asarray(value)
    if jnp.issubdtype(dtype, jnp.complexfloating) and not jnp.iscomplexobj(value):
        real = jnp.float32 if dtype == jnp.complex64 else jnp.float64
        return jax.lax.complex(value.astype(real), jnp.zeros(value.shape, real))
    return value.astype(dtype)


def _shape_message(name: str, given: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    if len(wanted) == len(given) == 1:
        points = f"the space has {wanted[0]} points, this has {given[0]}"
        return f"the initial state of {name} does not fit: {points}."
    return f"the initial state of {name} does not fit: the space has the shape {wanted}, this has {given}."


def _what(given: Any) -> str:
    shape = getattr(given, "shape", None)
    return type(given).__name__ if shape is None else f"an array of shape {tuple(shape)}"
