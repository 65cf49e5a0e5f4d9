"""`PlanScheduler` answers as diffusers expects of its schedulers: configurations, shapes, noise, order of calls, threads."""

import copy
import pickle
import threading
import warnings

import numpy as np
import pytest
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import diffusers

from duhamel import sampling
from duhamel.errors import InputError
from duhamel.sampling.diffusers import PlanScheduler

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


@pytest.mark.parametrize("choice", RULES)
@pytest.mark.parametrize("path", [{}, FLOW, {"path": "edm"}], ids=["vp", "flow", "edm"])
def test_a_run_gives_the_numbers_of_sample(choice, path):
    scheduler = PlanScheduler(**choice, **path)
    x = seeded(2, 3, 4, 4) * scheduler.init_noise_sigma
    found = walked(scheduler, x, 6)
    plan = scheduler.plan
    expected = sampling.sample(lambda x, t: model(x, t), x, plan, noise=drawn(plan, x))
    assert torch.equal(found, expected)
    assert len(scheduler.timesteps) == plan.nfe and len(scheduler.sigmas) == plan.nfe + 1
    assert scheduler.num_inference_steps == 6


def test_the_default_is_that_of_plan():
    scheduler = PlanScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
    scheduler.set_timesteps(7)
    assert scheduler.plan == sampling.plan(sampling.Discrete.scaled_linear(), steps=7)


def test_configuration_goes_to_disk_and_back(tmp_path):
    scheduler = PlanScheduler(rule="unipc", order=3, grid=["karras", 5.0], trained_betas=np.linspace(0.1, 0.3, 4))
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
        assert {key: value for key, value in again.config.items() if key in scheduler.config} == dict(scheduler.config)


def test_attributes_and_configuration_are_kept_apart():
    scheduler = PlanScheduler()
    scheduler.own = 5
    scheduler.register_to_config(said=6)
    assert scheduler.own == 5 and scheduler.config.said == 6
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
        (short,) = scheduler.step(0.1 * sample, t, sample, generator=torch.Generator().manual_seed(0), return_dict=False)
        assert torch.equal(full.prev_sample, short) and torch.equal(full[0], short)
        assert short.dtype == kind and short.shape == x.shape and full.pred_original_sample.dtype == kind


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


def test_nothing_is_read_from_the_device():
    """Tensors of the device "meta" have no numbers: whoever asks for one gets an error."""
    x = torch.empty(2, 3, 4, 4, device="meta")
    for choice in [*RULES[:7], {"clip_sample": True}, {"thresholding": True}]:
        for path in ({}, FLOW, {"path": "edm"}):
            scheduler = PlanScheduler(**choice, **path)
            scheduler.set_timesteps(6, device="meta")
            state = x
            for t in scheduler.timesteps:
                state = scheduler.step(torch.empty_like(state), t, scheduler.scale_model_input(state, t)).prev_sample
            scheduler.set_begin_index(0)
            for t in scheduler.timesteps.clone():  # no element of ours: counted
                state = scheduler.step(torch.empty_like(state), t, state).prev_sample
            assert state.device.type == "meta"


def test_counted_times_give_the_same_table():
    """Copies of the times on an accelerator cannot be recognised, so rows are counted for each batch."""
    scheduler = PlanScheduler(rule="unipc", order=3)
    scheduler.set_timesteps(6, device="meta")
    rows, state = [], torch.empty(1, 2, device="meta")
    for t in scheduler.timesteps.clone():
        rows.append(scheduler._place(t, state)[1])
        state = scheduler.step(torch.empty_like(state), t, state).prev_sample
    assert rows == list(range(6)) and scheduler.step_index is None


@pytest.mark.parametrize("choice", [{}, {"rule": "heun"}, {"rule": "unipc", "order": 3}, {"rule": "dpm-3"}])
def test_a_run_may_begin_in_the_middle(choice):
    scheduler = PlanScheduler(**choice)
    scheduler.set_timesteps(8)
    begin = 3 * scheduler.order
    scheduler.set_begin_index(begin)
    x = seeded(2, 3, 4, 4)
    t = scheduler.timesteps[begin]
    noisy = scheduler.add_noise(x, seeded(2, 3, 4, 4, seed=5), t.repeat(2))
    found = walked(scheduler, noisy, start=begin)
    left = scheduler.plan.t[begin:]
    grid = [*dict.fromkeys(left.tolist()), 0.0] if choice.get("rule") != "dpm-3" else [*left[::3].tolist(), 0.0]
    expected = sampling.plan(sampling.Discrete.linear(), choice.get("rule", "default"), steps=len(grid) - 1,
                             grid=grid, start=grid[0], order=choice.get("order"))  # fmt: skip
    torch.testing.assert_close(found, sampling.sample(model, noisy, expected))


def test_a_rule_that_cannot_begin_there_says_so():
    scheduler = PlanScheduler(rule="heun")
    scheduler.set_timesteps(6)
    x = seeded(1, 3, 4, 4)
    with pytest.raises(InputError, match="begin at a multiple"):
        scheduler.step(x, scheduler.timesteps[3], x)


def test_sixteen_bits_between_steps_lose_nothing():
    scheduler = PlanScheduler(order=3)
    x = seeded(2, 3, 8, 8).half()
    found = walked(scheduler, x, 12)
    assert torch.equal(found, sampling.sample(model, x, scheduler.plan))


def test_a_sample_changed_in_place_is_taken_as_it_is():
    scheduler = PlanScheduler(order=3)
    x, found = seeded(2, 3, 8, 8).half(), []
    for changed in (lambda y: y.mul_(0.0), lambda y: y * 0.0):
        scheduler.set_timesteps(4)
        t = scheduler.timesteps
        first = changed(scheduler.step(model(x, t[0]), t[0], x)[0])
        found.append(scheduler.step(first, t[1], first)[0])
    assert torch.equal(*found)


