"""A diffusers scheduler as a plan: unit vectors go in, its table comes out."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.table import Plan

__all__ = ["from_scheduler"]

_PREDICTS = {
    "epsilon": "eps",
    "sample": "x0",
    "v_prediction": "v",
    "flow_prediction": "flow",
    "trig_flow": "v",
}
_SEED = 7


def from_scheduler(scheduler: Any, *, predicts: str | None = None, tolerance: float = 1e-4) -> Plan:
    """The table of a scheduler of diffusers, on whose copy `set_timesteps` has been called.

    The state of a linear scheduler is x_i = a_i x_T + Σ_j b_ij m_j + Σ_k n_ik z_k: it is run once on vectors
    in which x_T, m_0, m_1, … are the unit vectors, and, if it draws noise, once more to see the n_ik. So
    clipping and thresholding must be off. Then it is run on random numbers beside the table, and refused if
    they differ by more than `tolerance` (relative; schedulers compute in float32). Rows: one for each of its
    `timesteps`. Cost: three runs of the scheduler on small vectors. Needs PyTorch.
    """
    import torch

    if getattr(scheduler, "num_inference_steps", None) is None:
        raise InputError("call scheduler.set_timesteps(steps) before a plan is made from it")
    count = len(scheduler.timesteps)
    with torch.no_grad():
        units = torch.eye(count + 1, dtype=torch.float64)[:, None, None, None, :]
        told, scale, states = _run(scheduler, units[0], list(units[1:]), 0)
        table = np.stack([state.numpy().ravel() for state in states])
        width = 4096
        zeros = torch.zeros(1, 1, 1, width, dtype=torch.float64)
        drawn = _run(scheduler, zeros, [zeros] * count, _SEED)[2]
        noise = _noise_table(np.stack([state.numpy().ravel() for state in drawn]), count, width)
        # with the same seed the noise is the same, so the difference of two runs is without it
        calm = _run(scheduler, units[0] * 0, list(units[1:] * 0), 0)[2]
        table = table - np.stack([state.numpy().ravel() for state in calm])
        if not np.any(noise) and np.any(np.nan_to_num(calm[-1].numpy())):
            raise InputError(
                f"{type(scheduler).__name__} draws noise that does not come from its generator argument"
            )
    if not np.all(np.isfinite(table)):
        raise InputError(f"{type(scheduler).__name__} as configured returns NaN or infinity itself")
    table[np.abs(table) < 1e-12 * np.abs(table).max(axis=1, keepdims=True)] = 0.0
    plan = _plan(scheduler, predicts, told, scale, table, noise)
    _check(scheduler, plan, tolerance)
    return plan


def _run(scheduler: Any, x: Any, outputs: list[Any], seed: int) -> tuple[list[float], list[float], list[Any]]:
    """Times, input scales and states of a run with given model outputs, on a copy of the scheduler."""
    import inspect

    import torch

    own = copy.deepcopy(scheduler)
    options: dict[str, Any] = {"return_dict": False}
    if "generator" in inspect.signature(own.step).parameters:
        options["generator"] = torch.Generator().manual_seed(seed)
    told, scale, states = [], [], [x]
    for t, m in zip(own.timesteps, outputs, strict=True):
        if hasattr(own, "scale_model_input"):
            one = own.scale_model_input(torch.ones_like(x), t)
            scale.append(float(one.ravel()[0]))
        else:
            scale.append(1.0)
        told.append(float(t))
        x = own.step(m, t, x, **options)[0].to(torch.float64)
        states.append(x)
    return told, scale, states


def _draws(count: int, width: int, kind: Any) -> np.ndarray:
    """The first normals of the generator, as the scheduler draws them one after another."""
    import torch

    generator = torch.Generator().manual_seed(_SEED)
    return np.stack(
        [
            torch.randn(1, 1, 1, width, generator=generator, dtype=kind).double().numpy().ravel()
            for _ in range(count)
        ]
    )


def _noise_table(states: np.ndarray, count: int, width: int) -> np.ndarray:
    """n_ik of states that are sums of draws, by least squares over many entries; empty if there is no
    noise."""
    import torch

    if not np.all(np.isfinite(states)) or not np.any(states):
        return np.zeros((count + 1, 0))
    best, error = np.zeros((count + 1, 0)), np.inf
    for kind in (torch.float64, torch.float32):
        draws = _draws(2 * count, width, kind)
        found = np.linalg.lstsq(draws.T, states.T, rcond=None)[0].T
        miss = float(np.abs(found @ draws - states).max() / np.abs(states).max())
        if miss < error:
            best, error = found, miss
    if error > 1e-4:
        raise InputError(
            "the scheduler draws noise that is not plain unit normals from its generator; no table is "
            "possible"
        )
    best[np.abs(best) < 1e-6 * np.abs(best).max()] = 0.0
    return best[:, np.any(best, axis=0)]


def _levels(scheduler: Any, told: list[float]) -> tuple[np.ndarray, np.ndarray, tuple[float, float, float]]:
    """(α, σ) at each evaluation and at the end, from whatever the scheduler keeps."""
    count = len(told)
    name = type(scheduler).__name__
    if name == "IPNDMScheduler":
        alpha, sigma = (
            np.append(v.double().numpy()[:count], e)
            for v, e in ((scheduler.alphas, 1.0), (scheduler.betas, 0.0))
        )
    elif getattr(scheduler, "sigmas", None) is not None and len(scheduler.sigmas) >= count:
        sigma = scheduler.sigmas.double().cpu().numpy()[: count + 1]
        sigma = np.append(sigma, 0.0) if len(sigma) == count else sigma
        if getattr(scheduler, "sigmas_interpol", None) is not None:
            sigma = _between(scheduler, sigma)
        if hasattr(scheduler, "_sigma_to_alpha_sigma_t") and not name.startswith(("EDM", "Cosine")):
            flow = bool(getattr(scheduler.config, "use_flow_sigmas", False))
            alpha = 1 - sigma if flow else 1 / np.sqrt(1 + sigma**2)
            sigma = sigma if flow else sigma * alpha
        else:
            alpha = 1 - sigma if name.startswith("FlowMatch") else np.ones_like(sigma)
    elif getattr(scheduler, "alphas_cumprod", None) is not None:
        square = scheduler.alphas_cumprod.double().cpu().numpy()
        place = np.interp(told, np.arange(len(square)), square)
        square = np.append(place, float(getattr(scheduler, "final_alpha_cumprod", 1.0)))
        alpha, sigma = np.sqrt(square), np.sqrt(1 - square)
    else:
        raise InputError(f"{name} keeps neither sigmas nor alphas_cumprod: no plan can be made from it")
    return alpha, sigma, (0.0, float(alpha[-1]), float(sigma[-1]))


def _between(scheduler: Any, sigma: np.ndarray) -> np.ndarray:
    """The levels of KDPM2, which asks every second time between two others: it keeps those levels in a list
    of their own, where the ancestral variant stands one entry earlier."""
    middle = scheduler.sigmas_interpol.double().cpu().numpy()
    odd = np.arange(1, len(sigma) - 1, 2)
    sigma = sigma.copy()
    sigma[odd] = middle[odd - 1 if hasattr(scheduler, "sigmas_up") else odd]
    return sigma


def _plan(
    scheduler: Any,
    predicts: str | None,
    told: list[float],
    scale: list[float],
    table: np.ndarray,
    noise: np.ndarray,
) -> Plan:
    """The unrolled table as rows with one earlier state: x_{i+1} = r x_i + Σ_j (b_{i+1,j} − r b_ij) m_j +
    …"""
    config = scheduler.config
    count = len(told)
    alpha, sigma, end = _levels(scheduler, told)
    kind = predicts or _PREDICTS.get(config.get("prediction_type", "flow_prediction"))
    if type(scheduler).__name__ == "IPNDMScheduler":
        kind = predicts or "eps"
    if type(scheduler).__name__.startswith(("EDM", "CosineDPM")):
        kind = predicts or "edm"
    if kind is None:
        raise InputError(
            f"prediction_type {config.get('prediction_type')!r} is not known here: give predicts="
        )
    x, dense, late = np.zeros((count, 1)), np.zeros((count, count)), np.zeros((count, count))
    owner = _owners(noise, count)
    small = (
        1e-6 if noise.size else 1e-9
    )  # noise is only known to the digits of a least-squares fit in float32
    for i in range(count):
        ratio = table[i + 1, 0] / table[i, 0] if table[i, 0] else 0.0
        x[i, 0] = ratio
        row = table[i + 1, 1:] - ratio * table[i, 1:]
        row[np.abs(row) < small * np.abs(row).max()] = 0.0
        dense[i, : i + 1] = row[i::-1]
        for k, j in enumerate(owner):
            late[i, i - j] += (noise[i + 1, k] - ratio * noise[i, k]) if i >= j else 0.0
    late[np.abs(late) < small * max(np.abs(late).max(initial=0.0), 1e-30)] = 0.0
    train = float(config.get("num_train_timesteps", 1000))
    return Plan(
        predicts=kind,
        t=np.array(told) / train,
        alpha=alpha[:-1],
        sigma=sigma[:-1],
        model_time=np.array(told),
        scale_in=np.array(scale),
        asks=np.ones(count, bool),
        order=np.count_nonzero(dense, axis=1),
        x=x,
        m=_trimmed(dense),
        z=_trimmed(late),
        end=end,
        data=float(config.get("sigma_data", 0.5)),
        provenance={"rule": "from_scheduler", "scheduler": type(scheduler).__name__, "config": dict(config)},
    )


def _owners(noise: np.ndarray, count: int) -> list[int]:
    """The row in which each draw is first used; two new draws in a row would not fit a row's one noise."""
    rows = [int(np.flatnonzero(column)[0]) - 1 for column in noise.T]
    if len(set(rows)) != len(rows):
        raise InputError(
            "the scheduler adds two noises in one step: no table with one noise a row is possible"
        )
    return rows


