"""What a run is: one validated record, made of catalogue defaults, a TOML file and options, in that order."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from duhamel.cli.files import beside
from duhamel.cli.keys import as_table, check_keys, near
from duhamel.cli.numbers import number
from duhamel.cli.toml_text import to_toml
from duhamel.errors import InputError

_POINTS = {1: 256, 2: 128, 3: 64}
_SAVES = 200


@dataclass(frozen=True)
class Spec:
    """A run, complete: everything that its result depends on.

    ``equation`` is text, or the name of an ODE of the catalogue, which has no grid (``points`` and
    ``length`` empty). ``initial`` is text or a file for a single field, or one of these for each field;
    empty for an ODE: its own. Fixed steps have ``dt``; adaptive ones have ``rtol`` and ``atol``.  ``method``
    empty: the library chooses.
    """

    equation: str
    t1: float
    every: float
    name: str = ""
    points: tuple[int, ...] = ()
    length: tuple[float | str, ...] = ()
    origin: tuple[float | str, ...] = ()
    initial: str | Mapping[str, str] = field(default_factory=dict)
    t0: float = 0.0
    rtol: float | None = None
    atol: float | None = None
    dt: float | None = None
    method: str = ""
    precision: int = 64
    dealias: bool = True
    parameters: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_ode(self) -> bool:
        """Whether the equation is an ODE of the catalogue."""
        return "=" not in self.equation

    def to_toml(self) -> str:
        """The run as TOML; ``duhamel run`` of it repeats the run."""
        table = {key: value for key, value in vars(self).items() if value not in (None, "", (), {})}
        if self.is_ode:
            del table["dealias"]
        return to_toml(table)


def read_target(target: str) -> dict[str, Any]:
    """The table that TARGET stands for: that of a ``.toml`` file, or an equation or its name alone."""
    if not target.strip():
        raise InputError("The target is empty: give a name of the catalogue, an equation, or a .toml file.")
    if "=" in target or not target.endswith(".toml"):
        return {"equation": target}
    path = Path(target)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"There is no file {target!r}.") from None
    except (OSError, UnicodeDecodeError) as cause:
        raise InputError(f"The file {target!r} cannot be read: {cause}.") from None
    except tomllib.TOMLDecodeError as cause:
        raise InputError(f"{target!r} is not valid TOML: {cause}.") from None
    check_keys(table, path.name)
    if "equation" not in table:
        raise InputError(
            f"{path.name} has no key 'equation': an equation as text, or a name of the catalogue."
        )
    converted = as_table(table, path.name)
    if "initial" in converted:
        converted["initial"] = beside(converted["initial"], path.parent)
    return converted


def make(target: str, options: Mapping[str, Any]) -> Spec:
    """The run that TARGET and the options (as typed; None: not given) ask for.

    Raises ``InputError``: unknown keys and names (with near matches), wrong types, missing or impossible
    values.
    """
    given = as_table({key: value for key, value in options.items() if value is not None}, "", option=True)
    if "initial" in given:
        given["initial"] = beside(given["initial"], Path.cwd())
    table = _overlay(read_target(target), given)
    equation = str(table["equation"]).strip()
    if "=" not in equation:
        table = _overlay(_defaults(equation, table), {k: v for k, v in table.items() if k != "equation"})
    return _checked(table)


def _overlay(low: Mapping[str, Any], high: Mapping[str, Any]) -> dict[str, Any]:
    """``high`` over ``low``; parameters and fields merge by name, steps are either fixed or adaptive."""
    kept = dict(low)
    if "dt" in high:
        kept = {key: value for key, value in kept.items() if key not in ("rtol", "atol")}
    if "rtol" in high or "atol" in high:
        kept.pop("dt", None)
    merged = {**kept, **high}
    for key in ("parameters", "initial"):
        if isinstance(low.get(key), Mapping) and isinstance(high.get(key), Mapping):
            merged[key] = {**low[key], **high[key]}
    return merged


def _defaults(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """The catalogue's own table of the equation called ``name``."""
    from duhamel.pde import catalogue

    try:
        entry = catalogue.get(name)
    except InputError as cause:
        raise InputError(f"{cause} An equation as text reads like 'u_t = u_xx'.") from None
    for key in table.get("parameters", {}):
        if key not in entry.parameters:
            known = ", ".join(entry.parameters) or "none"
            raise InputError(
                f"{name!r} has no parameter {key!r}{near(key, entry.parameters)} It has: {known}."
            )
    floor = _single(table, 1e-5)
    common = {"name": name, "t1": entry.t1, "every": entry.every, "rtol": max(entry.rtol, floor)}
    common["parameters"] = dict(entry.parameters)
    if isinstance(entry, catalogue.OdeEntry):
        for key in ("points", "length", "origin", "dealias"):
            if key in table:
                raise InputError(f"{name!r} is an ODE: it has no grid, so '{key}' does not apply.")
        start = {label: repr(float(value)) for label, value in zip(entry.labels, entry.u0, strict=True)}
        return {**common, "equation": name, "atol": max(entry.atol, floor), "initial": start}
    grid = {
        "points": entry.points,
        "length": _plain(entry.length),
        "origin": _plain(entry.origin),
        "dealias": entry.dealias,
    }
    initial = dict(entry.initial)
    if len(initial) == 1 and isinstance(table.get("initial"), str):
        initial = {}
    return {**common, "equation": entry.text, **grid, "initial": initial}


