"""The discrete adjoint of a plan in PyTorch: see `adjoint`."""

from __future__ import annotations

from math import isqrt
from typing import Any

import torch

from duhamel.errors import InputError
from duhamel.sampling.guidance import bound
from duhamel.sampling.inversion import undone
from duhamel.sampling.on_torch import Torch
from duhamel.sampling.program import Row, program
from duhamel.sampling.running import State, sample
from duhamel.sampling.table import Plan

__all__ = ["differentiable"]

Tensor = torch.Tensor


def differentiable(
    model: Any, x: Tensor, plan: Plan, memory: str, wrt: tuple[Tensor, ...], noise: Any
) -> Tensor:
    """The run as one node of autograd's graph, whose inputs are x and the tensors that the model depends
    on."""
    own = tuple(model.parameters()) if hasattr(model, "parameters") else ()
    kept = {id(tensor): tensor for tensor in (*own, *wrt) if tensor.requires_grad}
    run = _Run(model, plan, memory, noise, tuple(kept.values()))
    return _Sampled.apply(run, x, *kept.values())


class _Sampled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, run: _Run, x: Tensor, *wrt: Tensor) -> Tensor:
        end, stored = run.forward(x)
        ctx.run, ctx.shape = (
            run,
            [
                (state.i, sorted(state.states), sorted(state.outputs), state.memory is not None)
                for state in stored
            ],
        )
        ctx.save_for_backward(*(tensor for state in stored for tensor in _tensors(state)))
        return end

    @staticmethod
    def backward(ctx: Any, *above: Tensor) -> Any:
        flat, stored = iter(ctx.saved_tensors), []
        for i, states, outputs, remembers in ctx.shape:
            x = next(flat)
            kept = {j: next(flat) for j in states}, {j: next(flat) for j in outputs}
            stored.append(State(i, x, *kept, next(flat) if remembers else None))
        x, wrt = ctx.run.backward(above[0], stored)
        return None, x, *wrt


def _tensors(state: State) -> list[Tensor]:
    kept = [entries[j] for entries in (state.states, state.outputs) for j in sorted(entries)]
    return [state.x, *kept] if state.memory is None else [state.x, *kept, state.memory]


