"""A plan in words and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from duhamel.sampling.predictions import relation
from duhamel.sampling.table import Plan

__all__ = ["describe", "plot", "sums", "warnings_of"]


def sums(plan: Plan) -> np.ndarray:
    """Σ|c|/|Σc| of each row: how much a row magnifies errors of the network that differ from call to call.
    The weights c are those of x̂₀ or of ε, whichever magnify less. 1 for order 1, and for any row whose
    weights have one sign."""
    _a, b, _c, d = relation(plan.predicts, plan.alpha, plan.sigma, plan.data)
    found = np.full(len(plan), np.inf)
    for per_output in (b, d):
        with np.errstate(divide="ignore", invalid="ignore"):
            for i in range(len(plan)):
                lags = min(plan.m.shape[1], i + 1)
                scale = per_output[i - lags + 1 : i + 1][::-1]
                weights = plan.m[i, :lags].reshape(lags, -1).mean(axis=1) / scale.reshape(lags, -1).mean(
                    axis=1
                )
                ratio = np.abs(weights).sum() / abs(weights.sum())
                found[i] = np.fmin(found[i], ratio)
    return found


def warnings_of(plan: Plan) -> list[str]:
    """What is unusual in a table, each in one sentence."""
    found = []
    wild = np.flatnonzero(sums(plan) > 20)
    if len(wild):
        found.append(
            f"rows {_listed(wild)}: large weights of opposite sign (sum of moduli over 20 times their sum); "
            "a lower order, a smoother grid, "
            "or predictions that match the linear part would be steadier"
        )
    big = np.flatnonzero(np.abs(plan.x).reshape(len(plan), -1).max(axis=1) > 100)
    if len(big):
        found.append(
            f"rows {_listed(big)}: the state is multiplied by more than 100; 16-bit outputs lose digits there"
        )
    if plan.stochastic and plan.z.shape[1] > 1 and plan.axis == "none":
        found.append("noises of earlier rows are used again: they are drawn twice")
    if plan.axis == "none" and plan.end[2] > 0:
        found.append(f"the result still has noise of σ = {plan.end[2]:.3g}")
    return found


def describe(plan: Plan) -> str:
    """The plan in words."""
    made = plan.provenance
    name = made.get("rule", "table")
    head = f"{name}: {len(plan)} rows, {plan.nfe} network evaluations, predicts {plan.predicts!r}"
    lines = [head, f"schedule: {plan.schedule!r}" if plan.schedule is not None else "schedule: unknown"]
    rest = ", ".join(f"{name}={value!r}" for name, value in made.items() if name != "rule")
    if rest:
        lines.append(rest)
    lines.append(
        f"{'row':>4} {'t':>9} {'told':>10} {'alpha':>10} {'sigma':>10} {'order':>5} {'sum|c|':>8} "
        f"{'noise':>9}"
    )
    total = sums(plan)
    for i in range(len(plan)):
        t, told, alpha, sigma = (
            float(np.mean(getattr(plan, name)[i])) for name in ("t", "model_time", "alpha", "sigma")
        )
        noise = float(np.abs(plan.z[i]).max(initial=0.0))
        asked = f"{told:10.4g}" if plan.asks[i] else f"{'-':>10}"
        lines.append(
            f"{i:4d} {t:9.5f} {asked} {alpha:10.4g} {sigma:10.4g} {plan.order[i]:5d} {total[i]:8.3g} "
            f"{noise:9.3g}"
        )
    if plan.axis == "none":
        lines.append(
            " end {:9.5f} {:>10} {:10.4g} {:10.4g}".format(plan.end[0], "", plan.end[1], plan.end[2])
        )
    lines += [f"warning: {entry}" for entry in warnings_of(plan)]
    return "\n".join(lines)


def _listed(rows: np.ndarray) -> str:
    shown = ", ".join(map(str, rows[:6]))
    return shown + (" …" if len(rows) > 6 else "")


def plot(plan: Plan, path: str | Path | None = None) -> Any:
    """Two panels: σ/α where the network is asked, and the weights of the model outputs in each row. Returns
    the figure; writes it if a path is given. Needs Matplotlib."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = np.arange(len(plan))
    with np.errstate(divide="ignore"):
        ratio = plan.sigma / plan.alpha
    left.semilogy(rows, np.where(np.isfinite(ratio), ratio, np.nan), "o-", ms=3)
    left.set(xlabel="row", ylabel="σ/α", title="where the network is asked")
    weights = plan.m.reshape(len(plan), plan.m.shape[1], -1).mean(axis=-1)
    limit = np.abs(weights).max() or 1.0
    image = right.imshow(
        weights.T, aspect="auto", cmap="RdBu", vmin=-limit, vmax=limit, interpolation="nearest"
    )
    right.set(xlabel="row", ylabel="lag", title="weights of model outputs")
    figure.colorbar(image, ax=right)
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure
