"""An explicit method where nothing is stiff, an implicit one where something is."""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.batch import branch
from duhamel.equation import Equation
from duhamel.jacobian import Full, Structure, System, pack, structure_of, unpack
from duhamel.methods.base import (
    Interpolating,
    Method,
    State,
    Step,
    Tolerance,
    Work,
    add_scaled,
    precise,
    where,
)
from duhamel.methods.explicit.fifth import Tsit5
from duhamel.methods.explicit.stepper import horner
from duhamel.methods.stiff.rosenbrock import combined, linearised, stages
from duhamel.methods.stiff.rosenbrock_methods import Rodas5P
from duhamel.norm import scaled_norm

__all__ = ["Auto"]

_EXPLICIT, _STIFF = Tsit5.table, Rodas5P.table
# |hλ| that the explicit method bears along the negative real axis.
_BOUND = 3.5068
# Steps at h·radius above _HIGH·bound count as limited by stability; so many of them, less after so many calm
# ones, make the problem stiff.
_HIGH, _STIFF_STEPS, _CALM_STEPS = 0.85, 12, 6
# The explicit method is taken up again after so many steps that it could have done for less.
_BACK_STEPS = 8
# Steps in vain with the implicit method make the next try later, by powers of two up to this one.
_LATEST = 6
# Changes whose times are remembered.
_TOLD = 8
# States with more entries and no structure in their Jacobian stay with the explicit method.
_LARGEST = 1000


class Watch(NamedTuple):
    """What is known of stiffness.

    `stiff`: the implicit method is at work. `count`: steps that speak for the other method, `calm`: steps
    that speak against it since. `vain`: how often the implicit method was taken up in vain. `vector` points
    where the Jacobian is largest. `changes` and the `times` of the first of them; `tries`: attempted steps
    with the implicit method.
    """

    stiff: Array
    count: Array
    calm: Array
    vain: Array
    vector: Array
    changes: Array
    times: Array
    tries: Array


class Memory(NamedTuple):
    """f at the present point, and the watch."""

    slope: State
    watch: Watch


class Moves(NamedTuple):
    """The stages of a step: slopes kᵢ of the explicit method, or moves Uᵢ of the implicit one."""

    stiff: Array
    parts: tuple[State, ...]


class Seen(NamedTuple):
    """The result of a step of either method, with h·radius in units of what the explicit one bears."""

    u: State
    error: State
    slope: State
    parts: tuple[State, ...]
    load: Array
    vector: Array


