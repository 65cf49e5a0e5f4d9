"""Our tables beside those of diffusers, entry by entry: writes docs/sampling-diffusers.md.

    python -m bench.sampling_tables

A table is unrolled: x_i = a_i x_T + Σ_j b_ij m_j. Theirs is read off the scheduler itself by `Plan.from_scheduler`; ours is made on its
very levels. The difference is the largest of all entries, divided by the largest entry.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import diffusers

from duhamel import sampling

__all__ = ["CASES", "Case", "compared", "difference", "ours_on", "scheduler", "unrolled"]

PAGE = Path(__file__).resolve().parents[1] / "docs" / "sampling-diffusers.md"
X0 = {"prediction_type": "sample"}


@dataclass(frozen=True)
class Case:
    """A scheduler with options, our rule with choices, and the rows from which the two must agree to `tolerance`."""

    name: str
    options: dict[str, Any]
    rule: str
    choices: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 2e-5
    steps: int = 16


CASES = (
    Case("DDIMScheduler", {"timestep_spacing": "trailing"}, "ddim"),
    Case("DDIMScheduler", {"timestep_spacing": "leading"}, "ddim"),
    Case("DPMSolverMultistepScheduler", {"solver_order": 1}, "ddim", {"linear": "x0"}),
    Case("DPMSolverMultistepScheduler", {"solver_order": 2}, "dpm++2m"),
    Case("DPMSolverMultistepScheduler", {"solver_order": 2, "solver_type": "heun"}, "multistep", {"order": 2, "linear": "x0"}),
    Case("DPMSolverMultistepScheduler", {"solver_order": 2, "use_karras_sigmas": True}, "dpm++2m"),
    Case("UniPCMultistepScheduler", {"solver_order": 1}, "unipc", {"order": 1}),
    Case("UniPCMultistepScheduler", {"solver_order": 2}, "unipc", {"order": 2}),
    Case("UniPCMultistepScheduler", {"solver_order": 3}, "unipc", {"order": 3}),
    Case("EulerDiscreteScheduler", {}, "ddim"),
    Case("HeunDiscreteScheduler", {}, "heun"),
    Case("LMSDiscreteScheduler", {}, "rho-ab", {"order": 4}, 1e-3),
    Case("DEISMultistepScheduler", {"solver_order": 2}, "multistep", {"order": 2, "linear": "eps"}),
    Case("DEISMultistepScheduler", {"solver_order": 3}, "multistep", {"order": 3, "linear": "eps"}),
    Case("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}, "ddim", {"linear": "flow"}),
    Case("FlowMatchHeunDiscreteScheduler", {"shift": 3.0}, "heun", {"linear": "flow", "variable": "t"}),
    Case("EDMEulerScheduler", {}, "edm", {"order": 1}),
    Case("EDMDPMSolverMultistepScheduler", {"solver_order": 2}, "dpm++2m"),
)  # fmt: skip


def scheduler(name: str, options: dict[str, Any], steps: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = {"clip_sample": False} if name in ("DDIMScheduler", "DDPMScheduler") else {}
        made = getattr(diffusers, name)(**plain | options)
        made.set_timesteps(steps)
        return made


def theirs(case: Case) -> sampling.Plan:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return sampling.Plan.from_scheduler(scheduler(case.name, case.options, case.steps))


def ours_on(plan: sampling.Plan, rule: str, **choices: Any) -> sampling.Plan:
    """Our rule on the levels of a table: those at which a step begins, and σ = 0."""
    kind = plan.provenance["scheduler"]
    if kind.startswith("FlowMatch"):
        schedule: Any = sampling.Flow()
    elif kind.startswith("EDM"):
        schedule = sampling.EDM(data=plan.data)
    else:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = getattr(diffusers, kind)(**{k: v for k, v in plan.provenance["config"].items() if not k.startswith("_")})
        schedule = sampling.Discrete(made.alphas_cumprod.double().numpy())
    ratio = plan.sigma / plan.alpha
    ratio = ratio[np.append(True, np.diff(ratio) < 0)]  # a level that comes again belongs to the same step
    with np.errstate(divide="ignore"):
        t = [*np.asarray(schedule.time(-np.log(ratio))).tolist(), 0.0]
    return sampling.plan(schedule, rule, steps=len(ratio), grid=t, start=t[0], predicts=plan.predicts, **choices)


def unrolled(plan: sampling.Plan) -> np.ndarray:
    """a_i and b_ij of every state, in units of the signal: divided by α_i where the scheduler keeps x/α."""
    rows = [np.eye(1, len(plan) + 1)[0]]
    for i in range(len(plan)):
        row = sum((c * rows[i - k] for k, c in enumerate(plan.x[i]) if c), np.zeros(len(plan) + 1))
        for k, c in enumerate(plan.m[i]):
            row = row + c * np.eye(1, len(plan) + 1, i - k + 1)[0] if c else row
        rows.append(row)
    alpha = np.append(plan.alpha, plan.end[1])
    table = np.array(rows) / np.where(alpha > 0, alpha, 1.0)[:, None]
    table[:, 0] *= alpha[0] if alpha[0] > 0 else 1.0
    return table


def difference(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.abs(first - second).max() / np.abs(second).max())


def compared(case: Case) -> float:
    found = theirs(case)
    ours = ours_on(found, case.rule, **case.choices)
    first, second = unrolled(found), unrolled(ours)
    return difference(first[-1], second[-1]) if first.shape == second.shape else float("nan")


def main() -> None:
    for case in CASES:
        try:
            print(f"{case.name:35} {case.options!s:60} {case.rule:10} {compared(case):.2e}")
        except Exception as e:
            print(case.name, case.options, type(e).__name__, str(e)[:150])


if __name__ == "__main__":
    main()
