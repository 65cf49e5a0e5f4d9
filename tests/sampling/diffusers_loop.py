"""The loop of a pipeline of diffusers, and the rules that several tests run in it."""

import torch

FLOW = {"path": "flow", "prediction_type": "flow_prediction"}
RULES = [
    {},
    {"rule": "unipc", "order": 3},
    {"rule": "dpm++2m"},
    {"rule": "heun"},
    {"rule": "dpm-3"},
    {"rule": "bdia"},
    {"rule": "pndm"},
    {"rule": "sde-dpm++"},
    {"rule": "sa-solver"},
    {"rule": "ddim", "options": {"eta": 1.0}},
    {"rule": "multistep", "order": 2, "corrector": True, "linear": "v", "grid": ["karras", 5.0]},
]


def seeded(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def model(x, t):
    return torch.tanh(x) * (1 + t / 1000)


def walked(scheduler, x, steps=None, seed=3, start=0, **options):
    """The loop of a pipeline."""
    if steps is not None:
        scheduler.set_timesteps(steps, **options)
    generator = torch.Generator().manual_seed(seed)
    for t in scheduler.timesteps[start:]:
        output = model(scheduler.scale_model_input(x, t), t)
        x = scheduler.step(output, t, x, generator=generator, return_dict=False)[0]
    return x


def drawn(plan, x, seed=3):
    generator = torch.Generator().manual_seed(seed)
    noises = {}

    def at(i, like):
        if i not in noises:
            noises[i] = torch.randn(x.shape, generator=generator, dtype=x.dtype)
        return noises[i]

    return at
