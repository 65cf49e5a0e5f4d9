"""Running a plan in NumPy: resuming, noise, threads, hooks, 16 bits, per-sample plans, callbacks."""

import threading

import numpy as np
import pytest
from sampling_problem import Network, noise_for

from duhamel import sampling
from duhamel.errors import InputError

VP = sampling.VP()


def made(rule="multistep", **choices):
    return sampling.plan(VP, rule, steps=8, **({"predicts": "v"} | choices))


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("multistep", {}),
        ("unipc", {"order": 3}),
        ("dpm-3", {}),
        ("pndm", {"warmup": "prk"}),
        ("bdia", {"gamma": 0.7}),
        ("sde-dpm++", {"order": 3}),
        ("edm", {"churn": 3.0}),
        ("sa-solver", {}),
    ],
)
def test_a_run_cut_in_two_is_the_same_run(rule, options):
    plan = made(rule, **options)
    x, network = noise_for(plan), Network("v")
    whole = sampling.sample(network, x, plan, noise=11)
    for cut in range(len(plan) + 1):
        half = sampling.sample(network, x, plan, noise=11, stop=cut)
        assert half.i == cut
        np.testing.assert_array_equal(sampling.sample(network, None, plan, noise=11, start=half), whole)


def test_noise_belongs_to_the_sample_and_not_to_the_batch():
    plan = made("sde-dpm++")
    x = noise_for(plan)
    network = Network("v")
    whole = sampling.sample(network, x, plan, noise=5)
    np.testing.assert_array_equal(sampling.sample(network, x[:3], plan, noise=5), whole[:3])
    seeds = [7, 8, 9, 10]
    found = sampling.sample(network, x[:4], plan, noise=seeds)
    turned = sampling.sample(network, x[:4][::-1].copy(), plan, noise=seeds[::-1])
    np.testing.assert_array_equal(found, turned[::-1])
    assert np.abs(whole - sampling.sample(network, x, plan, noise=6)).max() > 1e-3
    drawn = sampling.sample(network, x, plan, noise=lambda i, like: np.zeros_like(like))
    assert np.all(np.isfinite(drawn))
    with pytest.raises(InputError, match="adds noise"):
        sampling.sample(network, x, plan)
    with pytest.raises(InputError, match="a seed for each"):
        sampling.sample(network, x, plan, noise=[1, 2])


def test_two_threads_share_a_plan():
    plan = made("unipc", order=3)
    inputs = [noise_for(plan) + k for k in range(2)]
    alone = [sampling.sample(Network("v"), x, plan) for x in inputs]
    results = {}
    barrier = threading.Barrier(2)

    def work(k):
        barrier.wait()
        results[k] = [sampling.sample(Network("v"), inputs[k], plan) for _ in range(5)]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(2):
        for found in results[k]:
            np.testing.assert_array_equal(found, alone[k])


def test_a_plan_for_each_sample():
    plans = [made(order=1 + k % 3, grid=("power", 1.5 + 0.2 * k)) for k in range(4)]
    x = noise_for(plans[0], 4)

    class Each:
        def bind(self, plan):
            def ask(x, t, i):
                assert t.shape == (4,)
                return np.concatenate(
                    [Network("v").bind(p)(x[k : k + 1], t[k], i) for k, p in enumerate(plans)]
                )

            return ask

    found = sampling.sample(Each(), x, plans)
    for k, plan in enumerate(plans):
        np.testing.assert_allclose(
            found[k : k + 1], sampling.sample(Network("v"), x[k : k + 1], plan), rtol=1e-12
        )
    with pytest.raises(InputError, match="4 plans for a batch of 3"):
        sampling.sample(Each(), x[:3], plans)
    with pytest.raises(InputError, match="same rows"):
        sampling.Plan.stack([made(), sampling.plan(VP, steps=5, predicts="v")])


