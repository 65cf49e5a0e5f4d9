"""What diffusers asks of every scheduler of its own: any configuration saved and read again steps alike, at
any time, with any number of steps; what cannot be is an error of value."""

import inspect

import numpy as np
import pytest
import torch
from diffusers_loop import FLOW, RULES, model, seeded, walked

from duhamel.errors import InputError
from duhamel.sampling.diffusers import PlanScheduler

BASE = {"num_train_timesteps": 1000, "beta_start": 1e-4, "beta_end": 0.02, "beta_schedule": "linear"}
VARIANTS = [
    *({"num_train_timesteps": count} for count in (1, 5, 50, 1100)),
    *({"beta_start": a, "beta_end": b} for a, b in ((1e-5, 2e-4), (1e-3, 2e-2), (0.1, 2.0))),
    *({"prediction_type": kind} for kind in ("epsilon", "sample", "v_prediction")),
    *(
        {"thresholding": True, "sample_max_value": most, "prediction_type": kind}
        for most in (0.5, 2.0)
        for kind in ("epsilon", "v_prediction")
    ),
    *({"steps_offset": offset} for offset in (0, 1)),
    {"beta_schedule": "squaredcos_cap_v2"},
    {"rescale_betas_zero_snr": True},
    {"variance_type": "other"},
    {"clip_sample": True},
    {"final_sigmas_type": "sigma_min"},
]


def twins(tmp_path, steps=None, **config):
    """A scheduler, and the one that is read from where it was saved."""
    one = PlanScheduler(**config)
    one.save_config(tmp_path)
    other = PlanScheduler.from_pretrained(tmp_path)
    if steps is not None:
        one.set_timesteps(steps)
        other.set_timesteps(steps)
    return one, other


def alike(one, other, time, **options):
    """Their steps at a time that need not be in their lists."""
    x = seeded(2, 3, 4, 4)
    found = [
        s.step(0.1 * x, time, x, generator=torch.Generator().manual_seed(0), **options).prev_sample
        for s in (one, other)
    ]
    assert found[0].shape == x.shape
    assert torch.isfinite(found[0]).all()
    assert torch.equal(*found)


@pytest.mark.parametrize("choice", [{}, {"grid": "config"}, {"rule": "unipc", "order": 3}], ids=str)
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_what_is_read_again_steps_alike(tmp_path, variant, choice):
    config = BASE | variant | choice
    few = config["num_train_timesteps"] < 25 and choice.get("grid") == "config"
    steps = config["num_train_timesteps"] if few else 25
    for count in (None, steps):
        alike(*twins(tmp_path, count, **config), 0)
    one, other = twins(tmp_path, steps, **config)
    x = y = seeded(2, 3, 4, 4)
    for t in one.timesteps[:4]:
        x, y = one.step(0.1 * x, t, x).prev_sample, other.step(0.1 * y, t, y).prev_sample
        assert torch.equal(x, y)


@pytest.mark.parametrize("choice", RULES, ids=str)
def test_a_step_at_any_time_for_any_rule(tmp_path, choice):
    """Between two stages of a rule the nearest place is taken at which a run can begin."""
    for path in ({}, FLOW, {"path": "edm"}):
        one, other = twins(tmp_path, 10, **choice, **path)
        for time in (0, 1.0, 10, 499, torch.tensor(999)):
            alike(one, other, time)
    for count in (1, 2, 3, 50):
        alike(*twins(tmp_path, count, **choice), 0)


def test_times_that_count_down_without_a_list():
    """DDPM's old loop: every training time by its value, more of them than the table has rows."""
    scheduler, x = PlanScheduler(num_train_timesteps=120), seeded(2, 3, 4, 4)
    for t in reversed(range(120)):
        x = scheduler.step(1e-3 * x, t, x).prev_sample
    assert torch.isfinite(x).all()


def test_pndm_begins_late_without_warm_up():
    scheduler, x = PlanScheduler(rule="pndm", grid="uniform"), seeded(2, 3, 4, 4)
    found = walked(scheduler, x, 10, start=5)
    part = PlanScheduler(rule="pndm", options={"warmup": "none"})
    part.set_timesteps(timesteps=scheduler.timesteps[5:])
    torch.testing.assert_close(found, walked(part, x))


def test_eta_asks_for_the_steps_of_ddim():
    x = seeded(2, 3, 4, 4)
    for eta in (0.5, 1.0):
        expected = walked(PlanScheduler(rule="ddim", options={"eta": eta}, grid="quadratic"), x, 6)
        scheduler = PlanScheduler(rule="default", grid="quadratic")
        scheduler.set_timesteps(6)
        state, generator = x, torch.Generator().manual_seed(3)
        for t in scheduler.timesteps:
            state = scheduler.step(model(state, t), t, state, eta, generator=generator).prev_sample
        torch.testing.assert_close(state, expected)
        # the same from the middle, and without eta the rule is what it was
        begun = walked(PlanScheduler(rule="ddim", options={"eta": eta}, grid="quadratic"), x, 6, start=2)
        state, generator = x, torch.Generator().manual_seed(3)
        for t in scheduler.timesteps[2:]:
            state = scheduler.step(model(state, t), t, state, eta, generator=generator).prev_sample
        torch.testing.assert_close(state, begun)
        assert torch.equal(walked(scheduler, x, 6), walked(PlanScheduler(grid="quadratic"), x, 6))


def test_rows_of_given_times():
    scheduler = PlanScheduler(**FLOW, shift=3.0)
    scheduler.set_timesteps(20)
    times = scheduler.timesteps
    assert [scheduler.index_for_timestep(t) for t in times] == list(range(20))
    assert scheduler.index_for_timestep(torch.stack([times[0], times[-1]]), times).tolist() == [0, 19]
    stages = PlanScheduler(rule="heun")
    stages.set_timesteps(5)
    twice = stages.timesteps[1]
    assert twice == stages.timesteps[2]
    assert stages.index_for_timestep(twice) == 2


def test_lists_of_times_are_obeyed_or_refused():
    scheduler = PlanScheduler(rule="ddim")
    scheduler.set_timesteps(timesteps=[100, 87, 50, 1, 0])
    assert scheduler.timesteps.tolist() == [100, 87, 50, 1, 0]
    for given in (
        {"num_inference_steps": 0},
        {"timesteps": [100, 87, 50, 51, 0]},
        {"timesteps": [1000]},
        {"timesteps": [100, 50], "num_inference_steps": 2},
    ):
        with pytest.raises(InputError):
            scheduler.set_timesteps(**given)


def test_one_training_time():
    scheduler = PlanScheduler(trained_betas=np.array([0.3]), rule="ddim")
    scheduler.set_timesteps(3)
    x = seeded(2, 3, 4, 4)
    assert torch.isfinite(walked(scheduler, x, 3)).all()


def test_signatures():
    """Pipelines look at names; `scale_model_input` is given more than it needs by some."""
    assert "generator" in inspect.signature(PlanScheduler.step).parameters
    assert "kwargs" not in inspect.signature(PlanScheduler.__init__).parameters
    assert not PlanScheduler._deprecated_kwargs
    scheduler, x = PlanScheduler(), seeded(2, 3, 4, 4)
    generator = torch.Generator()
    assert torch.equal(scheduler.scale_model_input(x, 0.0, generator=generator), x)


def test_half_precision_in_every_rule():
    for choice in RULES:
        scheduler = PlanScheduler(**choice, thresholding=True)
        found = walked(scheduler, seeded(2, 3, 4, 4).half(), 10)
        assert found.dtype == torch.float16
        assert torch.isfinite(found).all()
