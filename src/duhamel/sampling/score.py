"""The score-SDE frame on schedules: forward noising, its steps, Langevin dynamics at one level, and
network times moved.

The reverse SDE, ancestral sampling, predictor–corrector and the probability flow are plans like others:
the rules "euler-maruyama", "reverse-diffusion", "ddim" with eta=1, "predictor-corrector", and all
deterministic ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import constant, normal_like, spread, telling
from duhamel.sampling.predictions import relation
from duhamel.sampling.running import sample
from duhamel.sampling.table import Plan

__all__ = ["langevin", "noise_between", "noise_to", "score_of", "shift_times"]

Array = Any


def _numbers(x: Array, *values: Any) -> list[Any]:
    return [spread(constant(np.asarray(value, float)[()], x), x) for value in values]


def noise_to(x0: Array, schedule: Any, t: Any, seed: Any) -> tuple[Array, Array]:
    """(x_t, z) with x_t = α(t) x₀ + σ(t) z. `t`: a time, or one per sample. `seed`: one, or one per
    sample: the noise of a sample does not depend on the batch. A schedule with a `perturbation` of its
    own (`PFGM`) has another z. In JAX for concrete seeds; in a training loop under jit use α, σ and your
    own keys."""
    alpha, sigma = _numbers(x0, schedule.alpha(t), schedule.sigma(t))
    own = getattr(schedule, "perturbation", None)
    z = normal_like(x0, seed)(0) if own is None else constant(own(tuple(x0.shape), seed), x0)
    return alpha * x0 + sigma * z, z


def noise_between(x: Array, schedule: Any, s: Any, t: Any, seed: Any) -> Array:
    """From a state at time s to one at a noisier time t: x_t = a x_s + √(σ_t² − a²σ_s²) z, a = α_t/α_s;
    the forward chain's step."""
    ratio = np.asarray(schedule.alpha(t)) / np.asarray(schedule.alpha(s))
    added = np.asarray(schedule.sigma(t)) ** 2 - (ratio * schedule.sigma(s)) ** 2
    if np.any(added < 0):
        raise InputError(f"noise_between goes to noisier times: s={s!r} is beyond t={t!r}")
    a, deviation = _numbers(x, ratio, np.sqrt(added))
    return a * x + deviation * normal_like(x, seed)(0)


def score_of(model: Any, schedule: Any, predicts: str = "eps", data: float | None = None) -> Any:
    """∇ log p as a function (x, t) of a model(x, model time); t is the schedule's time, a number or one
    per sample: −ε/σ."""
    data = float(getattr(schedule, "data", 0.5)) if data is None else data

    def score(x: Array, t: Any) -> Array:
        alpha, sigma = np.asarray(schedule.alpha(t), float), np.asarray(schedule.sigma(t), float)
        _, _, c, d = relation(predicts, alpha, sigma, data)
        scale = np.hypot(data * alpha, sigma) if predicts == "edm" else np.ones_like(sigma)
        on_x, on_m, inner = _numbers(x, -c / sigma, -d / sigma, 1 / scale)
        return on_x * x + on_m * model(x * inner, telling(schedule.model_time(t), x))

    return score


def langevin(score: Any, x: Array, schedule: Any, t: Any, *, steps: int, size: float, seed: Any) -> Array:
    """`steps` of Langevin dynamics at the level of time t: x + size σ² score(x, t) + σ √(2 size) z. Its
    stationary density is p_t up to O(size). `t`: a number or one per sample. `score`: see `score_of`."""
    sigma = np.asarray(schedule.sigma(t), float)
    drift, spreading = _numbers(x, size * sigma**2, sigma * np.sqrt(2 * size))
    draw = normal_like(x, seed)
    for k in range(steps):
        x = x + drift * score(x, t) + spreading * draw(k)
    return x


def shift_times(
    model: Any,
    x: Array,
    plan: Plan,
    *,
    window: float,
    above: float = 0.0,
    data: float | None = None,
    noise: Any = None,
) -> Plan:
    """A plan whose network is told times that fit the states it really meets (time-shift sampler,
    2305.15583, Alg. 1).

    Runs the plan once from x; before a row with t > `above` the time within ± window/2 is sought whose
    α²v + σ² comes nearest the states' mean square, v = `data`² that of the data (default the plan's
    `data`); the mean over the batch makes it a column of the plan, so that the result runs as fast as the
    plan and samples do not depend on each other. window=0 changes nothing. Works over any rule. Raises
    `InputError` for plans without a schedule.
    """
    schedule = plan.schedule
    if schedule is None or plan.axis != "none":
        raise InputError(
            "shift_times needs a plan made by plan(...) for all samples alike: it has to know the schedule"
        )
    square = (plan.data if data is None else data) ** 2
    told = np.array(plan.model_time)
    state: Any = None
    for i in range(len(plan)):
        now = x if state is None else state.x
        if plan.asks[i] and plan.t[i] > above and window > 0:
            times = np.clip(plan.t[i] + window * np.linspace(-0.5, 0.5, 201), 1e-5, 1.0)
            expected = (
                np.asarray(schedule.alpha(times)) ** 2 * square + np.asarray(schedule.sigma(times)) ** 2
            )
            told[i] = schedule.model_time(times[np.argmin(abs(expected - float((now * now).mean())))])
        moved = plan.replace(model_time=told)
        state = sample(model, x, moved, stop=1, noise=noise) if state is None else sample(
            model, None, moved, start=state, stop=i + 1, noise=noise
        )  # fmt: skip
    made = plan.provenance | {"time_shift": {"window": window, "above": above}}
    return plan.replace(model_time=told, provenance=made)
