"""Initial values that fulfil the algebraic equations of M du/dt = f(t, u) with a singular M."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, PyTree

from duhamel.compiled import compiled, is_traced
from duhamel.equation import Equation, as_equation
from duhamel.errors import InputError
from duhamel.jacobian import pack, unpack

__all__ = ["check_mass", "consistent"]

# Larger matrices are not searched for algebraic equations before a run: it would take longer than the run.
_SEARCHED = 1000
_ITERATIONS, _HALVINGS = 50, 20


def consistent(eq: Any, u0: Any, t0: Any = 0.0, args: Any = None) -> PyTree[Array]:
    """A state near u0 with Wᵀ f(t0, u) = 0 and M u = M u0, where WᵀM = 0: the differential variables stay,
    the algebraic ones are solved for by damped Newton iteration.

    For `dh.with_mass(eq, M)` of index 1. Returns a state like u0. Raises `InputError` if the iteration does
    not converge: u0 too far away, or the algebraic equations do not determine the algebraic variables
    (an index above 1). Cost: a singular value decomposition of M and a few Jacobians.
    """
    equation = as_equation(eq)
    state = equation.encode(u0)
    _check_size(equation, state)
    if equation.mass is None or is_traced((equation, state, t0, args)):
        raise InputError(
            "consistent(eq, u0, t0, args) takes an equation made by dh.with_mass and plain numbers, and is "
            "called outside of jit, vmap and grad."
        )
    left, right = _null_spaces(np.asarray(equation.mass, float))
    start = np.asarray(pack(state))
    t, z = np.asarray(t0, start.dtype), np.zeros(right.shape[1], start.dtype)
    if z.size == 0:
        return equation.decode(state)

    def residual(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return _numbers(equation, state, t, args, left.astype(start.dtype), right.astype(start.dtype), z)

    z = _newton(residual, z, float(np.max(abs(start), initial=1.0)))
    return equation.decode(unpack(jnp.asarray(start + right.astype(start.dtype) @ z), state))


def check_mass(eq: Equation, state: PyTree, t0: Any, args: Any, rtol: Any, atol: Any) -> None:
    """Raise `InputError` unless the mass matrix fits the state and the state fulfils the algebraic equations,
    as far as can be known before a run: to within ten tolerances, in units of the variables."""
    _check_size(eq, state)
    known = not is_traced((eq, state, t0, args, rtol, atol))
    if eq.mass is None or not known or eq.mass.shape[0] > _SEARCHED:
        return
    left, right = _null_spaces(np.asarray(eq.mass, float))
    if left.shape[1] == 0:
        return
    x = pack(state)
    dtype = x.dtype
    zero = np.zeros(right.shape[1], dtype)
    value, slope = _numbers(
        eq, state, np.asarray(t0, dtype), args, left.astype(dtype), right.astype(dtype), zero
    )
    if isinstance(value, Tracer):  # inside jit, but with constants only
        return
    value, slope = np.asarray(value, float), np.asarray(slope, float)
    if not (np.all(np.isfinite(value)) and np.all(np.isfinite(slope))):
        return  # the run itself will say so
    correction = _solved(slope, value)
    if correction is None:
        return
    change = abs(right @ correction)
    allowed = 10 * (float(np.min(atol)) + float(np.min(rtol)) * abs(np.asarray(x, float)))
    allowed = allowed + 1e3 * float(jnp.finfo(dtype).eps) * float(jnp.max(abs(x)))
    worst = int(np.argmax(change / allowed))
    if change[worst] > allowed[worst]:
        raise InputError(
            f"the initial state does not fulfil the algebraic equations at t0 = {float(t0):g}: entry {worst} "
            f"is off by about {change[worst]:.2g}. Let u0 = dh.consistent(eq, u0, t0, args) solve for the "
            "algebraic variables."
        )


def _check_size(eq: Equation, state: PyTree) -> None:
    n = sum(v.size for v in jax.tree.leaves(state))
    complex_ = any(jnp.iscomplexobj(v) for v in jax.tree.leaves(state))
    if eq.mass is not None and (complex_ or eq.mass.shape[0] != n):
        raise InputError(
            f"the mass matrix has {eq.mass.shape[0]} rows and acts on real states, but the state has {n} "
            f"{'complex' if complex_ else 'real'} entries."
        )


def _null_spaces(mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal bases W, V of the vectors with WᵀM = 0 and MV = 0, as columns."""
    n = mass.shape[0]
    if mass.ndim == 1:
        basis = np.eye(n)[:, mass == 0]
        return basis, basis
    u, s, vt = np.linalg.svd(mass)
    null = s <= n * np.finfo(float).eps * max(float(s[0]), np.finfo(float).tiny)
    # Round-off must not leak into variables that have no part in an algebraic equation.
    w, v = u[:, null], vt[null].T
    return np.where(abs(w) > 1e-13, w, 0.0), np.where(abs(v) > 1e-13, v, 0.0)


def _residual(
    eq: Equation, like: PyTree, t: Array, args: Any, left: Array, right: Array, z: Array
) -> tuple[Array, Array]:
    def algebraic(z: Array) -> Array:
        return left.T @ pack(eq.rhs(t, unpack(pack(like) + right @ z, like), args))

    return algebraic(z), jax.jacfwd(algebraic)(z)


_numbers = compiled(_residual)


def _newton(residual: Any, z: np.ndarray, size: float) -> np.ndarray:
    """z with residual(z)[0] = 0, to round-off relative to `size`."""
    value, slope = (np.asarray(v) for v in residual(z))
    exact = 16 * float(np.finfo(z.dtype).eps) * size
    for _ in range(_ITERATIONS):
        if not np.all(np.isfinite(slope)):
            break
        correction = _solved(slope, value)
        if correction is None:
            raise InputError(
                "the algebraic equations do not determine the algebraic variables: the system has an index "
                "above 1. Differentiate its constraints, and state it again."
            )
        move = -correction
        if np.max(abs(move)) <= exact:
            return z + move
        for halving in range(_HALVINGS):
            trial = z + move * z.dtype.type(0.5**halving)
            after, after_slope = (np.asarray(v) for v in residual(trial))
            if np.max(abs(after)) < np.max(abs(value)):
                break
        else:
            # Round-off of f itself: no better value can be found near an already good one.
            if np.max(abs(move)) <= 1e-6 * size:
                return z
            break
        z, value, slope = trial, after, after_slope
    raise InputError(
        "no consistent state was found near u0 by Newton's iteration: give better guesses of the algebraic "
        "variables (those with a zero row in M)."
    )


def _solved(slope: np.ndarray, value: np.ndarray) -> np.ndarray | None:
    """The solution x of slope·x = value, or None if the matrix is singular after rows and columns have been
    scaled."""
    rows = np.max(abs(slope), axis=1, keepdims=True)
    if np.any(rows == 0):
        return None
    scaled = slope / rows
    columns = np.max(abs(scaled), axis=0)
    if np.any(columns == 0):
        return None
    scaled = scaled / columns
    if np.linalg.cond(scaled) > 1e-2 / np.finfo(slope.dtype).eps:
        return None
    return np.linalg.solve(scaled, value / rows[:, 0]) / columns
