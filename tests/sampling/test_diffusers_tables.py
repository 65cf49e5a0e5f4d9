"""Tables recovered from the schedulers of diffusers: they replay the scheduler, and agree with ours where the
rule is the same."""

import warnings

import numpy as np
import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import diffusers

from duhamel import sampling
from duhamel.errors import InputError

CONFIGURATIONS = [
    ("DDIMScheduler", {"clip_sample": False}),
    (
        "DDIMScheduler",
        {
            "clip_sample": False,
            "prediction_type": "v_prediction",
            "rescale_betas_zero_snr": True,
            "timestep_spacing": "trailing",
        },
    ),
    ("DDPMScheduler", {"clip_sample": False}),
    ("PNDMScheduler", {}),
    ("PNDMScheduler", {"skip_prk_steps": True}),
    ("DPMSolverMultistepScheduler", {}),
    ("DPMSolverMultistepScheduler", {"solver_order": 3, "use_karras_sigmas": True}),
    ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    ("DPMSolverMultistepScheduler", {"use_flow_sigmas": True, "prediction_type": "flow_prediction"}),
    ("DPMSolverSinglestepScheduler", {"solver_order": 3, "lower_order_final": True}),
    ("UniPCMultistepScheduler", {"solver_order": 3}),
    ("DEISMultistepScheduler", {"solver_order": 3}),
    ("EulerDiscreteScheduler", {}),
    ("EulerAncestralDiscreteScheduler", {}),
    ("HeunDiscreteScheduler", {}),
    ("KDPM2DiscreteScheduler", {}),
    ("LMSDiscreteScheduler", {}),
    ("IPNDMScheduler", {}),
    ("SASolverScheduler", {}),
    ("FlowMatchEulerDiscreteScheduler", {"shift": 3.0}),
    ("FlowMatchHeunDiscreteScheduler", {}),
    ("EDMEulerScheduler", {}),
    ("EDMDPMSolverMultistepScheduler", {}),
]


def quiet(action):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return action()


def scheduler(name, options, steps=8):
    def make():
        made = getattr(diffusers, name)(**options)
        made.set_timesteps(steps)
        return made

    return quiet(make)


@pytest.mark.parametrize(("name", "options"), CONFIGURATIONS)
def test_a_recovered_table_replays_its_scheduler(name, options):
    theirs = scheduler(name, options)
    plan = quiet(lambda: sampling.Plan.from_scheduler(theirs))
    assert (
        len(plan) == len(theirs.timesteps) and theirs.step_index is None
        if hasattr(theirs, "step_index")
        else True
    )
    x = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * float(
        plan.sigma[0]
    )
    draws = torch.Generator().manual_seed(3)
    kind = torch.float32 if name.startswith("DPM") else x.dtype  # what it draws in
    noises = [torch.randn(x.shape, generator=draws, dtype=kind).to(x.dtype) for _ in range(len(plan))]

    def walk():
        own, state = scheduler(name, options), x
        extra = {"generator": torch.Generator().manual_seed(3)} if plan.stochastic else {}
        for t in own.timesteps:
            seen = own.scale_model_input(state, t) if hasattr(own, "scale_model_input") else state
            state = own.step(torch.tanh(seen), t, state, return_dict=False, **extra)[0]
        return state

    expected = quiet(walk)
    if plan.stochastic and name not in (
        "DDPMScheduler",
        "EulerAncestralDiscreteScheduler",
        "DPMSolverMultistepScheduler",
    ):
        return  # draws that are not used shift the sequence; the table itself is checked when it is made
    found = sampling.sample(lambda x, t: torch.tanh(x), x, plan, noise=lambda i, like: noises[i])
    scale = float(expected.abs().max())
    torch.testing.assert_close(
        found, expected.double(), rtol=0, atol=(2e-3 if plan.stochastic else 2e-5) * scale
    )


