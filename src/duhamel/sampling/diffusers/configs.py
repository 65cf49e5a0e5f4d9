"""Configurations of diffusers' schedulers, read as those of a `PlanScheduler`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duhamel.errors import InputError

__all__ = ["MARK", "refuse", "translated"]

MARK = "_plan_scheduler"

_JUMPS = "its network jumps to the data in one call and is no field to integrate; keep its own scheduler"
_TOKENS = "it samples tokens, not a field"
_BACK = "it walks from data to noise; build a plan and run it backwards instead"
_STAGES = "its pipeline changes the size of the picture between stages"
# by class, for files that name it; by a key that only such configurations have, for those that do not
_BY_NAME = {
    "CMStochasticIterativeScheduler": _JUMPS,
    "LCMScheduler": _JUMPS,
    "TCDScheduler": _JUMPS,
    "SCMScheduler": _JUMPS,
    "FlowMatchLCMScheduler": _JUMPS,
    "VQDiffusionScheduler": _TOKENS,
    "AmusedScheduler": _TOKENS,
    "BlockRefinementScheduler": _TOKENS,
    "DiscreteDDIMScheduler": _TOKENS,
    "EntropyBoundScheduler": _TOKENS,
    "DDIMInverseScheduler": _BACK,
    "DPMSolverMultistepInverseScheduler": _BACK,
    "ScoreSdeVeScheduler": "its pipeline asks for corrector steps of Langevin kind",
    "RePaintScheduler": "it walks back and forth between known and unknown pixels",
    "DDPMWuerstchenScheduler": "its pipeline hands over times of its own, for which there is no grid",
    "FlowMapEulerDiscreteScheduler": _JUMPS,
    "LTXEulerAncestralRFScheduler": "its steps renew the noise in a way of their own",
}
_BY_KEY = {
    "original_inference_steps": _JUMPS,
    "clip_denoised": _JUMPS,
    "num_vec_classes": _TOKENS,
    "masking_schedule": _TOKENS,
    "scale_factors": _JUMPS,
    "stage_range": _STAGES,
    "sampling_eps": _BY_NAME["ScoreSdeVeScheduler"],
    "scaler": _BY_NAME["DDPMWuerstchenScheduler"],
}


def refuse(config: Mapping[str, Any]) -> None:
    """Raise `InputError` for a scheduler that no plan can stand in for."""
    name = config.get("_class_name")
    reason = _BY_NAME.get(str(name)) or next((why for key, why in _BY_KEY.items() if key in config), None)
    if reason is None and config.get("stochastic_sampling"):
        reason = "stochastic_sampling renews the noise in every step; leave it out, or use rule='sde-dpm++'"
    if reason is None and config.get("prediction_type") == "trigflow":
        reason = _JUMPS
    if reason is not None:
        raise InputError(f"no plan stands in for {name or 'this scheduler'}: {reason}")


def translated(config: Mapping[str, Any], ours: Mapping[str, Any]) -> dict[str, Any]:
    """What must be said to a `PlanScheduler`, whose defaults are `ours`, beyond the values that the
    configuration was given.

    diffusers leaves out of a configuration what a class had as its default; where that differs from our
    default (DDPM clips, EDM has σ_data = 0.5) the meaning is kept here. Which path it is follows from the
    class if it is named, otherwise from the keys.
    """
    refuse(config)
    unsaid = set(config.get("_use_default_values", ()))
    found = {key: config[key] for key in unsaid if key in ours and config[key] != ours[key]}
    name = str(config.get("_class_name", ""))
    known = {key for key in config if not key.startswith("_")}
    plain_flow = "shift" in known and known <= {"num_train_timesteps", "shift"}
    if name.startswith("FlowMatch") or plain_flow or "base_image_seq_len" in known:
        found |= {"path": "flow", "prediction_type": "flow_prediction"}
    elif "sigma_schedule" in known:
        cosine = name.startswith("Cosine") or ("solver_order" in known and "algorithm_type" not in known)
        found["path"] = "edm-arctan" if cosine else "edm"
    elif name == "IPNDMScheduler" or (
        known <= {"num_train_timesteps", "trained_betas"} and "trained_betas" in known
    ):
        found |= {"path": "angle", "prediction_type": "v_prediction"}
    elif config.get("use_flow_sigmas"):
        found["path"] = "flow"
    elif "beta_schedule" not in known:
        raise InputError(
            f"the configuration of {name or 'this scheduler'} names no noise schedule that is known here: "
            "it has "
            f"{', '.join(sorted(known)) or 'no keys'}; build PlanScheduler(path=…, …) yourself"
        )
    return found
