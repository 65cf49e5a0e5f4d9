"""The default method of an equation, with the reason in words.

What the work–precision studies (`duhamel compare`, docs/methods.md, docs/ks-families.md) taught: a linear
part that is known is worth an exponential method; a small system without one may be stiff unseen, and
watching for it costs a few per cent; a large one is explicit unless its user knows better.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from duhamel.equation import Equation, Nonlinear
from duhamel.errors import InputError
from duhamel.methods.base import Method, State
from duhamel.methods.explicit import RK4, Tsit5
from duhamel.methods.exponential import ETD54, ETDRK4
from duhamel.methods.imex import ARK54, ARS443
from duhamel.methods.splitting import Strang
from duhamel.methods.stiff import Auto, Rodas5P

__all__ = ["choose"]

# Made once: a method has no numbers of its own, and a call of solve should not spend its time here.
_TSIT5, _RK4, _ETD54, _ETDRK4, _STRANG = Tsit5(), RK4(), ETD54(), ETDRK4(), Strang()
_AUTO, _RODAS5P, _ARK54, _ARS443 = Auto(), Rodas5P(), ARK54(), ARS443()
# Up to so many unknowns a Jacobian costs next to nothing, neither to compile nor to factorise.
_FEW = 32
_REMEMBERED = 64
_known: dict[Any, bool] = {}


def choose(eq: Equation, u: State, args: Any, adaptive: bool) -> tuple[Method, str]:
    """A method for the structure of `eq` and a state like `u`, and why."""
    few = sum(np.size(leaf) for leaf in jax.tree.leaves(u)) <= _FEW
    if eq.mass is not None:
        return _RODAS5P, "a mass matrix: implicit of Rosenbrock type, order 5, stiff order 4"
    stiff = any(isinstance(part, Nonlinear) and part.stiff for part in eq.parts)
    if stiff:
        return _declared_stiff(eq, few, adaptive)
    if not eq.linear:
        return _plain(eq, u, args, few, adaptive)
    return _linear(eq, adaptive)


def _declared_stiff(eq: Equation, few: bool, adaptive: bool) -> tuple[Method, str]:
    if few or len(eq.parts) == 1:
        return _RODAS5P, "declared stiff: implicit of Rosenbrock type, order 5"
    why = "a part is declared stiff and is taken implicitly, the rest explicitly"
    return (_ARK54, f"{why}: order 5, adaptive") if adaptive else (_ARS443, f"{why}: order 3")


def _plain(eq: Equation, u: State, args: Any, few: bool, adaptive: bool) -> tuple[Method, str]:
    why = "no linear part is declared, so nothing can be treated exactly"
    if not adaptive:
        return _RK4, f"{why}: explicit, order 4"
    if few and _has_derivatives(eq, u, args):
        return _AUTO, f"{why}: explicit, order 5, and implicit wherever few unknowns turn out to be stiff"
    return _TSIT5, f"{why}: explicit, order 5, adaptive"


def _linear(eq: Equation, adaptive: bool) -> tuple[Method, str]:
    parts = len(eq.linear)
    if parts == 1:
        why = "a linear part with cheap φ-functions is advanced exactly, however stiff"
        if adaptive:
            return _ETD54, f"{why}: exponential, order 5, stiff order 5, adaptive"
        return _ETDRK4, f"{why}: exponential, order 4"
    if adaptive:
        why = f"{parts} linear parts fit no exponential method"
        try:
            _ARK54.check(eq)
        except InputError:
            return _TSIT5, f"{why}: explicit, order 5; adaptive-strang would flow each of them exactly"
        return _ARK54, f"{why}: taken implicitly as one, the rest explicitly, order 5, adaptive"
    return _STRANG, f"{parts} linear parts: each flows exactly, composed symmetrically, order 2"


def _has_derivatives(eq: Equation, u: State, args: Any) -> bool:
    """Whether JAX can differentiate the right-hand side (it cannot look into callbacks, for instance). The
    answer is remembered, since asking traces the function."""
    leaves, treedef = jax.tree.flatten((eq, u, args))
    key = (treedef, tuple((np.shape(v), v.dtype) if hasattr(v, "dtype") else _plain_key(v) for v in leaves))
    try:
        if key not in _known:
            if len(_known) >= _REMEMBERED:
                _known.clear()
            _known[key] = _differentiable(eq, u, args)
        return _known[key]
    except TypeError:  # something in the equation has no hash
        return _differentiable(eq, u, args)


def _plain_key(leaf: Any) -> Any:
    return type(leaf) if isinstance(leaf, int | float | complex) else leaf


def _differentiable(eq: Equation, u: State, args: Any) -> bool:
    zero = jnp.zeros((), jax.tree.leaves(u)[0].real.dtype)
    try:
        jax.eval_shape(lambda v: jax.jvp(lambda w: eq.rhs(zero, w, args), (v,), (v,)), u)
    except Exception:
        return False  # what is wrong with f itself is reported where it is used
    return True
