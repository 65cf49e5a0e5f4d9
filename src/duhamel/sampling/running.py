"""`sample`: a plan, run on arrays of NumPy, PyTorch or JAX. It knows tables and nothing of rules."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.noise import normals
from duhamel.sampling.program import Row, check_reach, program, shaped, x0_relation
from duhamel.sampling.table import Plan

__all__ = ["Progress", "State", "kind_of", "sample"]

Array = Any


@dataclass(frozen=True)
class State:
    """Where a run stands before row `i`: the state `x` and the earlier states and outputs that later rows
    need, by index, and the `memory` of a model that has one. Given back to `sample` as start=, it goes on to
    the same bits. `narrow`: the dtype of what the network is given and of the result, where the states are
    kept in a wider one (see `invert`); None where they are not."""

    i: int
    x: Array
    states: dict[int, Array]
    outputs: dict[int, Array]
    memory: Any = None
    narrow: Any = None


@dataclass(frozen=True)
class Progress:
    """What a callback sees after row `i`: the time `t` of the row, the state `x` before and `after` it, the
    network's output `m` (None where it was not asked) and `x0()`, its estimate of the data."""

    i: int
    t: float
    x: Array
    m: Array
    after: Array
    plan: Plan

    def x0(self) -> Array:
        """x̂₀ at this row."""
        a, b = (shaped(value, self.plan, self.x.ndim) for value in x0_relation(self.plan, self.i))
        return a * self.x + b * self.m


def sample(
    model: Any,
    x: Array,
    plan: Plan | list[Plan],
    *,
    noise: Any = None,
    callback: Callable[[Progress], Any] | None = None,
    progress: bool = False,
    start: int | State = 0,
    stop: int | None = None,
    on_x0: Callable[[Array], Array] | None = None,
    grad: bool = False,
) -> Any:
    """Run a plan: the state after its last row, or with `stop` the `State` before row `stop`.

    `model(x, t)` gives what the plan says it predicts; x is the state (times the plan's input scale) and t
    the row's model time, a 0-d array of the framework (a float in NumPy; of length B for per-sample plans). A
    model with a method `bind(plan)` is bound first, and what it returns is called as f(x, t, i) with the row
    i. `x`: noise of deviation `plan.start_scale`, first axis the batch. A list of plans gives each sample its
    own. `noise`: a seed, a seed per sample, or a function (i, like) -> array; needed by stochastic plans
    only. `callback(Progress)` after each row. `start`, `stop`: rows, or a `State` to resume from (x is then
    ignored). `on_x0` changes the estimate of the data (thresholding). 16-bit states are summed and kept in
    float32 between rows. Stateless, and safe in threads.

    PyTorch runs under no_grad unless `grad=True`. JAX arrays run as one `lax.scan` (unless a callback wants
    to look), and may be traced. Raises `InputError`.
    """
    plan = Plan.stack(plan) if isinstance(plan, list | tuple) else plan
    first = start.i if isinstance(start, State) else int(start)
    last = len(plan) if stop is None else int(stop)
    state = start if isinstance(start, State) else State(first, x, {}, {})
    _check(plan, state, last, noise, isinstance(start, State))
    kind = kind_of(state.x)
    bound = model.bind(plan) if hasattr(model, "bind") else None
    ask = bound or (lambda x, t, i: model(x, t))
    if kind == "jax" and callback is None and not progress:
        from duhamel.sampling.scanning import scanned

        return scanned(ask, state, plan, noise, last, stop is not None, on_x0)
    if hasattr(bound, "memory"):
        ask = Remembering(bound, state)
    looks = [entry for entry in (callback, _bar(len(plan)) if progress else None) if entry]
    if kind == "torch":
        from duhamel.sampling.on_torch import Torch

        tools: Any = Torch(plan, state.x, noise, state.narrow)
        plainly = bound is None and on_x0 is None and not looks and stop is None
        with tools.no_grad(not grad):
            if plainly and not isinstance(start, State) and tools.suits(plan):
                return tools.quick(model, state.x, plan, first)
            found = _walk(ask, state, plan, tools, last, looks, on_x0)
    else:
        tools = Plain(plan, state.x, noise, state.narrow)
        found = _walk(ask, state, plan, tools, last, looks, on_x0)
    if isinstance(ask, Remembering):
        found = replace(found, memory=ask.memory)
    return found if stop is not None else tools.given(found.x)


def _check(plan: Plan, state: State, last: int, noise: Any, resumed: bool) -> None:
    """Refuse, in words, what cannot run."""
    if not 0 <= state.i <= last <= len(plan):
        raise InputError(
            f"start={state.i} and stop={last} must lie in order between 0 and the plan's {len(plan)} rows"
        )
    if not resumed:
        check_reach(plan, state.i, last)
    if plan.stochastic and noise is None:
        raise InputError(
            "this plan adds noise: give noise=seed, a seed for each sample, or a function (i, like) -> array"
        )
    if plan.axis == "sample" and plan.x.shape[-1] != state.x.shape[0]:
        raise InputError(f"{plan.x.shape[-1]} plans for a batch of {state.x.shape[0]} samples")


