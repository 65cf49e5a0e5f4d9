"""Tangents forwards and cotangents backwards over the accepted steps of a recorded run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array

from duhamel.batch import batched_well
from duhamel.compiled import joined
from duhamel.gradient.reach import is_smooth, reach
from duhamel.gradient.recording import Point, Room, Trail
from duhamel.gradient.steps import Place, Walk
from duhamel.observe import Nothing

__all__ = ["Backward", "Onward", "Sweep"]

Leaves = list[Array]


class Sweep(NamedTuple):
    """What of a recorded run is no number: the job, which of its numbers carry derivatives, the form of the
    trail. Residuals are the `count` numbers of the job, the end of the run and the leaves of the trail."""

    key: Any
    moving: tuple[int, ...]
    count: int
    room: Room
    trail: Any
    undo: bool = False


class Onward(NamedTuple):
    """Tangents of the moving numbers → tangents of the record, and of the points of the trail if wanted."""

    sweep: Sweep
    points: bool = False

    def __call__(self, residuals: Leaves, vectors: Leaves) -> Leaves:
        def run(operands: Any, samples: str | None) -> Leaves:
            return _Track(self.sweep, operands[0], samples).tangents(operands[1], self.points)

        return batched_well(run)((residuals, vectors))


class Backward(NamedTuple):
    """Cotangents of the record → cotangents of the moving numbers."""

    sweep: Sweep

    def __call__(self, residuals: Leaves, vectors: Leaves) -> Leaves:
        def run(operands: Any, samples: str | None) -> Leaves:
            return _Track(self.sweep, operands[0], samples).cotangents(operands[1])

        return batched_well(run)((residuals, vectors))


class _Track:
    """One recorded run, or the samples of a batch that go through the loops together (`samples` names their
    axis)."""

    def __init__(self, sweep: Sweep, residuals: Leaves, samples: str | None):
        self.sweep, self.samples = sweep, samples
        self.numbers, self.end = residuals[: sweep.count], residuals[sweep.count]
        self.trail: Trail = jax.tree.unflatten(sweep.trail, residuals[sweep.count + 1 :])
        self.walk = Walk(joined(sweep.key, self.numbers))
        leaves, self.form = jax.tree.flatten(jax.tree.map(lambda v: v[0], self.trail.points))
        self.states = len(jax.tree.leaves(self.trail.points.u))
        self.moved = [self.numbers[i] for i in sweep.moving]
        self.live = self._live(leaves)

    def tangents(self, dots: Leaves, points: bool) -> Leaves:
        leaves, changes = jax.jvp(self._first, (self.moved,), (dots,))
        changes = self._alive(changes)
        record = self._begun(leaves, changes)
        kept = [jnp.zeros_like(v) for v in jax.tree.leaves(self.trail.points)] if points else []

        def turn(carry: Any, go: Array | None) -> Any:
            index, leaves, changes, record, kept = carry
            here = self.trail.places == index
            slot = jnp.where(_both(go, jnp.any(here)), jnp.argmax(here), here.shape[0])
            spread = self._spread(leaves, changes) if kept else []
            kept = [b.at[slot].set(v, mode="drop") for b, v in zip(kept, spread, strict=True)]
            leaves, changes, record = self._push(index, leaves, changes, dots, record, go)
            return index + 1, leaves, changes, record, kept

        start = (jnp.zeros((), jnp.int32), leaves, changes, record, kept)
        _, leaves, changes, record, kept = self._turns(lambda c: c[0] < self.trail.count, turn, start)
        if isinstance(self.walk.job.problem.observer, Nothing):
            record = [*[v[None] for v in self._spread(leaves, changes)[: self.states]], record[-1]]
        return [*record, *kept]

    def cotangents(self, record: Leaves) -> Leaves:
        *record, self.weights = record
        bars = [jnp.zeros_like(v) for v in self._alive(self._point(jnp.zeros((), jnp.int32)))]
        if isinstance(self.walk.job.problem.observer, Nothing):
            bars = self._with_states(bars, [v[0] for v in record])
        sums = [jnp.zeros_like(v) for v in self.moved]
        over = self._single if self.sweep.room.slots >= self.sweep.room.steps else self._segment
        start: tuple[Any, ...] = (self.trail.count, bars, sums)
        if self.sweep.undo:
            over, start = self._undone, (*start, self._point(jnp.zeros((), jnp.int32)))
        _, bars, sums, *_ = self._turns(lambda c: c[0] > 0, lambda c, go: over(c, record, go), start)
        at_start = self.walk.at_start()
        first = [jnp.where(at_start, v[0], 0) for v in record]
        bars = self._with_states(bars, first)
        more = jax.vjp(lambda moved: self._alive(self._first(moved)), self.moved)[1](bars)[0]
        return [a + b for a, b in zip(sums, more, strict=True)]

    def _single(self, carry: Any, record: Leaves, go: Array | None) -> Any:
        """One step back, from its own point."""
        index, bars, sums = carry
        return index - 1, *self._pull(index - 1, self._point(index - 1), bars, sums, record, go)

    def _undone(self, carry: Any, record: Leaves, go: Array | None) -> Any:
        """One step back, from the point after it, by undoing it."""
        index, bars, sums, after = carry
        point = self.walk.undo(jax.tree.unflatten(self.form, after), self._place(index - 1))
        leaves = jax.tree.leaves(point)
        bars, sums = self._pull(index - 1, leaves, bars, sums, record, go)
        return index - 1, bars, sums, [_where(go, v, old) for v, old in zip(leaves, after, strict=True)]

    def _segment(self, carry: Any, record: Leaves, go: Array | None) -> Any:
        """All steps since the last point before step `end`, once more and then back."""
        end, bars, sums = carry
        begin = (end - 1) // self.trail.stride * self.trail.stride
        first = self._point(jnp.argmax(self.trail.places == begin))
        room = self.sweep.room.stride
        buffer = [jnp.zeros((room, *v.shape), v.dtype).at[0].set(v) for v in first]

        def again(c: Any, go: Array | None) -> Any:
            index, leaves, buffer = c
            leaves = self._stepped(index, leaves)
            slot = _where(go, index + 1 - begin, jnp.full_like(index, room))
            return (
                index + 1,
                leaves,
                [b.at[slot].set(v, mode="drop") for b, v in zip(buffer, leaves, strict=True)],
            )

        def back(c: Any, go: Array | None) -> Any:
            index, bars, sums = c
            leaves = [b[index - 1 - begin] for b in buffer]
            return index - 1, *self._pull(index - 1, leaves, bars, sums, record, go)

        _, _, buffer = self._turns(lambda c: _both(go, c[0] < end - 1), again, (begin, first, buffer))
        return self._turns(lambda c: _both(go, c[0] > begin), back, (end, bars, sums))

    def _pull(
        self, index: Array, leaves: Leaves, bars: Leaves, sums: Leaves, record: Leaves, go: Array | None
    ) -> tuple[Leaves, Leaves]:
        """Cotangents before step `index` from those after it."""
        place = self._place(index)
        inside = self.walk.inside

        def of(alive: Leaves, moved: Leaves) -> Any:
            walk, point = self._walk(moved), self._filled(leaves, alive)
            new, step = walk.step(point, place)
            smooth, rest = _parted(step) if inside else ([], None)
            return (self._alive(jax.tree.leaves(new)), smooth, walk.observed(point, new, step, place)), rest

        alive = self._alive(leaves)
        (_, smooth, _), back, rest = jax.vjp(of, alive, self.moved, has_aux=True)
        if inside:
            early, steps, late = self._pull_inside(place, leaves, smooth, rest, record, go)
            more, less = back((bars, steps, self.weights))
            more, less = _sum(more, early), _sum(less, late)
        else:
            slot, due = place.low, place.high > place.low
            met = [jnp.where(due, v[jnp.minimum(slot, v.shape[0] - 1)], 0) for v in record]
            more, less = back((self._with_states(bars, met), [], self.weights))
        chosen = [_where(go, v, old) for v, old in zip(more, bars, strict=True)]
        return chosen, [a + _only(go, v) for a, v in zip(sums, less, strict=True)]

    def _pull_inside(
        self, place: Place, leaves: Leaves, smooth: Leaves, rest: Any, record: Leaves, go: Array | None
    ) -> tuple[Leaves, Leaves, Leaves]:
        """Cotangents of the point, the step and the numbers from those of the states saved inside a step."""
        of = (self._alive(leaves), smooth, self.moved)

        def turn(carry: Any, go: Array | None) -> Any:
            slot, total = carry

            def value(alive: Leaves, smooth: Leaves, moved: Leaves) -> Any:
                walk, point = self._walk(moved), self._filled(leaves, alive)
                return jax.tree.leaves(walk.value(point, _rejoined(smooth, rest), place, slot))

            new = jax.vjp(value, *of)[1]([v[jnp.minimum(slot, v.shape[0] - 1)] for v in record])
            return slot + 1, jax.tree.map(lambda a, b: a + _only(go, b), total, new)

        none = jax.tree.map(jnp.zeros_like, of)
        return self._turns(lambda c: _both(go, c[0] < place.high), turn, (place.low, none))[1]

    def _push(
        self, index: Array, leaves: Leaves, changes: Leaves, dots: Leaves, record: Leaves, go: Array | None
    ) -> tuple[Leaves, Leaves, Leaves]:
        """One step on, with tangents."""
        place = self._place(index)

        def of(alive: Leaves, moved: Leaves) -> Any:
            walk, point = self._walk(moved), self._filled(leaves, alive)
            new, step = walk.step(point, place)
            out = jax.tree.leaves(new)
            smooth, rest = _parted(step)
            return (self._alive(out), smooth, walk.observed(point, new, step, place)), (out, rest)

        alive = self._alive(leaves)
        (_, smooth, _), (after, moves, more), (out, rest) = jax.jvp(
            of, (alive, self.moved), (changes, dots), has_aux=True
        )

        def turn(carry: Any, go: Array | None) -> Any:
            slot, record = carry

            def value(alive: Leaves, smooth: Leaves, moved: Leaves) -> Any:
                walk, point = self._walk(moved), self._filled(leaves, alive)
                return jax.tree.leaves(walk.value(point, _rejoined(smooth, rest), place, slot))

            new = jax.jvp(value, (alive, smooth, self.moved), (changes, moves, dots))[1]
            target = _where(go, slot, jnp.full_like(slot, record[0].shape[0]))
            return slot + 1, [b.at[target].set(v, mode="drop") for b, v in zip(record, new, strict=True)]

        *record, total = record
        _, record = self._turns(lambda c: _both(go, c[0] < place.high), turn, (place.low, record))
        record = [*record, total + _only(go, more)]
        chosen = [_where(go, v, old) for v, old in zip(out, leaves, strict=True)]
        return chosen, [_where(go, v, old) for v, old in zip(after, changes, strict=True)], record

    def _begun(self, leaves: Leaves, changes: Leaves) -> Leaves:
        """Tangents of the record before the first step."""
        slots, at_start = self.walk.job.ts.shape[0], self.walk.at_start()
        first = self._spread(leaves, changes)[: self.states]
        none = jnp.zeros(len(self.walk.job.observe), self.trail.times.dtype)
        return [*[_slots(slots, jnp.where(at_start, v, 0)) for v in first], none]

    def _stepped(self, index: Array, leaves: Leaves) -> Leaves:
        new, _ = self.walk.step(jax.tree.unflatten(self.form, leaves), self._place(index))
        return jax.tree.leaves(new)

    def _place(self, index: Array) -> Place:
        times, last = self.trail.times, self.trail.times.shape[0] - 1
        t, h = times[index], self.trail.lengths[index]
        after = jnp.where(index + 1 < self.trail.count, times[jnp.minimum(index + 1, last)], self.end)
        return self.walk.place(index, t, h, after)

    def _point(self, slot: Array) -> Leaves:
        return [v[slot] for v in jax.tree.leaves(self.trail.points)]

    def _walk(self, moved: Leaves) -> Walk:
        filled = list(self.numbers)
        for i, v in zip(self.sweep.moving, moved, strict=True):
            filled[i] = v
        return Walk(joined(self.sweep.key, filled))

    def _first(self, moved: Leaves) -> Leaves:
        return jax.tree.leaves(self._walk(moved).first())

    def _filled(self, leaves: Leaves, alive: Leaves) -> Point:
        filled = list(leaves)
        for k, v in zip(self.live, alive, strict=True):
            filled[k] = v
        return jax.tree.unflatten(self.form, filled)

    def _alive(self, leaves: Leaves) -> Leaves:
        return [leaves[k] for k in self.live]

    def _spread(self, leaves: Leaves, changes: Leaves) -> Leaves:
        """Tangents of all leaves of a point."""
        filled = [jnp.zeros_like(v) for v in leaves]
        for k, v in zip(self.live, changes, strict=True):
            filled[k] = v
        return filled

    def _with_states(self, bars: Leaves, states: Leaves) -> Leaves:
        return [b + states[k] if k < self.states else b for k, b in zip(self.live, bars, strict=True)]

    def _live(self, leaves: Leaves) -> list[int]:
        """The leaves of a point that depend on the moving numbers."""
        place = self._place(jnp.zeros((), jnp.int32))
        count = len(leaves)

        def stepped(*values: Any) -> Leaves:
            walk, point = self._walk(list(values[count:])), jax.tree.unflatten(self.form, values[:count])
            return jax.tree.leaves(walk.step(point, place)[0])

        begun = reach(lambda *moved: self._first(list(moved)), self.moved)
        sources = reach(stepped, [*leaves, *self.moved])
        live = {k for k, found in enumerate(begun) if found}
        while True:
            more = {k for k, found in enumerate(sources) if any(i in live or i >= count for i in found)}
            if more <= live:
                return sorted(k for k in live if is_smooth(leaves[k]))
            live |= more

    def _turns(
        self, going: Callable[[Any], Array], turn: Callable[[Any, Array | None], Any], carry: Any
    ) -> Any:
        """Turn while `going`; in a batch until no sample goes, and what a sample that stands still would get
        must be left out by `turn` itself (but for the first entry, a count)."""
        if self.samples is None:
            return jax.lax.while_loop(going, lambda c: turn(c, None), carry)

        def masked(carry: Any) -> Any:
            go = going(carry)
            new = turn(carry, go)
            return jnp.where(go, new[0], carry[0]), *new[1:]

        return jax.lax.while_loop(lambda c: jax.lax.pmax(going(c), self.samples), masked, carry)


def _parted(tree: Any) -> tuple[Leaves, Any]:
    """The leaves that carry derivatives; the other numbers, what is no number, and the form."""
    leaves, form = jax.tree.flatten(tree)
    fixed = tuple(None if eqx.is_array_like(v) else v for v in leaves)
    marks = tuple(None if v is not None else is_smooth(x) for v, x in zip(fixed, leaves, strict=True))
    rest = [v for v, m in zip(leaves, marks, strict=True) if m is False]
    return [v for v, m in zip(leaves, marks, strict=True) if m], _Rest(rest, (marks, fixed, form))


def _rejoined(smooth: Leaves, rest: Any) -> Any:
    marks, fixed, form = rest.form
    first, second = iter(smooth), iter(rest.leaves)
    found = [v if m is None else next(first if m else second) for m, v in zip(marks, fixed, strict=True)]
    return jax.tree.unflatten(form, found)


@jax.tree_util.register_pytree_node_class
class _Rest:
    """Leaves without derivatives, and how they go with the others."""

    def __init__(self, leaves: Leaves, form: Any):
        self.leaves, self.form = leaves, form

    def tree_flatten(self) -> tuple[Any, Any]:
        return (self.leaves,), self.form

    @classmethod
    def tree_unflatten(cls, form: Any, children: Any) -> _Rest:
        return cls(children[0], form)


def _slots(count: int, first: Array) -> Array:
    return jnp.zeros((count, *first.shape), first.dtype).at[0].set(first)


def _sum(a: Leaves, b: Leaves) -> Leaves:
    return [x + y for x, y in zip(a, b, strict=True)]


def _where(go: Array | None, new: Array, old: Array) -> Array:
    return new if go is None else jnp.where(go, new, old)


def _only(go: Array | None, v: Array) -> Array:
    return v if go is None else jnp.where(go, v, 0)


def _both(go: Array | None, flag: Array) -> Array:
    return flag if go is None else go & flag
