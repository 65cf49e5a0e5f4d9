"""What a step of a sampler costs beside the network: a model that costs nothing, PyTorch on one thread."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import diffusers

from bench.table import Row
from bench.timing import Times, alternate
from duhamel import sampling
from duhamel.sampling.diffusers import PlanScheduler

__all__ = ["measure"]

GROUP = "Cost of a sampler's step"
STEPS, RUNS = 20, 10
LARGE, SMALL = (4, 4, 64, 64), (1, 4, 8, 8)


def ours(plan: Any, x: torch.Tensor) -> Callable[[], Any]:
    return lambda: [sampling.sample(lambda x, t: x, x, plan) for _ in range(RUNS)]


def scheduled(scheduler: Any, x: torch.Tensor) -> Callable[[], Any]:
    """The loop of a pipeline; `set_timesteps` is part of a run for whoever keeps state in the scheduler,
    and not timed for others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scheduler.set_timesteps(STEPS)

    def run() -> Any:
        state = x
        with torch.no_grad():
            for _ in range(RUNS):
                state = x
                if hasattr(scheduler, "_step_index"):  # as set_timesteps leaves it, without its cost
                    scheduler._step_index, scheduler.lower_order_nums = None, 0
                for t in scheduler.timesteps:
                    state = scheduler.step(
                        scheduler.scale_model_input(state, t), t, state, return_dict=False
                    )[0]
        return state

    return run


def contestants(x: torch.Tensor) -> dict[str, Callable[[], Any]]:
    schedule = sampling.Discrete.linear()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = {
            "DPM++2M of diffusers": diffusers.DPMSolverMultistepScheduler(),
            "UniPC-2 of diffusers": diffusers.UniPCMultistepScheduler(),
        }
    return {
        "sample, dpm++2m": ours(sampling.plan(schedule, "dpm++2m", steps=STEPS), x),
        "sample, deis-tab order 3": ours(sampling.plan(schedule, "deis-tab", order=3, steps=STEPS), x),
        "sample, multistep order 3": ours(
            sampling.plan(schedule, "multistep", order=3, steps=STEPS, corrector=False), x
        ),
        "sample, unipc order 2": ours(sampling.plan(schedule, "unipc", steps=STEPS), x),
        "sample, the default": ours(sampling.plan(schedule, steps=STEPS), x),
        "PlanScheduler.step, dpm++2m": scheduled(PlanScheduler(rule="dpm++2m"), x),
        "PlanScheduler.step, unipc order 2": scheduled(PlanScheduler(rule="unipc", order=2), x),
        **{name: scheduled(scheduler, x) for name, scheduler in theirs.items()},
    }


def measure(quick: bool = False) -> Iterator[Row]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from rows(2.0 if quick else 8.0)
    finally:
        torch.set_num_threads(threads)


def rows(seconds: float) -> Iterator[Row]:
    for shape in (LARGE, SMALL):
        calls = contestants(torch.randn(shape, generator=torch.Generator().manual_seed(0)))
        found = alternate(*calls.values(), seconds=seconds, most=200)
        times = {
            name: Times(tuple(s / (STEPS * RUNS) for s in turn.seconds))
            for name, turn in zip(calls, found, strict=True)
        }
        size = "×".join(map(str, shape))
        dpm, uni = times["DPM++2M of diffusers"], times["UniPC-2 of diffusers"]
        bar = 40e-6 if shape == LARGE else 10e-6
        for name in list(calls)[:5]:
            limit = None if name == "sample, the default" else bar
            yield Row(GROUP, f"{name}, {size}", times[name].best, bar=limit, note=NOTE)
        for name, peer, of, limit in (
            ("sample, dpm++2m", "DPM++2M of diffusers", dpm, 0.15),
            ("sample, unipc order 2", "UniPC-2 of diffusers", uni, 0.06),
            ("PlanScheduler.step, dpm++2m", "DPM++2M of diffusers", dpm, None),
            ("PlanScheduler.step, unipc order 2", "UniPC-2 of diffusers", uni, None),
        ):
            limit = limit if shape == LARGE else None
            yield Row(
                GROUP,
                f"{name}, {size}",
                times[name].best,
                peer,
                of.best,
                times[name].over(of),
                limit,
                note=NOTE,
            )


NOTE = f"a network that returns its input; {STEPS} steps, float32, one thread, in seconds for each step"
