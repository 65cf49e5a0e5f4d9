"""`PlanScheduler` answers as diffusers expects of its schedulers: configurations, shapes, noise, order of
calls, threads."""

import warnings

import numpy as np
import pytest
import torch
from diffusers_loop import FLOW, RULES, drawn, model, seeded, walked

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import diffusers

from duhamel import sampling
from duhamel.errors import InputError
from duhamel.sampling.diffusers import PlanScheduler


@pytest.mark.parametrize("choice", RULES)
@pytest.mark.parametrize("path", [{}, FLOW, {"path": "edm"}], ids=["vp", "flow", "edm"])
def test_a_run_gives_the_numbers_of_sample(choice, path):
    scheduler = PlanScheduler(**choice, **path)
    x = seeded(2, 3, 4, 4) * scheduler.init_noise_sigma
    found = walked(scheduler, x, 6)
    plan = scheduler.plan
    expected = sampling.sample(lambda x, t: model(x, t), x, plan, noise=drawn(plan, x))
    assert torch.equal(found, expected)
    assert len(scheduler.timesteps) == plan.nfe
    assert len(scheduler.sigmas) == plan.nfe + 1
    assert scheduler.num_inference_steps == 6


def test_the_default_is_that_of_plan():
    scheduler = PlanScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    scheduler.set_timesteps(7)
    assert scheduler.plan == sampling.plan(sampling.Discrete.scaled_linear(), steps=7)


def test_configuration_goes_to_disk_and_back(tmp_path):
    scheduler = PlanScheduler(
        rule="unipc", order=3, grid=["karras", 5.0], trained_betas=np.linspace(0.1, 0.3, 4)
    )
    scheduler.save_pretrained(tmp_path)
    again = PlanScheduler.from_pretrained(tmp_path)
    kept = {key: value for key, value in scheduler.config.items() if key != "_use_default_values"}
    kept["trained_betas"] = kept["trained_betas"].tolist()
    assert kept == dict(again.config)
    assert scheduler.betas.tolist() == again.betas.tolist()
    x = seeded(1, 3, 4, 4)
    assert torch.equal(walked(scheduler, x, 5), walked(again, x, 5))


def test_compatible_classes_take_the_configuration_and_give_it_back():
    scheduler = PlanScheduler(num_train_timesteps=500, rule="unipc", order=3, prediction_type="v_prediction")
    assert len(scheduler.compatibles) > 10
    for other in scheduler.compatibles:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            between = other.from_config(scheduler.config)
        again = PlanScheduler.from_config(between.config)
        assert {key: value for key, value in again.config.items() if key in scheduler.config} == dict(
            scheduler.config
        )


def test_attributes_and_configuration_are_kept_apart():
    scheduler = PlanScheduler()
    scheduler.own = 5
    scheduler.register_to_config(said=6)
    assert scheduler.own == 5
    assert scheduler.config.said == 6
    with pytest.warns(FutureWarning, match="said"):
        assert scheduler.said == 6
    with pytest.raises(AttributeError, match="'PlanScheduler' object has no attribute 'missing'"):
        _ = scheduler.missing
    assert len(scheduler) == 1000


@pytest.mark.parametrize("choice", RULES)
def test_a_step_keeps_shape_and_type_and_gives_dict_or_tuple(choice):
    x = seeded(2, 3, 4, 4)
    for kind in (torch.float16, torch.bfloat16, torch.float32, torch.float64):
        scheduler = PlanScheduler(**choice)
        scheduler.set_timesteps(6)
        t, sample = scheduler.timesteps[0], x.to(kind)
        full = scheduler.step(0.1 * sample, t, sample, generator=torch.Generator().manual_seed(0))
        (short,) = scheduler.step(
            0.1 * sample, t, sample, generator=torch.Generator().manual_seed(0), return_dict=False
        )
        assert torch.equal(full.prev_sample, short)
        assert torch.equal(full[0], short)
        assert short.dtype == kind
        assert short.shape == x.shape
        assert full.pred_original_sample.dtype == kind


