"""Numbers put into a plan: operators, multipliers and sources for one space and one set of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from duhamel.equation import Linear, Nonlinear
from duhamel.errors import InputError
from duhamel.linear import BlockDiagonal, Diagonal
from duhamel.pde.algebra import Field, Form, Poly
from duhamel.pde.nonlinear import Pseudospectral, Weight, fixed_parts
from duhamel.pde.plan import Derivative, Plan
from duhamel.pde.render import render
from duhamel.pde.split import System, linear_terms
from duhamel.pde.symbol import Symbol, operator_symbol
from duhamel.pde.values import Fixed
from duhamel.spaces import Fourier, Layout

__all__ = ["Builder", "leaf"]


class Builder:
    """Builds L and N of a system on a space. `value` evaluates what depends on parameters and space alone."""

    def __init__(self, system: System, space: Fourier, layout: Layout, value: Fixed):
        self.system = system
        self.space = space
        self.layout = layout
        self.value = value
        self.left = [self._left(poly, name) for poly, name in zip(system.left, system.fields, strict=True)]

    def symbol(self, terms: Iterable[tuple[Derivative, Poly]]) -> Symbol:
        """The symbol of a linear operator on the stored modes."""
        return operator_symbol(terms, self.space, self.layout, self.value)

    def _left(self, poly: Poly | None, name: str) -> Symbol | None:
        """One over the symbol of the operator on the time derivative; None if it is one."""
        if poly is None:
            return None
        terms = [((field.orders, field.inverse), scalar) for field, scalar in linear_terms(poly)]
        return self.symbol(terms).inverse(f"the operator on {name}_t")

    def linear(self) -> Linear | None:
        """L, diagonal where no field acts on another; None if there are no linear terms."""
        blocks: dict[tuple[int, int], Symbol] = {}
        for row, poly in enumerate(self.system.linear):
            for field, scalar in linear_terms(poly):
                place = (row, self.system.fields.index(field.name))
                term = self.symbol([((field.orders, field.inverse), scalar)])
                blocks[place] = blocks[place] + term if place in blocks else term
        if not blocks:
            return None
        for (row, column), symbol in blocks.items():
            left = self.left[row]
            blocks[row, column] = symbol if left is None else symbol * left
        is_complex = any(symbol.im is not None for symbol in blocks.values())
        rows = range(len(self.system.fields))

        def entry(row: int, column: int) -> Any:
            return _full(blocks.get((row, column), Symbol()), self.layout.modes, is_complex)

        if all(row == column for row, column in blocks):
            return Linear(Diagonal(leaf(_stack([entry(row, row) for row in rows]))))
        return Linear(BlockDiagonal(leaf(_stack([_stack([entry(i, j) for j in rows]) for i in rows]))))

    def nonlinear(self, plan: Plan) -> Nonlinear | None:
        """N; None if there is nothing besides L."""
        if not plan.slots and not any(output.sources for output in plan.outputs):
            return None
        polys = [*plan.slots, *(op.of for level in plan.nested for op in level)]
        polys += [Poly(((time, 1.0),)) for output in plan.outputs for time, _ in output.sources]
        fixed = tuple(dict.fromkeys(part for poly in polys for part in fixed_parts(poly)))
        return Nonlinear(
            Pseudospectral(
                plan=plan,
                layout=self.layout,
                fixed=fixed,
                inputs=tuple(self._input(atom) for atom in plan.inputs),
                nested=tuple(
                    tuple(self._weight([((op.orders, op.inverse), _ONE)]) for op in level)
                    for level in plan.nested
                ),
                outputs=tuple(
                    tuple((slot, self._weight(terms, row)) for slot, terms in output.slots)
                    for row, output in enumerate(plan.outputs)
                ),
                statics=tuple(leaf(self._finite(poly)) for poly in fixed),
                sources=tuple(
                    tuple(self._source(poly, row) for _, poly in output.sources)
                    for row, output in enumerate(plan.outputs)
                ),
            )
        )

    def _input(self, atom: Field | Form) -> tuple[tuple[int, Weight], ...]:
        poly = atom.of if isinstance(atom, Form) else Poly(((((atom, 1),), 1.0),))
        by_field: dict[int, list[tuple[Derivative, Poly]]] = {}
        for field, scalar in linear_terms(poly):
            terms = by_field.setdefault(self.system.fields.index(field.name), [])
            terms.append(((field.orders, field.inverse), scalar))
        return tuple((index, self._weight(terms)) for index, terms in by_field.items())

    def _weight(self, terms: Iterable[tuple[Derivative, Poly]], row: int | None = None) -> Weight:
        terms = list(terms)
        left = None if row is None else self.left[row]
        if left is None and terms == [(((0, 0, 0), 0), _ONE)]:
            return Weight("unit", None)
        symbol = self.symbol(terms)
        symbol = symbol if left is None else symbol * left
        if symbol.kind == "zero":
            symbol = Symbol(0.0)
        return Weight(symbol.kind, leaf(symbol.values()))

    def _finite(self, poly: Poly) -> Any:
        """The value of a fixed part. Errors: `InputError` where it is not finite."""
        value = self.value(poly)
        if not isinstance(value, Tracer) and not np.all(np.isfinite(value)):
            text = render(poly, self.space.ndim)
            raise InputError(f"the part {text} of the equation is not finite everywhere on the grid.")
        return value

    def _source(self, poly: Poly, row: int) -> Any:
        """The modes of something fixed, divided by the operator on the time derivative."""
        value, layout, left = self._finite(poly), self.layout, self.left[row]
        traced = isinstance(value, jax.Array) or isinstance(self.space.length, Tracer)
        if traced:
            value = jnp.broadcast_to(jnp.asarray(value), layout.points)
            modes: Any = layout.to_modes(value)
        else:
            modes = layout.to_modes_host(np.broadcast_to(np.asarray(value), layout.points))
        if left is None:
            return leaf(modes)
        return Weight(left.kind, jnp.asarray(left.values()))(jnp.asarray(modes))


_ONE = Poly((((), 1.0),))


def _full(symbol: Symbol, modes: tuple[int, ...], is_complex: bool) -> Any:
    """The values of a symbol on every mode."""
    xp = jnp if any(isinstance(part, Tracer) for part in (symbol.re, symbol.im)) else np
    re = xp.broadcast_to(xp.asarray(0.0 if symbol.re is None else symbol.re), modes)
    if not is_complex:
        return re
    im = xp.broadcast_to(xp.asarray(0.0 if symbol.im is None else symbol.im), modes)
    return lax.complex(re, im) if xp is jnp else re + 1j * im


def _stack(arrays: list[Any]) -> Any:
    xp: Callable = jnp.stack if any(isinstance(a, Tracer) for a in arrays) else np.stack
    return xp(arrays)


def leaf(value: Any) -> Any:
    """An array of JAX; concrete even while an outer function is traced, so that it stays a constant there."""
    if isinstance(value, Tracer):
        return value
    with jax.ensure_compile_time_eval():
        return jnp.asarray(np.asarray(value))
