"""A search over samplers for one network: rule, order, grid, variable, linear part, corrector, row by row."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.forms import Constant, Gaussian
from duhamel.sampling.learned.report import Error, Report, distances, divided
from duhamel.sampling.learned.running import ends, reference
from duhamel.sampling.planning import plan as planned
from duhamel.sampling.table import Plan

__all__ = ["search"]

Array = Any
Choice = tuple[str, dict[str, Any]]

PLAIN: dict[str, Choice] = {"default": ("default", {}), "ddim": ("ddim", {}), "dpm++2m": ("dpm++2m", {})}
_GRIDS: tuple[Any, ...] = (
    "uniform", "quadratic", ("power", 1.5), ("power", 2.5), "logsnr", ("karras", 5.0), ("karras", 7.0),
    *(("arctan", c, p) for c in (0.25, 0.5, 0.7, 1.0, 1.5) for p in (1.0, 1.25, 1.5, 2.0)),
    ("logistic", 0.7, 0.7, 1.0), ("softplus", 0.55, 2.0, 3.5),
)  # fmt: skip
_NAMED: tuple[Choice, ...] = (
    ("ddim", {}), ("dpm++2m", {}), ("dpm++3m", {}), ("unipc", {"order": 2}), ("unipc", {"order": 3}),
    ("deis-tab", {"order": 2}), ("deis-tab", {"order": 3}), ("rho-ab", {"order": 2}), ("ipndm", {"order": 3}),
    ("dpm++2s", {}), ("dpm-2", {}), ("heun", {}), ("dpm-fast", {}),
)  # fmt: skip
_LINEAR = ("v", "x0", "gaussian", "flow")
_STAGED = {"dpm++2s": 2, "dpm-2": 2, "heun": 2}


def search(
    model: Any,
    x: Array,
    schedule: Any,
    steps: int,
    *,
    budget: float = 150.0,
    seed: int = 0,
    held: float = 0.5,
    fine: int = 200,
    **options: Any,
) -> tuple[Plan, Report]:
    """The best plan found for this network within `budget`, and what it won.

    `x`: noise, as given to `sample`; a share `held` of it is drawn out and only scores. The rest chooses, by
    the distance to a fine solution of the same network (about `fine` steps). First successive halving over
    combinations of rule, order, grid, variable, linear part and corrector, on a ninth, a third and all of
    the choosing noise; then, with two fifths of the budget, the best multistep plan is changed at random,
    one row (its order, linear part, variable, corrector: a row of another plan on the same grid) or one time
    at a time, and a change that helps stays. This is the space of USF (2312.07243, Sec. 4) with a search by
    measured error instead of a predictor. `steps`: network evaluations of every candidate, at most.
    `options`: for every plan (predicts, data, final, start). `budget`: in runs over all choosing noise.

    The default plan is always among those compared, so on choosing noise the result is never worse. The
    report has the default, ddim and dpm++2m beside it. Raises `InputError`. Cost: budget · steps
    evaluations of the choosing noise, fine of all.
    """
    if not budget >= 20:
        raise InputError(f"budget={budget!r}: give 20 runs over all choosing noise or more")
    choosing, kept = divided(len(x), held, seed)
    start = planned(schedule, steps=steps, **options)
    exact = reference(model, x, start, fine)[-1]
    judge = _Judge(model, x, exact, choosing)
    random = np.random.default_rng(seed + 1)
    found = _halved(judge, schedule, steps, 0.6 * budget, random, options)
    best = _evolved(judge, found, schedule, steps, budget, random, options)
    made = dict(best.plan.provenance)
    made |= {"search": {"seed": seed, "budget": budget, "choosing": len(choosing), "fine": fine}}
    if len(set(map(_said, best.rows))) > 1:
        made |= {"rule": "searched", "rows": [_said(choice) for choice in best.rows]}
    best = best.plan.replace(provenance=made)
    plans = {"found": best} | {name: planned(schedule, rule, steps=steps, **given, **options)
                               for name, (rule, given) in PLAIN.items()}  # fmt: skip
    return best, Report.made(plans, lambda plan: ends(model, x, plan), choosing, kept, exact, judge.runs)


@dataclass(frozen=True)
class _Found:
    """A candidate: its plan, its score on all choosing noise, and the choice behind each row."""

    plan: Plan
    score: float
    rows: tuple[Choice, ...]


class _Judge:
    """Scores on choosing noise, and counts what they cost."""

    def __init__(self, model: Any, x: Array, exact: np.ndarray, choosing: np.ndarray):
        self.model, self.x, self.exact, self.choosing, self.runs = model, x, exact, choosing, 0.0

    def __call__(self, plan: Plan, count: int | None = None) -> float:
        rows = self.choosing[:count]
        self.runs += len(rows) / len(self.choosing)
        with np.errstate(all="ignore"):
            found = ends(self.model, self.x[rows], plan)
        return Error.of(distances(found, self.exact[rows])).score


def _choices(steps: int) -> Iterator[Choice]:
    """All combinations."""
    for grid, variable, linear, order, corrector in itertools.product(
        _GRIDS, ("arctan", "t", "logsnr"), _LINEAR, (1, 2, 3, 4), (False, True)
    ):
        if order <= steps:
            given = {
                "grid": grid,
                "variable": variable,
                "linear": linear,
                "order": order,
                "corrector": corrector,
            }
            yield "multistep", given
    for (rule, given), grid in itertools.product(_NAMED, _GRIDS):
        yield rule, {**given, "grid": grid}


def _built(schedule: Any, choice: Choice, steps: int, options: dict[str, Any]) -> Plan | None:
    """The plan of a choice with at most `steps` evaluations; None if it is refused."""
    rule, given = choice
    try:
        with np.errstate(all="ignore"):  # not all combinations are finite; those are left out below
            plan = planned(schedule, rule, steps=max(1, steps // _STAGED.get(rule, 1)), **given, **options)
    except InputError:
        return None
    finite = all(np.all(np.isfinite(table)) for table in (plan.x, plan.m))
    return plan if finite and plan.nfe <= steps else None


def _halved(
    judge: _Judge,
    schedule: Any,
    steps: int,
    budget: float,
    random: np.random.Generator,
    options: dict[str, Any],
) -> list[_Found]:
    """Successive halving (by thirds): the last round, best first; the plain plans are in every round."""
    whole, first, count = list(_choices(steps)), [*PLAIN.values()], len(judge.choosing)
    seen = [max(min(8, count), -(-count // share)) for share in (9, 3, 1)]
    each = sum(part / (count * 3**k) for k, part in enumerate(seen))
    drawn = [
        whole[i] for i in random.permutation(len(whole))[: max(0, int((budget - 3 * len(first)) / each))]
    ]
    alive: list[tuple[float, Choice, Plan]] = []
    for choice in first + drawn:
        if (plan := _built(schedule, choice, steps, options)) is not None:
            alive.append((np.inf, choice, plan))
    for k, part in enumerate(seen):
        scored = [(judge(plan, part), choice, plan) for _, choice, plan in alive]
        scored.sort(key=lambda entry: entry[0])
        keep = scored if k == 2 else scored[: max(1, len(scored) // 3)]
        alive = keep + [entry for entry in scored[len(keep) :] if entry[1] in first]
    return [_Found(plan, score, (choice,) * len(plan)) for score, choice, plan in alive]


def _evolved(
    judge: _Judge,
    found: list[_Found],
    schedule: Any,
    steps: int,
    budget: float,
    random: np.random.Generator,
    options: dict[str, Any],
) -> _Found:
    """Random changes of one row or one time of the best multistep plan, kept if they help."""
    usable = [
        entry for entry in found if entry.rows[0][0] in ("multistep", "default") and entry.plan.asks.all()
    ]
    if not usable or steps < 2:
        return found[0]
    best = usable[0]
    times, rows, size = np.append(best.plan.t, best.plan.end[0]), list(best.rows), 0.3
    if rows[0][0] == "default":
        rows = [("multistep", _given(best.plan))] * steps
    while judge.runs + 1 <= budget:
        new_times, new_rows = times.copy(), list(rows)
        if random.random() < 0.5:
            i = int(random.integers(steps))
            new_rows[i] = _changed(new_rows[i], random)
        else:
            new_times = _shifted(schedule, times, size * random.standard_normal(), random)
        plan = _mixed(schedule, new_times, new_rows, options)
        if plan is None:
            judge.runs += 0.1  # so that refusals cannot go on for ever
            continue
        score = judge(plan)
        if score < best.score:
            best, times, rows = _Found(plan, score, tuple(new_rows)), new_times, new_rows
        else:
            size = max(0.02, size * 0.97)
    return best if best.score < found[0].score else found[0]


def _given(plan: Plan) -> dict[str, Any]:
    """The choices of a multistep plan, for its rows."""
    made = plan.provenance
    linear = made["linear"]
    if isinstance(linear, str) and linear not in ("eps", *_LINEAR):
        linear = Gaussian(1.0)
    return {
        "variable": made["variable"],
        "linear": linear,
        "order": made["order"],
        "corrector": made["corrector"],
    }


def _changed(choice: Choice, random: np.random.Generator) -> Choice:
    """The same row with one of its choices drawn anew."""
    rule, given = choice
    name, values = [
        ("order", (1, 2, 3, 4)), ("linear", (*_LINEAR, Constant(0.5), Gaussian(0.3), Gaussian(2.0))),
        ("variable", ("arctan", "t", "logsnr", "rho")), ("corrector", (False, True)),
    ][int(random.integers(4))]  # fmt: skip
    others = [value for value in values if value != given.get(name)]
    return rule, {**given, name: others[int(random.integers(len(others)))]}


def _shifted(schedule: Any, times: np.ndarray, by: float, random: np.random.Generator) -> np.ndarray:
    """One inner time moved towards a neighbour by a share of the way, in arctan σ/α."""
    i = int(random.integers(1, len(times) - 1))
    angle = [np.arctan2(float(schedule.sigma(t)), float(schedule.alpha(t))) for t in times[i - 1 : i + 2]]
    share = float(np.clip(by, -0.9, 0.9))
    moved = angle[1] + share * (angle[0] - angle[1] if share > 0 else angle[1] - angle[2])
    times = times.copy()
    if 0 < moved < np.pi / 2:
        times[i] = float(schedule.time(-np.log(np.tan(moved))))
    return times


def _mixed(schedule: Any, times: np.ndarray, rows: list[Choice], options: dict[str, Any]) -> Plan | None:
    """Row i from the plan of choice i, all on the same times: each row is a formula of its own."""
    known: dict[str, Plan] = {}
    steps = len(rows)
    for choice in rows:
        rule, given = choice
        if (name := _said(choice)) not in known:
            plan = _built(schedule, (rule, {**given, "grid": times}), steps, options)
            if plan is None:
                return None
            known[name] = plan
    plans = [known[_said(choice)] for choice in rows]
    return plans[0].replace(
        x=_stacked(plans, lambda plan: plan.x),
        m=_stacked(plans, lambda plan: plan.m),
        order=np.array([plan.order[i] for i, plan in enumerate(plans)]),
    )


def _stacked(plans: list[Plan], table: Callable[[Plan], np.ndarray]) -> np.ndarray:
    lags = max(table(plan).shape[1] for plan in plans)
    rows = np.zeros((len(plans), lags))
    for i, plan in enumerate(plans):
        rows[i, : table(plan).shape[1]] = table(plan)[i]
    return rows


def _said(choice: Choice) -> str:
    """A row's choice in words; the grid belongs to the plan."""
    rule, given = choice
    return f"{rule}({', '.join(f'{name}={value}' for name, value in given.items() if name != 'grid')})"
