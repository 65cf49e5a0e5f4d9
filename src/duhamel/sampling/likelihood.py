"""The log density that a model gives to data, by the probability flow: one run of a plan from data to
noise.

With y = x/α and ρ = σ/α the flow is dy/dρ = ε, so d log p/dρ = −tr ∂ε/∂y (score-SDE, 2011.13456, Eq. 39,
in these variables). The integral ℓ of the trace is one more coordinate of y, and so α ℓ one more of the
state: the plan that moves x moves it too, with the same order, in every library.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import Column, constant, kind_of, library
from duhamel.sampling.differentiate import pushed
from duhamel.sampling.guidance import bound
from duhamel.sampling.inversion import encoder
from duhamel.sampling.noise import seeds_of
from duhamel.sampling.predictions import relation
from duhamel.sampling.running import sample
from duhamel.sampling.table import Plan

__all__ = ["Likelihood", "log_likelihood"]

Array = Any


class Likelihood(NamedTuple):
    """`log_prob`: log p(x) in nats, one per sample. `latent`: the noise that the flow takes x to."""

    log_prob: Array
    latent: Array


def log_likelihood(
    model: Any,
    x: Array,
    schedule: Any,
    *,
    steps: int = 100,
    trace: Any = "exact",
    probes: int = 1,
    seed: Any = 0,
    prior: Callable[[Array], Array] | None = None,
    **options: Any,
) -> Likelihood:
    """log p(x) under the probability flow of a model.

    `schedule`: with `steps` and `options` of `encoder` (predicts, grid, start, final, …), or a plan that
    `encoder` made. By default Adams–Bashforth of order 4 in arctan ρ, on a grid even in √arctan(ρ/2):
    fine at the data, where the rule starts. `trace`: "exact" (as many derivatives as a sample has
    entries), "hutchinson" (`probes` random signs, from `seed`, the same in all rows: unbiased), or a
    function (x, t, i) -> (m, tr ∂m/∂x per sample) for NumPy and for what is known in closed form.
    `prior(x)`: the log density at the noisy end, by default N(0, σ² + α² data²) with the plan's `data`.
    Cost: one network evaluation and the derivatives, per step; in JAX one scan, differentiable.
    """
    if isinstance(schedule, Plan):
        plan = schedule
    else:
        options = {"rule": "multistep", "variable": "arctan", "grid": ("arctan", 2.0, 2.0)} | options
        if options["rule"] == "multistep":
            options.setdefault("order", 4)
        plan = encoder(schedule, steps=steps, **options)
    if plan.provenance.get("direction") != "to noise" or plan.axis != "none":
        raise InputError(
            "log_likelihood runs a plan that encoder(...) made, from data to noise, one for all samples"
        )
    size = int(np.prod(x.shape[1:]))
    flat = x.reshape(x.shape[0], size)
    augmented = library(x).concatenate if kind_of(x) != "torch" else library(x).cat
    start = augmented((flat, flat[:, :1] * 0.0), 1)
    way = _Traced(model, tuple(x.shape[1:]), trace, probes, seed)
    end = sample(way, start, plan, grad=kind_of(x) == "torch" and library(x).is_grad_enabled())
    latent = end[:, :size].reshape(x.shape)
    (_, alpha, sigma), first = plan.end, float(plan.alpha[0])
    if prior is None:
        variance = sigma**2 + (alpha * plan.data) ** 2
        log = -0.5 * (end[:, :size] ** 2).sum(1) / variance - 0.5 * size * float(np.log(2 * np.pi * variance))
    else:
        log = prior(latent)
    return Likelihood(log + end[:, size] / alpha + size * float(np.log(alpha / first)), latent)


class _Traced:
    """The network on states with one coordinate more, whose "prediction" of that coordinate makes dℓ/dρ =
    tr ∂ε/∂y."""

    def __init__(self, model: Any, shape: tuple[int, ...], trace: Any, probes: int, seed: Any):
        self.trace: Any = trace
        if not callable(trace) and trace not in ("exact", "hutchinson"):
            raise InputError(
                f"trace={trace!r}: use 'exact', 'hutchinson', or a function (x, t, i) -> (m, trace)"
            )
        self.model, self.shape, self.probes, self.seed = model, shape, probes, seed

    def bind(self, plan: Plan) -> Callable[..., Array]:
        _, _, c, d = relation(plan.predicts, plan.alpha, plan.sigma, plan.data)
        if not np.all(np.isfinite(c)) or not np.all(np.isfinite(d)):
            raise InputError(
                f"a prediction of {plan.predicts!r} has no ε at σ = 0: begin with final='sigma_min'"
            )
        size = int(np.prod(self.shape))
        # ε' = α tr ∂ε/∂x = α (c D + d tr ∂m/∂x), and m' = (ε' − c ξ)/d for the coordinate ξ = α ℓ
        fixed, scaled = Column(plan.alpha * c * size / d), Column(plan.alpha * plan.scale_in)
        back = Column(-c / d / plan.scale_in)
        ask = bound(self.model, plan)

        def augmented(z: Array, t: Any, i: Any) -> Array:
            x = z[:, :size].reshape(z.shape[0], *self.shape)
            m, found = self._with_trace(ask, x, t, i)
            extra = fixed.at(i, z) + scaled.at(i, z) * found + back.at(i, z) * z[:, size]
            joined = library(z).concatenate if kind_of(z) != "torch" else library(z).cat
            return joined((m.reshape(z.shape[0], size), extra.reshape(-1, 1)), 1)

        return augmented

    def _with_trace(self, ask: Any, x: Array, t: Any, i: Any) -> tuple[Array, Array]:
        if not isinstance(self.trace, str):
            return self.trace(x, t, i)
        directions = self._directions(x)
        m, found = pushed(lambda x: ask(x, t, i), x, directions)
        total = (directions * found).reshape(len(directions), x.shape[0], -1).sum(2).sum(0)
        return m, total / (1 if self.trace == "exact" else self.probes)

    def _directions(self, x: Array) -> Array:
        """Shape (directions, *x.shape)."""
        size = int(np.prod(self.shape))
        if self.trace == "exact":
            unit = np.eye(size).reshape(size, 1, *self.shape)
            return constant(np.broadcast_to(unit, (size, *x.shape)).copy(), x)
        signs = np.empty((self.probes, *x.shape))
        for place, key in enumerate(seeds_of(self.seed, x.shape[0])):
            random = np.random.Generator(np.random.Philox(key=np.array(key, np.uint64)))
            signs[:, place] = random.integers(0, 2, (self.probes, *self.shape)) * 2.0 - 1.0
        return constant(signs, x)