def test_the_estimate_of_the_data_comes_with_the_step():
    scheduler = PlanScheduler(rule="ddim")
    scheduler.set_timesteps(4)
    x, m, t = seeded(2, 3, 4, 4), seeded(2, 3, 4, 4, seed=1), scheduler.timesteps[1]
    square = float(np.interp(float(t), np.arange(1000), scheduler.alphas_cumprod.double()))
    expected = (x - (1 - square) ** 0.5 * m) / square**0.5
    torch.testing.assert_close(scheduler.step(m, t, x).pred_original_sample, expected, rtol=1e-3, atol=1e-3)


def test_values_of_times_are_as_good_as_elements():
    x = seeded(2, 3, 4, 4)
    for choice in RULES:
        scheduler = PlanScheduler(**choice)
        expected = walked(scheduler, x, 5)
        state, generator = x, torch.Generator().manual_seed(3)
        for t in scheduler.timesteps.tolist():
            state = scheduler.step(model(state, torch.tensor(t)), t, state, generator=generator)[0]
        assert torch.equal(state, expected)
        state, generator = x, torch.Generator().manual_seed(3)
        for t in scheduler.timesteps.clone():
            state = scheduler.step(model(state, t), t, state, generator=generator)[0]
        assert torch.equal(state, expected)


def test_steps_at_times_that_are_not_in_the_list():
    x = seeded(2, 3, 4, 4)
    fresh, set_before = PlanScheduler(), PlanScheduler()
    set_before.set_timesteps(25)
    for scheduler in (fresh, set_before):
        for time in (0, 1, 0.0, torch.tensor(0)):
            assert scheduler.step(0.1 * x, time, x).prev_sample.shape == x.shape
        assert torch.equal(scheduler.scale_model_input(x, 0), x)


def test_noise_is_added_as_in_training():
    x, noise = seeded(3, 2, 4, 4), seeded(3, 2, 4, 4, seed=1)
    whole = torch.tensor([0, 499, 999])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = diffusers.DDPMScheduler()
    ours = PlanScheduler.from_config(theirs.config)
    torch.testing.assert_close(ours.add_noise(x, noise, whole), theirs.add_noise(x, noise, whole))
    torch.testing.assert_close(ours.add_noise(x, noise, whole.float()), theirs.add_noise(x, noise, whole))
    torch.testing.assert_close(ours.get_velocity(x, noise, whole), theirs.get_velocity(x, noise, whole))
    flow = PlanScheduler(**FLOW, shift=3.0)
    torch.testing.assert_close(flow.scale_noise(x, torch.tensor([250.0]), noise), 0.75 * x + 0.25 * noise)
    torch.testing.assert_close(flow.get_velocity(x, noise, whole), noise - x)
    edm = PlanScheduler(path="edm")
    edm.set_timesteps(5)
    t = edm.timesteps[2][None]
    torch.testing.assert_close(
        edm.add_noise(x, noise, t), x + float(edm.sigmas[2]) * noise, rtol=1e-4, atol=1e-5
    )


def test_clipping_is_the_hook_of_sample():
    x = seeded(2, 3, 4, 4) * 2
    scheduler = PlanScheduler(clip_sample=True, clip_sample_range=0.5)
    found = walked(scheduler, x, 5)
    plan = scheduler.plan
    torch.testing.assert_close(found, sampling.sample(model, x, plan, on_x0=lambda e: e.clamp(-0.5, 0.5)))
    scheduler = PlanScheduler(thresholding=True, sample_max_value=1.5, rule="ddim")

    def bounded(estimate):
        bound = torch.quantile(estimate.abs().flatten(1), 0.995, dim=1).clamp(1.0, 1.5)[:, None, None, None]
        return estimate.clamp(-bound, bound) / bound

    torch.testing.assert_close(
        walked(scheduler, x, 5), sampling.sample(model, x, scheduler.plan, on_x0=bounded)
    )


