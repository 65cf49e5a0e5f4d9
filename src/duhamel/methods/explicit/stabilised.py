"""The stepper of stabilised explicit methods: many stages, for long steps along the negative real axis."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.equation import Equation
from duhamel.errors import InputError
from duhamel.linear.base import times
from duhamel.methods.base import Interpolating, State, Step, Tolerance, Work, precise, where
from duhamel.methods.explicit.radius import Radius, power_iteration, start_vector
from duhamel.methods.explicit.stepper import hermite
from duhamel.methods.opened import opened

__all__ = ["Chain", "Stabilised", "mix", "run_chain"]

# Accepted steps for which a spectral radius serves, and the turns of a chain that are done together where
# derivatives may be taken backwards.
_LIFE, _BLOCK = 25, 8
_MOST = 200

Slope = Callable[[Array, State], State]


class Memory(NamedTuple):
    """f at the state; the spectral radius there, its vector and its age in steps; and counts: evaluations so
    far, the most stages of a step."""

    slope: State
    radius: Array
    vector: State
    age: Array
    evaluations: Array
    largest: Array


class Chain(NamedTuple):
    """The last two stages of a chain of stages and their nodes, and what its coefficients follow from."""

    y: State
    before: State
    c: Array
    c_before: Array
    rest: Any


class Stabilised(Interpolating):
    """y₀ = u, y₁ = u + h μ̃₁ f(u),
    yⱼ = (1−μⱼ−νⱼ) u + μⱼ yⱼ₋₁ + νⱼ yⱼ₋₂ + h μ̃ⱼ f(yⱼ₋₁) + h γ̃ⱼ f(u),  j = 2, 3, …

    The stages of a step are as many as its length times the spectral radius of ∂f/∂u asks for. The radius is
    found by power iteration, again after every 25 steps and after a rejection; or give `spectral_radius`, a
    number or a function of (t, u, args) on the solver's states. A step that would need more than `max_stages`
    is not taken: it is shortened. `count` fixes the number of stages instead: the step is then not checked.

    The eigenvalues of ∂f/∂u must lie near the negative real axis: diffusion, with mild reaction and weak
    advection. Memory: five states, however many stages. Derivatives take the radius as given.
    """

    family: ClassVar[str] = "stabilised"
    stages: ClassVar[int] = 2
    adaptive: ClassVar[bool] = True
    least: ClassVar[int] = 2

    max_stages: int = eqx.field(static=True, default=_MOST)
    spectral_radius: Callable[..., Any] | float | None = eqx.field(static=True, default=None)
    count: int | None = eqx.field(static=True, default=None)

    def __check_init__(self) -> None:
        for name, value in (("max_stages", self.max_stages), ("count", self.count)):
            if value is not None and not self.least <= value <= _MOST:
                raise InputError(f"{name} of {self.name} is between {self.least} and {_MOST}, not {value}.")

    @abc.abstractmethod
    def wanted(self, z: Array) -> Array:
        """The least number of stages that is stable for h times the spectral radius = z, as an int32."""

    @abc.abstractmethod
    def longest(self) -> float:
        """The largest z for which `max_stages` are enough."""

    @abc.abstractmethod
    def sweep(
        self, f: Slope, t: Array, h: Array, u: State, slope: State, count: Any
    ) -> tuple[State, Callable[[State], State]]:
        """The new state, and the error estimate as a function of f at the new state. `count`, the number of
        stages, is a static integer or traced."""

    def check(self, eq: Equation) -> None:
        del eq  # every part can be evaluated

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Memory:
        slope = eq.rhs(precise(t, u), u, args)
        none = jnp.zeros((), jnp.int32)
        return Memory(slope, jnp.zeros_like(t), start_vector(u), none + _LIFE, none, none)

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
        known = self._radius(eq, t, u, args, memory)
        evaluations = memory.evaluations + known.evaluations
        count, failed = self._stages(h * known.value)

        def f(s: Array, v: State) -> State:
            return eq.rhs(precise(s, u), v, args)

        new, estimate = self.sweep(f, t, h, u, memory.slope, count)
        slope = f(t + h, new)
        stages = jnp.asarray(count, jnp.int32)
        age = jnp.where(memory.age >= _LIFE, 0, memory.age)
        kept = Memory(
            slope, known.value, known.vector, age, evaluations + stages, jnp.maximum(memory.largest, stages)
        )
        positive = jnp.where(known.value > 0, known.value, 1.0)
        limit = jnp.where(known.value > 0, 0.9 * self.longest() / positive, jnp.inf)
        return Step(new, estimate(slope), kept, None, failed, None, None if self.count else limit)

    def _radius(self, eq: Equation, t: Array, u: State, args: Any, memory: Memory) -> Radius:
        none = jnp.zeros((), jnp.int32)
        if self.count is not None:
            return Radius(memory.radius, memory.vector, none)
        if self.spectral_radius is not None:
            given = self.spectral_radius
            value = given(precise(t, u), u, args) if callable(given) else given
            return Radius(jax.lax.stop_gradient(jnp.asarray(value).astype(t.dtype)), memory.vector, none)
        return jax.lax.cond(
            memory.age >= _LIFE,
            lambda: power_iteration(eq, t, u, args, memory.vector),
            lambda: Radius(memory.radius, memory.vector, none),
        )

    def _stages(self, z: Array) -> tuple[Any, Array]:
        """The number of stages, and whether that is more than allowed."""
        if self.count is not None:
            return self.count, jnp.zeros((), bool)
        failed = z > self.longest() * (1 + 1e-9)
        good = jnp.isfinite(z) & ~failed
        return jnp.clip(self.wanted(jnp.where(good, z, 0.0)), self.least, self.max_stages), failed

    def keep(self, accepted: Array, new: Memory, old: Memory) -> Memory:
        # After a rejection the radius is still that of the state, if it has just been found; else it is
        # suspected of being too small.
        age = jnp.where(accepted, new.age + 1, jnp.where(new.age == 0, 0, _LIFE))
        return new._replace(slope=where(accepted, new.slope, old.slope), age=age.astype(jnp.int32))

    def slope(self, memory: Memory) -> State:
        return memory.slope

    def interpolate(self, theta: Array, h: Array, u: State, step: Step, memory: Memory) -> State:
        return hermite(theta, h, u, step.u, memory.slope, step.memory.slope)

    def counters(self, memory: Memory) -> Any:
        return memory.evaluations, memory.largest, memory.radius

    def work(self, counters: Any, attempts: Any) -> Work:
        none = 0 * attempts
        return Work(1 + counters[0], none, none, none)

    def notes(self, counters: Any) -> str:
        found = f", spectral radius {float(counters[2]):.3g} at the end" if self.count is None else ""
        return f"up to {int(counters[1])} stages a step{found}"


def run_chain(
    row: Callable[[Array, Any], tuple[tuple[Any, ...], Any]],
    f: Slope,
    t: Array,
    h: Array,
    begin: tuple[State, State, Any, Any],
    last: Any,
) -> Chain:
    """The stages up to number `last` ≥ 1, static or traced.

    `begin` holds u, f(t, u), μ̃₁, and what the coefficients of the second stage follow from; `row(j, rest)`
    gives μⱼ, νⱼ, μ̃ⱼ, γ̃ⱼ (γ̃ⱼ None: zero, with μⱼ + νⱼ = 1) and the next `rest`.
    """
    u, slope, first, rest = begin

    def turn(j: Array, chain: Chain) -> Chain:
        (mu, nu, mu_f, gamma), rest = row(j, chain.rest)
        k = f(t + chain.c * h, chain.y)
        pairs = [(mu, chain.y), (nu, chain.before), (mu_f * h, k)]
        if gamma is not None:
            pairs += [(1.0 - mu - nu, u), (gamma * h, slope)]
        c = mu * chain.c + nu * chain.c_before + mu_f + (0.0 if gamma is None else gamma)
        return Chain(mix(pairs), chain.y, c, chain.c, rest)

    start = Chain(
        mix([(1.0, u), (first * h, slope)]), u, jnp.asarray(first, t.dtype), jnp.zeros_like(t), rest
    )
    return _repeat(turn, start, last)


def _repeat(turn: Callable[[Array, Chain], Chain], chain: Chain, last: Any) -> Chain:
    """Turns 2 … `last`. A traced number of them is a while loop, which has no derivatives backwards: these go
    through blocks of turns instead."""
    if isinstance(last, int):
        return jax.lax.fori_loop(2, last + 1, turn, chain)
    program, values, shape = opened(turn, jnp.asarray(2, jnp.int32), chain)

    @jax.custom_jvp
    def run(leaves: list[Array], last: Array, values: list[Array]) -> list[Array]:
        return jax.lax.fori_loop(2, last + 1, lambda j, now: program(*values, j, *now), leaves)

    @run.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        leaves, last, values = primals
        moved, _, changed = tangents
        return jax.jvp(lambda u, v: _in_blocks(program, u, last, v), (leaves, values), (moved, changed))

    return jax.tree.unflatten(jax.tree.structure(shape), run(jax.tree.leaves(chain), last, values))


def _in_blocks(
    program: Callable[..., list[Array]], leaves: list[Array], last: Array, values: list[Array]
) -> list[Array]:
    """The turns in blocks, as far as they are wanted; a block is computed once more on the way back."""

    def block(leaves: list[Array], start: Array) -> tuple[list[Array], None]:
        def one(leaves: list[Array], j: Array) -> tuple[list[Array], None]:
            new = program(*values, j, *leaves)
            return [jnp.where(j <= last, a, b) for a, b in zip(new, leaves, strict=True)], None

        def several(leaves: list[Array]) -> list[Array]:
            return jax.lax.scan(one, leaves, start + jnp.arange(_BLOCK, dtype=jnp.int32))[0]

        return jax.lax.cond(start <= last, several, lambda c: c, leaves), None

    starts = jnp.arange(2, _MOST + 1, _BLOCK, dtype=jnp.int32)
    return jax.lax.scan(jax.checkpoint(block), leaves, starts)[0]


def mix(pairs: list[tuple[Any, State]]) -> State:
    """Σ weight·state, the weights real numbers in any precision."""

    def combine(*leaves: Array) -> Array:
        kind = leaves[0].real.dtype
        total = times(jnp.asarray(pairs[0][0]).astype(kind), leaves[0])
        for (weight, _), leaf in zip(pairs[1:], leaves[1:], strict=True):
            total = total + times(jnp.asarray(weight).astype(kind), leaf)
        return total

    return jax.tree.map(combine, *[state for _, state in pairs])
