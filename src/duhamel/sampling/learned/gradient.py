"""The entries and model times of a plan as parameters, and the gradient of its error in PyTorch or JAX."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import constant, kind_of, library, telling
from duhamel.sampling.guidance import bound
from duhamel.sampling.learned.rows import entries
from duhamel.sampling.learned.running import walked
from duhamel.sampling.table import Plan

__all__ = ["Parameters", "adam", "bases", "objective"]

Array = Any


class Parameters:
    """A plan as a function of a vector θ: the entries of row i are c + B_i θ_i, then model times t + (gap/2)
    tanh 0.2θ, with gap the distance to the nearer neighbour; the first time stays. `bases`: B_i, see the
    function; without them only times are free."""

    def __init__(self, plan: Plan, times: bool, bases: list[np.ndarray] | None = None):
        self.plan, self.bases = plan, bases or []
        self.starts = np.cumsum([0] + [len(base) for base in self.bases])
        self.first_time = int(self.starts[-1])
        self.gaps = _gaps(plan) if times else np.zeros(0)

    def __len__(self) -> int:
        return self.first_time + len(self.gaps)

    def row(self, theta: Array, i: int) -> list[tuple[str, int, Any]]:
        """The entries of row i: kind, lag and value."""
        named = [(kind, int(k), float(getattr(self.plan, kind)[i, k])) for kind, k in entries(self.plan, i)]
        if not self.bases:
            return named
        part = theta[int(self.starts[i]) : int(self.starts[i + 1])]
        moved = constant(self.bases[i], theta) @ part
        return [(kind, k, value + moved[place]) for place, (kind, k, value) in enumerate(named)]

    def time(self, theta: Array, i: int, tanh: Callable[[Any], Any]) -> Any:
        """A model time."""
        value = float(self.plan.model_time[i])
        if not len(self.gaps):
            return value
        return value + 0.5 * float(self.gaps[i]) * tanh(0.2 * theta[self.first_time + i])

    def made(self, theta: np.ndarray) -> Plan:
        """The plan of a θ in NumPy."""
        tables = {"x": self.plan.x.copy(), "m": self.plan.m.copy()}
        for i in range(len(self.plan)):
            for kind, k, value in self.row(theta, i):
                tables[kind][i, k] = value
        told = np.array([self.time(theta, i, np.tanh) for i in range(len(self.plan))])
        return self.plan.replace(**tables, model_time=told)


def _gaps(plan: Plan) -> np.ndarray:
    """The distance of each model time to the nearer one that differs; 0 for the highest."""
    end = float(plan.schedule.model_time(plan.end[0])) if plan.schedule is not None else plan.model_time[-1]
    known = np.unique(np.append(plan.model_time, end))
    gaps = np.array([np.min(np.abs(known[known != t] - t), initial=np.inf) for t in plan.model_time])
    gaps[~np.isfinite(gaps) | (plan.model_time == plan.model_time[0])] = 0.0
    return gaps


def bases(plan: Plan, model: Any, x: Array, states: list[np.ndarray]) -> list[np.ndarray]:
    """For each row a matrix B whose columns, as changes of its entries, move the next state by as much as the
    plan is now wrong there (RMS): the eigenvectors of the Gram matrix of what the row adds up, over the roots
    of its eigenvalues. Neighbouring outputs are so nearly alike that gradient methods get nowhere without.
    Directions that hardly move the state, below 1e-5 of the largest eigenvalue, stay short."""
    known, outputs = walked(model, x, plan)
    found = []
    for i in range(len(plan)):
        of = {"x": known, "m": outputs}
        columns = np.stack([np.ravel(of[kind][i - k]) for kind, k in entries(plan, i)])
        values, vectors = np.linalg.eigh(columns @ columns.T / columns.shape[1])
        wrong = float(np.sqrt(np.mean((known[i + 1] - states[i + 1]) ** 2)))
        found.append(vectors * (wrong / np.sqrt(np.maximum(values, 0) + 1e-5 * values[-1])))
    return found


def objective(
    parameters: Parameters,
    model: Any,
    x: Array,
    states: list[np.ndarray],
    weights: np.ndarray,
    weight: float,
    ridge: float,
) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """θ -> (value, gradient) of

        |x_n − x̂_n|²/e_n + weight · mean over i of |x_i − x̂_i|²/e_i + ridge Σ θ²,

    e the same errors at θ = 0, samples weighted by `weights`. The rows are unrolled in the arrays' own
    library."""
    kind = kind_of(x)
    if kind == "numpy":
        raise InputError("NumPy has no derivatives: use method='rows', or arrays of PyTorch or JAX")
    if x.dtype.itemsize < 4:
        raise InputError("learning sums gradients: give x in float32 or float64")
    plan, tools = parameters.plan, library(x)
    ask = bound(model, plan)
    if hasattr(ask, "memory"):
        raise InputError("a model with a memory cannot be learned on: bind a plain one")
    targets = [constant(state, x) for state in states]
    share = constant(weights.reshape(-1, *(1,) * (x.ndim - 1)), x)

    def errors(theta: Array) -> list[Array]:
        run = _unrolled(parameters, ask, x, theta, tools)
        return [(share * (found - exact) ** 2).mean() for found, exact in zip(run, targets[1:], strict=True)]

    def value(theta: Array, scales: list[float]) -> Array:
        *inner, last = [e / scale for e, scale in zip(errors(theta), scales, strict=True)]
        tied = last + ridge * (theta**2).sum()
        return tied + (weight / len(inner)) * sum(inner) if inner and weight else tied

    start = constant(np.zeros(len(parameters)), x)
    return _torch(value, errors, start) if kind == "torch" else _jax(value, errors, start)


def _torch(value: Any, errors: Any, start: Array) -> Any:
    import torch

    with torch.no_grad():
        scales = [max(float(e), 1e-30) for e in errors(start)]

    def both(theta: np.ndarray) -> tuple[float, np.ndarray]:
        given = constant(theta, start).requires_grad_(True)
        with torch.enable_grad():
            found = value(given, scales)
            (slope,) = torch.autograd.grad(found, [given])
        return float(found.detach()), slope.double().cpu().numpy()

    return both


def _jax(value: Any, errors: Any, start: Array) -> Any:
    import jax

    scales = [max(float(e), 1e-30) for e in errors(start)]
    slope = jax.jit(jax.value_and_grad(lambda theta: value(theta, scales)))

    def both(theta: np.ndarray) -> tuple[float, np.ndarray]:
        found, gradient = slope(constant(theta, start))
        return float(found), np.asarray(gradient, dtype=np.float64)

    return both


def _unrolled(parameters: Parameters, ask: Any, x: Array, theta: Array, tools: Any) -> list[Array]:
    """The states x_1 … x_n."""
    plan, states, outputs = parameters.plan, [x], []
    for i in range(len(plan)):
        if plan.asks[i]:
            scale = float(plan.scale_in[i])
            told = parameters.time(theta, i, tools.tanh)
            told = telling(told, x) if isinstance(told, float) else told
            outputs.append(ask(states[i] if scale == 1 else states[i] * scale, told, i))
        else:
            outputs.append(None)
        known, total = {"x": states, "m": outputs}, None
        for kind, k, factor in parameters.row(theta, i):
            term = known[kind][i - k] * factor
            total = term if total is None else total + term
        shift = None if plan.bias is None else constant(plan.bias[i], x)
        states.append(total if shift is None else total + shift)
    return states[1:]


def adam(both: Any, size: int, iterations: int, rate: float) -> np.ndarray:
    """The θ of least value that Adam (1412.6980) met, from 0, with a rate that falls like a half cosine."""
    theta, best, least = np.zeros(size), np.zeros(size), np.inf
    mean, square = np.zeros(size), np.zeros(size)
    for k in range(iterations + 1):
        value, slope = both(theta)
        if value < least:
            best, least = theta.copy(), value
        if not np.all(np.isfinite(slope)) or k == iterations:
            break
        mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
        step = rate * 0.5 * (1 + cos(pi * k / iterations))
        theta = theta - step * (mean / (1 - 0.9 ** (k + 1))) / (
            np.sqrt(square / (1 - 0.99 ** (k + 1))) + 1e-12
        )
    return best
