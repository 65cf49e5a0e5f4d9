"""A configuration as numbers: the noise schedule, what the network predicts, and what it is told."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, log, pi, sqrt
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.discrete import Discrete
from duhamel.sampling.schedules import EDM, Cosine, Flow
from duhamel.sampling.table import Plan

__all__ = ["PATHS", "Path", "alphas_cumprod_of", "betas_of", "path_of"]

PATHS = ("vp", "flow", "edm", "edm-arctan", "angle")
_PREDICTIONS = {"epsilon": "eps", "sample": "x0", "v_prediction": "v", "flow_prediction": "flow"}


@dataclass(frozen=True)
class Path:
    """A schedule, the prediction in our words, and the sign of the network's output beside it (−1 for those
    that predict the negative: EDM with v, inverted flows). `told`: "schedule", or how the time for the
    network differs from the schedule's."""

    schedule: Any
    predicts: str
    sign: float = 1.0
    told: str = "schedule"
    start_scale: float = 1.0

    def spoken(self, plan: Plan) -> Plan:
        """The plan with the network's own times and sign."""
        if self.told == "inverted":
            plan = plan.replace(model_time=self.schedule.model_scale * (1 - plan.sigma))
        elif self.told == "arctan":
            plan = plan.replace(model_time=2 / pi * np.arctan(plan.sigma))
        return plan if self.sign == 1 else plan.replace(m=self.sign * plan.m)


def path_of(config: Any, mu: float | None = None) -> Path:
    """The path of a configuration; `mu` is the shift that a pipeline computed from its picture's size."""
    kind = "flow" if config.path == "vp" and config.use_flow_sigmas else config.path
    predicts = _PREDICTIONS.get(config.prediction_type)
    if predicts is None or kind not in PATHS:
        raise InputError(
            f"prediction_type={config.prediction_type!r} on path={kind!r}: use one of "
            f"{', '.join(_PREDICTIONS)}, on {', '.join(PATHS)}"
        )
    if kind == "flow":
        return _flow(config, predicts, mu)
    if mu is not None:
        raise InputError("mu shifts the times of flow models; this configuration is none: leave it out")
    if kind.startswith("edm"):
        if predicts not in ("eps", "v"):
            raise InputError(
                f"an EDM network has prediction_type 'epsilon' or 'v_prediction', not "
                f"{config.prediction_type!r}"
            )
        low, high, data = _edm_numbers(config, kind)
        told = "arctan" if kind == "edm-arctan" else "schedule"
        return Path(EDM(low, high, data), "edm", 1.0 if predicts == "eps" else -1.0, told, high)
    if predicts == "flow":
        raise InputError("prediction_type='flow_prediction' belongs to path='flow' (use_flow_sigmas=True)")
    if kind == "angle":
        return Path(Cosine(s=0.0), predicts)
    return Path(Discrete(alphas_cumprod_of(config), integer=config.integer_timesteps), predicts)


def _edm_numbers(config: Any, kind: str) -> tuple[float, float, float]:
    """(σ_min, σ_max, σ_data): what is not said is as in the class that has such a path."""
    usual = (0.3, 500.0, 1.0) if kind == "edm-arctan" else (0.002, 80.0, 0.5)
    said = (config.sigma_min, config.sigma_max, config.sigma_data)
    low, high, data = (
        float(other if value is None else value) for value, other in zip(said, usual, strict=True)
    )
    return low, high, data


def _flow(config: Any, predicts: str, mu: float | None) -> Path:
    """σ = shift t/(1 + (shift − 1) t); with dynamic shifting, shift = e^μ ("exponential") or μ ("linear")."""
    if predicts == "v":
        raise InputError(
            "prediction_type='v_prediction' on a straight path has no agreed meaning: use 'flow_prediction'"
        )
    shift = float(config.flow_shift if config.use_flow_sigmas else config.shift)
    if mu is not None:
        shift = exp(mu) if config.time_shift_type == "exponential" else float(mu)
    schedule = Flow(shift=shift, model_scale=float(config.num_train_timesteps))
    if config.invert_sigmas:
        return Path(schedule, predicts, -1.0 if predicts == "flow" else 1.0, "inverted")
    return Path(schedule, predicts)


def betas_of(config: Any) -> np.ndarray:
    """The βs of a configuration, in float64, as trained with: 2006.11239, 2102.09672 (Eq. 17), and the
    spacings of latent models."""
    if config.trained_betas is not None:
        found = np.array(config.trained_betas, np.float64)
    else:
        count, low, high = int(config.num_train_timesteps), float(config.beta_start), float(config.beta_end)
        kind = config.beta_schedule
        if kind == "linear":
            found = np.linspace(low, high, count)
        elif kind == "scaled_linear":
            found = np.linspace(low**0.5, high**0.5, count) ** 2
        elif kind == "sigmoid":
            found = low + (high - low) / (1 + np.exp(-np.linspace(-6, 6, count)))
        elif kind in _BARS:
            bar = np.array([_BARS[kind](i / count) for i in range(count + 1)])
            found = np.minimum(1 - bar[1:] / bar[:-1], 0.999)
        else:
            raise InputError(
                f"no beta_schedule {kind!r}: use linear, scaled_linear, sigmoid, {', '.join(_BARS)}, or "
                "trained_betas"
            )
    return found


def _laplace(t: float) -> float:
    side = -1.0 if t > 0.5 else 1.0
    ratio = exp(-0.5 * side * log(1 - 2 * abs(0.5 - t) + 1e-6))
    return sqrt(ratio / (1 + ratio))


_BARS = {
    "squaredcos_cap_v2": lambda t: cos((t + 0.008) / 1.008 * pi / 2) ** 2,
    "exp": lambda t: exp(-12.0 * t),
    "laplace": _laplace,
}


def _zero_terminal(square: np.ndarray) -> np.ndarray:
    """α moved and scaled so that the last is 0 and the first stays (2305.08891, Algorithm 1)."""
    alpha = np.sqrt(square)
    return ((alpha - alpha[-1]) * alpha[0] / (alpha[0] - alpha[-1])) ** 2


def alphas_cumprod_of(config: Any) -> np.ndarray:
    """ᾱ of a configuration: of its βs, then with the shift of the signal-to-noise ratio
    (`snr_shift_scale`), then down to 0. βs of 1 and more count as 0.999, and ᾱ never falls below 7e-13 by
    much: there is no signal left."""
    square = np.cumprod(1 - np.minimum(betas_of(config), 0.999))
    square = np.maximum(square, np.exp(-28 - 1e-4 * np.arange(len(square))))
    scale = float(config.snr_shift_scale)
    if scale != 1:
        square = square / (scale + (1 - scale) * square)
    return _zero_terminal(square) if config.rescale_betas_zero_snr else square