@pytest.mark.parametrize("name", ["KDPM2DiscreteScheduler", "KDPM2AncestralDiscreteScheduler"])
def test_levels_between_two_others_are_those_of_the_second_stage(name):
    theirs = scheduler(name, {"beta_end": 0.02, "timestep_spacing": "trailing"}, 9)
    square = theirs.alphas_cumprod.double().numpy()
    known = 0.5 * np.log((1 - square) / square)

    def eps(x, sigma):
        return sigma * (x - 0.4) / (0.3**2 + sigma**2)

    def told(seen, t):  # a network that knows its level by the time it is told alone
        sigma = np.exp(np.interp(float(t), np.arange(len(known)), known))
        return eps(seen * np.sqrt(1 + sigma**2), sigma)

    plan = quiet(lambda: sampling.Plan.from_scheduler(theirs))

    class ByLevel:
        def bind(self, plan):
            return lambda x, t, i: eps(x / plan.scale_in[i], plan.sigma[i])

    x = torch.randn(1, 2, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x = x * plan.start_scale
    asked = [float(t) for t in theirs.timesteps]
    np.testing.assert_allclose(np.interp(asked, np.arange(len(known)), known), np.log(plan.sigma), atol=1e-3)

    def walk():
        own, state, extra = scheduler(name, theirs.config, 9), x, {}
        if plan.stochastic:
            extra = {"generator": torch.Generator().manual_seed(3)}
        for t in own.timesteps:
            m = told(own.scale_model_input(state, t), t)
            state = own.step(m, t, state, return_dict=False, **extra)[0]
        return state

    draws = torch.Generator().manual_seed(3)
    noises = {
        i: torch.randn(x.shape, generator=draws, dtype=x.dtype) for i in np.flatnonzero(plan.z.any(axis=1))
    }
    found = sampling.sample(ByLevel(), x, plan, noise=lambda i, like: noises[i])
    torch.testing.assert_close(found, quiet(walk), rtol=0, atol=2e-3 if plan.stochastic else 1e-4)
    by_time = sampling.sample(told, x, plan, noise=lambda i, like: noises[i])
    torch.testing.assert_close(found, by_time, rtol=0, atol=2e-3 if plan.stochastic else 1e-4)


def test_what_has_no_table_is_refused():
    for name, options, says in (
        ("DDIMScheduler", {"clip_sample": True}, "not linear"),
        ("UniPCMultistepScheduler", {"solver_order": 3, "solver_type": "bh1"}, "NaN"),
    ):
        with pytest.raises(InputError, match=says):
            quiet(lambda name=name, options=options: sampling.Plan.from_scheduler(scheduler(name, options)))
    with pytest.raises(InputError, match="set_timesteps"):
        sampling.Plan.from_scheduler(diffusers.DDIMScheduler())


def ours_on(theirs, rule, **choices):
    """Our rule on the very levels of a scheduler of diffusers."""
    plan = quiet(lambda: sampling.Plan.from_scheduler(theirs))
    schedule = sampling.Discrete(theirs.alphas_cumprod.double().numpy())
    t = [*schedule.time(np.log(plan.alpha) - np.log(plan.sigma)), 0.0]
    return plan, sampling.plan(schedule, rule, steps=len(plan), grid=t, **choices)


def unrolled(plan):
    """a_i and b_ij of x_i = a_i x_T + Σ b_ij m_j."""
    rows = [np.eye(1, len(plan) + 1)[0]]
    for i in range(len(plan)):
        row = sum(c * rows[i - k] for k, c in enumerate(plan.x[i]) if c)
        for k, c in enumerate(plan.m[i]):
            row = row + c * np.eye(1, len(plan) + 1, i - k + 1)[0] if c else row
        rows.append(row)
    return np.array(rows)


@pytest.mark.parametrize(
    ("name", "options", "rule", "choices"),
    [
        ("DPMSolverMultistepScheduler", {"lower_order_final": False, "euler_at_final": True}, "dpm++2m", {}),
        ("DPMSolverMultistepScheduler", {"solver_order": 1}, "ddim", {"linear": "x0"}),
        ("UniPCMultistepScheduler", {"solver_order": 2}, "unipc", {"order": 2}),
        ("UniPCMultistepScheduler", {"solver_order": 3}, "unipc", {"order": 3}),
        ("EulerDiscreteScheduler", {}, "ddim", {}),
    ],
)
def test_the_same_rule_has_the_same_table(name, options, rule, choices):
    theirs = scheduler(name, options)
    plan, ours = ours_on(theirs, rule, **choices)
    first, second = unrolled(plan), unrolled(ours)
    if name == "EulerDiscreteScheduler":  # its state is x/α
        second = second / np.append(ours.alpha, 1.0)[:, None]
        second[:, 0] *= ours.alpha[0]
    np.testing.assert_allclose(first, second, rtol=2e-5, atol=2e-5 * np.abs(first).max())


def test_third_order_as_shipped_is_3m_lu():
    theirs = scheduler(
        "DPMSolverMultistepScheduler",
        {"solver_order": 3, "lower_order_final": False, "euler_at_final": True},
        16,
    )
    plan, shipped = ours_on(theirs, "3m-lu")
    _, exact = ours_on(theirs, "dpm++3m")
    unrolled(plan)
    # row by row the weight of the newest output; order 2, where it begins, is the midpoint rule there
    newest = [np.diagonal(unrolled(entry)[1:, 1:])[2:-1] for entry in (plan, shipped, exact)]
    np.testing.assert_allclose(newest[0], newest[1], rtol=1e-4)
    assert np.all(np.abs(newest[0] / newest[2] - 1) > 5e-3)