class _Run:
    """One run forward, and its adjoint."""

    def __init__(self, model: Any, plan: Plan, memory: str, noise: Any, wrt: tuple[Tensor, ...]):
        self.model, self.plan, self.memory, self.noise, self.wrt = model, plan, memory, noise, wrt
        self.ask = bound(model, plan)
        self.remembers = hasattr(self.ask, "memory")

    def forward(self, x: Tensor) -> tuple[Tensor, list[State]]:
        """The end, and the states that are stored: where parts of the plan begin, or the two at its end."""
        n = len(self.plan)
        if self.memory == "constant":
            before = sample(self.model, x, self.plan, stop=n - 1)
            end = sample(self.model, None, self.plan, start=before, stop=n)
            return end.x.to(x.dtype), [State(n, end.x, {n - 1: before.x}, {}), State(0, x, {}, {})]
        every = 1 if self.memory == "all" else max(1, isqrt(n))
        state, stored = State(0, x, {}, {}, self.ask.memory(x) if self.remembers else None), []
        for i in range(0, n, every):
            stored.append(state)
            state = sample(self.model, None, self.plan, start=state, stop=min(i + every, n), noise=self.noise)
        return state.x.to(x.dtype), stored

    def backward(self, above: Tensor, stored: list[State]) -> tuple[Tensor, list[Tensor | None]]:
        x = stored[-1].x if self.memory == "constant" else stored[0].x
        self.tools = Torch(self.plan, x, None)
        self.rows = program(self.plan, x.ndim)
        self.states_bar: dict[int, Tensor] = {len(self.plan): self.tools.wide(above)}
        self.outputs_bar: dict[int, Tensor] = {}
        self.found: list[Tensor | None] = [None] * len(self.wrt)
        self.memory_bar: Tensor | None = None
        if self.memory == "constant":
            self._undo(stored[0])
        else:
            end = len(self.plan)
            for state in reversed(stored):
                for part in reversed(self._again(state, end)):
                    self._row(part.i, part.x, part.memory)
                end = state.i
        return self.states_bar[0].to(x.dtype), self.found

    def _again(self, state: State, end: int) -> list[State]:
        """The states of a part of the plan, but its end."""
        states = [state]
        while state.i < end - 1:
            state = sample(self.model, None, self.plan, start=state, stop=state.i + 1, noise=self.noise)
            states.append(state)
        return states

    def _undo(self, last: State) -> None:
        """The rows from the last to the first, every state made from the two after it."""
        n = len(self.plan)
        states = {n: last.x, n - 1: last.states[n - 1]}
        for i in range(n - 1, -1, -1):
            m = self._row(i, states[i])
            if i:
                states[i - 1] = undone(self.plan, i, 1, states, {i: m})
            del states[i + 1]

    def _row(self, i: int, x: Tensor, memory: Tensor | None = None) -> Tensor:
        """Take the adjoint past row i; gives the network's output there."""
        row: Row = self.rows[i]
        bar = self.states_bar.pop(i + 1)
        for j, c in row.x:
            _add(self.states_bar, j, self.tools.scaled(bar, c))
        for j, c in row.m:
            _add(self.outputs_bar, j, self.tools.scaled(bar, c))
        m_bar = self.outputs_bar.pop(i, None)
        _add(self.states_bar, i, torch.zeros_like(x))
        if not row.asks or (m_bar is None and self.memory_bar is None and self.memory != "constant"):
            return x
        with torch.enable_grad():
            held = [tensor.detach().requires_grad_() for tensor in (x, memory) if tensor is not None]
            made = self._asked(row, i, *held)
            if i == len(self.plan) - 1:
                self._check(made[0], held)
            pairs = zip(made, (m_bar, self.memory_bar), strict=False)
            kept = [(found, bar.to(found.dtype)) for found, bar in pairs if bar is not None]
            kept = [(found, bar) for found, bar in kept if found.requires_grad]
            if kept:
                self._spread(i, held, kept)
        return made[0].detach()

    def _asked(self, row: Row, i: int, x: Tensor, *memory: Tensor) -> tuple[Tensor, ...]:
        """The output of row i, and the memory after it if the model has one."""
        plain = type(row.scale) is float and row.scale == 1.0
        seen = x if plain else self.tools.scaled(x, row.scale)
        made = self.ask(self.tools.narrow(seen), self.tools.times[i], i, *memory)
        return made if memory else (made,)

    def _spread(self, i: int, held: list[Tensor], kept: list[tuple[Tensor, Tensor]]) -> None:
        """One reverse pass through the network, to the state, the memory before it, and `wrt`."""
        made, bars = zip(*kept, strict=True)
        slopes = torch.autograd.grad(made, (*held, *self.wrt), bars, allow_unused=True)
        if slopes[0] is not None:
            _add(self.states_bar, i, slopes[0])
        self.memory_bar = slopes[1] if len(held) > 1 else None
        for k, slope in enumerate(slopes[len(held) :]):
            if slope is not None:
                before = self.found[k]
                self.found[k] = slope if before is None else before + slope

    def _check(self, m: Tensor, held: list[Tensor]) -> None:
        """Refuse a model that depends on parameters nobody named: their gradient would silently be lost."""
        if m.grad_fn is None or not all(tensor.is_leaf for tensor in self.wrt):
            return
        known = {id(tensor) for tensor in (*held, *self.wrt)}
        nodes, seen = [m.grad_fn], set()
        while nodes:
            node = nodes.pop()
            if node in seen:
                continue
            seen.add(node)
            leaf = getattr(node, "variable", None)
            if leaf is not None and id(leaf) not in known:
                raise InputError(
                    f"the model depends on a tensor of shape {tuple(leaf.shape)} that requires a gradient "
                    "and is not in wrt: name it there"
                )
            nodes += [after for after, _ in node.next_functions if after is not None]


def _add(entries: dict[int, Tensor], j: int, value: Tensor) -> None:
    entries[j] = entries[j] + value if j in entries else value
