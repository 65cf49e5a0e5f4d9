"""What is trained with and without penalties: two classifiers with a neural ODE inside."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import duhamel as dh
from duhamel import learn

__all__ = ["PROBLEMS", "Classifier", "Outcome", "Problem", "Split", "trained"]


class Split(NamedTuple):
    """Inputs (n, d) and labels (n,) for training, for choosing weights, and for the score."""

    train: tuple[np.ndarray, np.ndarray]
    choose: tuple[np.ndarray, np.ndarray]
    score: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Problem:
    """Data by seed, sizes of the network, and the weights of the penalties, which fall to a tenth during
    training. They were chosen on seed 100 and its part `choose` of the data (`python -m bench.regularised`).
    """

    name: str
    title: str
    data: Callable[[int], Split]
    width: int
    classes: int
    rate: float
    steps: int
    weights: dict[str, float]


class Outcome(NamedTuple):
    """Of one training: evaluations of the field for all the data at once, the share of right labels, their
    mean loss, and the seconds of training without compilation."""

    evaluations: float
    accuracy: float
    loss: float
    seconds: float


class Classifier(eqx.Module):
    """Logits = W u(1) + b, with du/dt = MLP(u, t) from u(0) = the input."""

    node: learn.NeuralODE
    last: eqx.nn.Linear

    def __init__(self, size: int, width: int, classes: int, key: Any):
        inner, outer = jax.random.split(key)
        net = eqx.nn.MLP(size + 1, size, width, 1, activation=jnp.tanh, key=inner, dtype=jnp.float32)
        step = dh.Adaptive(rtol=1e-6, atol=1e-6)
        self.node = learn.NeuralODE(learn.Field(net, time=True), method=dh.Dopri5(), step=step, max_steps=512)
        self.last = eqx.nn.Linear(size, classes, key=outer, dtype=jnp.float32)

    def logits(self, end: Any) -> Any:
        return jax.vmap(self.last)(end)


# The global penalties: of Pal et al. (2021), ours, of Finlay et al. (2020).
_GLOBAL = {
    "ernode": ("error", learn.ernode),
    "srnode": ("stiffness", learn.srnode),
    "steps": ("steps", learn.step_count),
    "kinetic": ("kinetic", learn.kinetic),
}


class Loss(eqx.Module):
    """Cross-entropy, and the penalty `kind` with a weight that falls to a tenth. The weight is an array, so
    that another one does not compile anew."""

    kind: str = eqx.field(static=True)
    steps: int = eqx.field(static=True)
    weight: Any

    def __call__(self, model: Classifier, batch: Any, key: Any, step: Any) -> Any:
        inputs, labels = batch
        penalty = jnp.zeros(())
        if self.kind == "local":
            end, penalty = model.node.local(inputs, key)
        elif self.kind in _GLOBAL:
            name, rule = _GLOBAL[self.kind]
            sol = model.node.solve(inputs, observe=name)
            end, penalty = sol.us[-1], rule(sol.observed)
        else:
            end = model.node(inputs)
        wrong = optax.softmax_cross_entropy_with_integer_labels(model.logits(end), labels).mean()
        weight = self.weight * learn.decay(1.0, 0.1, self.steps)(step)
        return wrong + weight * penalty, {"task": wrong, "penalty": penalty}


# One object a rate: another one would compile anew.
_adam = lru_cache(optax.adam)


def trained(problem: Problem, kind: str, weight: float, seed: int, part: str = "score") -> Outcome:
    """One training, and how it does on a part of the data."""
    split = problem.data(seed)
    key = jax.random.key(seed)
    model = Classifier(split.train[0].shape[1], problem.width, problem.classes, jax.random.fold_in(key, 0))
    clock = Clock()
    done = learn.fit(
        model,
        Loss(kind, problem.steps, jnp.asarray(weight)),
        split.train,
        steps=problem.steps,
        batch=128,
        key=jax.random.fold_in(key, 1),
        optimiser=_adam(problem.rate),
        every=20,
        log=clock,
        progress=False,
    )
    inputs, labels = map(jnp.asarray, getattr(split, part))
    evaluations, accuracy, loss = _scored(done.model, inputs, labels)
    return Outcome(float(evaluations), float(accuracy), float(loss), clock.seconds)


class Clock:
    """Seconds between the first row of the history, when all is compiled, and the last."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def __call__(self, row: Any) -> None:
        self.times.append(time.perf_counter())

    @property
    def seconds(self) -> float:
        return self.times[-1] - self.times[0]


@eqx.filter_jit
def _scored(model: Classifier, inputs: Any, labels: Any) -> Any:
    sol = model.node.solve(inputs)
    logits = model.logits(sol.us[-1])
    wrong = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
    return sol.stats.evaluations, jnp.mean(jnp.argmax(logits, 1) == labels), wrong


def parts(inputs: np.ndarray, labels: np.ndarray, seed: int) -> Split:
    """Seven tenths, one tenth, two tenths, shuffled by seed, in single precision."""
    order = np.random.default_rng(seed).permutation(len(labels))
    a, b = 7 * len(labels) // 10, 8 * len(labels) // 10
    pick = [order[:a], order[a:b], order[b:]]
    return Split(*[(inputs[i].astype(np.float32), labels[i]) for i in pick])


def digits(seed: int) -> Split:
    """1797 pictures of 8 × 8 pixels in [0, 1], ten classes."""
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    return parts(found.data / 16.0, found.target.astype(np.int32), seed)


def spirals(seed: int) -> Split:
    """Points of two arms that wind around each other one and a half times, with noise, in the first two of
    six coordinates; the others begin at 0 (Dupont, Doucet & Teh, NeurIPS 2019)."""
    random = np.random.default_rng(1000 + seed)
    count = 1800
    labels = np.arange(count) % 2
    angle = 3 * np.pi * np.sqrt(random.uniform(0.02, 1, count))
    radius = angle / (3 * np.pi)
    turned = angle + np.pi * labels
    points = radius[:, None] * np.stack([np.cos(turned), np.sin(turned)], 1)
    points = 2 * (points + 0.02 * random.standard_normal(points.shape))
    return parts(np.concatenate([points, np.zeros((count, 4))], 1), labels.astype(np.int32), seed)


PROBLEMS = {
    "digits": Problem(
        "digits",
        "digits, 64 dimensions",
        digits,
        64,
        10,
        3e-3,
        700,
        {"ernode": 1e7, "local": 1e7, "srnode": 0.3},
    ),
    "spirals": Problem(
        "spirals",
        "two spirals, 6 dimensions",
        spirals,
        32,
        2,
        1e-2,
        700,
        {"ernode": 1e6, "local": 1e6, "srnode": 0.3},
    ),
}
