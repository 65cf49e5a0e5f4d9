"""Which plans suit trained networks that predict ε: `sampling_default`'s question, asked of networks.

    python -m bench.sampling_default_networks            # a table of the best combinations; minutes

A network that predicts ε with a small error δ has one of δ σ/α in x̂₀, a hundred times as large where α is
near 0. So a grid that suits exact scores may be a bad one for networks. The networks learn samples of two
mixtures of `sampling_default`, in 8 and 16 dimensions; none is used where samplers are compared elsewhere.
Reference: 800 steps of the same network.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.sampling_default import BUDGETS, PROBLEMS, Mixture, error
from duhamel import sampling
from duhamel.errors import InputError
from duhamel.sampling.digits import train
from duhamel.sampling.digits.errors import reference
from duhamel.sampling.digits.network import UNKNOWN, forward

__all__ = ["combinations", "errors", "fitted"]

VP = sampling.VP()


def drawn(mixture: Mixture, count: int, random: np.random.Generator) -> np.ndarray:
    """Samples of a mixture, (count, D)."""
    place = random.choice(len(mixture.log_weights), count, p=np.exp(mixture.log_weights))
    noise = random.standard_normal((count, mixture.means.shape[1]))
    return mixture.means[place] + np.sqrt(mixture.square[place]) * noise


def fitted(mixture: Mixture, steps: int = 2500, batch: int = 256) -> Callable[..., np.ndarray]:
    """A network that predicts ε of a mixture on the linear VP schedule, trained on 20000 samples."""
    import jax
    import jax.numpy as jnp
    import optax

    random = np.random.default_rng(0)
    data = drawn(mixture, 20000, random).astype(np.float32)
    rule = optax.adam(optax.cosine_decay_schedule(2e-3, steps))

    def loss(w: Any, x0: Any, z: Any, t: Any, a: Any, b: Any) -> Any:
        found = forward(w, a[:, None] * x0 + b[:, None] * z, t, w["labels"][UNKNOWN])
        return jnp.mean((found - z) ** 2)

    @jax.jit
    def step(w: Any, state: Any, kept: Any, *columns: Any) -> tuple[Any, Any, Any]:
        change, state = rule.update(jax.grad(loss)(w, *columns), state, w)
        w = optax.apply_updates(w, change)
        return w, state, jax.tree.map(lambda old, new: old + 0.005 * (new - old), kept, w)

    w = jax.tree.map(jnp.asarray, train.initial(0, data.shape[1]))
    state, kept = rule.init(w), w
    for _ in range(steps):
        t = random.uniform(1e-3, 1.0, batch)
        x0, z = data[random.integers(len(data), size=batch)], random.standard_normal((batch, data.shape[1]))
        columns = (np.asarray(value, np.float32) for value in (x0, z, t, VP.alpha(t), VP.sigma(t)))
        w, state, kept = step(w, state, kept, *columns)
    weights = {name: np.asarray(value, np.float64) for name, value in kept.items()}
    return lambda x, t: forward(weights, x, np.asarray(t), weights["labels"][UNKNOWN])


def combinations() -> Any:
    """Every candidate, as arguments of `plan`."""
    grids: list[Any] = ["uniform", "quadratic", ("power", 1.5), ("power", 2.5), ("power", 3.0), "logsnr"]
    grids += [("karras", 7.0), ("beta", 0.6)]
    grids += [("arctan", c, p) for c in (0.5, 0.7, 1.0, 2.0, 4.0) for p in (1.0, 1.5, 2.0)]
    pairs = [("arctan", "v"), ("logsnr", "x0"), ("logsnr", "eps"), ("t", "v"), ("t", "eps"), ("logsnr", "v")]
    for grid, (variable, linear), order, corrector in itertools.product(
        grids, [*pairs, ("rho", "eps")], (1, 2, 3, 4), (False, True)
    ):
        yield {"grid": grid, "variable": variable, "linear": linear, "order": order, "corrector": corrector}


def errors(places: tuple[int, ...] = (1, 2), samples: int = 32, steps: int = 2500) -> dict[str, np.ndarray]:
    """For each combination, as text, its errors of shape (networks, budgets)."""
    cases = []
    for place in places:
        net = fitted(PROBLEMS[place], steps)
        fine = reference(VP, "eps", 1.0, 800)
        shape = (samples, PROBLEMS[place].means.shape[1])
        noise = np.random.default_rng(9).standard_normal(shape) * fine.start_scale
        cases.append((net, noise, sampling.sample(net, noise, fine)))
    found = {}
    for choice in combinations():
        try:
            plans = [sampling.plan(VP, "multistep", steps=n, **choice) for n in BUDGETS]
        except InputError:
            continue
        with np.errstate(all="ignore"):
            table = [[error(sampling.sample(f, x, plan), end) for plan in plans] for f, x, end in cases]
        found[repr(choice)] = np.nan_to_num(np.array(table), nan=1e6, posinf=1e6)
    return found


def main() -> None:
    found = errors(steps=int(sys.argv[1]) if len(sys.argv) > 1 else 2500)
    names, whole = list(found), np.array(list(found.values()))
    ratio = np.log(whole / whole.min(axis=0))
    scores = [(f"{n} evaluations", ratio[..., k].mean(axis=1)) for k, n in enumerate(BUDGETS)]
    for title, score in [*scores, ("all together", ratio.mean(axis=(1, 2)))]:
        print(title)
        for i in np.argsort(score)[:12]:
            print(f"  {np.exp(score[i]):6.3f} {np.exp(ratio[i].max()):7.2f}  {names[i]}")


if __name__ == "__main__":
    main()
