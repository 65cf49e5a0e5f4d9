"""Gradients: a neural ODE beside diffrax and torchdiffeq, a stiff PDE beside its own forward solve."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

import duhamel as dh
from bench.table import Row, row
from bench.timing import Times, alternate

__all__ = ["measure"]

GROUP = "Gradients"
RTOL = 1e-5
# Layers, batch, how fast the field oscillates (more steps), bars of time and first call.
NETS = (
    ((32, 64, 64, 32), 128, 20.0, 0.8, 0.45),
    ((32, 64, 64, 32), 128, 500.0, 0.8, 0.45),
    ((2, 16, 2), 32, 20.0, 0.4, 0.45),
)


def weights(sizes: tuple[int, ...]) -> list[tuple[Any, Any]]:
    rng = np.random.default_rng(0)
    pairs = pairwise(sizes)
    return [(jnp.asarray(rng.normal(size=(a, b)) / np.sqrt(a)), jnp.zeros(b)) for a, b in pairs]


def net(t: Any, u: Any, args: Any) -> Any:
    """A network times an oscillation in time, whose frequency sets the number of steps."""
    layers, frequency = args
    for w, b in layers[:-1]:
        u = jnp.tanh(u @ w + b)
    w, b = layers[-1]
    return (u @ w + b) * jnp.cos(frequency * jnp.asarray(t, u.dtype))


def ours(u0: Any, frequency: float) -> Callable[[Any], Any]:
    def loss(p: Any) -> Any:
        step = dh.Adaptive(rtol=RTOL, atol=RTOL)
        sol = dh.solve(net, u0, t1=1.0, args=(p, frequency), method=dh.Tsit5(), step=step)
        return jnp.mean(sol.us[-1] ** 2), sol.stats.steps

    return jax.jit(jax.value_and_grad(loss, has_aux=True))


def theirs(u0: Any, frequency: float) -> Callable[[Any], Any]:
    term, solver = diffrax.ODETerm(net), diffrax.Tsit5()

    def loss(p: Any) -> Any:
        control = diffrax.PIDController(rtol=RTOL, atol=RTOL)
        sol = diffrax.diffeqsolve(
            term, solver, 0.0, 1.0, None, u0, args=(p, frequency), stepsize_controller=control
        )
        return jnp.mean(sol.ys[-1] ** 2), sol.stats["num_steps"]  # pyright: ignore[reportOptionalSubscript]

    return jax.jit(jax.value_and_grad(loss, has_aux=True))


def torch_adjoint(u0: Any, p: Any, frequency: float) -> Callable[[], Any]:
    """The same gradient by `odeint_adjoint`."""
    import torch
    import torchdiffeq

    torch.set_num_threads(1)
    layers = [[torch.tensor(np.asarray(v), requires_grad=True) for v in pair] for pair in p]

    class Field(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.values = torch.nn.ParameterList([v for pair in layers for v in pair])

        def forward(self, t: Any, u: Any) -> Any:
            for w, b in zip(self.values[:-2:2], self.values[1:-2:2], strict=True):
                u = torch.tanh(u @ w + b)
            return (u @ self.values[-2] + self.values[-1]) * torch.cos(frequency * t)

    field, start = Field(), torch.tensor(np.asarray(u0))
    times = torch.tensor([0.0, 1.0], dtype=start.dtype)

    def call() -> Any:
        field.zero_grad()
        end: Any = torchdiffeq.odeint_adjoint(field, start, times, rtol=RTOL, atol=RTOL, method="dopri5")
        (end[-1] ** 2).mean().backward()

    return call


def measure(quick: bool = False) -> Iterator[Row]:
    for sizes, batch, frequency, bar, first_bar in NETS:
        yield from _network(sizes, batch, frequency, bar, first_bar, 3 if quick else 8)
    yield _pde(3 if quick else 8)


def _network(
    sizes: tuple[int, ...], batch: int, frequency: float, bar: float, first_bar: float, seconds: float
) -> Iterator[Row]:
    p = weights(sizes)
    u0 = jnp.asarray(np.random.default_rng(1).normal(size=(batch, sizes[0])))
    mine, peer = ours(u0, frequency), theirs(u0, frequency)
    first, other = _first(mine, p), _first(peer, p)
    steps = int(mine(p)[0][1])
    name = f"{'-'.join(map(str, sizes))} × {batch}, {steps} steps"
    yield row(GROUP, f"first call, {name}", first, "diffrax", other, bar=first_bar)
    torch_call = torch_adjoint(u0, p, frequency)
    a, b, c = alternate(_waiting(mine, p), _waiting(peer, p), torch_call, seconds=seconds)
    yield row(GROUP, f"value and gradient, {name}", a, "diffrax", b, bar=bar)
    yield row(GROUP, f"value and gradient, {name}", a, "torchdiffeq adjoint", c, bar=0.2)


def _pde(seconds: float) -> Row:
    space = dh.Fourier(256, length=32 * jnp.pi)
    ks = dh.pde("u_t = -u_xx - u_xxxx - u*u_x", space)
    x = jnp.arange(256) * (32 * jnp.pi / 256)
    u0 = jnp.cos(x / 16) * (1 + jnp.sin(x / 16))

    def loss(u: Any) -> Any:
        return jnp.sum(dh.solve(ks, u, t1=10.0, method=dh.ETDRK4(), step=dh.Fixed(0.05)).us[-1] ** 2)

    forward, back = jax.jit(loss), jax.jit(jax.value_and_grad(loss))
    a, b = alternate(_waiting(back, u0), _waiting(forward, u0), seconds=seconds)
    return row(GROUP, "KS, N = 256, 200 steps of ETDRK4: value and gradient", a, "forward solve", b, bar=4.0)


def _first(call: Callable[[Any], Any], p: Any) -> Times:
    began = time.perf_counter()
    jax.block_until_ready(call(p))
    return Times((time.perf_counter() - began,))


def _waiting(call: Callable[[Any], Any], p: Any) -> Callable[[], Any]:
    return lambda: jax.block_until_ready(call(p))
