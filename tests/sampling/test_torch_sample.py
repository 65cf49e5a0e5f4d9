"""Running a plan in PyTorch: NumPy's numbers, no gradients unless asked for, 16 bits, compilation."""

import numpy as np
import pytest
import torch
from sampling_problem import Network, noise_for

from duhamel import sampling

VP = sampling.VP()


class InTorch:
    """The mixture's network, computed in NumPy."""

    def bind(self, plan):
        ask = Network("v").bind(plan)
        return lambda x, t, i: torch.from_numpy(ask(x.double().numpy(), None, i)).to(x.dtype)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("multistep", {}),
        ("unipc", {"order": 3}),
        ("dpm-3", {}),
        ("bdia", {}),
        ("edm", {"churn": 2.0}),
        ("sde-dpm++", {}),
    ],
)
def test_torch_equals_numpy(rule, options):
    plan = sampling.plan(VP, rule, steps=7, predicts="v", **options)
    x = noise_for(plan)
    expected = sampling.sample(Network("v"), x, plan, noise=4)
    found = sampling.sample(InTorch(), torch.from_numpy(x), plan, noise=4)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-11, atol=1e-12)
    half = sampling.sample(InTorch(), torch.from_numpy(x), plan, noise=4, stop=3)
    again = sampling.sample(InTorch(), None, plan, noise=4, start=half)
    assert torch.equal(again, found)


def test_the_short_loop_gives_the_same_bits_as_the_long_one():
    plan = sampling.plan(VP, "multistep", steps=9, order=3)
    x = torch.from_numpy(noise_for(plan)).float()
    quick = sampling.sample(lambda x, t: torch.tanh(x) * t, x, plan)
    slow = sampling.sample(lambda x, t: torch.tanh(x) * t, x, plan, callback=lambda seen: None)
    assert torch.equal(quick, slow)
    assert quick.dtype == torch.float32


def test_gradients_only_when_asked():
    plan = sampling.plan(VP, steps=6)
    weight = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    x = torch.from_numpy(noise_for(plan))

    def run(weight, **options):
        return sampling.sample(lambda x, t: weight * torch.tanh(x), x, plan, **options)

    assert not run(weight).requires_grad
    loss = run(weight, grad=True).square().sum()
    (slope,) = torch.autograd.grad(loss, weight)
    h = 1e-6
    ends = [run(weight.detach() + d).square().sum() for d in (h, -h)]
    assert float(slope) == pytest.approx(float((ends[0] - ends[1]) / (2 * h)), rel=1e-7)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_narrow_states_are_summed_in_float32(kind):
    plan = sampling.plan(VP, "unipc", steps=10, order=3)
    x = torch.from_numpy(noise_for(plan))
    times = []

    def model(x, t):
        times.append(t.dtype)
        assert x.dtype == kind
        return torch.tanh(x)

    found = sampling.sample(model, x.to(kind), plan)
    exact = sampling.sample(lambda x, t: torch.tanh(x), x, plan)
    assert found.dtype == kind
    assert set(times) == {torch.float32}
    assert float((found.double() - exact).abs().median()) < (0.02 if kind is torch.float16 else 0.1)


def test_the_input_is_left_alone():
    plan = sampling.plan(VP, "multistep", steps=4, linear="v", predicts="v")
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    kept = x.clone()
    sampling.sample(lambda x, t: x, x, plan)
    assert torch.equal(x, kept)


def test_a_graph_can_be_traced():
    plan = sampling.plan(VP, "multistep", steps=4)
    compiled = torch.compile(lambda x: sampling.sample(lambda x, t: torch.tanh(x), x, plan), backend="eager")
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0))
    plain = sampling.sample(lambda x, t: torch.tanh(x), x, plan)
    torch.testing.assert_close(compiled(x), plain)


def test_adaptive_in_torch():
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found, report = sampling.adaptive(lambda x, t: torch.tanh(x), x, VP, "dpm-23")
    again, _ = sampling.adaptive(lambda x, t: np.tanh(x), x.numpy(), VP, "dpm-23")
    np.testing.assert_allclose(found.numpy(), again, rtol=1e-9)
    assert report.accepted > 3