class Remembering:
    """A model with a memory as a plain model of one run: `memory(x)` begins it, and it is called as
    f(x, t, i, memory) -> (m, memory)."""

    def __init__(self, ask: Any, state: State):
        self.ask = ask
        self.memory = ask.memory(state.x) if state.memory is None else state.memory

    def __call__(self, x: Array, t: Any, i: int) -> Array:
        m, self.memory = self.ask(x, t, i, self.memory)
        return m


def kind_of(x: Array) -> str:
    """The library of an array: "torch", "jax" or "numpy"; neither is imported to find out. Raises
    `InputError` for anything else."""
    home = type(x).__module__.partition(".")[0]
    if home == "torch" or ("torch" in sys.modules and isinstance(x, sys.modules["torch"].Tensor)):
        return "torch"
    if home in ("jax", "jaxlib") or ("jax" in sys.modules and isinstance(x, sys.modules["jax"].Array)):
        return "jax"
    if isinstance(x, np.ndarray):
        return "numpy"
    raise InputError(f"sample works on arrays of NumPy, PyTorch or JAX, not on {type(x).__name__}")


def _walk(ask: Any, state: State, plan: Plan, tools: Any, last: int, looks: list[Any], on_x0: Any) -> State:
    """The loop over rows."""
    rows = program(plan, state.x.ndim)
    states, outputs = dict(state.states), dict(state.outputs)
    x = tools.wide(state.x)
    for i in range(state.i, last):
        row: Row = rows[i]
        states[i] = x
        if row.asks:
            seen = x if type(row.scale) is float and row.scale == 1.0 else tools.scaled(x, row.scale)
            m = ask(tools.narrow(seen), tools.times[i], i)
            outputs[i] = m if on_x0 is None else _hooked(m, x, plan, i, on_x0)
        after = tools.combine(row, states, outputs)
        for look in looks:
            look(Progress(i, plan.t[i], x, outputs.get(i), after, plan))
        for j in row.forget_x:
            states.pop(j, None)
        for j in row.forget_m:
            outputs.pop(j, None)
        x = after
    return State(last, x, states, outputs, narrow=state.narrow)


def _hooked(m: Array, x: Array, plan: Plan, i: int, on_x0: Any) -> Array:
    """The output whose x̂₀ is what the hook makes of it: m + (x̂₀' − x̂₀)/b."""
    a, b = (shaped(value, plan, x.ndim) for value in x0_relation(plan, i))
    estimate = a * x + b * m
    return m + (on_x0(estimate) - estimate) / b


class Plain:
    """What the loop asks of an array library: NumPy's answers, and JAX's outside of a scan."""

    def __init__(self, plan: Plan, x: Array, noise: Any, narrow: Any = None):
        self.dtype = x.dtype if narrow is None else np.dtype(narrow)
        self.wider = (
            np.promote_types(x.dtype, np.float32) if isinstance(x, np.ndarray) else _at_least_float32(x.dtype)
        )
        told = _at_least_float32(self.dtype)
        self.times = plan.model_time if isinstance(x, np.ndarray) else plan.model_time.astype(told)
        self.like = x
        self.noise = _noise_of(noise, x.shape, plan)

    def wide(self, x: Array) -> Array:
        return x.astype(self.wider)

    def narrow(self, x: Array) -> Array:
        return x.astype(self.dtype) if self.dtype != self.wider else x

    given = narrow

    def scaled(self, x: Array, factor: Any) -> Array:
        return x * self.number(factor)

    def number(self, value: Any) -> Any:
        return value if type(value) is float else value.astype(self.wider)

    def combine(self, row: Row, states: dict[int, Array], outputs: dict[int, Array]) -> Array:
        pairs = [(states[j], c) for j, c in row.x] + [(self.wide(outputs[j]), c) for j, c in row.m]
        pairs += [(self.wide(self.noise(j, self.like)), c) for j, c in row.z]
        total = pairs[0][0] * self.number(pairs[0][1])
        for array, factor in pairs[1:]:
            total = total + array * self.number(factor)
        return total if row.bias is None else total + self.number(row.bias)


def _at_least_float32(kind: Any) -> Any:
    return kind if kind.itemsize > 2 else np.dtype("float32")


def _noise_of(noise: Any, shape: tuple[int, ...], plan: Plan) -> Callable[[int, Array], Array]:
    if not plan.stochastic:
        return lambda i, like: None
    if callable(noise):
        return noise
    draw = normals(noise, tuple(shape))
    return lambda i, like: draw(i)


def _bar(count: int) -> Callable[[Progress], None]:
    def show(seen: Progress) -> None:
        done = seen.i + 1
        filled = 30 * done // count
        line = f"\r{'█' * filled}{'·' * (30 - filled)} {done}/{count}"
        sys.stderr.write(line + ("\n" if done == count else ""))
        sys.stderr.flush()

    return show
