"""The stepper of every exponential Rosenbrock method: the equation linearised anew in each step."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.coefficients import Exponential, phi_matrix
from duhamel.equation import Equation, total
from duhamel.errors import InputError
from duhamel.jacobian import Full, System, pack, unpack
from duhamel.jacobian.packing import length
from duhamel.linear.krylov import krylov_actions
from duhamel.methods.base import Method, State, Step, Tolerance, Work, precise

__all__ = ["ExponentialRosenbrock", "Memory"]

# Up to this many real unknowns φ(hJ) is formed as a matrix.
_DENSE = 150
# Parts of the tolerance that a subspace may use up, and multiples of round-off without one; beyond the slack
# a fixed step has failed.
_SHARE, _ROUNDING, _SLACK = 0.01, 64.0, 100.0


class Memory(NamedTuple):
    """What a step leaves for the next: du/dt where it began, the sizes of its Krylov subspaces (one for each
    stage), and the number of products with the Jacobian so far."""

    slope: State
    sizes: Array
    products: Array


class Rows(NamedTuple):
    """A table in the form of a scan over its stages.

    Stage j hands its vector (f for the first, Dⱼ for all others) to every later stage, the new state and the
    estimate. `factors` (stages, stages + 2, nodes, kmax + 1): of φ_k(node·hJ); `slanted` (stages + 2, nodes,
    kmax + 1): of h·∂f/∂t; `c` (stages,): where the stages lie; `nodes` (nodes,).
    """

    factors: np.ndarray
    slanted: np.ndarray
    c: np.ndarray
    nodes: np.ndarray


class ExponentialRosenbrock(Method):
    """Uᵢ = u + cᵢhφ₁(cᵢhJ)f + cᵢ²h²φ₂(cᵢhJ)v + h Σⱼ aᵢⱼ(hJ)Dⱼ,
    u₁ = u + hφ₁(hJ)f + h²φ₂(hJ)v + h Σᵢ bᵢ(hJ)Dᵢ,

    with the exact J = ∂f/∂u and v = ∂f/∂t at (t, u), and what linearisation leaves of the right-hand side,
    Dᵢ = N(t+cᵢh, Uᵢ) − N(t, u) − N'(t, u)(cᵢh, Uᵢ−u) (Hochbruck, Ostermann & Schweitzer, SIAM J. Numer. Anal.
    47 (2009); J includes every linear part). In the `table`, index j of a row stands for Dⱼ.

    For equations that are stiff in a nonlinear or unstructured part, at large steps. States of up to 150 real
    unknowns form φ_k(hJ) as matrices: some 60 products of n×n matrices per step. Larger ones build a Krylov
    subspace for each stage, of at most `subspace` vectors, each a product with J, as many as the step
    tolerance needs; a step that wants more is tried again with a quarter of h. `krylov` decides otherwise if
    it is given.

    When not to use it: with L in Fourier space or otherwise diagonal, other exponential methods need no
    subspace; with a banded J, as of finite differences in one dimension, an implicit method with banded
    elimination costs a tenth. A Jacobian given by hand must be exact: with L alone in its place the order
    drops to 1 or 2.
    """

    table: ClassVar[Exponential]
    family: ClassVar[str] = "exponential"
    adaptive: ClassVar[bool] = True
    krylov: bool | None = eqx.field(static=True, default=None)
    subspace: int = eqx.field(static=True, default=64)

    def check(self, eq: Equation) -> None:
        del eq  # every part can be evaluated and differentiated
        if self.subspace < 8:
            raise InputError(f"{self.name}: a subspace has room for 8 vectors or more, got {self.subspace}.")

    def _by_krylov(self, u: State) -> bool:
        return length(u) > _DENSE if self.krylov is None else self.krylov

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Memory:
        sizes = jnp.zeros(self.table.stages, jnp.int32)
        return Memory(eq.rhs(precise(t, u), u, args), sizes, jnp.zeros((), jnp.int32))

    def step(
        self,
        eq: Equation,
        t: Array,
        h: Array,
        u: State,
        memory: Memory,
        args: Any,
        tolerance: Tolerance | None = None,
    ) -> Step:
        x, rows = pack(u), _rows(self.table)
        prepare = _subspaces if self._by_krylov(u) else _matrices
        local = prepare(self, eq, precise(t, u), h, u, args, rows, tolerance)

        def one(carry: tuple[Array, Array], row: Any) -> tuple[tuple[Array, Array], Array]:
            moves, failed = carry
            j, c, factors, first = row
            begins = (j == 0).astype(x.dtype)
            left = local.left(precise(c * h, u), moves[j])
            more, size, bad = local.act(factors, begins * local.f + left, begins, first)
            return (moves + precise(h, u) * more, failed | bad), size

        start = (jnp.broadcast_to(local.drift, (rows.slanted.shape[0], *x.shape)), jnp.zeros((), bool))
        indices = jnp.arange(self.table.stages)
        scanned = (indices, jnp.asarray(rows.c, h.dtype), jnp.asarray(rows.factors, h.dtype), memory.sizes)
        (moves, failed), sizes = jax.lax.scan(one, start, scanned)
        kept = Memory(unpack(local.f, u), sizes, memory.products + jnp.sum(sizes, dtype=jnp.int32))
        return Step(unpack(x + moves[-2], u), unpack(moves[-1], u), kept, None, failed)

    def keep(self, accepted: Array, new: Memory, old: Memory) -> Memory:
        del accepted, old
        return new

    def slope(self, memory: Memory) -> State:
        return memory.slope

    def counters(self, memory: Memory) -> Any:
        return memory.products

    def work(self, counters: Any, attempts: Any) -> Work:
        del counters
        return Work(1 + attempts * self.stages, 0 * attempts, attempts, 0 * attempts)

    def notes(self, counters: Any) -> str:
        return f"{int(counters)} products with the Jacobian" if int(counters) else ""


class Local(NamedTuple):
    """The equation linearised at one point, on packed vectors of shape (n,).

    `f`: the whole right-hand side; `drift` (stages + 2, n): what ∂f/∂t adds to every stage, if not through
    `act`; `left(s, y)`: N(t+s, x+y) without its linear part; `act(factors, v, begins, first)`: the actions
    of φ-combinations on v, the number of products made, and whether they are too rough.
    """

    f: Array
    drift: Array
    left: Callable[[Array, Array], Array]
    act: Callable[..., tuple[Array, Array, Array]]


def _matrices(
    method: ExponentialRosenbrock,
    eq: Equation,
    t: Array,
    h: Array,
    u: State,
    args: Any,
    rows: Rows,
    tolerance: Tolerance | None,
) -> Local:
    """φ_k(hJ) as matrices, in double precision and rounded once."""
    del method, tolerance
    x, n = pack(u), length(u)
    value, linear = _functions(eq, u, args)
    zero = jnp.zeros((n, n), x.dtype)
    curved = System(eq, Full(n), u, args, eq.nonlinear).jacobian(t, x) if eq.nonlinear else zero
    jacobian = curved + (jax.jacfwd(linear)(x) if eq.linear else zero)
    before, slope = jax.jvp(lambda s: value(s, x), (t,), (jnp.ones_like(t),))
    scaled = h * jnp.asarray(rows.nodes, h.dtype)[:, None, None] * jacobian.astype(h.dtype)
    values = jnp.stack(phi_matrix(rows.slanted.shape[-1] - 1, scaled), axis=1).astype(x.dtype)

    def act(factors: Array, v: Array, begins: Any = None, first: Any = None) -> tuple[Array, Array, Array]:
        del begins, first
        actions = jnp.einsum("imk,mka->ia", factors.astype(x.dtype), values @ v)
        return actions, jnp.zeros((), jnp.int32), jnp.zeros((), bool)

    def left(s: Array, y: Array) -> Array:
        return value(t + s, x + y) - before - curved @ y - s * slope

    drift = precise(h * h, u) * act(jnp.asarray(rows.slanted, h.dtype), slope)[0]
    return Local(before + linear(x), drift, left, act)


def _subspaces(
    method: ExponentialRosenbrock,
    eq: Equation,
    t: Array,
    h: Array,
    u: State,
    args: Any,
    rows: Rows,
    tolerance: Tolerance | None,
) -> Local:
    """Krylov subspaces of J with one row more, the time: its φ₁ includes φ₂(hJ)v."""
    x = pack(u)
    value, linear = _functions(eq, u, args)
    before, push = jax.linearize(value, t, x)
    f, slope = before + linear(x), push(jnp.ones_like(t), jnp.zeros_like(x))
    # Time in a unit in which it counts as much as the state.
    speed = jnp.max(abs(f)) + precise(h, u) * jnp.max(abs(slope))
    unit = jnp.where(speed > 0, speed, 1.0)

    def product(w: Array) -> Array:
        top = push(w[-1] / unit, w[:-1]) + linear(w[:-1])
        return jnp.append(top, jnp.zeros_like(unit))

    def measure(w: Array) -> Array:
        v = precise(h, u) * w[:-1]
        if tolerance is not None:
            return tolerance.measure(eq, unpack(v, u), (u,)) / _SHARE
        scale = jnp.max(abs(x)) + precise(h, u) * speed
        allowed = _ROUNDING * jnp.finfo(x.dtype).eps * jnp.where(scale > 0, scale, 1.0)
        return jnp.max(abs(v)) / allowed

    def act(factors: Array, v: Array, begins: Any, first: Any) -> tuple[Array, Array, Array]:
        vector = jnp.append(v, begins * unit)
        found = krylov_actions(
            product, vector, h, rows.nodes, factors, measure, method.subspace, (3 * first) // 4
        )
        bad = found.error > (_SLACK if tolerance is None else 1.0)
        return found.values[:, :-1], found.size, bad

    def left(s: Array, y: Array) -> Array:
        return value(t + s, x + y) - before - push(s, y)

    return Local(f, jnp.zeros_like(x), left, act)


def _functions(eq: Equation, u: State, args: Any) -> tuple[Callable[..., Array], Callable[..., Array]]:
    """N(t, x) and L x on packed vectors."""

    def value(t: Array, x: Array) -> Array:
        return pack(eq.remainder(t, unpack(x, u), args))

    def linear(x: Array) -> Array:
        state = unpack(x, u)
        return pack(total([p.operator.apply(state) for p in eq.linear])) if eq.linear else jnp.zeros_like(x)

    return value, linear


def _rows(table: Exponential) -> Rows:
    """The table as a scan sees it; the rows of the targets are: the stages, the new state, the estimate."""
    stages, kmax = table.stages, max(table.kmax, 2)
    nodes = [node for node in table.nodes if node]
    factors = np.zeros((stages, stages + 2, len(nodes), kmax + 1))
    slanted = np.zeros(factors.shape[1:])
    for target, c in enumerate((*table.c, 1)):
        if c:
            factors[0, target, nodes.index(Fraction(c)), 1] = float(c)
            slanted[target, nodes.index(Fraction(c)), 2] = float(c) ** 2
    for target, row in enumerate((*table.a, table.b, table.error or {})):
        for j, weight in row.items():
            for term in weight:
                factors[j, target, nodes.index(Fraction(term.node)), term.k] += float(term.factor)
    return Rows(factors, slanted, np.array([float(c) for c in table.c]), np.array([float(c) for c in nodes]))
