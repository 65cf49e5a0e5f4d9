"""Neural ODEs: a network as the right-hand side of a solve."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from duhamel.compiled import is_traced, joined, parted
from duhamel.errors import InputError
from duhamel.failure import failed
from duhamel.gradient import Gradient, Replay
from duhamel.learn.local import drawn, one_step
from duhamel.methods import Method, Tsit5
from duhamel.observe import Save
from duhamel.solution import Solution
from duhamel.solve import solve
from duhamel.stepping import Adaptive, Fixed

__all__ = ["Field", "NeuralODE"]


class Field(eqx.Module):
    """f(t, u, args) = net(u), or net([u, t]) with `time=True`, for a network of one vector.

    The network is applied along the last axis of u, to all leading axes alike: a batch (n, d) is one state of
    one solve. `args` is not used.
    """

    net: Callable[[Array], Array]
    time: bool = eqx.field(static=True, default=False)

    def __call__(self, t: Array, u: Array, args: Any = None) -> Array:
        del args
        flat = u.reshape(-1, u.shape[-1])
        if self.time:
            clock = jnp.broadcast_to(jnp.asarray(t).astype(u.dtype), (flat.shape[0], 1))
            flat = jnp.concatenate([flat, clock], axis=1)
        return jax.vmap(self.net)(flat).reshape(u.shape)


class NeuralODE(eqx.Module):
    """u(t₁) with du/dt = field(t, u, args), u(t₀) = u₀ (Chen et al., NeurIPS 2018).

    `field`: any callable that is a pytree (an Equinox module, `Field(net)`), its arrays are what is trained.
    `method`, `step` (default: adaptive, rtol=1e-6, atol=1e-6), `gradient` and `max_steps` as in `dh.solve`;
    none of them is trained.

        node(u0)                          the state at t1, like u0
        node(u0, ts)                      the states at the times ts, leading axis first
        node.solve(u0, observe="error")   a `dh.Solution`: .us, .observed, .stats.evaluations
        node.local(u0, key)               the state at t1, and a penalty taken from one random step

    u0 may hold a batch, (n, d): one solve, whose steps suit all samples together. `jax.vmap(node)` gives each
    its own. A solve that fails raises `SolveError`; inside jit its states are nan.
    """

    field: Callable[..., Any]
    method: Method
    gradient: Gradient
    t0: float = eqx.field(static=True)
    t1: float = eqx.field(static=True)
    max_steps: int | None = eqx.field(static=True)
    _step: Any = eqx.field(static=True)

    def __init__(
        self,
        field: Callable[..., Any],
        *,
        t0: float = 0.0,
        t1: float = 1.0,
        method: Method | None = None,
        step: Fixed | Adaptive | None = None,
        gradient: Gradient | None = None,
        max_steps: int | None = None,
    ):
        self.field, self.max_steps = field, max_steps
        self.t0, self.t1 = float(t0), float(t1)
        if not self.t1 > self.t0:
            raise InputError(f"a neural ODE runs from t0 to a later t1, got {t0} and {t1}.")
        self.method = Tsit5() if method is None else method
        self.gradient = Replay() if gradient is None else gradient
        step = Adaptive(rtol=1e-6, atol=1e-6) if step is None else step
        # Tolerances are plain numbers of the program, no arrays that an optimiser could find.
        key, numbers = parted(step)
        if any(np.ndim(v) for v in numbers):
            raise InputError("the tolerances of a neural ODE are plain numbers, one for all entries.")
        self._step = key, tuple(map(float, numbers))

    @property
    def step(self) -> Fixed | Adaptive:
        """How long steps are."""
        return joined(*self._step)

    def __call__(self, u0: PyTree, ts: Any = None, *, args: Any = None) -> PyTree:
        us = self.solve(u0, ts, args=args).us
        return us if ts is not None else jax.tree.map(lambda v: v[-1], us)

    def solve(
        self,
        u0: PyTree,
        ts: Any = None,
        *,
        args: Any = None,
        observe: str | tuple[str, ...] = (),
        save: Save | None = None,
    ) -> Solution:
        """The solution with its statistics and what is observed, at the times `ts`, as `save` says, or at the
        end."""
        if save is None:
            save = Save() if ts is None else Save(ts=ts)
        sol = solve(
            self.field,
            u0,
            t0=self.t0,
            t1=self.t1,
            args=args,
            method=self.method,
            step=self.step,
            save=save,
            max_steps=self.max_steps,
            gradient=self.gradient,
            observe=observe,
            on_failure="return" if is_traced((self.field, u0, ts, args)) else "raise",
        )
        if not is_traced(sol.status):
            return sol
        wrong = failed(sol.status)
        us = jax.tree.map(lambda v: jnp.where(wrong, jnp.full_like(v, jnp.nan), v), sol.us)
        return dataclasses.replace(sol, us=us)

    def local(
        self,
        u0: PyTree,
        key: Array,
        *,
        of: str = "error",
        draw: Literal["time", "step"] = "time",
        ts: Any = None,
        args: Any = None,
    ) -> tuple[PyTree, Array]:
        """The state at t1 (or at `ts`), and n·q: q what one random step adds to the quantity `of`, n how
        many steps there are; an estimate of the sum over all steps from one (Pal et al., ICML 2023).

        `draw="time"`: from the state at a uniformly drawn time, as long as the steps are on average (it may
        reach beyond t1). `draw="step"`: one of the accepted steps, each as likely, so that the mean of n·q is
        the observed sum; it keeps all states and needs `max_steps` inside jit, and no `ts`. Only this step is
        differentiated, the state it starts from is not: any `gradient` will do. Cost: one step.
        """
        if draw not in ("time", "step"):
            raise InputError(f'draw is "time" or "step", got {draw!r}.')
        if draw == "step":
            if ts is not None:
                raise InputError('draw="step" keeps the accepted steps in place of ts: use draw="time".')
            sol = self.solve(u0, args=args, save=Save(steps=True))
            count = jax.lax.stop_gradient(jnp.asarray(sol.stats.steps))
            at = jax.random.randint(key, (), 0, count)
            t, h = sol.ts[at], sol.ts[at + 1] - sol.ts[at]
            start = jax.tree.map(lambda v: v[at], sol.us)
            out = jax.tree.map(lambda v: v[count], sol.us)
        else:
            t = drawn(key, self.t0, self.t1)
            wanted = jnp.asarray([self.t1] if ts is None else ts, t.dtype)
            place = jnp.searchsorted(wanted, t).astype(jnp.int32)
            sol = self.solve(u0, jnp.sort(jnp.append(wanted, t)), args=args)
            count = jax.lax.stop_gradient(jnp.asarray(sol.stats.steps))
            h = (self.t1 - self.t0) / count.astype(t.dtype)
            start = jax.tree.map(lambda v: v[place], sol.us)
            index = jnp.arange(len(wanted), dtype=jnp.int32)
            index = index + (index >= place).astype(jnp.int32)
            out = jax.tree.map(lambda v: v[-1] if ts is None else v[index], sol.us)
        q = one_step(self.field, t, start, h, of=of, args=args, method=self.method, step=self.step)
        return out, count.astype(q.dtype) * q
