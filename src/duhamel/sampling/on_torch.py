"""What the loop of `sample` asks of PyTorch: fused multiply–adds into a buffer of its own, nothing that
waits for the device."""

from __future__ import annotations

import contextlib
from typing import Any, NamedTuple

import torch

from duhamel.sampling.noise import normals
from duhamel.sampling.program import Row, program
from duhamel.sampling.table import Plan

__all__ = ["Slots", "Torch", "slots"]


class Slots(NamedTuple):
    """A row without noise for states in slots 2j and outputs in slots 2j + 1: the input scale (None for 1),
    the slot of the first term with its factor (None for 1), the other terms, and the slots that no later
    row needs."""

    scale: torch.Tensor | None
    first: int
    factor: torch.Tensor | None
    rest: tuple[tuple[int, float], ...]
    forget: tuple[int, ...]


def slots(plan: Plan, ndim: int, kind: torch.dtype) -> list[Slots]:
    """The rows of a plan of plain numbers, made once for each dtype and kept with it. Factors are 0-d
    tensors: to multiply by a number of Python costs as much again as the multiplication of a small state."""
    kept = plan.__dict__.setdefault("_slots", {})
    if kind not in kept:
        found = []
        for row in program(plan, ndim):
            (first, c), *rest = [(2 * j, c) for j, c in row.x] + [(2 * j + 1, c) for j, c in row.m]
            forget = (*(2 * j for j in row.forget_x), *(2 * j + 1 for j in row.forget_m))
            scale = None if row.scale == 1.0 else torch.tensor(row.scale, dtype=kind)
            factor = None if c == 1.0 and rest else torch.tensor(c, dtype=kind)
            found.append(Slots(scale, first, factor, tuple(rest), forget))
        kept[kind] = found
    return kept[kind]


class Torch:
    """PyTorch's answers; see `running.Plain`. In-place sums go only into a buffer made in the same row, and
    no backward pass needs its earlier values, so autograd and torch.compile are served by the same lines."""

    def __init__(self, plan: Plan, x: torch.Tensor, noise: Any, narrow: torch.dtype | None = None):
        self.dtype = narrow or x.dtype
        self.wider = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
        self.device, self.like = x.device, x
        self.times = self._times(plan)
        self.noise: Any = noise if callable(noise) or noise is None else self._seeded(noise, tuple(x.shape))
        self.same = self.wider is self.dtype

    def _times(self, plan: Plan) -> list[torch.Tensor]:
        """The model times on the device, kept with the plan: made once, not in every run."""
        kept = plan.__dict__.setdefault("_times", {})
        told = torch.float32 if self.dtype in (torch.float16, torch.bfloat16) else self.dtype
        key = (told, self.device)
        if key not in kept:
            kept[key] = list(torch.tensor(plan.model_time, dtype=told, device=self.device).unbind(0))
        return kept[key]

    def suits(self, plan: Plan) -> bool:
        """Whether `quick` can run the plan."""
        usual = plan.axis == "none" and plan.bias is None and not plan.stochastic
        return usual and self.same and bool(plan.asks.all())

    def quick(self, model: Any, x: torch.Tensor, plan: Plan, start: int) -> torch.Tensor:
        """The loop of `running._walk` for the plain case, without a call per row: float32 or float64,
        numbers only, no noise, nobody looking. The same operations in the same order, so the same bits."""
        rows, times = slots(plan, x.ndim, self.wider), self.times
        kept: list[Any] = [None] * (2 * len(rows))
        add, mul = torch.add, torch.mul
        for i in range(start, len(rows)):
            scale, place, factor, rest, forget = rows[i]
            kept[2 * i] = x
            kept[2 * i + 1] = model(x if scale is None else mul(x, scale), times[i])
            if factor is None:
                x = add(kept[place], kept[rest[0][0]], alpha=rest[0][1])
                rest = rest[1:]
            else:
                x = mul(kept[place], factor)
            for j, c in rest:
                x.add_(kept[j], alpha=c)
            for j in forget:
                kept[j] = None
        return x

    @staticmethod
    def no_grad(wanted: bool) -> Any:
        return torch.no_grad() if wanted else contextlib.nullcontext()

    def array(self, value: Any) -> torch.Tensor:
        return torch.tensor(value, dtype=self.wider, device=self.device)

    def _seeded(self, noise: Any, shape: tuple[int, ...]) -> Any:
        draw = normals(noise, shape)
        return lambda i, like: self.array(draw(i))

    def wide(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.dtype is self.wider else x.to(self.wider)

    def narrow(self, x: torch.Tensor) -> torch.Tensor:
        return x if self.same else x.to(self.dtype)

    given = narrow

    def scaled(self, x: torch.Tensor, factor: Any) -> torch.Tensor:
        return x * (factor if type(factor) is float else self.array(factor))

    def combine(self, row: Row, states: dict[int, Any], outputs: dict[int, Any]) -> torch.Tensor:
        pairs = [(states[j], c) for j, c in row.x] + [(outputs[j], c) for j, c in row.m]
        pairs += [(self.noise(j, self.like), c) for j, c in row.z]
        (first, c), rest = pairs[0], pairs[1:]
        if type(c) is float and c == 1.0 and rest and type(rest[0][1]) is float:
            total = torch.add(self.wide(first), rest[0][0], alpha=rest[0][1])
            rest = rest[1:]
        else:
            total = self.scaled(self.wide(first), c)
        for array, factor in rest:
            if type(factor) is float:
                total.add_(array, alpha=factor)
            else:
                total.addcmul_(self.wide(array), self.array(factor))
        return (
            total
            if row.bias is None
            else total.add_(self.array(row.bias) if type(row.bias) is not float else row.bias)
        )
