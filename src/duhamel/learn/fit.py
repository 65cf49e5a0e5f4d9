"""`fit`: a model, a loss and data in; a trained model out."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

from duhamel.errors import InputError
from duhamel.learn.batches import Batches, rows_of
from duhamel.learn.checkpoint import Checkpoint
from duhamel.learn.progress import Bar
from duhamel.learn.result import Fit, TrainingError
from duhamel.learn.update import begin, evaluate, trained, update

__all__ = ["fit"]

Row = dict[str, float]


def fit(
    model: Any,
    loss: Callable[..., Any],
    data: Any = None,
    *,
    steps: int,
    key: Array,
    optimiser: optax.GradientTransformation | None = None,
    batch: int | None = None,
    validate: Any = None,
    patience: int | None = None,
    every: int = 100,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    progress: bool = True,
    log: Callable[[Row], Any] | None = None,
) -> Fit:
    """Train the JAX arrays in `model` (a pytree, such as an Equinox module) by `steps` updates.

    `loss(model, batch, key)` gives a real number, or it and a dict of numbers to log; with a parameter named
    `step` it is also given the number of the update, from 0, for weights that change. It is compiled once.
    `data`: a pytree of arrays that share their leading axis; each update sees `batch` rows of it, in an order
    drawn anew for every epoch, or all of it (`batch=None`). `optimiser`: from Optax (default: adam(1e-3)).
    `key` decides the order of the data and the keys given to the loss, and so, all else equal, every bit of
    the result.

    Every `every` updates, and at the end, a row is recorded, handed to `log`, and, if these are asked for:
    `validate` is computed, either data for the same loss, or a function of the model to a number (or it and
    a dict of numbers); the state goes to the folder `checkpoint`. With `validate` the model with the least
    value is the result, and training stops when `patience` values in a row were no better.

    `resume=True` goes on from the checkpoint, if there is one: N updates and N more are 2N updates, bit for
    bit. `steps` counts them all. Stopping the program by Ctrl-C leaves a checkpoint of that moment.

    Raises `TrainingError` when a loss or gradient is not finite, or a solve inside compiled code fails: it
    says in which update, and the last checkpoint stays. Cost of an update: the loss and its gradient; Python
    waits for each, which costs time only where they take less than a millisecond.
    """
    _check(steps, every, patience, validate, checkpoint, resume)
    optimiser = optax.adam(1e-3) if optimiser is None else optimiser
    weights, rest = eqx.partition(model, trained)
    if not jax.tree.leaves(weights):
        raise InputError(
            "there is nothing to train in this model: it holds no JAX array of real or complex numbers."
        )
    run = _Training(rest, loss, data, key, batch, optimiser, validate, patience)
    run.state = begin(weights, optimiser)
    store = None if checkpoint is None else _opened(run, checkpoint, resume)
    with Bar(run.step, steps, progress) as bar:
        try:
            while run.step < steps and not run.tired:
                due = (run.step + 1) % every == 0 or run.step + 1 == steps
                _turn(run, due, bar, store, log)
        except KeyboardInterrupt:
            if store is not None:
                run.save(store)
            raise
    if run.tired:
        return run.result(f"{run.stale} validations in a row were no better")
    return run.result(f"all {run.step} updates are done")


def _turn(
    run: _Training, due: bool, bar: Bar, store: Checkpoint | None, log: Callable[[Row], Any] | None
) -> None:
    """One update, and what is due after it."""
    run.advance()
    if due:
        row = run.record()
        if log is not None:
            log(row)
        if store is not None:
            run.save(store)
    bar.show(run.step, run.loss_now, run.validation if due else None)


def _opened(run: _Training, folder: str | Path, resume: bool) -> Checkpoint:
    """The checkpoint in a folder; a run goes on from it if it may."""
    store = Checkpoint(folder)
    if store.exists():
        if not resume:
            raise InputError(
                f"there is a checkpoint in {str(folder)!r} already: give resume=True to go on from it, or "
                "another folder."
            )
        run.restore(store)
    return store


def _check(
    steps: int, every: int, patience: int | None, validate: Any, checkpoint: Any, resume: bool
) -> None:
    for name, value in (("steps", steps), ("every", every)):
        if not isinstance(value, int | np.integer) or value < 1:
            raise InputError(f"{name} is a number of updates from 1 on, got {value!r}.")
    if patience is not None and (patience < 1 or validate is None):
        raise InputError("patience=n, from 1 on, counts validations: give validate as well.")
    if resume and checkpoint is None:
        raise InputError("resume=True goes on from a checkpoint: say in which folder, checkpoint=….")


class _Training:
    """A training run between two updates."""

    def __init__(
        self,
        rest: Any,
        loss: Callable[..., Any],
        data: Any,
        key: Array,
        batch: int | None,
        optimiser: optax.GradientTransformation,
        validate: Any,
        patience: int | None,
    ):
        self.rest, self.loss, self.optimiser = rest, loss, optimiser
        self.validate, self.patience = validate, patience
        if validate is not None and not callable(validate):
            rows_of(validate, "validate")
            self.validate = jax.tree.map(jnp.asarray, validate)
        self.data = jax.tree.map(jnp.asarray, data)
        self.batch = batch
        self.state: Any = None
        self.step = self.best_step = self.stale = 0
        self.best, self.validation, self.loss_now = math.inf, None, math.nan
        self.history: list[Row] = []
        self.sums: Row = {}
        self.summed = 0
        self._seed(key)

    def _seed(self, key: Array) -> None:
        self.key = key
        self.updates, order, self.validations = (jax.random.fold_in(key, i) for i in range(3))
        self.batches = Batches(self.data, self.batch, order)

    @property
    def tired(self) -> bool:
        return self.patience is not None and self.stale >= self.patience

    def advance(self) -> None:
        """One update, or `TrainingError` and none."""
        rows = self.batches.rows(self.step)
        key = jax.random.fold_in(self.updates, self.step)
        now = self.state
        inputs = now.weights, now.memory, self.rest, self.data, rows, key, np.int32(self.step)
        try:
            weights, memory, value, logged, finite = update(*inputs, self.loss, self.optimiser)
            value, logged, finite = jax.device_get((value, logged, finite))
        except RuntimeError as cause:
            self._fail(f"update {self.step + 1} failed: {_first_line(cause)}", cause)
        self.loss_now = float(value)
        if not finite:
            what = "its gradient is not finite" if np.isfinite(value) else f"the loss is {float(value)}"
            self._fail(
                f"in update {self.step + 1} {what}. The model before it is in the error's `fit.last`; the "
                "last checkpoint was kept. A solve may have failed, or the optimiser's steps are too long: "
                "try a smaller learning rate, optax.clip_by_global_norm before it, or another key."
            )
        self.state = now._replace(weights=weights, memory=memory)
        self.step += 1
        self.summed += 1
        for name, v in {"loss": value, **logged}.items():
            self.sums[name] = self.sums.get(name, 0.0) + float(v)

    def _fail(self, message: str, cause: BaseException | None = None) -> None:
        raise TrainingError(message, self.step + 1, self.result(message)) from cause

    def record(self) -> Row:
        """A row of the history: means since the last one, and the validation."""
        row: Row = {"step": self.step} | {name: v / self.summed for name, v in self.sums.items()}
        self.sums, self.summed = {}, 0
        if self.validate is not None:
            value, more = self._validated()
            row |= {"validation": value} | {f"validation {name}": v for name, v in more.items()}
            self.validation = value
            self.stale += 1
            if value < self.best:
                self.best, self.best_step, self.stale = value, self.step, 0
                self.state = self.state._replace(best=self.state.weights)
        self.history.append(row)
        return row

    def _validated(self) -> tuple[float, Row]:
        weights = self.state.weights
        if callable(self.validate):
            out: Any = self.validate(eqx.combine(weights, self.rest))
        else:
            step = np.int32(self.step)
            out = evaluate(weights, self.rest, self.validate, self.validations, step, self.loss)
        value, more = out if isinstance(out, tuple) else (out, {})
        return float(value), {name: float(v) for name, v in more.items()}

    def result(self, why: str) -> Fit:
        last = eqx.combine(self.state.weights, self.rest)
        if not math.isfinite(self.best):
            return Fit(last, last, self.history, self.step, self.step, math.nan, why)
        best = eqx.combine(self.state.best, self.rest)
        return Fit(best, last, self.history, self.step, self.best_step, self.best, why)

    def save(self, store: Checkpoint) -> None:
        names = ("step", "best", "best_step", "stale", "history", "sums", "summed")
        store.write((self.state, self.key), {name: getattr(self, name) for name in names})

    def restore(self, store: Checkpoint) -> None:
        (self.state, key), header = store.read((self.state, self.key))
        for name, value in header.items():
            if name not in ("format", "shapes"):
                setattr(self, name, value)
        self._seed(key)


def _first_line(cause: BaseException) -> str:
    """What an error says, without the stacks around it that some print."""
    text = str(cause).strip()
    said = re.search(r"RuntimeError: (\S.*)", text) or re.search(r"^(.*)$", text, flags=re.MULTILINE)
    return said[1] if said and said[1] else type(cause).__name__
