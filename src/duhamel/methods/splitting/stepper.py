"""Splitting: the parts' own flows, one after the other."""

from __future__ import annotations

import dataclasses
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.batch import in_any_sample
from duhamel.equation import Equation, Nonlinear, total
from duhamel.errors import InputError
from duhamel.methods.base import Method, State, Step, Tolerance, Work, precise, where
from duhamel.methods.explicit import RK4, Dop853, ExplicitRungeKutta, Vern6
from duhamel.methods.splitting.parts import Complex, costs, flow, weights
from duhamel.methods.splitting.separable import Shear, shear_of
from duhamel.methods.splitting.sequence import Branch, Flow, Fraction, Sweep, flows, period

__all__ = ["Splitting", "weighted_sum"]

# A step with more evaluations than this is compiled as a loop over its repeating pattern of flows.
_UNROLLED = 6


class Kept(NamedTuple):
    """The functions of the linear parts (None for others) with the h they belong to, and a slope: that of the
    last kick, which is that of the next first one; or that of the start, to choose a first step by."""

    h: Array
    weights: tuple[Complex | None, ...]
    slope: State | None


class Splitting(Method):
    """u₁ = Φ(γₛh) ∘ … ∘ Φ(γ₁h) u: a composition of the flows of the parts, any number and any kind of them.

    Linear parts flow exactly, e^{γhL}; a nonlinear part by its own `flow` if it has one, otherwise by one
    step of `inner` (None: a Runge–Kutta method of at least the order of the splitting). `sweeps` lists
    fractions of h and whether the parts come forwards or backwards; neighbouring flows of one part merge.
    `branches` adds several compositions up, with weights for the state and for the error estimate.

    Where f depends on time, each part has a clock that only its own flows advance. Complex fractions make the
    state complex inside the step, u + iv, with the parts continued analytically; the real part is the result
    (entry by entry of both halves, so spectral states of real fields stay such). `imaginary`: the imaginary
    part is the error estimate. `stages` counts the flows of the second of two parts in a step; evaluations
    are counted part by part, an exact flow as one. `cost` is filled in for an equation: evaluations at the
    start and per step.
    """

    inner: ExplicitRungeKutta | None = None
    cost: tuple[int, int] = eqx.field(static=True, default=(0, 0))

    family: ClassVar[str] = "splitting"
    held: ClassVar[bool] = True
    sweeps: ClassVar[tuple[Sweep, ...]] = ()
    branches: ClassVar[tuple[Branch, ...]] = ()
    imaginary: ClassVar[bool] = False

    def check(self, eq: Equation) -> None:
        if not isinstance(self.inner, ExplicitRungeKutta | None):
            raise InputError(
                f"the inner method of a splitting is explicit (e.g. dh.RK4()), not {self.inner!r}."
            )
        if not eq.parts:
            raise InputError("there is nothing to split: the equation has no parts.")
        only = eq.parts[0]
        if self.adaptive and len(eq.parts) == 1 and isinstance(only, Nonlinear) and only.flow is None:
            raise InputError(
                f"there is nothing to split: the equation is one function, and the estimate of {self.name} "
                "is the error of the splitting, which is zero. State two or more parts, or use dh.Tsit5()."
            )

    def fitted(self, eq: Equation, u: State, args: Any) -> Method:
        del u, args
        every = [f for branch in self.compositions for f in flows(branch.sweeps, len(eq.parts))]
        count = sum(costs(eq.parts[f.part], self.within) for f in every)
        if self._kick(eq) is not None:
            return dataclasses.replace(self, cost=(1, count - 1))
        return dataclasses.replace(self, cost=(len(eq.nonlinear) if self.adaptive else 0, count))

    @property
    def compositions(self) -> tuple[Branch, ...]:
        """What a step adds up: for most methods a single composition."""
        return self.branches or (Branch(self.sweeps, 1.0, 0.0),)

    @property
    def within(self) -> ExplicitRungeKutta:
        """The method for parts without a flow of their own."""
        if self.inner is not None:
            return self.inner
        return RK4() if self.order <= 4 else Vern6() if self.order <= 6 else Dop853()

    def _kick(self, eq: Equation) -> Shear | None:
        """The kick with which a step begins and ends, if so: it then needs its slope only once."""
        if self.branches or len(eq.parts) != 2:
            return None
        sequence = flows(self.sweeps, 2)
        once = sequence[0].part != sequence[-1].part or any(isinstance(f.fraction, complex) for f in sequence)
        return None if once else shear_of(eq.parts[sequence[0].part])

    def init(self, eq: Equation, t: Array, u: State, args: Any) -> Kept:
        shapes = jax.eval_shape(lambda h: self._weights(eq, h, u), t)
        empty = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
        return Kept(jnp.full_like(t, jnp.nan), empty, self._slope(eq, t, u, args))

    def _slope(self, eq: Equation, t: Array, u: State, args: Any) -> State | None:
        kick = self._kick(eq)
        if kick is not None:
            return kick.slope(precise(t, u), u, args)
        if self.adaptive:
            return (eq.remainder if eq.nonlinear else eq.rhs)(precise(t, u), u, args)
        return None

    def _fractions(self, part: int, parts: int) -> tuple[Fraction, ...]:
        every = [f for branch in self.compositions for f in flows(branch.sweeps, parts)]
        return tuple(dict.fromkeys(f.fraction for f in every if f.part == part))

    def _weights(self, eq: Equation, h: Array, u: State) -> tuple[Complex | None, ...]:
        count = len(eq.parts)
        return tuple(weights(p, self._fractions(i, count), h, u) for i, p in enumerate(eq.parts))

    def step(
        self,
        eq: Equation,
        t: Array,
        h: Array,
        u: State,
        memory: Kept,
        args: Any,
        tolerance: Tolerance | None = None,
    ) -> Step:
        del tolerance
        # In a batch all samples are prepared anew where one must be; finished ones have h = 0.
        stale = in_any_sample((h != memory.h) & (h != 0))
        fresh = jax.lax.cond(stale, lambda: self._weights(eq, h, u), lambda: memory.weights)
        run = _Run(self, eq, fresh, t, h, args)
        kick = self._kick(eq)
        if kick is not None:
            new, slope = run.from_kick_to_kick(kick, u, memory.slope)
            return Step(new, None, Kept(h, fresh, slope), None)
        ends = [run.through(flows(b.sweeps, len(eq.parts)), u) for b in self.compositions]
        new = weighted_sum([b.weight for b in self.compositions], ends)
        error = None
        if self.adaptive:
            error = ends[0].im if self.imaginary else weighted_sum([b.error for b in self.branches], ends)
        return Step(new, error, Kept(h, fresh, memory.slope), None)

    def keep(self, accepted: Array, new: Kept, old: Kept) -> Kept:
        # Weights stay valid for the h they carry.
        return new if new.slope is None else new._replace(slope=where(accepted, new.slope, old.slope))

    def slope(self, memory: Kept) -> State:
        if memory.slope is None:
            raise InputError(f"{self.name} has no error estimate: give step=dh.Fixed(dt).")
        return memory.slope

    def work(self, counters: Any, attempts: Any) -> Work:
        del counters
        none = 0 * attempts
        return Work(self.cost[0] + attempts * self.cost[1], none, none, none)