def test_entries_for_each_dimension():
    level = np.linspace(-6.0, 6.0, 25)
    share = 1 / (1 + np.exp(-level))[:, None] * np.array([0.8, 1.0, 1.1])
    tables = sampling.Statistics(level, share, 0 * share, 0.05 * np.sin(level)[:, None] * np.ones(3))
    plan = sampling.plan(VP, "dpm-solver-v3", steps=240, statistics=tables, corrector=False)
    assert plan.axis == "dimension"
    assert plan.x.shape[2:] == (3,)
    x = noise_for(plan)
    fine = sampling.sample(
        Network("eps"), x, sampling.plan(VP, "multistep", steps=400, order=3, grid="logsnr")
    )
    found = sampling.sample(Network("eps"), x, plan)
    assert np.median(np.abs(found - fine)) < 1e-3


def test_hook_on_the_estimate():
    plan = made()
    x = noise_for(plan)
    seen = []

    def clipped(x0):
        seen.append(x0)
        return np.clip(x0, -0.5, 0.5)

    found = sampling.sample(Network("v"), x, plan, on_x0=clipped)
    assert len(seen) == plan.nfe
    assert np.abs(found).max() < 0.8
    same = sampling.sample(Network("v"), x, plan, on_x0=lambda x0: x0)
    np.testing.assert_allclose(same, sampling.sample(Network("v"), x, plan), rtol=1e-12)


def test_callback_sees_rows_and_the_estimate(capsys):
    plan = made()
    seen = []
    found = sampling.sample(Network("v"), noise_for(plan), plan, callback=seen.append, progress=True)
    assert [entry.i for entry in seen] == list(range(len(plan)))
    np.testing.assert_array_equal(seen[-1].after, found)
    np.testing.assert_allclose(seen[-1].x0(), found, atol=0.2)
    assert "8/8" in capsys.readouterr().err


@pytest.mark.parametrize("rule", ["multistep", "unipc", "deis-tab", "dpm++3m", "dpm-3", "bdia", "ipndm"])
def test_float16_states_stay_close(rule):
    plan = sampling.plan(VP, rule, steps=10)
    x = noise_for(plan, 64)
    exact = sampling.sample(Network("eps"), x, plan)

    class Half:
        def bind(self, plan):
            ask = Network("eps").bind(plan)

            def half(x, t, i):
                assert x.dtype == np.float16
                return ask(x.astype(float), t, i).astype(np.float16)

            return half

    found = sampling.sample(Half(), x.astype(np.float16), plan)
    assert found.dtype == np.float16
    assert np.all(np.isfinite(found))
    assert np.median(np.abs(found - exact)) < 0.02


def test_a_start_in_the_middle_needs_its_history():
    plan = made(order=3)
    x = noise_for(plan)
    with pytest.raises(InputError, match="resume from the State"):
        sampling.sample(Network("v"), x, plan, start=4)
    single = made("ddim")
    half = sampling.sample(Network("v"), x, single, stop=4)
    found = sampling.sample(Network("v"), half.x, single, start=4)
    np.testing.assert_array_equal(found, sampling.sample(Network("v"), x, single))
    with pytest.raises(InputError, match="between 0"):
        sampling.sample(Network("v"), x, plan, stop=99)
    with pytest.raises(InputError, match="NumPy, PyTorch or JAX"):
        sampling.sample(Network("v"), [1.0], plan)


@pytest.mark.parametrize("rule", ["dpm-12", "dpm-23"])
def test_adaptive_rules_follow_their_tolerance(rule):
    x = np.random.default_rng(1).normal(size=(8, 3))

    def model(x, t):
        from sampling_problem import both

        return both(x, VP.alpha(t), VP.sigma(t))[1]

    exact = sampling.sample(
        model, x, sampling.plan(VP, "multistep", steps=500, order=3, grid="quadratic", variable="t")
    )
    errors, asked = [], []
    for rtol in (0.05, 0.002):
        found, report = sampling.adaptive(model, x, VP, rule, rtol=rtol, atol=rtol / 10)
        errors.append(np.abs(found - exact).max())
        asked.append(report.nfe)
        assert report.times[0] == 1.0
        assert report.times[-1] == 0.0
    assert errors[1] < 0.5 * errors[0] < 0.02
    assert asked[1] > asked[0]
    with pytest.raises(InputError, match="attempts"):
        sampling.adaptive(model, x, VP, rule, rtol=1e-6, atol=1e-9, most=5)
