"""Runs and their histories: all that a scheduler must remember, none of it in attributes that two runs
share."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch

from duhamel.errors import InputError
from duhamel.sampling.on_torch import slots
from duhamel.sampling.program import program
from duhamel.sampling.table import Plan

__all__ = ["Chain", "Memory", "Run", "advanced", "places", "storage_of"]

Tensor = torch.Tensor
_KEPT_RUNS, _KEPT_CHAINS = 64, 8


@dataclass(frozen=True, eq=False)
class Run:
    """What `set_timesteps` made: a table and its times on a device. `tail(i, eta)` is the table that starts
    at row i, of DDIM's steps if `eta` is above 0; each is made once."""

    plan: Plan
    steps: int
    timesteps: Tensor
    sigmas: Tensor
    tail: Callable[[int, float], Plan]
    told: tuple[float, ...] = ()
    tails: dict[tuple[int, float], Plan] = field(default_factory=dict)

    def from_row(self, i: int, eta: float = 0.0) -> Plan:
        """The table for a run that begins at row i without a history."""
        if i == 0 and not eta:
            return self.plan
        if (i, eta) not in self.tails:
            self.tails[i, eta] = self.tail(i, eta)
        return self.tails[i, eta]

    def beginning(self, i: int) -> int:
        """Row i, or the nearest one in time at which a run can begin: rules with stages cannot between
        them."""
        for k in sorted(range(len(self.told)), key=lambda k: (abs(self.told[k] - self.told[i]), k != i)):
            try:
                self.from_row(k)
            except InputError:
                continue
            return k
        return i


def places(told: Sequence[float], time: float) -> list[int]:
    """The rows whose time this is; the nearest row if there is none."""
    away = np.abs(np.array(told) - time)
    found = np.flatnonzero(away <= 1e-5 * max(1.0, abs(time)))
    return found.tolist() or [int(np.argmin(away))]


class Chain(NamedTuple):
    """The history of one batch in one run, as it stands before row `next`; never changed. `plan` begins at
    row `base` of the run; states and outputs are kept in the slots of `on_torch.slots`, noises by the
    plan's row, as far as later rows need them."""

    run: Run
    plan: Plan
    base: int
    next: int
    shape: Any
    eta: float = 0.0
    wide: Any = None
    version: int = -1
    kept: Mapping[int, Tensor] = {}
    noises: Mapping[int, Tensor] = {}


class Memory:
    """Where runs and chains are found again.

    A run by the storage of its time tensor: a pipeline hands back elements or slices of it, so the row is
    known without reading a number from the device, in whatever thread. A chain by the tensor it returned;
    if the pipeline gave back another (a mask was applied, a dtype changed), it is the one chain of this
    thread that waits for that row with that shape.
    """

    def __init__(self) -> None:
        self.latest: Run | None = None
        self.runs: dict[int, Run] = {}
        self.chains: dict[int, tuple[Any, Chain]] = {}
        self.own = threading.local()

    def __deepcopy__(self, memo: Any) -> Memory:
        other = Memory()
        other.latest, other.runs = self.latest, dict(self.runs)
        return other

    def __reduce__(self) -> Any:
        return Memory, ()

    def begin(self, run: Run) -> None:
        """A new run, of this thread and of threads that have none of their own."""
        self.runs[storage_of(run.timesteps)] = run
        while len(self.runs) > _KEPT_RUNS:
            self.runs.pop(next(iter(self.runs)))
        self.latest = self.own.run = run
        self.own.heads = []

    def run(self) -> Run | None:
        return getattr(self.own, "run", None) or self.latest

    def begun(self, run: Run) -> int | None:
        """Where this thread said that the run begins."""
        said = getattr(self.own, "begin", None)
        return said[1] if said is not None and said[0] is run else None

    def heads(self) -> list[Chain]:
        """The chains of this thread that are not finished, oldest first."""
        if not hasattr(self.own, "heads"):
            self.own.heads = []
        return self.own.heads

    def find(self, run: Run, row: int | None, sample: Tensor) -> tuple[Chain | None, bool]:
        """The chain that `sample` continues at a row (any row if None), None if it begins one; and whether
        it is as it was returned."""
        entry = self.chains.get(id(sample))
        if entry is not None and entry[0]() is sample:
            chain = entry[1]
            if chain.run is run and (row is None or chain.next == row):
                return chain, chain.version >= 0 and sample._version == chain.version
            # its own sample, but another row: a run that begins anew
            self.own.heads = [c for c in self.heads() if c is not chain]
            return None, False
        waiting = [
            c
            for c in self.heads()
            if c.run is run and c.shape == sample.shape and (row is None or c.next == row)
        ]
        if len(waiting) > 1:
            raise InputError(
                "two unfinished batches of one scheduler were changed between steps and cannot be told "
                "apart: call set_timesteps "
                "before each, or give each a copy of the scheduler (copy.deepcopy)"
            )
        return (waiting[0] if waiting else None), False

    def keep(self, before: Chain | None, chain: Chain, sample: Tensor, wide: Tensor) -> None:
        """Remember the chain by the sample it made, in place of the one it continues."""
        version = -1 if sample.is_inference() else sample._version
        chain = chain._replace(wide=None if wide is sample else wide, version=version)
        heads = [c for c in self.heads() if c is not before]
        self.own.heads = heads
        if chain.next >= len(chain.run.told):
            return
        heads.append(chain)
        del heads[:-_KEPT_CHAINS]
        key, chains = id(sample), self.chains

        def gone(reference: Any) -> None:
            if (entry := chains.get(key)) is not None and entry[0] is reference:
                chains.pop(key, None)

        chains[key] = (weakref.ref(sample, gone), chain)


def storage_of(times: Tensor) -> int:
    """The identity of a tensor's storage, shared by its views; no data is read."""
    return times.untyped_storage()._cdata


def advanced(
    chain: Chain, output: Tensor, sample: Tensor, draw: Callable[[], Tensor], same: bool
) -> tuple[Tensor, Tensor, Chain]:
    """One row: the state in the width of the sums, the next one, and the chain after it. `same`: the sample
    is what the last row returned, so that its digits from before it was rounded to 16 bits still hold."""
    i = chain.next - chain.base
    wider = torch.float32 if sample.dtype in (torch.float16, torch.bfloat16) else sample.dtype
    row = slots(chain.plan, output.ndim, wider)[i]
    x = chain.wide if same and chain.wide is not None else sample.to(wider)
    kept = {**chain.kept, 2 * i: x, 2 * i + 1: output}
    first = kept[row.first].to(wider)
    if row.factor is None:
        total, rest = torch.add(first, kept[row.rest[0][0]], alpha=row.rest[0][1]), row.rest[1:]
    else:
        total, rest = torch.mul(first, row.factor), row.rest
    for j, c in rest:
        total.add_(kept[j], alpha=c)
    noises = chain.noises
    if lags := chain.plan.z.shape[1]:
        noises = dict(noises)
        for j, c in program(chain.plan, output.ndim)[i].z:
            if j not in noises:
                noises[j] = draw()
            total.add_(noises[j], alpha=c)
        noises = {j: z for j, z in noises.items() if j >= i + 2 - lags}
    for j in row.forget:
        kept.pop(j, None)
    return x, total, chain._replace(next=chain.next + 1, kept=kept, noises=noises)
