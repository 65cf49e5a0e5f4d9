"""Derivatives of what a solver finds, from the condition that the result fulfils."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from duhamel.errors import InputError

__all__ = ["implicit"]

Kind = Literal["root", "fixed_point", "minimum"]
KINDS = ("root", "fixed_point", "minimum")
# Up to so many unknowns the matrix ∂F/∂x is formed and factorised.
_DENSE = 1000


def implicit(
    condition: Callable[[PyTree, PyTree], PyTree],
    solver: Callable[[PyTree, PyTree], PyTree] | None = None,
    *,
    kind: Kind = "root",
    adjoint: Any = None,
) -> Callable[[PyTree, PyTree], PyTree]:
    """x(θ) with F(x, θ) = 0 as a differentiable function (x₀, θ) → x:  dx = −(∂F/∂x)⁻¹ (∂F/∂θ) dθ.

    `condition(x, theta)` says what the result fulfils. `kind="root"`: it is F itself, with the structure of
    x; `"fixed_point"`: x = condition(x, θ); `"minimum"`: the scalar condition(·, θ) is least at x, and F is
    its gradient.
    `solver(x0, theta)` finds x in any way: it is never differentiated, may loop, and may leave JAX by
    `jax.pure_callback`. Without one Optimistix takes Newton's method for roots and fixed points, BFGS for
    minima, to a relative 1e-10 (1e-5 in single precision).

    `adjoint`: the Lineax solver of the linear system of the derivative; by default LU up to 1000 unknowns,
    GMRES beyond. In reverse mode the same solver has the transposed system. Functions may close over traced
    values. The result depends on x₀ only by which solution is found; that derivative is zero.

    Forward and reverse mode, of any order, under jit and vmap. Where ∂F/∂x is singular (a fold, a family of
    solutions) there is no derivative: it comes out infinite or not a number. Raises `InputError` for a
    condition of the wrong shape. (Griewank & Walther, Evaluating Derivatives, 2008, Chap. 15; Blondel et al.,
    Efficient and modular implicit differentiation, 2022.)
    """
    if kind not in KINDS:
        raise InputError(f"kind is one of {', '.join(KINDS)}, not {kind!r}.")

    def solution(x0: PyTree, theta: PyTree) -> PyTree:
        x0, theta = jax.tree.map(jnp.asarray, x0), jax.tree.map(_array, theta)
        _check(condition, x0, theta, kind)
        # What the functions close over is differentiated too.
        stated = eqx.filter_closure_convert(condition, x0, theta)
        found = solver if solver is None else eqx.filter_closure_convert(solver, x0, theta)
        start = jax.lax.stop_gradient(x0)
        return _solution((stated, theta), found=found, start=start, kind=kind, adjoint=adjoint)

    return solution


def _array(value: Any) -> Any:
    return jnp.asarray(value) if eqx.is_array_like(value) else value


def _check(condition: Any, x0: PyTree, theta: PyTree, kind: str) -> None:
    if any(jnp.iscomplexobj(v) for v in jax.tree.leaves(x0)):
        raise InputError("implicit(…) takes real unknowns: state a complex one as real and imaginary part.")
    got = jax.eval_shape(condition, x0, theta)
    if kind == "minimum":
        if jax.tree.leaves(got) and getattr(got, "shape", None) == ():
            return
        raise InputError(f"a minimum needs a condition with a scalar value, this one gives {got}.")
    wanted = jax.eval_shape(lambda v: v, x0)
    if jax.tree.structure(got) != jax.tree.structure(wanted) or [v.shape for v in jax.tree.leaves(got)] != [
        v.shape for v in jax.tree.leaves(wanted)
    ]:
        raise InputError(
            f"the condition of a {kind.replace('_', ' ')} must have the structure of the unknown, {wanted}; "
            f"it gives {got}."
        )


def _residual(condition: Any, x: PyTree, theta: PyTree, kind: str) -> PyTree:
    """F(x, θ)."""
    if kind == "minimum":
        return jax.grad(lambda v: condition(v, theta))(x)
    value = condition(x, theta)
    return jax.tree.map(jnp.subtract, value, x) if kind == "fixed_point" else value


@eqx.filter_custom_jvp
def _solution(stated: Any, *, found: Any, start: PyTree, kind: str, adjoint: Any) -> PyTree:
    condition, theta = stated
    if found is not None:
        return jax.tree.map(lambda v, s: jnp.asarray(v).astype(s.dtype), found(start, theta), start)
    return _optimistix(condition, start, theta, kind)


@_solution.def_jvp
def _derivative(
    primals: Any, tangents: Any, *, found: Any, start: PyTree, kind: str, adjoint: Any
) -> tuple[PyTree, PyTree]:
    import lineax

    (stated,), (moving,) = primals, tangents
    x = _solution(stated, found=found, start=start, kind=kind, adjoint=adjoint)

    def at(s: Any) -> PyTree:
        return _residual(s[0], x, s[1], kind)

    _, change = eqx.filter_jvp(at, (stated,), (moving,))
    condition, theta = stated
    tags = lineax.symmetric_tag if kind == "minimum" else ()
    operator = lineax.JacobianLinearOperator(lambda v, _: _residual(condition, v, theta, kind), x, tags=tags)
    size = sum(v.size for v in jax.tree.leaves(x))
    step = lineax.linear_solve(operator, change, _chosen(adjoint, size, x), throw=False).value
    return x, jax.tree.map(jnp.negative, step)


def _chosen(adjoint: Any, size: int, x: PyTree) -> Any:
    import lineax

    if adjoint is not None:
        return adjoint
    if size <= _DENSE:
        return lineax.LU()
    small = _tolerance(x)
    return lineax.GMRES(rtol=small, atol=small, restart=50, stagnation_iters=50)


def _tolerance(x: PyTree) -> float:
    return 1e-10 if all(v.dtype.itemsize == 8 for v in jax.tree.leaves(x)) else 1e-5


def _optimistix(condition: Any, start: PyTree, theta: PyTree, kind: str) -> PyTree:
    try:
        import optimistix
    except ModuleNotFoundError as error:
        raise InputError(
            "implicit(…) without a solver of your own needs Optimistix: pip install 'duhamel[learn]'."
        ) from error
    small = _tolerance(start)
    if kind == "minimum":
        best = optimistix.minimise(
            lambda v, t: condition(v, t), optimistix.BFGS(small, small), start, theta, max_steps=2000
        )
        return best.value
    newton = optimistix.Newton(small, small)
    return optimistix.root_find(
        lambda v, t: _residual(condition, v, t, kind), newton, start, theta, max_steps=200
    ).value
