"""Compositions of any flows whatever: functions, networks, solvers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from duhamel.equation import Function
from duhamel.errors import InputError
from duhamel.methods.base import State
from duhamel.methods.splitting.continuation import continued
from duhamel.methods.splitting.parts import Complex
from duhamel.methods.splitting.registry import METHODS
from duhamel.methods.splitting.sequence import Flow, flows
from duhamel.methods.splitting.stepper import Splitting, weighted_sum
from duhamel.methods.splitting.symplectic import Mechanical

__all__ = ["Composition", "compose"]

_BY_NAME = {method.name: method for method in METHODS}


class Composition(eqx.Module):
    """u₁ = Φ_{part n}(γₙh) ∘ … ∘ Φ_{part 1}(γ₁h) u, with the flows Φ(h, u) and the fractions of a splitting.

    A pytree: the numbers inside flows that are modules are its own, so it can be trained.
    """

    flows: tuple[Callable[[Any, State], State], ...]
    method: Splitting

    def __call__(self, h: Any, u: State) -> State:
        """The state after a time h."""
        ends = [self._through(flows(b.sweeps, len(self.flows)), h, u) for b in self.method.compositions]
        return weighted_sum([b.weight for b in self.method.compositions], ends)

    def _through(self, sequence: tuple[Flow, ...], h: Any, u: State) -> Complex:
        state = Complex(u, None)
        for part, fraction, _ in sequence:
            run = self.flows[part]
            if state.im is None and not fraction.imag:
                state = Complex(run(fraction.real * h, state.re), None)
                continue
            times = fraction.real * jnp.asarray(h), fraction.imag * jnp.asarray(h) if fraction.imag else None
            what = f"flow number {part + 1}"
            state = Complex(*continued(run, (times[0], state.re), (times[1], state.im), what))
        return state


def compose(flows: Sequence[Callable[[Any, State], State]], method: Any) -> Composition:
    """A step (h, u) → u made of flows Φ(h, u) by a splitting method, its class or its name.

    The flows may be anything that moves a state for a time h: exact solutions, solvers, residual layers
    u + h·f(u) of a network. `compose([attention, feed_forward], "lie")` is a transformer block,
    `compose([feed_forward, attention], "strang")` the Macaron block with half a feed-forward on either side
    (Lu et al. 2019). Fractions may be negative, or complex; for these the flows are continued analytically
    and the real part is returned. Raises `InputError` for what is no splitting or no function.
    """
    if isinstance(method, str):
        if method not in _BY_NAME:
            raise InputError(f"{method!r} is no splitting; these are: {', '.join(_BY_NAME)}.")
        method = _BY_NAME[method]
    if isinstance(method, type) and issubclass(method, Splitting):
        method = method()
    if not isinstance(method, Splitting):
        raise InputError(f"compose takes a splitting such as dh.Strang(), or its name, got {method!r}.")
    if not flows or not all(callable(f) for f in flows):
        raise InputError("compose takes a list of functions (h, u) -> u, at least one.")
    if isinstance(method, Mechanical) and len(flows) != 2:
        raise InputError(f"{method.name} composes a kick and a drift; {len(flows)} flows were given.")
    modules = [Function(f) if jax.tree.structure(f) == jax.tree.structure(0) else f for f in flows]
    return Composition(tuple(modules), method)