def _checked(table: dict[str, Any]) -> Spec:
    if "dt" in table and ("rtol" in table or "atol" in table):
        raise InputError("Give either 'dt' (fixed steps) or 'rtol' and 'atol' (adaptive steps), not both.")
    if "t1" not in table:
        raise InputError("The end time is missing: give --t1, or 't1' in the file.")
    table.setdefault("t0", 0.0)
    _check_times(table)
    table.setdefault("every", (table["t1"] - table["t0"]) / _SAVES)
    _check_positive(table)
    if "dt" not in table:
        table.setdefault("rtol", max(1e-6, _single(table, 1e-5)))
    if "=" in table["equation"]:
        _complete_grid(table)
    return Spec(**table)


def _check_times(table: Mapping[str, Any]) -> None:
    t0, t1 = table["t0"], table["t1"]
    if not t1 > t0:
        raise InputError(f"The end time t1 = {t1:g} must be later than t0 = {t0:g}.")
    if "every" in table and not 0 < table["every"] <= (t1 - t0) * (1 + 1e-12):
        raise InputError(f"'every' = {table['every']:g} must be above 0 and at most t1 - t0 = {t1 - t0:g}.")
    if "dt" in table and not 0 < table["dt"] <= (t1 - t0) * (1 + 1e-12):
        raise InputError(f"'dt' = {table['dt']:g} must be above 0 and at most t1 - t0 = {t1 - t0:g}.")


def _check_positive(table: Mapping[str, Any]) -> None:
    if "rtol" in table and not 0 < table["rtol"] < 1:
        raise InputError(f"'rtol' = {table['rtol']:g} must lie between 0 and 1; 1e-6 is usual.")
    if table.get("rtol", 1.0) < _single(table, 1e-6):
        raise InputError(f"'rtol' = {table['rtol']:g} is below what 32 bits resolve; 1e-5 is usual there.")
    if "atol" in table and not table["atol"] >= 0:
        raise InputError(f"'atol' = {table['atol']:g} must not be negative; 1e-9 is usual.")
    if table.get("precision", 64) not in (32, 64):
        raise InputError(f"'precision' is 32 or 64, not {table['precision']}.")


def _plain(values: tuple[float | str, ...]) -> tuple[float | str, ...]:
    """Numbers as floats, arithmetic as it is."""
    return tuple(value if isinstance(value, str) else float(value) for value in values)


def _single(table: Mapping[str, Any], floor: float) -> float:
    """``floor`` in single precision, where rounding errors hide anything tighter; else 0."""
    return floor if table.get("precision") == 32 else 0.0


def _complete_grid(table: dict[str, Any]) -> None:
    """One count, length and origin for every axis; a single one serves all."""
    if "length" not in table:
        raise InputError("The size of the periodic box is missing: give --length, such as --length 2*pi.")
    if not table.get("initial"):
        raise InputError("The initial state is missing: give --initial, such as --initial 'cos(x)'.")
    counts = [len(table.get(key, ())) for key in ("points", "length", "origin")]
    axes = max(counts)
    if axes > 3:
        raise InputError(f"A box has one to three axes, not {axes}.")
    for key in ("points", "length", "origin"):
        values = tuple(table.get(key, ()))
        if key == "points" and not values:
            values = (_POINTS[axes],)
        if len(values) not in (0, 1, axes):
            raise InputError(
                f"'{key}' has {len(values)} values for {axes} axes; give one, or one for each axis."
            )
        table[key] = values * axes if len(values) == 1 else values
    for count in table["points"]:
        if count < 4 or count % 2:
            raise InputError(
                f"'points' must be even and at least 4, not {count}; try {max(4, count + count % 2)}."
            )
    for size in table["length"]:
        value = number(size) if isinstance(size, str) else float(size)
        if not value > 0:
            raise InputError(f"'length' must be positive, not {size}.")
