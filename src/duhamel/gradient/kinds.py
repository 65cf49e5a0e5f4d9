"""The ways to differentiate a run, as a user names them."""

from __future__ import annotations

from typing import Literal

import equinox as eqx

from duhamel.errors import InputError

__all__ = ["Backsolve", "Direct", "Forward", "Gradient", "Replay", "Reversible"]


class Gradient(eqx.Module):
    """How derivatives flow through `solve`. The solution itself does not depend on it (but for
    `Reversible`, which takes its own steps)."""


class Replay(Gradient):
    """Discretise, then optimise: the derivative of exactly those steps that were accepted; how long they are
    is not differentiated. The default.

    Works in forward and in reverse mode, and forward over reverse (Hessian–vector products). `memory` says
    how many states the forward pass keeps for the reverse pass: "sqrt" (√n, or more while they are small),
    "all" (one a step: nothing is computed twice between steps), or a number. Between two kept states the
    steps are taken once more. Cost of a gradient: about 3 evaluations for each of an accepted step, 4 where
    states are missing; rejected attempts cost nothing. Inside jit give `max_steps` for runs of more than 8192
    accepted steps.
    """

    memory: Literal["all", "sqrt"] | int = eqx.field(static=True, default="sqrt")

    def __check_init__(self) -> None:
        known = self.memory in ("all", "sqrt")
        if not known and (
            not isinstance(self.memory, int) or isinstance(self.memory, bool) or self.memory < 2
        ):
            raise InputError(
                f'Replay(memory=…) takes "all", "sqrt" or a number of states from 2 on, got {self.memory!r}.'
            )


class Direct(Gradient):
    """The same derivative as `Replay`, left to JAX: every mode and order, reverse over reverse among them.

    The accepted steps are taken again as a scan of `max_steps` turns, which must be given (with fixed steps
    and plain times they are known). Memory: everything of every step. For small problems and for checks.
    """


class Forward(Gradient):
    """Forward mode alone, through the loop itself: `jax.jvp`, `jax.jacfwd`, `jax.linearize` of few inputs.

    One pass, no memory for steps, no limit to their number. Reverse mode is refused.
    """


class Backsolve(Gradient):
    """Optimise, then discretise: the adjoint equation is integrated backwards in time together with the
    state (Pontryagin; Chen, Rubanova, Bettencourt & Duvenaud, NeurIPS 2018).

    Memory: one state, whatever the number of steps. The gradient is that of the exact solution up to the
    tolerance of the backward run, not that of the computed one; it is wrong where the equation cannot be
    integrated backwards (diffusion, chaos over long times). Reverse mode of first order alone.
    """


class Reversible(Gradient):
    """An explicit method coupled with itself so that its steps can be undone exactly:

        y₁ = λ y + (1 − λ) z + Ψ_h(z),   z₁ = z − Ψ_{−h}(y₁),

    where Ψ is the increment of the method (McCallum & Foster, 2024). Memory: two states and the lengths of
    the steps, whatever their number; the gradient is exact up to round-off, which grows like λ^{−n}. Twice
    the evaluations of the method in each pass.
    """

    coupling: float = eqx.field(static=True, default=0.999)

    def __check_init__(self) -> None:
        if not 0.0 < self.coupling <= 1.0:
            raise InputError(f"Reversible(coupling=…) lies in (0, 1], got {self.coupling}.")
