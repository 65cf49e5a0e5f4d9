"""What the names of a text stand for, and what to say when one stands for nothing."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from duhamel.errors import EquationError
from duhamel.pde.algebra import Coord, Field, Grid, Param, Poly, Time, constant, single
from duhamel.pde.calculus import differentiate
from duhamel.pde.syntax import Name, Node, Statement

__all__ = ["AXES", "FUNCTIONS", "OPERATORS", "RESERVED", "Scope", "split_name"]

AXES = "xyz"
FUNCTIONS = {
    "sin": 1, "cos": 1, "tan": 1, "asin": 1, "acos": 1, "atan": 1, "sinh": 1, "cosh": 1, "tanh": 1, "sech": 1,
    "exp": 1, "log": 1, "sqrt": 1, "abs": 1, "sign": 1, "real": 1, "imag": 1, "conj": 1, "min": 2, "max": 2,
}  # fmt: skip
OPERATORS = ("dx", "dy", "dz", "lap", "grad2", "inv_lap")
RESERVED = {"x", "y", "z", "t", "i", "pi", *FUNCTIONS, *OPERATORS}

_SPACE = {1: "one dimension (x)", 2: "two dimensions (x, y)", 3: "three dimensions (x, y, z)"}


def split_name(name: str) -> tuple[str, str]:
    """`u_xx` → ("u", "xx"); ("u_xx", "") if what follows the last underscore is not made of x, y, z, t."""
    base, underscore, letters = name.rpartition("_")
    if underscore and base and letters and set(letters) <= set("xyzt"):
        return base, letters
    return name, ""


@dataclass
class Scope:
    """The names known while one text is read.

    `parameters` maps a name to what it is: "number", "complex", "grid" or "complex grid"; `expand` turns the
    right side of a definition into a polynomial. `used` collects the parameters that occur.
    """

    text: str
    ndim: int
    fields: tuple[str, ...]
    definitions: dict[str, Statement]
    parameters: dict[str, str]
    complex: bool
    time: bool = True
    used: set[str] = field(default_factory=set)
    open: list[str] = field(default_factory=list)
    done: dict[str, Poly] = field(default_factory=dict)

    def error(self, reason: str, node: Node | Statement, shift: int = 0) -> EquationError:
        """An error that points at a node."""
        return EquationError(reason, self.text, node.position + shift)

    def resolve(self, node: Name, expand: Callable[[Node, Scope], Poly], left: bool = False) -> Poly:
        """The polynomial that a name stands for."""
        whole = self._whole(node, expand)
        if whole is not None:
            return whole
        base, letters = split_name(node.name)
        known = (
            base in self.fields or base in self.definitions or self.parameters.get(base, "").endswith("grid")
        )
        if not letters or not known:
            self._unknown(node)
        self._check_letters(node, base, letters, left)
        orders = (letters.count("x"), letters.count("y"), letters.count("z"))
        if "t" in letters:
            return single(Field(base, orders, rate=True))
        inner = self._whole(Name(base, node.position), expand)
        assert inner is not None
        return differentiate(inner, orders)

    def _whole(self, node: Name, expand: Callable[[Node, Scope], Poly]) -> Poly | None:
        name = node.name
        if name in self.parameters:
            self.used.add(name)
            kind = self.parameters[name]
            atom = Grid if kind.endswith("grid") else Param
            return single(atom(name, kind.startswith("complex")))
        if name in self.definitions:
            return self._definition(node, expand)
        if name in self.fields:
            return single(Field(name))
        if name == "pi":
            return constant(3.141592653589793)
        if name == "i":
            return constant(1j)
        if name == "t" and self.time:
            return single(Time())
        if name in ("x", "y", "z"):
            self.axis(node, name)
            return single(Coord(AXES.index(name)))
        return None

    def axis(self, node: Node, letter: str, shift: int = 0) -> int:
        """The number of an axis, or an error if this space has none of that name."""
        axis = AXES.index(letter)
        if axis >= self.ndim:
            raise self.error(f"this space has {_SPACE[self.ndim]}; there is no {letter} here.", node, shift)
        return axis

    def _definition(self, node: Name, expand: Callable[[Node, Scope], Poly]) -> Poly:
        name = node.name
        if name in self.done:
            return self.done[name]
        if name in self.open:
            chain = " → ".join([*self.open[self.open.index(name) :], name])
            raise self.error(f"the definition of {name} leads back to itself: {chain}.", node)
        self.open.append(name)
        self.done[name] = expand(self.definitions[name].right, self)
        self.open.pop()
        return self.done[name]

    def _check_letters(self, node: Name, base: str, letters: str, left: bool) -> None:
        shift = len(base) + 1
        for place, letter in enumerate(letters):
            if letter != "t":
                self.axis(node, letter, shift + place)
        if "t" not in letters:
            return
        if letters.count("t") > 1 and base in self.fields:
            raise self.error(second_order(base), node, shift)
        if not left:
            raise self.error(
                f"{node.name}: a time derivative stands left of '=' only, once in each equation.", node, shift
            )

    def _unknown(self, node: Name) -> NoReturn:
        base, letters = split_name(node.name)
        known = [*self.fields, *self.definitions, *self.parameters]
        builtin = ["pi", *(["t"] if self.time else []), *AXES[: self.ndim]]
        near = difflib.get_close_matches(node.name, [*known, *builtin], 1, 0.6)
        if not near and letters:
            near = [f"{match}_{letters}" for match in difflib.get_close_matches(base, known, 1, 0.6)]
        hint = f" Did you mean {near[0]}?" if near else ""
        if node.name in FUNCTIONS or node.name in OPERATORS:
            raise self.error(f"{node.name} is a function: write {node.name}(…).", node)
        if node.name in self.fields or not self.fields:
            give = "" if self.fields else f" If it is a parameter, give its value: {node.name}=…"
        else:
            give = (
                f" A parameter needs a value ({base}=…), a field an equation ({base}_t = …), "
                f"a short name a definition ({base} = …)."
            )
        raise self.error(f"unknown name {node.name!r}.{hint} Known: {self._known()}.{give}", node)

    def _known(self) -> str:
        groups = [
            ("fields", self.fields), ("definitions", self.definitions), ("parameters", self.parameters),
        ]  # fmt: skip
        listed = [f"{title} {', '.join(names)}" for title, names in groups if names]
        coordinates = ", ".join([*AXES[: self.ndim], *(["t"] if self.time else [])])
        return "; ".join([*listed, f"coordinates {coordinates}"])


def second_order(name: str) -> str:
    """What to write instead of a second time derivative."""
    return (
        f"{name}_tt: equations are of first order in time. Write a system with the velocity as a field, "
        f"for example {name}_t = {name}dot; {name}dot_t = …"
    )
