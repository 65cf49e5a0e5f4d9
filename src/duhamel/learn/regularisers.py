"""Penalties on how hard a network is to integrate, from what a solve observes, and their weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from duhamel.errors import InputError

__all__ = ["decay", "ernode", "kinetic", "srnode", "step_count"]

Observed = dict[str, Array] | None


def ernode(observed: Observed) -> Array:
    """R_E = Σⱼ hⱼ‖eⱼ‖ over the accepted steps, eⱼ the estimated local error, root mean square.

    For a solve with `observe="error"`; the mean over the samples of a batch under vmap. Absolute errors: of
    the size of atol × length of time, so its weight is large. Pal, Ma, Shah & Rackauckas, ICML 2021 (ERNODE).
    Cost: one more scalar a step. Raises `InputError` if the error was not observed.
    """
    return _mean(observed, "error")


def srnode(observed: Observed) -> Array:
    """R_S = Σⱼ hⱼ·‖k_s − k_{s−1}‖/‖g_s − g_{s−1}‖, an estimate of ∫‖J‖dt from the last two stages.

    For a solve with `observe="stiffness"` by an explicit Runge–Kutta method whose last two stages stand at
    the same time (Dopri5, Tsit5). Each step counts 20 at most: beyond that no explicit method is stable, and
    the quotient can be as large as one likes. Pal et al., ICML 2021 (SRNODE). Mean over a batch.
    """
    return _mean(observed, "stiffness")


def kinetic(observed: Observed) -> Array:
    """R_K = ∫‖f‖²dt along the path, by the trapezium rule over the accepted steps: straight, short paths.

    For a solve with `observe="kinetic"`. Finlay, Jacobsen, Nurbekyan & Oberman, ICML 2020. Mean over a batch.
    """
    return _mean(observed, "kinetic")


def step_count(observed: Observed) -> Array:
    """R_N = Σⱼ (2eⱼ)^{1/q}, eⱼ in units of the tolerance: how many steps the tolerance asks for.

    For a solve with `observe="steps"` and adaptive steps. Its weight says what a step may cost in units of
    the loss, whatever the tolerance. Mean over a batch.
    """
    return _mean(observed, "steps")


def _mean(observed: Observed, name: str) -> Array:
    if observed is None or name not in observed:
        raise InputError(f'the solve has not observed it: give dh.solve or NeuralODE.solve observe="{name}".')
    return jnp.mean(observed[name])


def decay(first: float, last: float, steps: int) -> Callable[[Any], Array]:
    """A weight that falls (or grows) exponentially: λ(n) = first·(last/first)^{min(n/steps, 1)}.

    Strong at the beginning of training, weak at its end, as Pal et al. anneal theirs. `first`, `last` > 0.
    Called with the number of the update, it gives a scalar in the default precision.
    """
    if not (first > 0 and last > 0 and steps >= 1):
        raise InputError(f"decay takes positive weights and a number of steps, got {first}, {last}, {steps}.")

    def weight(step: Any) -> Array:
        share = jnp.minimum(jnp.asarray(step).astype(jnp.result_type(float)) / steps, 1.0)
        return first * jnp.asarray(last / first, share.dtype) ** share

    return weight
