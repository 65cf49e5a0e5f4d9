"""What a `PlanScheduler` remembers of a run, and for whom: threads, batches, changed samples, runs from the
middle."""

import copy
import pickle
import threading

import pytest
import torch
from diffusers_loop import FLOW, RULES, model, seeded, walked

from duhamel import sampling
from duhamel.errors import InputError
from duhamel.sampling.diffusers import PlanScheduler


def test_nothing_is_read_from_the_device():
    """Tensors of the device "meta" have no numbers: whoever asks for one gets an error."""
    x = torch.empty(2, 3, 4, 4, device="meta")
    for choice in [*RULES[:7], {"clip_sample": True}, {"thresholding": True}]:
        for path in ({}, FLOW, {"path": "edm"}):
            scheduler = PlanScheduler(**choice, **path)
            scheduler.set_timesteps(6, device="meta")
            state = x
            for t in scheduler.timesteps:
                state = scheduler.step(
                    torch.empty_like(state), t, scheduler.scale_model_input(state, t)
                ).prev_sample
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
    assert rows == list(range(6))
    assert scheduler.step_index is None


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
    grid = (
        [*dict.fromkeys(left.tolist()), 0.0] if choice.get("rule") != "dpm-3" else [*left[::3].tolist(), 0.0]
    )
    expected = sampling.plan(
        sampling.Discrete.linear(),
        choice.get("rule", "default"),
        steps=len(grid) - 1,
        grid=grid,
        start=grid[0],
        order=choice.get("order"),
    )
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
    assert not memory.heads()
    assert not memory.chains


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))])
def test_copies_are_whole(copied):
    scheduler = PlanScheduler(rule="unipc")
    x = seeded(1, 3, 4, 4)
    expected = walked(scheduler, x, 5)
    assert torch.equal(walked(copied(scheduler), x, 5), expected)
