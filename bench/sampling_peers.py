"""The deterministic schedulers of diffusers, in many configurations, as plans."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

from duhamel import sampling
from duhamel.sampling.digits.network import DATA

__all__ = ["CONFIGURATIONS", "recovered"]

_TRAILING, _LINSPACE = {"timestep_spacing": "trailing"}, {"timestep_spacing": "linspace"}
_KARRAS, _LU, _EXPONENTIAL = (
    {f"use_{name}": True} for name in ("karras_sigmas", "lu_lambdas", "exponential_sigmas")
)
_LAST, _FLOOR = {"euler_at_final": True}, {"final_sigmas_type": "sigma_min"}
_FLOW = {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}
_NOCLIP = {"clip_sample": False}
_MULTI, _SINGLE = "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler"
_UNIPC, _DEIS = "UniPCMultistepScheduler", "DEISMultistepScheduler"

_VP: list[tuple[str, dict[str, Any]]] = [
    *(("DDIMScheduler", _NOCLIP | {"set_alpha_to_one": True} | s) for s in ({}, _TRAILING)),
    *(("PNDMScheduler", {"skip_prk_steps": skip} | s) for skip in (True, False) for s in ({}, _TRAILING)),
    *((_MULTI, {"solver_order": k} | s) for k in (2, 3) for s in ({}, _TRAILING, _KARRAS, _LU, _EXPONENTIAL)),
    (_MULTI, {"solver_order": 2, "solver_type": "heun"}),
    (_MULTI, {"solver_order": 2, "lower_order_final": False} | _LAST),
    *((_MULTI, {"solver_order": k, "algorithm_type": "dpmsolver"} | _FLOOR) for k in (2, 3)),
    *((_SINGLE, {"solver_order": k, "lower_order_final": True} | s) for k in (2, 3) for s in ({}, _KARRAS)),
    *((_UNIPC, {"solver_order": k} | s) for k in (1, 2, 3) for s in ({}, _TRAILING)),
    *((_UNIPC, {"solver_order": k} | s) for k in (2, 3) for s in (_KARRAS, _EXPONENTIAL)),
    (_UNIPC, {"solver_order": 3, "solver_type": "bh1"}),
    *((_DEIS, {"solver_order": k} | s) for k in (1, 2, 3) for s in ({}, _TRAILING, _KARRAS)),
    *(("EulerDiscreteScheduler", s) for s in ({}, _TRAILING, _KARRAS, _EXPONENTIAL)),
    *(("HeunDiscreteScheduler", s) for s in ({}, _TRAILING, _KARRAS, _EXPONENTIAL)),
    *(("KDPM2DiscreteScheduler", s) for s in ({}, _TRAILING, _KARRAS)),
    *(("LMSDiscreteScheduler", s) for s in ({}, _TRAILING, _KARRAS)),
    ("IPNDMScheduler", {}),
]  # fmt: skip
_EDM: list[tuple[str, dict[str, Any]]] = [
    *(
        ("EDMDPMSolverMultistepScheduler", {"solver_order": k, "sigma_schedule": s, "sigma_data": DATA})
        for k in (1, 2, 3)
        for s in ("karras", "exponential")
    ),
    *(("EDMEulerScheduler", {"sigma_schedule": s, "sigma_data": DATA}) for s in ("karras", "exponential")),
]
_STRAIGHT: list[tuple[str, dict[str, Any]]] = [
    ("FlowMatchEulerDiscreteScheduler", {}),
    ("FlowMatchHeunDiscreteScheduler", {}),
    *((_MULTI, _FLOW | {"solver_order": k}) for k in (1, 2, 3)),
    *((_UNIPC, _FLOW | {"solver_order": k}) for k in (1, 2, 3)),
    *((_DEIS, _FLOW | {"solver_order": k}) for k in (1, 2, 3)),
    *((_SINGLE, _FLOW | {"solver_order": k, "lower_order_final": True}) for k in (2, 3)),
]
CONFIGURATIONS = {"vp": _VP, "edm": _EDM, "flow": _STRAIGHT}


def title(name: str, options: dict[str, Any]) -> str:
    """A configuration in few words."""
    short = name.replace("Scheduler", "").replace("Discrete", "").replace("Multistep", "")
    left = ("clip_sample", "set_alpha_to_one", "use_flow_sigmas", "sigma_data", "lower_order_final")
    shown = {key: value for key, value in options.items() if key not in left and value}
    shown.pop("prediction_type", None)
    kept = [key.removeprefix("use_") if value is True else str(value) for key, value in shown.items()]
    return " ".join([short, *kept])


@cache
def recovered(path: str, evaluations: int) -> dict[str, sampling.Plan | str]:
    """For each configuration its plan with the most steps that asks at most `evaluations` times; where there
    is none, why."""
    found: dict[str, sampling.Plan | str] = {}
    for name, options in CONFIGURATIONS[path]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found[title(name, options)] = _within(name, options, evaluations)
            except Exception as cause:
                # whatever a configuration raises is a result: it cannot make so few steps
                found[title(name, options)] = f"{type(cause).__name__}: {cause}"
    return found


def _within(name: str, options: dict[str, Any], evaluations: int) -> sampling.Plan:
    import diffusers

    made = getattr(diffusers, name)(**(_linear(name) | options))
    for steps in range(evaluations, 0, -1):
        made.set_timesteps(steps)
        if len(made.timesteps) <= evaluations:
            break
    else:
        raise ValueError(f"asks more than {evaluations} times")
    return sampling.Plan.from_scheduler(made)


def _linear(name: str) -> dict[str, Any]:
    """DDPM's betas, for all that have betas."""
    if name.startswith(("EDM", "FlowMatch", "IPNDM")):
        return {}
    return {"beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
