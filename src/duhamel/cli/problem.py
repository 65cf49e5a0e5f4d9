"""From a `Spec` to what `march` takes: equation, initial state, method, steps."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from duhamel.cli.files import is_file, read_fields
from duhamel.cli.keys import near
from duhamel.cli.numbers import number
from duhamel.cli.spec import Spec
from duhamel.errors import InputError


@dataclass(frozen=True)
class Problem:
    """What is solved, ready for `march`, and how its states are called: axes of space or components."""

    equation: Any
    u0: Any
    args: Any
    method: Any
    step: Any
    save: Any
    coords: Mapping[str, np.ndarray]
    labels: tuple[str, ...]
    attrs: dict[str, Any]


def build(spec: Spec) -> Problem:
    """Set up the run; ``InputError`` for an unknown method, field or parameter, or a bad initial state."""
    import jax

    from duhamel.observe import Save
    from duhamel.stepping import Adaptive, Fixed

    jax.config.update("jax_enable_x64", True)
    method = _method(spec)
    step: Any = Fixed(dt=cast("Any", spec.dt)) if spec.dt is not None else Adaptive(**_tolerances(spec))
    made = _ode(spec) if spec.is_ode else _pde(spec)
    return Problem(method=method, step=step, save=Save(every=spec.every), **made)


def _tolerances(spec: Spec) -> dict[str, float]:
    given = {"rtol": spec.rtol, "atol": spec.atol}
    return {key: value for key, value in given.items() if value is not None}


def _method(spec: Spec) -> Any:
    """An instance of the method called so; None if the choice is the library's."""
    from duhamel.methods import METHODS

    if not spec.method:
        return None
    if spec.method not in METHODS:
        raise InputError(
            f"There is no method {spec.method!r}{near(spec.method, METHODS)} See: duhamel list methods."
        )
    method = METHODS[spec.method]()
    if spec.dt is None and not method.adaptive:
        able = ", ".join(name for name, known in METHODS.items() if known.adaptive)
        raise InputError(
            f"{spec.method!r} cannot choose its steps: give --dt, or a method that can ({able})."
        )
    return method


def _pde(spec: Spec) -> dict[str, Any]:
    from duhamel.pde import pde
    from duhamel.spaces import Fourier

    length = tuple(number(value) if isinstance(value, str) else float(value) for value in spec.length)
    origin = tuple(number(value) if isinstance(value, str) else float(value) for value in spec.origin)
    space = Fourier(spec.points, length=length, origin=origin or 0.0)
    equation = pde(spec.equation, space, dealias=spec.dealias, **spec.parameters)
    codec: Any = equation.codec
    fields: tuple[str, ...] = tuple(codec.fields)
    attrs = {"equation": spec.equation, "parts": str(equation), "space": _space_text(spec), **_physics(spec)}
    return {
        "equation": equation,
        "u0": _initial(spec, fields, space, equation),
        "args": None,
        "coords": {name: np.asarray(values) for name, values in space.coords.items()},
        "labels": fields,
        "attrs": attrs,
    }


def _initial(spec: Spec, fields: tuple[str, ...], space: Any, equation: Any) -> Any:
    """The state on the grid, in the precision asked for: an array, or a dict of arrays by field."""
    texts = spec.initial
    if isinstance(texts, str) and not is_file(texts) and len(fields) > 1:
        raise InputError(
            f"The equation has the fields {', '.join(fields)}: give '{fields[0]} = ...; {fields[1]} = ...'."
        )
    if isinstance(texts, str):
        texts = dict.fromkeys(fields, texts)
    for name in texts:
        if name not in fields:
            raise InputError(
                f"The equation has no field {name!r}{near(name, fields)} It has: {', '.join(fields)}."
            )
    for name in fields:
        if name not in texts:
            raise InputError(f"The initial state of the field {name!r} is missing: --initial '{name} = ...'.")
    given: dict[str, Any] = {}
    for name, text in texts.items():
        if not is_file(text):
            given[name] = text
            continue
        lone = isinstance(spec.initial, str)
        held = read_fields(text, fields if lone else (name,), space.shape)
        if name not in held:
            raise InputError(f"{text!r} holds no field {name!r}; it has {', '.join(held)}.")
        given[name] = held[name]
    in_precision = {name: _in_precision(value, spec.precision, equation) for name, value in given.items()}
    return in_precision if len(in_precision) > 1 else next(iter(in_precision.values()))


def _in_precision(given: Any, precision: int, equation: Any) -> Any:
    """An array in the wanted precision; text stays text where it would be evaluated in that one anyway."""
    from duhamel.pde import field_from_text

    if isinstance(given, str):
        if precision == 64:
            return given
        given = np.asarray(field_from_text(given, equation.codec.space, equation.codec.parameters))
    kinds = {32: (np.float32, np.complex64), 64: (np.float64, np.complex128)}[precision]
    return given.astype(kinds[np.iscomplexobj(given)])


def _ode(spec: Spec) -> dict[str, Any]:
    from duhamel.pde import catalogue

    entry = catalogue.get(spec.equation)
    assert isinstance(entry, catalogue.OdeEntry)
    real = np.float32 if spec.precision == 32 else np.float64
    parameters = {name: np.asarray(value, dtype=real) for name, value in spec.parameters.items()}
    attrs = {"equation": (inspect.getdoc(entry.f) or entry.name).splitlines()[0], "space": "none (an ODE)"}
    return {
        "equation": entry.f,
        "u0": _components(spec, entry.labels).astype(real),
        "args": parameters,
        "coords": {},
        "labels": entry.labels,
        "attrs": {**attrs, "parts": "N: the whole right-hand side", **_physics(spec)},
    }


def _components(spec: Spec, labels: tuple[str, ...]) -> np.ndarray:
    """Initial values ``(d,)`` in the order of the labels; typed by name, or all of them with commas."""
    if isinstance(spec.initial, str):
        values = [number(part) for part in spec.initial.split(",")]
        if len(values) != len(labels):
            raise InputError(
                f"{spec.equation!r} has {len(labels)} components, but --initial has {len(values)} values."
            )
        return np.array(values)
    for name in spec.initial:
        if name not in labels:
            raise InputError(
                f"{spec.equation!r} has no component {name!r}{near(name, labels)} "
                f"It has: {', '.join(labels)}."
            )
    return np.array([number(spec.initial[label]) for label in labels])


def _physics(spec: Spec) -> dict[str, str]:
    from duhamel.pde import catalogue

    entry = catalogue.EQUATIONS.get(spec.name)
    return {"physics": entry.physics, "reference": entry.reference} if entry is not None else {}


def _space_text(spec: Spec) -> str:
    points = " × ".join(str(count) for count in spec.points)
    lengths = " × ".join(value if isinstance(value, str) else f"{value:g}" for value in spec.length)
    origin = f", origin {', '.join(str(value) for value in spec.origin)}" if spec.origin else ""
    rule = ", 2/3 dealiasing" if spec.dealias else ", no dealiasing"
    return f"Fourier, {points} points on a periodic box of length {lengths}{origin}{rule}"
