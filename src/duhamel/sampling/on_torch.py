"""What the loop of `sample` asks of PyTorch: fused multiply–adds into a buffer of its own, nothing that waits
for the device."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from duhamel.sampling.noise import normals
from duhamel.sampling.program import Row
from duhamel.sampling.table import Plan

__all__ = ["Torch"]


class Torch:
    """PyTorch's answers; see `running.Plain`. In-place sums go only into a buffer made in the same row, and
    no backward pass needs its earlier values, so autograd and torch.compile are served by the same lines."""

    def __init__(self, plan: Plan, x: torch.Tensor, noise: Any):
        self.dtype = x.dtype
        self.wider = torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype
        self.device, self.like = x.device, x
        self.times = self._times(plan)
        self.noise: Any = noise if callable(noise) or noise is None else self._seeded(noise, tuple(x.shape))
        self.same = self.wider is self.dtype

    def _times(self, plan: Plan) -> list[torch.Tensor]:
        """The model times on the device, kept with the plan: made once, not in every run."""
        kept = plan.__dict__.setdefault("_times", {})
        key = (self.wider, self.device)
        if key not in kept:
            kept[key] = list(self.array(plan.model_time).unbind(0))
        return kept[key]

    def suits(self, plan: Plan) -> bool:
        """Whether `quick` can run the plan."""
        usual = plan.axis == "none" and plan.bias is None and not plan.stochastic
        return usual and self.same and bool(plan.asks.all())

    def quick(self, model: Any, x: torch.Tensor, rows: list[Row], start: int) -> torch.Tensor:
        """The loop of `running._walk` for the plain case, without a call per row: float32 or float64, numbers
        only, no noise, nobody looking. The same operations in the same order, so the same bits."""
        states: dict[int, torch.Tensor] = {}
        outputs: dict[int, torch.Tensor] = {}
        add, times, i = torch.add, self.times, start
        for row in rows[start:]:
            states[i] = x
            outputs[i] = model(x if row.scale == 1.0 else x * row.scale, times[i])
            pairs = [(states[j], c) for j, c in row.x]
            pairs += [(outputs[j], c) for j, c in row.m]
            if pairs[0][1] == 1.0 and len(pairs) > 1:
                x = add(pairs[0][0], pairs[1][0], alpha=pairs[1][1])
                skip = 2
            else:
                x = pairs[0][0] * pairs[0][1]
                skip = 1
            for array, factor in pairs[skip:]:
                x.add_(array, alpha=factor)
            for j in row.forget_x:
                del states[j]
            for j in row.forget_m:
                del outputs[j]
            i += 1
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
