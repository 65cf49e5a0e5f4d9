"""Simplified Newton iterations with a Jacobian and factors that are kept over many steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.batch import in_any_sample
from duhamel.errors import InputError
from duhamel.jacobian import Structure, System, unpack
from duhamel.methods.base import State, Tolerance, where
from duhamel.methods.opened import opened

__all__ = [
    "Gauge",
    "Kept",
    "Outcome",
    "implicit",
    "iterate",
    "next_kept",
    "nothing",
    "plain_mass",
    "rounds",
    "velocity",
]

# Round-off in units of the last place: what every iteration reaches, and where one may come to rest.
_FLOOR, _REST = 10.0, 1e4
# Iterations at most: with a tolerance, without.
_MOST, _MOST_EXACT = 8, 50
# A Jacobian serves steps up to so many times longer than the one it was taken for, and so many of them.
# (Rates of convergence alone can deceive: seen from steps that are short, a bad Jacobian is as good as any.)
_LONGER, _OLD = 4.0, 50


class Kept(NamedTuple):
    """What a method keeps between steps.

    The Jacobian `values`; `factors` of M − key·scale·J for each scale of the method; `stale`: the Jacobian
    must be taken anew; `current`: it was taken at the present point; `birth`: the key it was taken with,
    `age`: steps since; `eta`: the last θ/(1−θ), by which the error after the first correction is judged;
    `work` (3,): evaluations, solutions, Jacobians.
    """

    values: Any
    factors: tuple[Any, ...]
    key: Array
    stale: Array
    current: Array
    birth: Array
    age: Array
    eta: Array
    work: Array


class Outcome(NamedTuple):
    """How an iteration went: converged or not, its slowest rate of convergence, the last η, corrections
    made."""

    ok: Array
    rate: Array
    eta: Array
    count: Array


class Gauge:
    """Measures corrections: in units of the tolerance, or of round-off where there is none.

    Stops are `goal` for the estimated error (what the iteration may leave of the tolerance; Hairer & Wanner,
    Solving ODEs II, IV.8, recommend 0.01 to 0.1), `rest` for corrections that have ceased to shrink: they are
    round-off, and the iteration has converged as far as it can.
    """

    def __init__(
        self, system: System, x: Array, u: State, tolerance: Tolerance | None, goal: float, most: int = _MOST
    ):
        self.system, self.u, self.tolerance = system, u, tolerance
        self.eps = float(jnp.finfo(x.dtype).eps)
        self.exact = tolerance is None
        self.linear = not system.eq.nonlinear
        if tolerance is None:
            self.goal, self.rest, self.most = 2.0, _REST, _MOST_EXACT
        else:
            units = self.eps * tolerance.measure(system.eq, u, (u,))
            self.goal = jnp.maximum(goal, _FLOOR * units)
            self.rest, self.most = _REST * units, most

    def __call__(self, change: Array, x: Array) -> Array:
        """The size of changes (k, n) of packed states x of the same shape."""
        if self.tolerance is None:
            size = abs(x) + 0.01 * jnp.max(abs(x)) + jnp.finfo(x.dtype).tiny
            ratio = change / size
            return jnp.sqrt(jnp.mean(ratio * ratio)) / self.eps
        tolerance, eq = self.tolerance, self.system.eq
        if change.shape[0] == 1:
            return tolerance.measure(eq, unpack(change[0], self.u), (self.u,))
        sizes = jax.vmap(lambda c: tolerance.measure(eq, unpack(c, self.u), (self.u,)))(change)
        return jnp.sqrt(jnp.mean(sizes * sizes))


def iterate(
    correct: Callable[[Array], tuple[Array, Array, Array]], x: Array, gauge: Gauge, live: Array, eta: Array
) -> tuple[Array, Outcome]:
    """Iterate from x of shape (k, n) until the gauge is content; `live` false: do nothing and fail.

    `correct` gives, for x, the correction of x, and the changes and values of the states they stand for. A
    linear problem is solved by one correction and is not iterated.
    """
    zero = jnp.zeros_like(eta)
    if gauge.linear:
        change = correct(x)[0]
        ok = live & jnp.all(jnp.isfinite(change))
        return x + jnp.where(ok, change, 0.0), Outcome(ok, zero, eta, jnp.ones((), jnp.int32))
    going, done, lost = 0, 1, 2

    def turn(carry: tuple[Array, ...]) -> tuple[Array, ...]:
        x, count, old, eta, rate, _ = carry
        change, moved, states = correct(x)
        size = gauge(moved, states).astype(eta.dtype)
        later = count > 0
        theta = jnp.where(later, size / jnp.maximum(old, jnp.finfo(old.dtype).tiny), 0.0)
        eta = jnp.where(later, theta / jnp.maximum(1.0 - theta, 1e-3), eta)
        met = (eta * size <= gauge.goal) | (size == 0.0)
        met = met | (later & (theta > 0.3) & (size <= gauge.rest))
        if gauge.exact:
            hopeless = later & (theta >= 2.0)
        else:
            # What would be left after all iterations that are allowed.
            left = eta * size * theta ** (gauge.most - 1 - count).astype(theta.dtype)
            hopeless = later & ((theta >= 1.0) | (left > gauge.goal))
        finite = jnp.isfinite(size)
        hopeless = hopeless | ~finite | (count + 1 >= gauge.most)
        state = jnp.where(met & finite, done, jnp.where(hopeless, lost, going)).astype(jnp.int32)
        x = x + jnp.where(finite, change, 0.0)
        return x, count + 1, size, eta, jnp.maximum(rate, theta), state

    root = jnp.sqrt(jnp.maximum(eta, gauge.eps))
    start = jnp.ones_like(eta) if gauge.exact else root * jnp.sqrt(root)
    state = jnp.where(live, going, lost).astype(jnp.int32)
    carry = (x, jnp.zeros((), jnp.int32), zero, start, zero, state)
    x, count, _, eta, rate, state = jax.lax.while_loop(lambda c: c[-1] == going, turn, carry)
    return x, Outcome(state == done, rate, eta, count)


def nothing(system: System, scales: Sequence[complex], x: Array) -> Kept:
    """What is kept before the first step."""

    values = system.structure.zeros(x.dtype)
    form = jax.eval_shape(lambda v: _factors(system, v, jnp.ones((), x.dtype), scales), values)
    factors = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), form)
    yes = jnp.ones((), bool)
    key = jnp.asarray(jnp.nan, jnp.result_type(float))
    one = jnp.ones((), x.dtype)
    none = jnp.zeros((), jnp.int32)
    return Kept(values, factors, key, yes, ~yes, key, none, one, jnp.zeros(3, jnp.int32))


def rounds(
    system: System,
    kept: Kept,
    scales: Sequence[complex],
    key: Array,
    point: tuple[Array, Array],
    attempt: Callable[[Kept], tuple[Any, Outcome]],
    empty: Any,
    slow: float,
    each: int = 1,
) -> tuple[Any, Outcome, Kept]:
    """Try with the Jacobian that is kept, and if that does not converge, with one taken at `point` = (t, x).

    `empty` has the form of the result of `attempt`; a correction takes `each` evaluations. The
    Jacobian will be renewed for the next step if the iterations converged at a rate above `slow`.
    """
    linear = not system.eq.nonlinear
    evaluations = jnp.asarray([each, len(scales)], jnp.int32)

    def one(kept: Kept) -> tuple[Any, Outcome, Kept]:
        kept = _renewed(system, kept, scales, key, point)
        result, outcome = attempt(kept)
        stale = jnp.zeros((), bool) if linear else (outcome.rate > slow) | ~outcome.ok
        eta = jnp.where(outcome.ok, outcome.eta, 1.0)
        work = kept.work.at[:2].add(outcome.count * evaluations)
        return result, outcome, kept._replace(stale=stale, eta=eta, work=work)

    if linear:
        return one(kept)
    none = jnp.zeros((), jnp.int32)
    begun = Outcome(~kept.current & False, jnp.zeros_like(kept.eta), kept.eta, none)

    def again(carry: Any) -> Array:
        (_, outcome, kept), first = carry
        return first | (~outcome.ok & ~kept.current)

    carry = ((empty, begun, kept), jnp.ones((), bool))
    (result, outcome, kept), _ = jax.lax.while_loop(
        again, lambda c: (one(c[0][2]), jnp.zeros((), bool)), carry
    )
    return result, outcome, kept


def next_kept(accepted: Array, new: Kept) -> Kept:
    """What is still valid after an attempt: after a rejection the Jacobian belongs to the present point."""
    return new._replace(
        stale=new.stale & (accepted | ~new.current),
        current=new.current & ~accepted,
        age=new.age + accepted.astype(new.age.dtype),
    )


def _renewed(
    system: System, kept: Kept, scales: Sequence[complex], key: Array, point: tuple[Array, Array]
) -> Kept:
    """Jacobian and factors, each computed only if it must be (in a batch: for those samples that must)."""
    take = kept.stale
    if system.eq.nonlinear:
        take = take | (~kept.current & ((key > _LONGER * kept.birth) | (kept.age >= _OLD)))
    values = jax.lax.cond(
        in_any_sample(take),
        lambda: where(take, system.jacobian(*point), kept.values),
        lambda: kept.values,
    )
    anew = take | (key != kept.key)
    short = key.astype(point[1].dtype)
    factors = jax.lax.cond(
        in_any_sample(anew),
        lambda: where(anew, _factors(system, values, short, scales), kept.factors),
        lambda: kept.factors,
    )
    work = kept.work.at[2].add(take.astype(jnp.int32))
    # With a longer step an old Jacobian may be useless, and the rates seen before say nothing of it.
    eta = jnp.where(anew, 1.0, kept.eta)
    birth, age = jnp.where(take, key, kept.birth), jnp.where(take, 0, kept.age)
    return Kept(values, factors, key, kept.stale, kept.current | take, birth, age, eta, work)


def _factors(system: System, values: Any, key: Array, scales: Sequence[complex]) -> tuple[Any, ...]:
    def shift(scale: complex) -> Array:
        if isinstance(scale, complex):
            return jax.lax.complex(key * scale.real, key * scale.imag)
        return key * scale

    return tuple(system.factor(values, shift(scale)) for scale in scales)


def implicit(
    residual: Callable[[Array], Array],
    solve: Callable[[], tuple[Array, Any]],
    like: Array,
    system: System,
    coupled: bool,
) -> tuple[Array, Any]:
    """The root (k, n) of `residual`, found by `solve` (which also gives anything else), with the derivatives
    of the implicit function theorem: nothing inside `solve` is differentiated.

    Not `coupled`: row i of the residual depends on the rows up to i, through M − J of the structure of the
    system; else the whole system is solved as one full matrix.
    """

    equation, over, _ = opened(residual, like)
    finding, inner, shape = opened(solve)
    structure, mass = system.structure, system.eq.mass

    @jax.custom_jvp
    def root(over: Any, inner: Any) -> tuple[Array, Any]:
        del over
        return jax.tree.unflatten(jax.tree.structure(shape), finding(*inner))

    @root.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        (over, mass), inner = primals
        found, rest = root((over, mass), inner)
        right = jax.jvp(lambda o: equation(*o, found)[0], (over,), (tangents[0][0],))[1]
        linear = jax.linearize(lambda v: equation(*over, v)[0], found)[1]
        change = _full(linear, -right) if coupled else _triangular(structure, mass, linear, -right)
        return (found, rest), (change, jax.tree.map(_no_tangent, rest))

    return root((over, mass), inner)


def _triangular(
    structure: Structure, mass: Array | None, linear: Callable[[Array], Array], right: Array
) -> Array:
    """v with linear(v) = right, row by row."""

    def row(i: Array, found: Array) -> Array:
        def coupling(v: Array) -> Array:
            own = linear(jnp.zeros_like(right).at[i].set(v))[i]
            return (v if mass is None else mass * v if mass.ndim == 1 else mass @ v) - own

        rest = (right - linear(found))[i]
        values = structure.jacobian(coupling, jnp.zeros_like(rest))
        factors = structure.factor(values, jnp.ones((), right.dtype), mass)
        return found.at[i].set(structure.solve(factors, rest))

    return jax.lax.fori_loop(0, right.shape[0], row, jnp.zeros_like(right))


def _full(linear: Callable[[Array], Array], right: Array) -> Array:
    """v with linear(v) = right, by one full matrix."""
    flat = right.reshape(-1)
    matrix = jax.jacfwd(lambda v: linear(v.reshape(right.shape)).reshape(-1))(jnp.zeros_like(flat))
    return jnp.linalg.solve(matrix, flat).reshape(right.shape)


def _no_tangent(v: Array) -> Any:
    if jnp.issubdtype(v.dtype, jnp.inexact):
        return jnp.zeros_like(v)
    return np.zeros(v.shape, jax.dtypes.float0)


def velocity(system: System, t: Array, x: Array) -> Array:
    """dx/dt. With a mass matrix by one step of Euler's implicit method that is too short to matter, which
    also gives the velocity of algebraic variables."""
    f = system.f(t, x)
    if system.eq.mass is None:
        return f
    tiny = jnp.asarray(jnp.finfo(x.dtype).eps ** 0.5, x.dtype)
    return system.solve(system.factor(system.jacobian(t, x), tiny), f)


def plain_mass(name: str, eq: Any) -> None:
    """Raise `InputError` for a mass matrix on states that are not plain."""
    if eq.codec is not None and eq.mass is not None:
        raise InputError(
            f"{name}: a mass matrix acts on plain states, and this equation has a space of its own."
        )
