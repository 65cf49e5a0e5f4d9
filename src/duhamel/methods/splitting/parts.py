"""How one part flows, over real and over complex times."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from duhamel.equation import Equation, Linear, Nonlinear
from duhamel.linear import Operator
from duhamel.linear.base import cast_weight
from duhamel.methods.base import State, precise
from duhamel.methods.explicit import ExplicitRungeKutta
from duhamel.methods.explicit.stepper import one_step
from duhamel.methods.splitting.affine import AffineFlow, times_h
from duhamel.methods.splitting.continuation import continued
from duhamel.methods.splitting.sequence import Fraction

__all__ = ["Complex", "costs", "flow", "prepared", "weights"]

Part = Linear | Nonlinear


class Complex(NamedTuple):
    """re + i·im, whose halves are pytrees alike; im is None where there is none.

    i is the unit of complex steps: the entries of both halves may be complex numbers of their own, such as
    Fourier coefficients.
    """

    re: Any
    im: Any


def prepared(part: Part) -> tuple[Operator, int] | None:
    """The operator whose functions the flow of a part needs, and up to which φ."""
    if isinstance(part, Linear):
        return part.operator, 0
    if isinstance(part.flow, AffineFlow):
        return part.flow.operator, 2
    return None


def costs(part: Part, inner: ExplicitRungeKutta) -> int:
    """Evaluations of a nonlinear part for one of its flows; an exact flow counts as one."""
    if isinstance(part, Linear) or prepared(part) is not None:
        return 0
    return inner.stages if part.flow is None else 1


def weights(part: Part, fractions: tuple[Fraction, ...], h: Array, u: State) -> Complex | None:
    """φ₀, hφ₁, … of γhL for each of the fractions γ, with leading axes (fractions, kmax + 1), in the
    precision of u."""
    needs = prepared(part)
    if needs is None:
        return None
    operator, kmax = needs
    real = jnp.asarray([f.real for f in fractions], h.dtype) * h
    if not any(isinstance(f, complex) for f in fractions):
        return Complex(cast_weight(times_h(real, operator.phi(kmax, real)), u), None)
    imag = jnp.asarray([f.imag for f in fractions], h.dtype) * h

    def functions(times: Array) -> PyTree[Array]:
        return times_h(times, operator.phi(kmax, times))

    ahead = functions(jax.lax.complex(real, imag))
    shapes = jax.eval_shape(lambda: operator.phi(0, real))
    if any(jnp.issubdtype(leaf.dtype, jnp.complexfloating) for leaf in jax.tree.leaves(shapes)):
        # The unit of the step and that of the operator are two things: f(γ) and f(γ̄) tell them apart.
        back = functions(jax.lax.complex(real, -imag))
        re = jax.tree.map(lambda a, b: (a + b) * 0.5, ahead, back)
        im = jax.tree.map(lambda a, b: (a - b) * (-0.5j), ahead, back)
    else:
        re, im = jax.tree.map(jnp.real, ahead), jax.tree.map(jnp.imag, ahead)
    return Complex(cast_weight(re, u), cast_weight(im, u))


def flow(
    part: Part,
    inner: ExplicitRungeKutta,
    weight: Complex | None,
    t: Complex,
    h: Complex,
    u: Complex,
    args: Any,
) -> Complex:
    """The part alone for a time h from t. `weight`: the functions of hL, of shape (kmax + 1, …)."""

    def run(weight: Any, t: Array, h: Array, u: State) -> State:
        if isinstance(part, Linear):
            return part.operator.act(jax.tree.map(lambda w: w[0], weight), u)
        if isinstance(part.flow, AffineFlow):
            return part.flow.act(weight, t, h, u, args)
        if part.flow is not None:
            return part.flow(precise(t, u), precise(h, u), u, args)
        return one_step(inner, Equation((part,)), t, h, u, args)

    given = (Complex(None, None) if weight is None else weight, t, h, u)
    re, im = tuple(v.re for v in given), tuple(v.im for v in given)
    if all(v is None for v in im):
        return Complex(run(*re), None)
    return Complex(*continued(run, re, im, _name(part)))


def _name(part: Part) -> str:
    return "the part " + str(Equation((part,))).removeprefix("du/dt = ")
