"""From data back to noise: exactly where a plan can be undone, approximately elsewhere; and edits made
with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import constant, converted, telling, widest
from duhamel.sampling.builder import Builder
from duhamel.sampling.forms import linear_part
from duhamel.sampling.grids import Points, points
from duhamel.sampling.guidance import bound
from duhamel.sampling.planning import finish, first_time, plain, plan
from duhamel.sampling.predictions import to_eps
from duhamel.sampling.program import program
from duhamel.sampling.rules import rule_named
from duhamel.sampling.running import State, sample
from duhamel.sampling.table import Plan

__all__ = ["depth", "edit", "encoder", "invert", "invertible", "undone"]

Array = Any


def depth(plan: Plan) -> int:
    """How many states beside the newest one must be kept to undo a plan row by row; 0 if it cannot be
    undone.

    A row can be undone if it uses the state of `depth` rows ago, and network outputs of later states
    only: that state is then known from the others by one division. BDIA's plans have depth 1, a row of a
    one-state rule has none.
    """
    n = len(plan)
    if plan.stochastic or plan.x.shape[1] < 2:
        return 0
    used = [plan.x[:, k].reshape(n, -1) for k in range(plan.x.shape[1])]
    lag = max((k for k in range(1, len(used)) if np.any(used[k])), default=0)
    outputs = max((k for k in range(plan.m.shape[1]) if np.any(plan.m[:, k])), default=0)
    if lag == 0 or outputs >= lag or not np.all(used[lag][lag:]) or not plan.asks.all():
        return 0
    return lag


def invertible(plan: Plan) -> bool:
    """Whether `invert` can undo a plan to round-off."""
    return depth(plan) > 0


def invert(
    model: Any, x0: Array, plan: Plan, *, stop: int | None = None, last: Array | State | None = None
) -> State:
    """Undo a plan exactly: the `State` from which `sample(model, None, plan, start=state)` gives x0
    again, to round-off.

    `x0`: the end of the plan. The state before it is `last`, or what `sample` returned with
    stop=len(plan) − 1, or (as for real data) an estimate by one naive step: any value of it is taken back
    exactly. `stop`: the row to go back to (default the first possible, `depth(plan)`). One evaluation a
    row. States of 16 and 32 bits are undone and kept in float64, where the library has it: the network sees
    the same rounded numbers on both ways, and x0 comes back to its own last digit. What is rounded
    elsewhere grows with the rows' 1/x[i, depth], for BDIA like γ^{−rows}: use γ ≥ 0.9 for an x0 that was
    itself rounded. Raises `InputError` for plans that cannot be undone; see `encoder` for those.
    """
    lag = depth(plan)
    if not lag:
        raise InputError(
            f"{plan!r} cannot be undone: its rows need network outputs at the states that are sought. Use "
            "the rule 'bdia', or sample with encoder(...), which runs a rule from data to noise"
        )
    first = lag if stop is None else int(stop)
    if not lag <= first < len(plan):
        raise InputError(f"stop={stop!r}: rows {lag} to {len(plan) - 1} can be reached")
    narrow, wide = x0.dtype, widest(x0)
    ask = _Narrow(bound(model, plan), plan, narrow, wide)
    x0 = converted(x0, wide)
    before = _before_end(ask, x0, plan, lag, last)
    states = {len(plan): x0} | {j: converted(state, wide) for j, state in before.items()}
    outputs: dict[int, Array] = {}
    for i in range(len(plan) - 1, first - 1, -1):
        for j in range(i, i - lag, -1):
            if j not in outputs and any(index == j for index, _ in program(plan, x0.ndim)[i].m):
                outputs[j] = ask(states[j], j)
        states[i - lag] = undone(plan, i, lag, states, outputs)
        states.pop(i + 1, None)
        outputs.pop(i, None)
    kept = {j: states[j] for j in range(first - lag, first)}
    return State(first, states[first], kept, {}, narrow=None if narrow == wide else narrow)


class _Narrow:
    """A network asked in the precision of the data, about states that are kept in a wider one."""

    def __init__(self, ask: Any, plan: Plan, narrow: Any, wide: Any):
        self.ask, self.plan, self.narrow, self.wide = ask, plan, narrow, wide

    def __call__(self, x: Array, i: int) -> Array:
        row = program(self.plan, x.ndim)[i]
        seen = x if type(row.scale) is float and row.scale == 1.0 else x * constant(row.scale, x)
        given = converted(seen, self.narrow)
        return converted(self.ask(given, telling(self.plan.model_time[i], given), i), self.wide)


def undone(plan: Plan, i: int, lag: int, states: dict[int, Array], outputs: dict[int, Array]) -> Array:
    """The state i − lag from the states i + 1 … i − lag + 1 and their outputs."""
    row, total, by = program(plan, states[i].ndim)[i], states[i + 1], None
    for j, c in row.x:
        if j == i - lag:
            by = c
        else:
            total = total - states[j] * constant(c, total)
    for j, c in row.m:
        total = total - outputs[j] * constant(c, total)
    if row.bias is not None:
        total = total - constant(row.bias, total)
    return total / constant(by, total)


def _before_end(ask: Any, x0: Array, plan: Plan, lag: int, last: Array | State | None) -> dict[int, Array]:
    end = len(plan)
    if isinstance(last, State):
        return {end - 1: last.x} | {j: last.states[j] for j in range(end - lag, end - 1)}
    if last is not None and lag == 1:
        return {end - 1: last}
    if lag > 1:
        raise InputError(f"this plan is undone from {lag + 1} states: give last=sample(..., stop={end - 1})")
    alpha, sigma = (float(value) for value in (plan.alpha[-1], plan.sigma[-1]))
    if plan.axis != "none":
        raise InputError("give last=, the state before the end, for plans per sample or dimension")
    # one step of DDIM backwards, with ε read at x0 as if it stood one row earlier
    rough = x0 * (alpha / plan.end[1])
    eps = to_eps(ask(rough, end - 1), rough, plan.predicts, alpha, sigma, plan.data)
    return {end - 1: rough + eps * (sigma - alpha * plan.end[2] / plan.end[1])}


def encoder(
    schedule: Any,
    rule: str = "ddim",
    *,
    steps: int,
    order: int | None = None,
    grid: Any = None,
    variable: str | None = None,
    linear: Any = None,
    predicts: str = "eps",
    final: Any = "zero",
    start: float | None = None,
    data: float | None = None,
    **options: Any,
) -> Plan:
    """A rule run from data to noise: `plan(...)` with its grid walked backwards, for `sample(model, x0,
    encoder(...))`.

    With "ddim" this is the naive inversion of images (each step reads ε at the wrong end); higher orders
    follow the probability flow more closely, and "rf-solver" with `Flow` is RF-Solver's inversion
    (2411.04746). Arguments as in `plan`; `linear` is "eps" unless the rule has its own. Not exact: the
    round trip is as good as the two solutions. Raises `InputError` for rules with noise.
    """
    entry = rule_named(rule)
    if linear is None and "linear" not in entry.fixed and entry.linear == "x0":
        linear = "eps"
    asked = {"order": order, "grid": grid, "variable": variable, "linear": linear}
    limits = {"final": final, "start": start, "data": data}
    if plan(schedule, rule, steps=steps, predicts=predicts, **asked, **limits, **options).stochastic:
        raise InputError(f"{rule!r} adds noise here, which cannot be found again: use a deterministic rule")
    chosen = entry.choose(schedule, steps, predicts, asked | {"corrector": None, "noise": None}, options)
    data = float(getattr(schedule, "data", 0.5)) if data is None else float(data)
    form = linear_part(chosen["linear"], data)
    noisy = first_time(schedule, predicts, form, entry) if start is None else float(start)
    found = points(schedule, int(steps), chosen["grid"], noisy, final)
    turned = Points(found.t[::-1], found.alpha[::-1], found.sigma[::-1])
    builder = Builder(
        schedule,
        turned,
        predicts=predicts,
        linear=form,
        variable=chosen["variable"],
        data=data,
        noise=chosen["noise"] or 0.0,
    )
    if not np.isfinite(builder.model_times[0]):
        raise InputError(
            f"{schedule!r} has no model time at σ = 0: begin the way to noise with final='sigma_min'"
        )
    entry.build(builder, chosen)
    made = {"rule": entry.name, "steps": int(steps), "final": final, "start": noisy, "direction": "to noise"}
    return finish(builder, made | plain(chosen))


def edit(
    source: Any, target: Any, x0: Array, plan: Plan, *, encoding: Plan | None = None, stop: int | None = None
) -> Array:
    """Take x0 to noise with the model `source`, and back with `target` (another prompt, class or network).

    Without `encoding` the way to noise undoes `plan` exactly (`invert`, to row `stop`: the later, the
    closer to x0), and target = source gives x0 again to round-off. With `encoding` = `encoder(...)` the
    plan may be any.
    """
    if encoding is None:
        return sample(target, None, plan, start=invert(source, x0, plan, stop=stop))
    if stop is not None:
        raise InputError(
            "stop= belongs to exact inversion; with an encoding, give plan and encoding the same start="
        )
    return sample(target, sample(source, x0, encoding), plan)
