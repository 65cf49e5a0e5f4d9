"""`pde`: an equation from text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from duhamel.equation import Equation
from duhamel.errors import InputError
from duhamel.pde.algebra import Poly
from duhamel.pde.build import Builder, leaf
from duhamel.pde.codec import FourierCodec
from duhamel.pde.plan import Plan, make_plan
from duhamel.pde.rewrite import rewrite
from duhamel.pde.show import About
from duhamel.pde.split import System, analyse
from duhamel.pde.values import Fixed, parameter_kinds, parameter_values
from duhamel.spaces import Fourier

__all__ = ["pde"]


def pde(text: str, space: Fourier, *, dealias: bool = True, **parameters: Any) -> Equation:
    """An equation typed as text, on a periodic space.

        pde("u_t = -u_xx - u_xxxx - u*u_x", Fourier(256, length=32*pi))
        pde("w_t = nu*lap(w) - p_y*w_x + p_x*w_y; p = -inv_lap(w)", Fourier((128, 128)), nu=1e-3)

    One field or a system, with definitions, separated by `;` or new lines. Linear terms with constant
    coefficients become L (one symbol a wavenumber, or one matrix where fields are coupled), the rest N,
    evaluated on the grid. `print` of the result shows both. Left of `=` stands `u_t`, or a linear operator
    on it (`u_t - u_xxt`), by whose symbol both L and N are divided.

    Derivatives: `u_x`, `u_xxy`, `dx(…)`, `dy`, `dz`, `lap`, `grad2` (|∇·|²), `inv_lap` (mean zero).
    Functions: sin cos tan asin acos atan sinh cosh tanh sech exp log sqrt abs sign min max real imag conj.
    Names: coordinates x y z, time t, pi, i. An equation is complex if `i`, conj, real or imag occurs, else
    real.

    Args:
        text: the equation.
        space: where it lives.
        dealias: drop the modes beyond (N-1)//3 of every product (2/3 rule: exact for products of two).
        parameters: by name: numbers, or arrays on the grid. New values do not compile anything anew.

    Errors: `EquationError` (with the place in the text) and `InputError`.
    """
    if not isinstance(text, str):
        raise InputError(f"the equation must be text; this is {type(text).__name__}.")
    if not isinstance(space, Fourier):
        raise InputError(f"the space must be a Fourier space; this is {type(space).__name__}.")
    kinds = parameter_kinds(parameters, space)
    system = analyse(text, space.ndim, kinds)
    plan = _plan(system, bool(dealias))
    retained = bool(dealias and plan.slots)
    layout = space.layout(real=not system.complex, retained=retained)
    values = parameter_values(parameters)
    builder = Builder(system, space, layout, Fixed(space, values))
    linear, nonlinear = builder.linear(), builder.nonlinear(plan)
    if linear is None and nonlinear is None:
        raise InputError("the right side is zero: nothing evolves.")
    codec = FourierCodec(system.fields, layout, space, {name: leaf(value) for name, value in values.items()})
    parts = tuple(part for part in (linear, nonlinear) if part is not None)
    return Equation(parts, codec, About(system, plan, bool(dealias), space.shape))


@lru_cache(maxsize=256)
def _plan(system: System, dealias: bool) -> Plan:
    """The cheapest plan known for N. Rewritten only if products are dealiased: then the forms are equal."""
    rest: tuple[Poly, ...] = system.rest
    if dealias:
        rest = rewrite(system.fields, rest, system.ndim)
    return make_plan(system.fields, rest, (system.key, dealias))