def test_options_of_the_configuration_run():
    x = seeded(2, 3, 4, 4)
    for options in (
        *(
            {"beta_schedule": kind}
            for kind in ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "exp", "laplace")
        ),
        *({"timestep_spacing": kind, "grid": "config"} for kind in ("leading", "trailing", "linspace")),
        *({f"use_{kind}_sigmas": True, "grid": "config"} for kind in ("karras", "exponential", "beta")),
        *({"num_train_timesteps": count} for count in (10, 100, 1000)),
        *({"prediction_type": kind} for kind in ("epsilon", "sample", "v_prediction")),
        {"rescale_betas_zero_snr": True},
        {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"},
        {"use_lu_lambdas": True, "grid": "config"},
        {"final_sigmas_type": "sigma_min", "grid": "config"},
        {"integer_timesteps": True},
        {"snr_shift_scale": 3.0, "rescale_betas_zero_snr": True},
        {**FLOW, "shift_terminal": 0.1, "grid": "config"},
        {**FLOW, "invert_sigmas": True},
        {"path": "edm-arctan"},
        {"path": "angle", "prediction_type": "v_prediction"},
        {"path": "edm", "grid": "config", "sigma_schedule": "exponential"},
        {"use_flow_sigmas": True, "flow_shift": 5.0, "prediction_type": "sample"},
    ):
        scheduler = PlanScheduler(**options)
        found = walked(scheduler, x * scheduler.init_noise_sigma, 6)
        assert torch.isfinite(found).all(), options
        if options.get("integer_timesteps"):
            assert scheduler.timesteps.dtype == torch.int64


def test_what_is_impossible_is_refused_in_words():
    x = seeded(1, 2)
    for options, action, says in (
        ({"prediction_type": "noise"}, None, "prediction_type"),
        ({"beta_schedule": "cubic"}, None, "beta_schedule"),
        ({**FLOW, "prediction_type": "v_prediction"}, None, "straight path"),
        ({"prediction_type": "flow_prediction"}, None, "path='flow'"),
        ({"rule": "euler"}, lambda s: s.set_timesteps(5), "no rule"),
        ({}, lambda s: s.set_timesteps(), "num_inference_steps"),
        ({**FLOW, "use_dynamic_shifting": True}, lambda s: s.set_timesteps(5), "mu"),
        ({"rule": "unipc"}, lambda s: s.step(x, 0, x, eta=0.5), "eta"),
        (
            {"use_karras_sigmas": True, "use_beta_sigmas": True, "grid": "config"},
            lambda s: s.set_timesteps(5),
            "only one",
        ),
    ):
        with pytest.raises(InputError, match=says):
            (action or id)(PlanScheduler(**options))