def weighted_sum(factors: list[float], ends: list[Complex]) -> State:
    """Σ factor · real part, without the zero terms."""
    used = [(f, end.re) for f, end in zip(factors, ends, strict=True) if f]
    return total([jax.tree.map(lambda v, f=f: f * v if f != 1 else v, end) for f, end in used])


class _Run(NamedTuple):
    """One step's composition of flows."""

    method: Splitting
    eq: Equation
    weights: tuple[Complex | None, ...]
    t: Array
    h: Array
    args: Any

    def from_kick_to_kick(self, kick: Shear, u: State, slope: State | None) -> tuple[State, State]:
        """The flows of a step that starts and ends with this kick, given the slope of the first."""
        sequence = flows(self.method.sweeps, 2)
        u = kick.moved(u, precise(self.h * sequence[0].fraction, u), slope)
        u = self.through(sequence[1:-1], u).re
        slope = kick.slope(precise(self.t + self.h, u), u, self.args)
        return kick.moved(u, precise(self.h * sequence[-1].fraction, u), slope), slope

    def through(self, sequence: tuple[Flow, ...], u: State) -> Complex:
        """All flows of a sequence, one after the other."""
        n = period(sequence)
        repeats = len(sequence) // n
        count = sum(costs(self.eq.parts[f.part], self.method.within) for f in sequence)
        state = Complex(u, None)
        if count <= _UNROLLED or repeats < 2:
            return self._unrolled(sequence, state)
        return self._unrolled(sequence[repeats * n :], self._looped(sequence[: repeats * n], n, state))

    def _unrolled(self, sequence: tuple[Flow, ...], state: Complex) -> Complex:
        for f in sequence:
            place = self._places(f.part)[f.fraction]
            start = self._after(self._time(self._clock(f)))
            state = self._flow(f.part, place, start, self._time(f.fraction), state)
        return state

    def _looped(self, sequence: tuple[Flow, ...], n: int, state: Complex) -> Complex:
        """A pattern of n flows again and again, compiled once."""
        rows = [sequence[i::n] for i in range(n)]
        if any(isinstance(f.fraction, complex) for f in sequence):
            state = Complex(state.re, jax.tree.map(jnp.zeros_like, state.re))

        def table(row: tuple[Flow, ...]) -> Any:
            places = jnp.asarray([self._places(f.part)[f.fraction] for f in row], jnp.int32)
            return places, self._times([self._clock(f) for f in row]), self._times([f.fraction for f in row])

        def turn(state: Complex, now: Any) -> tuple[Complex, None]:
            for row, (place, clock, span) in zip(rows, now, strict=True):
                state = self._flow(row[0].part, place, self._after(clock), span, state)
            return state, None

        return jax.lax.scan(turn, state, [table(row) for row in rows])[0]

    def _flow(self, part: int, place: Any, t: Complex, h: Complex, state: Complex) -> Complex:
        """One flow, whose weights stand at `place`."""
        kept = self.weights[part]
        if kept is not None:
            re = jax.tree.map(lambda w: w[place], kept.re)
            im = None if kept.im is None or h.im is None else jax.tree.map(lambda w: w[place], kept.im)
            kept = Complex(re, im)
        return flow(self.eq.parts[part], self.method.within, kept, t, h, state, self.args)

    def _clock(self, f: Flow) -> Fraction:
        """The time that a flow sees at its start: its own clock; for a shear that of its counterpart."""
        own = shear_of(self.eq.parts[f.part])
        if own is not None:
            for clock, part in zip(f.clocks, self.eq.parts, strict=True):
                other = shear_of(part)
                if other is not None and other.moves != own.moves:
                    return clock
        return f.clocks[f.part]

    def _places(self, part: int) -> dict[Fraction, int]:
        fractions = self.method._fractions(part, len(self.eq.parts))
        return {fraction: i for i, fraction in enumerate(fractions)}

    def _time(self, fraction: Fraction) -> Complex:
        """From a fraction of the step: how long it is."""
        return Complex(fraction.real * self.h, fraction.imag * self.h if fraction.imag else None)

    def _times(self, fractions: list[Fraction]) -> Complex:
        real, imag = (
            jnp.asarray([getattr(f, half) for f in fractions], self.h.dtype) for half in ("real", "imag")
        )
        return Complex(real * self.h, imag * self.h if any(f.imag for f in fractions) else None)

    def _after(self, span: Complex) -> Complex:
        return Complex(self.t + span.re, span.im)
