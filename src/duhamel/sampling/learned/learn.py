"""`learn`: the numbers of a plan fitted to one network, by gradient or by least squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import kind_of
from duhamel.sampling.learned.fitting import descended
from duhamel.sampling.learned.gradient import Parameters, adam, bases, objective
from duhamel.sampling.learned.report import Error, Report, distances, divided, robust
from duhamel.sampling.learned.rows import fitted
from duhamel.sampling.learned.running import ends, reference
from duhamel.sampling.planning import plan as planned
from duhamel.sampling.table import Plan

__all__ = ["learn"]

Array = Any
_WHAT = ("coefficients", "times", "compensation")


def learn(
    plan: Plan,
    model: Any,
    x: Array,
    *,
    iterations: int | None = None,
    what: Sequence[str] = ("coefficients", "times"),
    method: str | None = None,
    ridge: float | None = None,
    states: float = 0.1,
    rate: float = 0.05,
    held: float = 0.5,
    seed: int = 0,
    fine: int = 200,
) -> tuple[Plan, Report]:
    """The plan with some of its numbers fitted to a fine solution of the same network, and what that won.

    `what`: "coefficients" (the non-zero entries of the table), "times" (what the network is told; a bound
    model that ignores t learns nothing there), or alone "compensation" (the ratios ρ_i of a "dc-solver" plan;
    DC-Solver, 2409.03755). `method`: "gradient" (Adam, `iterations` 200 of rate `rate`, rows unrolled,
    intermediate states counted with weight `states`; PyTorch and JAX), or "rows" (times by Gauss–Newton, then
    coefficients by least squares row by row against the reference states; any arrays, no gradient);
    compensation is always by Gauss–Newton. By default what the arrays allow.

    A `ridge` ties all numbers to the plan's own, so that few trajectories cannot spoil it: by default 0.01 of
    the starting error per unit of θ² ("rows": the one that does best on folds left out of the choosing
    noise). What is not better on choosing noise is not returned: then the plan stays as it was. `x`: noise,
    of which a share `held` only scores. Stochastic plans are refused. Raises `InputError`. Cost: fine
    evaluations of x; then 2–3 runs an iteration for gradients, one run for rows.
    """
    chosen = tuple(what)
    _check(plan, chosen, method)
    choosing, kept = divided(len(x), held, seed)
    exact = reference(model, x, plan, fine)
    given, known = x[choosing], [state[choosing] for state in exact]
    first = distances(ends(model, given, plan), known[-1])
    if chosen == ("compensation",):
        count = 6 if iterations is None else iterations
        best, runs = _compensated(plan, model, given, known[-1], count, 0.01 if ridge is None else ridge)
        method = "compensation"
    elif (method or ("rows" if kind_of(x) == "numpy" else "gradient")) == "rows":
        best, runs = _by_rows(plan, model, given, known, chosen, iterations, ridge, robust(first), seed)
        method = "rows"
    else:
        table = bases(plan, model, given, known) if "coefficients" in chosen else None
        parameters = Parameters(plan, "times" in chosen, table)
        count = 200 if iterations is None else iterations
        both = objective(
            parameters, model, given, known, robust(first), states, 0.01 if ridge is None else ridge
        )
        best, runs, method = parameters.made(adam(both, len(parameters), count, rate)), 3 * count, "gradient"
    if Error.of(distances(ends(model, given, best), known[-1])).score >= Error.of(first).score:
        best = plan
    told = {"method": method, "what": list(chosen), "seed": seed, "choosing": len(choosing), "fine": fine}
    best = best.replace(provenance={**best.provenance, "learned": told})
    plans = {"found": best, "start": plan}
    if plan.provenance.get("rule") != "default":
        plans["default"] = planned(plan.schedule, steps=plan.nfe, predicts=plan.predicts, data=plan.data,
                                   start=float(plan.t[0]), final=_final(plan))  # fmt: skip
    return best, Report.made(plans, lambda entry: ends(model, x, entry), choosing, kept, exact[-1], runs)


def _check(plan: Plan, what: tuple[str, ...], method: str | None) -> None:
    """Refuse, in words, what cannot be learned."""
    if not what or set(what) - set(_WHAT) or len(set(what)) < len(what):
        raise InputError(f"what={what!r}: some of {', '.join(map(repr, _WHAT))}")
    if "compensation" in what:
        if len(what) > 1:
            raise InputError(
                "compensation ratios are learned alone: learn coefficients or times in a second call"
            )
        if plan.provenance.get("rule") != "dc-solver":
            raise InputError("compensation needs a plan of the rule 'dc-solver' (ratios of 1 change nothing)")
    if method not in (None, "gradient", "rows"):
        raise InputError(f"method={method!r}: use 'gradient' or 'rows'")
    if plan.axis != "none":
        raise InputError("learn works on tables of plain numbers, not on one per sample or dimension")


def _final(plan: Plan) -> Any:
    return "zero" if plan.end[2] == 0 else plan.end[2] / plan.end[1]


def _compensated(
    plan: Plan, model: Any, x: Array, exact: np.ndarray, iterations: int, ridge: float
) -> tuple[Plan, int]:
    """DC-Solver's ratios from the third step on: before, nothing is compensated."""
    made = plan.provenance
    if plan.nfe < 3:
        raise InputError("compensation begins at the third step: give a plan of three steps or more")
    kept = {name: made[name] for name in ("steps", "order", "variable", "linear", "corrector", "lower")}
    times = np.append(plan.t, plan.end[0])
    first = np.array(made["ratios"], float)

    def build(ratios: np.ndarray) -> Plan:
        whole = [*first[:2].tolist(), *ratios.tolist()]
        return planned(plan.schedule, "dc-solver", grid=times, predicts=plan.predicts, data=plan.data,
                       final=_final(plan), ratios=whole, **kept)  # fmt: skip

    theta, runs = descended(build, first[2:], model, x, exact, iterations, ridge)
    return build(theta), runs


def _by_rows(
    plan: Plan,
    model: Any,
    x: Array,
    states: list[np.ndarray],
    what: tuple[str, ...],
    iterations: int | None,
    ridge: float | None,
    weights: np.ndarray,
    seed: int,
) -> tuple[Plan, int]:
    runs = 0
    if "times" in what:
        parameters = Parameters(plan, True)
        count, tie = (3 if iterations is None else iterations), (0.01 if ridge is None else ridge)
        theta, runs = descended(parameters.made, np.zeros(len(parameters)), model, x, states[-1], count, tie)
        plan = parameters.made(theta)
    if "coefficients" in what:
        plan, runs = fitted(plan, model, x, states, ridge, weights, seed), runs + 1
    return plan, runs