def _trimmed(band: np.ndarray) -> np.ndarray:
    used = np.flatnonzero(np.any(band, axis=0))
    return band[:, : (used[-1] + 1 if len(used) else 0)]


def _check(scheduler: Any, plan: Plan, tolerance: float) -> None:
    """The table beside the scheduler on random numbers, without noise if it has any to add."""
    import torch

    random = np.random.default_rng(5)
    x, *outputs = (random.standard_normal((1, 1, 1, 16)) for _ in range(len(plan) + 1))
    fed = [torch.from_numpy(m) for m in outputs]
    if plan.stochastic:
        base = _run(scheduler, torch.from_numpy(x) * 0, [m * 0 for m in fed], _SEED)[2][-1].numpy()
    else:
        base = 0.0
    theirs = _run(scheduler, torch.from_numpy(x), fed, _SEED)[2][-1].numpy() - base
    states: list[Any] = [x]
    for i in range(len(plan)):
        total = sum(c * states[i - k] for k, c in enumerate(plan.x[i]) if c)
        states.append(total + sum(c * outputs[i - k] for k, c in enumerate(plan.m[i]) if c))
    miss = float(np.abs(states[-1] - theirs).max() / np.abs(theirs).max())
    if not miss <= tolerance:
        raise InputError(
            f"{type(scheduler).__name__} is not linear as configured (a table misses it by {miss:.1e}): "
            "turn clip_sample and thresholding off"
        )
