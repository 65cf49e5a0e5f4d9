"""The discrete adjoint in PyTorch: backpropagation's gradient, with counted evaluations and stored
states."""

import numpy as np
import pytest
import torch

from duhamel import sampling
from duhamel.errors import InputError

VP = sampling.VP()
CASES = [
    ("multistep", {"order": 3}, "all"),
    ("unipc", {"order": 3}, "sqrt"),
    ("dpm-3", {}, "sqrt"),
    ("pndm", {}, "all"),
    ("sde-dpm++", {}, "sqrt"),
    ("edm", {"churn": 3.0}, "sqrt"),
    ("ddim", {"predicts": "edm"}, "sqrt"),
    ("bdia", {}, "constant"),
    ("bdia", {"gamma": 0.95, "predicts": "edm"}, "constant"),
    ("bdia", {}, "sqrt"),
]


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        random = np.random.default_rng(0)
        shapes = [(16, 4), (16,), (3, 16), (3,)]
        self.weights = torch.nn.ParameterList(torch.from_numpy(0.5 * random.normal(size=s)) for s in shapes)
        self.calls = 0

    def forward(self, x, t):
        self.calls += 1
        w1, b1, w2, b2 = self.weights
        told = t.expand(len(x), 1).to(x)
        return torch.tanh(torch.cat([x, told], 1) @ w1.T + b1) @ w2.T + b2


def setting():
    random = np.random.default_rng(1)
    x, c = (torch.from_numpy(random.normal(size=(5, 3))).requires_grad_() for _ in range(2))
    return Net(), x, c


@pytest.mark.parametrize(("rule", "options", "memory"), CASES)
def test_the_gradient_of_backpropagation(rule, options, memory):
    plan = sampling.plan(VP, rule, steps=11, **({"predicts": "v"} | options))
    net, x, c = setting()
    leaves = [x, c, *net.parameters()]

    def model(x, t):
        return net(x + c, t)

    whole = sampling.sample(model, x, plan, grad=True, noise=3)
    expected = torch.autograd.grad((whole**3).sum(), leaves)
    net.calls = 0
    end = sampling.differentiable(model, x, plan, memory=memory, wrt=leaves[1:], noise=3)
    torch.testing.assert_close(end, whole, rtol=1e-14, atol=1e-14)
    found = torch.autograd.grad((end**3).sum(), leaves)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-12 * float(b.abs().max()))
    times = {"all": 2, "constant": 2, "sqrt": 3}[memory]
    assert net.calls <= times * plan.nfe
    assert memory == "sqrt" or net.calls == 2 * plan.nfe


def test_finite_differences():
    plan = sampling.plan(VP, "unipc", steps=6, order=2, predicts="v")
    net, x, _ = setting()
    loss = (sampling.differentiable(net, x, plan) ** 2).sum()
    slopes = torch.autograd.grad(loss, [x, *net.parameters()])
    h = 1e-5
    for tensor, slope in zip([x, *net.parameters()], slopes, strict=True):
        away = torch.from_numpy(np.random.default_rng(7).normal(size=tensor.shape))
        ends = []
        for sign in (h, -h):
            with torch.no_grad():
                tensor += sign * away
                ends.append((sampling.sample(net, x, plan) ** 2).sum())
                tensor -= sign * away
        assert float((ends[0] - ends[1]) / (2 * h)) == pytest.approx(float((slope * away).sum()), rel=1e-7)


def test_what_is_stored():
    net, x, _ = setting()
    counts = {}
    for memory in ("all", "sqrt", "constant"):
        for steps in (16, 64):
            plan = sampling.plan(VP, "bdia" if memory == "constant" else "ddim", steps=steps, predicts="v")
            end = sampling.differentiable(net, x, plan, memory=memory)
            counts[memory, steps] = len(end.grad_fn.saved_tensors)
    assert counts == {
        ("all", 16): 16, ("all", 64): 64, ("sqrt", 16): 4, ("sqrt", 64): 8,
        ("constant", 16): 3, ("constant", 64): 3,
    }  # fmt: skip


def test_conditioning_that_is_not_a_leaf_and_guidance():
    plan = sampling.plan(VP, steps=5, predicts="v")
    net, x, c = setting()
    results = []
    for memory in (None, "sqrt"):
        made = torch.tanh(c)
        guided = sampling.cfg(lambda x, t, c: net(x + c, t), made, torch.zeros_like(made), 3.0)
        if memory is None:
            end = sampling.sample(guided, x, plan, grad=True)
        else:
            end = sampling.differentiable(guided, x, plan, memory=memory, wrt=[made, *net.parameters()])
        results.append(torch.autograd.grad(end.square().sum(), [x, c, *net.parameters()]))
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("memory", ["all", "sqrt"])
def test_momentum_of_guidance_is_differentiated_through(memory):
    plan = sampling.plan(VP, "unipc", steps=7, predicts="v")
    net, x, c = setting()
    interval = (0.02, 3.0)  # rows without guidance hand the momentum on
    guided = sampling.apg(
        lambda x, t, c: net(x + c, t), c, torch.zeros_like(c), 3.0, momentum=-0.5, interval=interval
    )
    leaves = [x, c, *net.parameters()]
    whole = sampling.sample(guided, x, plan, grad=True)
    end = sampling.differentiable(guided, x, plan, memory=memory, wrt=leaves[1:])
    torch.testing.assert_close(end, whole, rtol=1e-14, atol=1e-14)
    expected = torch.autograd.grad((whole**3).sum(), leaves)
    for a, b in zip(torch.autograd.grad((end**3).sum(), leaves), expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-11, atol=1e-13)


def test_forgotten_parameters_are_noticed():
    plan = sampling.plan(VP, steps=3, predicts="v")
    net, x, c = setting()
    end = sampling.differentiable(lambda x, t: net(x + c, t), x, plan, wrt=[c])
    with pytest.raises(InputError, match="not in wrt"):
        end.sum().backward()
    for options, words in (({"memory": "none"}, "memory="), ({"memory": "constant"}, "cannot be undone")):
        with pytest.raises(InputError, match=words):
            sampling.differentiable(net, x, plan, **options)
    with pytest.raises(InputError, match="give noise="):
        sampling.differentiable(net, x, sampling.plan(VP, "sde-dpm++", steps=3, predicts="v"))
    with pytest.raises(InputError, match="NumPy"):
        sampling.differentiable(net, x.detach().numpy(), plan)
    momentum = sampling.apg(lambda x, t, c: net(x + c, t), c, c, 2.0)
    with pytest.raises(InputError, match="momentum"):
        sampling.differentiable(momentum, x, sampling.plan(VP, "bdia", steps=3), memory="constant")