SHIPPED = {
    "DDPMScheduler": "vp",
    "DDPMParallelScheduler": "vp",
    "DDIMScheduler": "vp",
    "DDIMParallelScheduler": "vp",
    "PNDMScheduler": "vp",
    "DPMSolverMultistepScheduler": "vp",
    "DPMSolverSinglestepScheduler": "vp",
    "UniPCMultistepScheduler": "vp",
    "DEISMultistepScheduler": "vp",
    "SASolverScheduler": "vp",
    "EulerDiscreteScheduler": "vp",
    "EulerAncestralDiscreteScheduler": "vp",
    "HeunDiscreteScheduler": "vp",
    "LMSDiscreteScheduler": "vp",
    "KDPM2DiscreteScheduler": "vp",
    "KDPM2AncestralDiscreteScheduler": "vp",
    "UnCLIPScheduler": "vp",
    "CogVideoXDDIMScheduler": "vp",
    "CogVideoXDPMScheduler": "vp",
    "FlowMatchEulerDiscreteScheduler": "flow",
    "FlowMatchHeunDiscreteScheduler": "flow",
    "EDMEulerScheduler": "edm",
    "EDMDPMSolverMultistepScheduler": "edm",
    "IPNDMScheduler": "angle",
}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_configuration_is_understood(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = getattr(diffusers, name)()
    for ours in (PlanScheduler.from_config(theirs.config), PlanScheduler.from_scheduler(theirs)):
        assert ours.config.path == SHIPPED[name]
        if SHIPPED[name] == "vp":
            torch.testing.assert_close(
                ours.alphas_cumprod, theirs.alphas_cumprod.float(), rtol=2e-5, atol=1e-7
            )
        assert ours.config.clip_sample == theirs.config.get("clip_sample", False)
        x = seeded(1, 3, 4, 4) * ours.init_noise_sigma
        assert torch.isfinite(walked(ours, x, 5)).all()


@pytest.mark.parametrize(
    "options",
    [
        {"beta_schedule": "squaredcos_cap_v2"},
        {"beta_schedule": "scaled_linear", "rescale_betas_zero_snr": True},
        {"trained_betas": [0.1, 0.2, 0.3]},
        {"beta_schedule": "sigmoid"},
        {"beta_schedule": "laplace"},
    ],
)
def test_the_same_betas(options):
    theirs = diffusers.DDPMScheduler(**options)
    ours = PlanScheduler.from_config(theirs.config)
    torch.testing.assert_close(ours.betas, theirs.betas, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(ours.alphas_cumprod, theirs.alphas_cumprod, rtol=1e-4, atol=1e-6)


def test_an_edm_network_is_asked_as_by_diffusers():
    """Inputs, times and the sign of v: Euler on their levels."""
    for options in ({}, {"prediction_type": "v_prediction"}):
        theirs = diffusers.EDMEulerScheduler(**options)
        ours = PlanScheduler.from_config(theirs.config, rule="edm", order=1, grid="config")
        theirs.set_timesteps(6)
        x = seeded(1, 3, 4, 4) * 80
        found, expected = walked(ours, x, 6), x
        torch.testing.assert_close(ours.timesteps, theirs.timesteps)
        torch.testing.assert_close(ours.sigmas, theirs.sigmas)
        for t in theirs.timesteps:
            seen = theirs.scale_model_input(expected, t)
            expected = theirs.step(model(seen, t), t, expected)[0]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_an_inverted_flow_runs_from_the_other_end():
    theirs = diffusers.FlowMatchEulerDiscreteScheduler(invert_sigmas=True)
    ours = PlanScheduler.from_config(theirs.config, rule="ddim", linear="flow")
    levels = np.linspace(1, 0.1, 7).tolist()
    theirs.set_timesteps(sigmas=levels)
    x = seeded(1, 3, 4, 4)
    found, expected = walked(ours, x, sigmas=levels, steps=7), x
    torch.testing.assert_close(ours.sigmas, theirs.sigmas)
    for t in theirs.timesteps:
        expected = theirs.step(model(expected, t), t, expected)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_what_no_plan_stands_in_for_is_refused():
    for name in (
        "LCMScheduler",
        "TCDScheduler",
        "CMStochasticIterativeScheduler",
        "SCMScheduler",
        "DDPMWuerstchenScheduler",
    ):
        with pytest.raises(InputError, match="no plan stands in"):
            PlanScheduler.from_config(getattr(diffusers, name)().config)
    with pytest.raises(InputError, match="walks from data to noise"):
        PlanScheduler.from_scheduler(diffusers.DDIMInverseScheduler())
    with pytest.raises(InputError, match="no noise schedule"):
        PlanScheduler.from_config({"num_train_timesteps": 1000})
    with pytest.raises(InputError, match="stochastic_sampling"):
        PlanScheduler.from_config(diffusers.FlowMatchEulerDiscreteScheduler(stochastic_sampling=True).config)