class Auto(Interpolating):
    """Tsit5 where the problem is not stiff, Rodas5P where it is, changing over as often as it takes.

    In an explicit step ρ = ‖k₇ − k₆‖/‖g₇ − g₆‖, from two stages at the same time, estimates the Jacobian
    where it is largest; steps with hρ at the stability bound, many in a row, tell that stability and not
    accuracy limits h (Shampine 1977; Hairer & Wanner, Solving ODEs II, IV.2). In an implicit step ρ comes
    from power iteration with J, one product per step; where hρ has become so small that explicit steps would
    be cheaper, the explicit method takes over again. Both have order 5 and an estimate of order 4. With fixed
    steps, which no error estimate protects, every step is implicit. States of more than 1000 entries with a
    full Jacobian stay with Tsit5.

    Cost: that of Tsit5, and two norms per step, where nothing is stiff. `solution.why` tells when the method
    changed.
    """

    name: ClassVar[str] = "auto"
    order: ClassVar[int] = 5
    dense_order: ClassVar[int] = 4
    family: ClassVar[str] = "auto"
    stages: ClassVar[int] = 6
    adaptive: ClassVar[bool] = True
    error_order: ClassVar[int] = 4
    reference: ClassVar[str] = "Shampine, ACM TOMS 3 (1977); Hairer & Wanner, Solving ODEs II, IV.2"
    structure: Structure | None = eqx.field(static=True, default=None)

    def check(self, eq: Equation) -> None:
        del eq  # every part can be evaluated and has a Jacobian

    def fitted(self, eq: Equation, u: State, args: Any) -> Method:
        structure = structure_of(eq, u, args)
        if isinstance(structure, Full) and structure.size > _LARGEST:
            return Tsit5().fitted(eq, u, args)
        return Auto(structure)

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Memory:
        none = jnp.zeros((), jnp.int32)
        watch = Watch(
            stiff=jnp.zeros((), bool),
            count=none,
            calm=none,
            vain=none,
            vector=jnp.ones_like(pack(u)),
            changes=none,
            times=jnp.zeros(_TOLD, t.dtype),
            tries=none,
        )
        return Memory(eq.rhs(precise(t, u), u, args), watch)

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
        watch, system = memory.watch, self._system(eq, u, args)
        wanted = Tolerance(0.0, 1.0) if tolerance is None else tolerance

        def explicit() -> Seen:
            return _explicit(eq, t, h, u, memory.slope, args, wanted)

        def implicit() -> Seen:
            return _implicit(system, t, h, u, watch.vector, wanted)

        if tolerance is None:
            stiff, seen = jnp.ones((), bool), implicit()
        else:
            stiff, seen = watch.stiff, branch(watch.stiff, implicit, explicit)
        # Samples of a batch that have finished take steps of no length, which do not count.
        tries = watch.tries + (stiff & (h != 0)).astype(jnp.int32)
        after = _watched(watch, seen, t + h, _cost(system.structure))._replace(tries=tries)
        return Step(seen.u, seen.error, Memory(seen.slope, after), Moves(stiff, seen.parts))

    def keep(self, accepted: Array, new: Memory, old: Memory) -> Memory:
        kept = where(accepted, new, old)
        return kept._replace(watch=kept.watch._replace(tries=new.watch.tries))

    def slope(self, memory: Memory) -> State:
        return memory.slope

    def interpolate(self, theta: Array, h: Array, u: State, step: Step, memory: Any) -> State:
        del memory
        stiff, parts = step.stages
        x, h_ = precise(theta, u), precise(h, u)
        assert Tsit5.dense is not None
        slopes = [h_ * x * horner(row, x) for row in Tsit5.dense]
        moves = [
            x * m + x * (1 - x) * horner(tuple(row), x)
            for m, *row in zip(_STIFF.weights, *_STIFF.dense, strict=True)
        ]
        weights = [jnp.where(stiff, m, s) for m, s in zip(moves, [*slopes, jnp.zeros_like(x)], strict=True)]
        return jax.tree.map(
            lambda v, *ks: v + sum(_times(w, k) for w, k in zip(weights, ks, strict=True)), u, *parts
        )

    def counters(self, memory: Memory) -> Any:
        return memory.watch.tries, memory.watch.changes, memory.watch.times

    def work(self, counters: Any, attempts: Any) -> Work:
        tries, changes, _ = counters
        each = tries * _STIFF.stages
        return Work(1 + (attempts - tries) * self.stages + each + tries, each, tries, changes)

    def notes(self, counters: Any) -> str:
        tries, changes, times = counters
        names = [Tsit5.name, Rodas5P.name]
        if np.ndim(changes) or changes == 0:
            return (
                "" if np.ndim(changes) or tries == 0 else f"{names[1]} throughout, since the steps are fixed"
            )
        told = [f"{names[(i + 1) % 2]} from t = {times[i]:.4g}" for i in range(min(int(changes), _TOLD))]
        more = f", … ({int(changes)} changes)" if changes > _TOLD else ""
        return f"began with {names[0]}, " + ", ".join(told) + more

    def _system(self, eq: Equation, u: State, args: Any) -> System:
        structure = structure_of(eq, u, args) if self.structure is None else self.structure
        return System(eq, structure, u, args)


