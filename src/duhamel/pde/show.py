"""What an equation says of itself: what became L, what became N, and how N is evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass

from duhamel.pde.algebra import Poly
from duhamel.pde.calculus import count_operations
from duhamel.pde.plan import Plan, make_plan
from duhamel.pde.render import render
from duhamel.pde.split import System, linear_terms

__all__ = ["About", "Counts"]


@dataclass(frozen=True)
class Counts:
    """Work of one evaluation of N, as typed and as evaluated: scalar transforms, operations a grid point."""

    transforms_typed: int
    transforms: int
    operations_typed: int
    operations: int


@dataclass(frozen=True)
class About:
    """The description of an equation; hashable and free of parameter values.

    `text`, `fields`, `parameters` (names); `linear`, `nonlinear`, `evaluated`: text by field; `counts`;
    `complex`; `dealias`; `points`. `str` shows all of it.
    """

    system: System
    plan: Plan
    dealias: bool
    points: tuple[int, ...]

    @property
    def text(self) -> str:
        """The equation as it was typed."""
        return self.system.text

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields, in the order of the state."""
        return self.system.fields

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters."""
        return tuple(name for name, _ in self.system.parameters)

    @property
    def complex(self) -> bool:
        """Whether the fields are complex."""
        return self.system.complex

    @property
    def linear(self) -> dict[str, str]:
        """L of each field as text; "0" if there is none."""
        return self._by_field(self.system.linear)

    @property
    def nonlinear(self) -> dict[str, str]:
        """N of each field as text, as typed once definitions are seen through; "0" if there is none."""
        return self._by_field(self.system.rest)

    @property
    def evaluated(self) -> dict[str, str]:
        """N of each field in the form in which it is evaluated."""
        return self._by_field(self.plan.rest)

    @property
    def left(self) -> dict[str, str]:
        """What stands left of `=` for each field."""
        return {
            name: f"{name}_t" if poly is None else render(poly, self.system.ndim)
            for name, poly in zip(self.fields, self.system.left, strict=True)
        }

    @property
    def coupled(self) -> bool:
        """Whether L couples fields: one matrix a wavenumber instead of one number a field."""
        pairs = zip(self.fields, self.system.linear, strict=True)
        return any(field.name != name for name, poly in pairs for field, _ in linear_terms(poly))

    @property
    def counts(self) -> Counts:
        """Work before and after simplification."""
        typed = make_plan(self.fields, self.system.rest, None)
        naive = sum(len(_transformed(poly)) for poly in self.system.rest) + sum(map(bool, self.system.rest))
        return Counts(
            transforms_typed=max(naive, typed.transforms),
            transforms=self.plan.transforms,
            operations_typed=self.system.operations,
            operations=sum(count_operations(slot) for slot in self.plan.slots),
        )

    def _by_field(self, polys: tuple[Poly, ...]) -> dict[str, str]:
        return {name: render(poly, self.system.ndim) for name, poly in zip(self.fields, polys, strict=True)}

    def __str__(self) -> str:
        statements = [re.sub(r"\s+", " ", part).strip() for part in re.split(r"[;\n]", self.text)]
        lines = [part for part in statements if part]
        kind = "one matrix per wavenumber" if self.coupled else "diagonal per wavenumber"
        several = len(self.fields) > 1
        for name in self.fields:
            where = f"({name})" if several else ""
            if self.linear[name] != "0":
                lines.append(f"  L{where}: {self.linear[name]}   ({kind})")
            if self.nonlinear[name] != "0":
                lines.append(f"  N{where}: {self.nonlinear[name]}")
                if self.evaluated[name] != self.nonlinear[name]:
                    lines.append(f"     evaluated as {self.evaluated[name]}")
        if any(poly is not None for poly in self.system.left):
            lines.append("  both divided by the symbol of the left side")
        if self.plan.transforms:
            rule = "2/3 dealiasing" if self.dealias else "no dealiasing"
            lines.append(f"  {self.plan.transforms} transforms for each evaluation of N, {rule}")
        return "\n".join(lines)


def _transformed(poly: Poly) -> set[str]:
    """Derivatives of fields that occur in a polynomial, wherever they stand."""
    return set(re.findall(r"Field\(name='[^']*', orders=\([^)]*\), inverse=\d+", repr(poly)))
