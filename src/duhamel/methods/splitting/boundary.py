"""Splittings that keep their order where a boundary condition does not fit a part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.equation import Equation, Linear, Nonlinear
from duhamel.errors import InputError
from duhamel.methods.base import State
from duhamel.methods.splitting.affine import Affine, Source, affine, source_of

__all__ = ["boundary_corrected"]


class Corrected(eqx.Module):
    """N(t, u) − q(t)."""

    f: Callable[..., Any]
    correction: Source

    def __call__(self, t: Array, u: State, args: Any) -> State:
        return jax.tree.map(jnp.subtract, self.f(t, u, args), self.correction(t, args))


def boundary_corrected(
    linear: Linear | Nonlinear, nonlinear: Any, correction: Any, flow: Callable[..., Any] | None = None
) -> Equation:
    """du/dt = [L u + g + q] + [N(t, u) − q]: the same equation, split so that N − q vanishes on the boundary.

    Where u is prescribed and N(u) is not zero there, N moves u off its boundary value and L has to bring it
    back: Strang falls to order 1 in the largest error, 1.25 in L² and 1.5 in L¹. With a smooth q that equals
    N(b) on the boundary, b being the boundary values, order 2 is back (Einkemmer & Ostermann, SIAM J. Sci.
    Comput. 37 (2015), A1577–A1592). A convenient q is the harmonic extension of N(b) into the domain: in one
    dimension the straight line between its two values.

    linear       `Linear(operator)`, or `duhamel.affine(operator, g)` if boundary values enter as a source g
    nonlinear    `Nonlinear(f)` or f(t, u, args)
    correction   q: a state, or a function of (t, args), in the form of the solver's state
    flow         the exact flow of N − q, where it is known; otherwise an inner method integrates it

    Cost: that of the splitting, and two more functions of hL. Raises `InputError` for other parts.
    """
    q = source_of(correction)
    if isinstance(linear, Linear):
        first = affine(linear.operator, q)
    elif isinstance(linear, Nonlinear) and isinstance(linear.f, Affine):
        first = affine(linear.f.operator, linear.f.source.plus(q))
    else:
        raise InputError(
            "boundary_corrected takes dh.Linear(operator) or dh.affine(operator, source) first, got "
            f"{type(linear).__name__}."
        )
    part = nonlinear if isinstance(nonlinear, Nonlinear) else Nonlinear(nonlinear)
    second = Nonlinear(Corrected(part.f, q), flow=flow, jacobian=part.jacobian, stiff=part.stiff)
    return Equation((first, second))