def test_samples_changed_between_steps_keep_their_history():
    """Inpainting replaces the sample: the history of outputs goes on."""
    scheduler = PlanScheduler(rule="dpm++2m")
    scheduler.set_timesteps(5)
    x = seeded(2, 3, 4, 4)
    mask = (seeded(2, 3, 4, 4, seed=9) > 0).float()
    for t in scheduler.timesteps:
        x = scheduler.step(model(x, t), t, x)[0] * mask
    y, seen, outputs = seeded(2, 3, 4, 4), [], []
    plan = scheduler.plan
    for i, t in enumerate(scheduler.timesteps):
        seen.append(y)
        outputs.append(model(y, t))
        y = sum(float(plan.x[i, k]) * seen[i - k] for k in range(min(i + 1, plan.x.shape[1])))
        y = (y + sum(float(plan.m[i, k]) * outputs[i - k] for k in range(min(i + 1, plan.m.shape[1])))) * mask
    torch.testing.assert_close(x, y, rtol=1e-4, atol=1e-4)


def test_two_batches_in_turn():
    scheduler = PlanScheduler(rule="unipc", order=3)
    first, second = seeded(2, 3, 4, 4), seeded(1, 3, 4, 4, seed=1)
    third = seeded(2, 3, 4, 4, seed=2)
    expected = [walked(scheduler, x, 7) for x in (first, second, third)]
    scheduler.set_timesteps(7)
    found = [first, second, third]
    for t in scheduler.timesteps:
        found = [scheduler.step(model(x, t), t, x)[0] for x in found]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    t = scheduler.timesteps
    found = [scheduler.step(model(x, t[0]), t[0], x)[0] * 1.0 for x in (first, third)]
    with pytest.raises(InputError, match="cannot be told apart"):
        scheduler.step(model(found[0], t[1]), t[1], found[0])


@pytest.mark.parametrize("choice", [{}, {"rule": "heun"}, {"rule": "unipc", "order": 3}])
def test_threads_share_one_scheduler(choice):
    shared = PlanScheduler(**choice)
    steps = (4, 9, 6, 12)
    inputs = [seeded(2, 3, 4, 4, seed=k) for k in range(4)]
    expected = [walked(PlanScheduler(**choice), x, n) for x, n in zip(inputs, steps, strict=True)]
    barrier, found = threading.Barrier(4), [None] * 4

    def work(k):
        for _ in range(5):
            barrier.wait()
            shared.set_timesteps(steps[k])
            barrier.wait()
            x = inputs[k]
            for t in shared.timesteps:
                x = shared.step(model(x, t), t, x)[0] + 0.0  # a new tensor, as pipelines make
            found[k] = x

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_a_thread_without_a_run_uses_the_newest():
    scheduler = PlanScheduler()
    x = seeded(1, 3, 4, 4)
    expected = walked(scheduler, x, 5)
    found = []
    thread = threading.Thread(target=lambda: found.append(walked(scheduler, x)))
    thread.start()
    thread.join()
    assert torch.equal(found[0], expected)


def test_history_does_not_pile_up():
    scheduler = PlanScheduler(rule="unipc", order=3)
    for seed in range(3):
        walked(scheduler, seeded(1, 3, 4, 4, seed=seed), 6)
    memory = scheduler._memory
    assert not memory.heads() and not memory.chains


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_are_whole(copied):
    scheduler = PlanScheduler(rule="unipc")
    x = seeded(1, 3, 4, 4)
    expected = walked(scheduler, x, 5)
    assert torch.equal(walked(copied(scheduler), x, 5), expected)


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
    torch.testing.assert_close(edm.add_noise(x, noise, t), x + float(edm.sigmas[2]) * noise, rtol=1e-4, atol=1e-5)


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

    torch.testing.assert_close(walked(scheduler, x, 5), sampling.sample(model, x, scheduler.plan, on_x0=bounded))


def test_options_of_the_configuration_run():
    x = seeded(2, 3, 4, 4)
    for options in (
        *({"beta_schedule": kind} for kind in ("linear", "scaled_linear", "squaredcos_cap_v2", "sigmoid", "exp", "laplace")),
        *({"timestep_spacing": kind, "grid": "config"} for kind in ("leading", "trailing", "linspace")),
        *({f"use_{kind}_sigmas": True, "grid": "config"} for kind in ("karras", "exponential", "beta")),
        *({"num_train_timesteps": count} for count in (10, 100, 1000)),
        *({"prediction_type": kind} for kind in ("epsilon", "sample", "v_prediction")),
        {"rescale_betas_zero_snr": True}, {"rescale_betas_zero_snr": True, "prediction_type": "v_prediction"},
        {"use_lu_lambdas": True, "grid": "config"}, {"final_sigmas_type": "sigma_min", "grid": "config"},
        {"integer_timesteps": True}, {"snr_shift_scale": 3.0, "rescale_betas_zero_snr": True},
        {**FLOW, "shift_terminal": 0.1, "grid": "config"}, {**FLOW, "invert_sigmas": True}, {"path": "edm-arctan"},
        {"path": "angle", "prediction_type": "v_prediction"}, {"path": "edm", "grid": "config", "sigma_schedule": "exponential"},
        {"use_flow_sigmas": True, "flow_shift": 5.0, "prediction_type": "sample"},
    ):  # fmt: skip
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
        ({}, lambda s: s.step(x, 0, x, eta=0.5), "eta"),
        ({"use_karras_sigmas": True, "use_beta_sigmas": True, "grid": "config"}, lambda s: s.set_timesteps(5), "only one"),
    ):
        with pytest.raises(InputError, match=says):
            made = PlanScheduler(**options)
            action(made)