def _explicit(eq: Equation, t: Array, h: Array, u: State, slope: State, args: Any, wanted: Tolerance) -> Seen:
    t_, h_ = precise(t, u), precise(h, u)
    slopes, new, before = [slope], u, u
    for row, c in zip(_EXPLICIT.a[1:], _EXPLICIT.c[1:], strict=True):
        before, new = new, add_scaled(u, h_, [float(a) for a in row], slopes)
        slopes.append(eq.rhs(t_ + float(c) * h_, new, args))
    error = add_scaled(None, h_, [float(e) for e in _EXPLICIT.error or ()], slopes)
    faster = jax.tree.map(jnp.subtract, slopes[-1], slopes[-2])
    further = jax.tree.map(jnp.subtract, new, before)
    speed, way = scaled_norm(eq, (faster, further), (u, new), wanted.rtol, wanted.atol)
    load = h_ * speed / (_BOUND * jnp.where(way > 0, way, jnp.inf))
    nothing = jax.tree.map(jnp.zeros_like, u)
    return Seen(new, error, slopes[-1], (*slopes, nothing), load.astype(h.dtype), _unit(pack(faster), speed))


def _implicit(system: System, t: Array, h: Array, u: State, vector: Array, wanted: Tolerance) -> Seen:
    t_, h_, x = precise(t, u), precise(h, u), pack(u)
    at = linearised(system, t_, x)
    moves, end = stages(_STIFF, system, t_, h_, x, at)
    error, slope = combined(_STIFF.error, moves), system.f(t_ + h_, end)
    image = system.structure.times(at.jacobian, vector)
    new, image_, vector_ = (unpack(v, u) for v in (end, image, vector))
    longer, long = scaled_norm(system.eq, (image_, vector_), (u, new), wanted.rtol, wanted.atol)
    load = h_ * longer / (_BOUND * jnp.where(long > 0, long, jnp.inf))
    good = (longer > 0) & jnp.isfinite(longer)
    turned = jnp.where(good, _unit(image, longer), vector)
    parts = tuple(unpack(move, u) for move in moves)
    return Seen(new, unpack(error, u), unpack(slope, u), parts, load.astype(h.dtype), turned)


def _watched(watch: Watch, seen: Seen, t: Array, cost: float) -> Watch:
    """What is known after an accepted step that ends at t, if an implicit step costs `cost` explicit ones."""
    stiff = watch.stiff
    heavy = seen.load > jnp.where(stiff, max(0.5, cost / 6.0), _HIGH)
    speaks = heavy != stiff
    calm = jnp.where(speaks, 0, watch.calm + 1)
    forgotten = calm >= jnp.where(stiff, 1, _CALM_STEPS)
    count = jnp.where(speaks, watch.count + 1, jnp.where(forgotten, 0, watch.count))
    vain = jnp.where(stiff & (seen.load > cost), 0, watch.vain)
    needed = jnp.where(stiff, _BACK_STEPS, _STIFF_STEPS << jnp.minimum(vain, _LATEST))
    changes = count >= needed
    place = jnp.where(changes, jnp.minimum(watch.changes, _TOLD), _TOLD)
    return Watch(
        stiff=stiff ^ changes,
        count=jnp.where(changes, 0, count).astype(jnp.int32),
        calm=jnp.where(changes, 0, calm).astype(jnp.int32),
        vain=vain + (changes & stiff).astype(jnp.int32),
        vector=seen.vector,
        changes=watch.changes + changes.astype(jnp.int32),
        times=watch.times.at[place].set(t, mode="drop"),
        tries=watch.tries,
    )


def _cost(structure: Structure) -> float:
    """What an implicit step costs in explicit steps, roughly."""
    if not isinstance(structure, Full):
        return 3.0
    n = structure.size
    return 3.0 + 0.36 * n + n * n / 600.0


def _unit(v: Array, length: Array) -> Array:
    return v / jnp.where(length > 0, length, 1.0)


def _times(weight: Array, v: Array) -> Array:
    return weight.astype(v.dtype) * v
