"""Our tables beside those of diffusers, entry by entry: writes docs/sampling-diffusers.md.

    python -m bench.sampling_tables

A table is unrolled: x_i = a_i x_T + Σ_j b_ij m_j. Theirs is read off the scheduler itself by
`Plan.from_scheduler`; ours is made on its very levels. The difference is the largest of all entries,
divided by the largest entry.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import diffusers

from duhamel import sampling
from duhamel.sampling.diffusers import PlanScheduler

__all__ = ["CASES", "Case", "compared", "difference", "ours_on", "scheduler", "unrolled"]

TEXT = Path(__file__).with_suffix(".md")
PAGE = Path(__file__).resolve().parents[1] / "docs" / "sampling-diffusers.md"
X0 = {"prediction_type": "sample"}


@dataclass(frozen=True)
class Case:
    """A scheduler with options, our rule with choices, and the rows from which the two must agree to
    `tolerance`."""

    name: str
    options: dict[str, Any]
    rule: str
    choices: dict[str, Any] = field(default_factory=dict)
    tolerance: float = 2e-5
    steps: int = 16


CASES = (
    Case("DDIMScheduler", {"timestep_spacing": "trailing"}, "ddim", steps=20),
    Case("DDIMScheduler", {"timestep_spacing": "leading"}, "ddim"),
    Case("DPMSolverMultistepScheduler", {"solver_order": 1}, "ddim", {"linear": "x0"}),
    Case("DPMSolverMultistepScheduler", {"solver_order": 2}, "dpm++2m"),
    Case(
        "DPMSolverMultistepScheduler",
        {"solver_order": 2, "solver_type": "heun"},
        "multistep",
        {"order": 2, "linear": "x0"},
    ),
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
)


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
            made = getattr(diffusers, kind)(
                **{k: v for k, v in plan.provenance["config"].items() if not k.startswith("_")}
            )
        schedule = sampling.Discrete(made.alphas_cumprod.double().numpy())
    with np.errstate(divide="ignore"):
        ratio = plan.sigma / plan.alpha
    ratio = ratio[np.append(True, np.diff(ratio) < 0)]  # a level that comes again belongs to the same step
    with np.errstate(divide="ignore"):
        last = plan.end[2] / plan.end[1]
        t = np.asarray(schedule.time(-np.log(np.append(ratio, last)))).tolist()
    final = float(last) if last > 0 else "zero"
    return sampling.plan(
        schedule, rule, steps=len(ratio), grid=t, start=t[0], final=final, predicts=plan.predicts, **choices
    )


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


def third_order() -> tuple[float, float]:
    """How far the last rows of DPM++3M are from our "3m-lu", and from the exact weights."""
    options = {
        "solver_order": 3,
        "prediction_type": "sample",
        "lower_order_final": False,
        "euler_at_final": True,
    }
    found = theirs(Case("DPMSolverMultistepScheduler", options, "3m-lu"))
    rows = slice(3, len(found) - 1)
    shipped, exact = (ours_on(found, rule) for rule in ("3m-lu", "dpm++3m"))
    first, second = (difference(other.m[rows], found.m[rows, :3]) for other in (shipped, exact))
    return first, second


def third_order_with_noise() -> float:
    """How far the last rows of SDE-DPM++ of order 3 are from the exact weights."""
    options = {
        "solver_order": 3,
        "prediction_type": "sample",
        "algorithm_type": "sde-dpmsolver++",
        "lower_order_final": False,
        "euler_at_final": True,
    }
    found = theirs(Case("DPMSolverMultistepScheduler", options, "sde-dpm++"))
    rows = slice(3, len(found) - 1)
    return difference(ours_on(found, "sde-dpm++", order=3).m[rows], found.m[rows, :3])


def first_b() -> tuple[bool, bool]:
    """Whether UniPC with B1 reaches σ = 0 without NaN: theirs, ours."""
    made = scheduler("UniPCMultistepScheduler", {"solver_order": 2, "solver_type": "bh1"}, 8)
    x = torch.ones(1, 1, 1, 1)
    for t in made.timesteps:
        x = made.step(x, t, x, return_dict=False)[0]
    ours = sampling.plan(sampling.Discrete.linear(), "unipc", order=2, steps=8, solver="bh1")
    return bool(torch.isfinite(x).all()), bool(np.isfinite(ours.x).all() and np.isfinite(ours.m).all())


def whole_times() -> tuple[int, int]:
    """Different times among 20 of a Karras grid on the cosine schedule: theirs, ours."""
    options = {"beta_schedule": "squaredcos_cap_v2", "use_karras_sigmas": True}
    made = scheduler("DPMSolverMultistepScheduler", options, 20)
    ours = PlanScheduler(**options, grid="config")
    ours.set_timesteps(20)
    return len(set(made.timesteps.tolist())), len(set(ours.timesteps.tolist()))


def previous_time(spacing: str, steps: int) -> tuple[float, float]:
    """How far DDIM's state is from the level that the network is told next (largest gap in training times):
    theirs, ours."""
    made = scheduler("DDIMScheduler", {"timestep_spacing": spacing}, steps)
    told = made.timesteps.numpy()
    stands = told - 1000 // steps
    plan = sampling.plan(sampling.Discrete.linear(), "ddim", steps=steps, grid=spacing)
    gap = plan.model_time - (1000 * plan.t - 1)
    return float(np.abs(stands[:-1] - told[1:]).max()), float(np.abs(gap).max())


def shifts() -> tuple[float, float, float]:
    """The last σ above 0 of flow matching with shift 3 and 10 steps: theirs, ours, and that of one shift of
    1/1000."""
    made = scheduler("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}, 10)
    ours = PlanScheduler.from_scheduler(made, grid="config")
    ours.set_timesteps(10)
    return float(made.sigmas[-2]), float(ours.sigmas[-2]), 3e-3 / 1.002


def stopping() -> tuple[float, float]:
    """The σ at which DEIS with flow sigmas ends after 10 steps: theirs, ours."""
    made = scheduler(
        "DEISMultistepScheduler", {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}, 10
    )
    ours = PlanScheduler.from_scheduler(made)
    ours.set_timesteps(10)
    return float(made.sigmas[-1]), float(ours.sigmas[-1])


def no_signal() -> tuple[float, float]:
    """α² of the last training time with rescale_betas_zero_snr: theirs, ours."""
    options = {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"}
    made = scheduler("DPMSolverMultistepScheduler", options, 10)
    return float(made.alphas_cumprod[-1]), float(PlanScheduler.from_scheduler(made).alphas_cumprod[-1])


def page() -> str:
    """The page, with what was measured."""
    rows = [
        "| scheduler of diffusers | options | our rule, choices | largest difference |",
        "|---|---|---|--:|",
    ]
    for case in CASES:
        said, chosen = (", ".join(f"{k}={v!r}" for k, v in d.items()) for d in (case.options, case.choices))
        rows.append(
            f"| {case.name} | {said} | {', '.join(filter(None, (case.rule, chosen)))} | "
            f"{compared(case):.0e} |"
        )
    (lu, exact), noisy, (theirs_nan, ours_nan) = third_order(), third_order_with_noise(), first_b()
    (their_times, our_times), (twice, ours_once, once) = whole_times(), shifts()
    values = {
        "table": "\n".join(rows),
        "lu": f"{lu:.0e}",
        "exact": f"{exact:.2f}",
        "noisy": f"{noisy:.2f}",
        "nan": "NaN" if not theirs_nan else "finite",
        "finite": "finite" if ours_nan else "NaN",
        "their_times": their_times,
        "our_times": our_times,
        "linspace": f"{previous_time('linspace', 10)[0]:.0f}",
        "trailing": f"{previous_time('trailing', 16)[0]:.0f}",
        "twice": f"{twice:.4f}",
        "once": f"{once:.4f}",
        "ours_once": f"{ours_once:.4f}",
        "stop": f"{stopping()[0]:.2f}",
        "signal": f"{no_signal()[0]:.0e}",
    }
    return TEXT.read_text("utf-8").format(**values)


def main() -> None:
    PAGE.write_text(page(), "utf-8")
    print(f"{PAGE.name} written")


if __name__ == "__main__":
    main()
