"""How the shipped weights were made: `python -m duhamel.sampling.digits.train [FILE.npz]`.

Needs Optax and scikit-learn, whose digits are the data: 1797 pictures of 8 × 8 pixels, scaled to [−1, 1].
Each network learns its own prediction by least squares at random times; the label is hidden one time in
eight, so that the network also knows digits of no certain kind. The weights kept are an average over the
last steps, rounded to 16 bits. Two minutes on one core.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from duhamel.sampling.digits.network import DATA, FORMS, PIXELS, UNKNOWN, WEIGHTS, forward

__all__ = ["initial", "pictures", "train"]

WIDTH, CONDITION, WAVES, BLOCKS = 128, 48, 32, 3
STEPS, BATCH, RATE = 6000, 256, 2e-3


def pictures() -> tuple[np.ndarray, np.ndarray]:
    """The data, (1797, 64) in [−1, 1], and their labels, (1797,)."""
    from sklearn.datasets import load_digits

    found: Any = load_digits()
    return (found.data / 8 - 1).astype(np.float32), found.target.astype(np.int32)


def initial(seed: int, size: int = PIXELS) -> dict[str, np.ndarray]:
    """Weights before training, for samples of `size` numbers. Blocks and output begin at zero, so that the
    network begins as a gate."""
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return random.standard_normal(shape) / np.sqrt(shape[-2])

    weights = {
        "frequency": np.repeat(np.geomspace(0.5, 20.0, WAVES // 2), 2),
        "phase": np.tile([0.0, -0.5 * np.pi], WAVES // 2),
        "time": normal(WAVES, CONDITION),
        "labels": 0.5 * random.standard_normal((UNKNOWN + 1, CONDITION)),
        "in": normal(size, WIDTH),
        "in_bias": np.zeros(WIDTH),
        "blocks_in": normal(BLOCKS, WIDTH, WIDTH),
        "blocks_condition": normal(BLOCKS, CONDITION, WIDTH),
        "blocks_bias": np.zeros((BLOCKS, WIDTH)),
        "blocks_out": np.zeros((BLOCKS, WIDTH, WIDTH)),
        "gate": np.zeros((CONDITION, size)),
        "gate_bias": np.zeros(size),
        "out": np.zeros((WIDTH, size)),
        "out_bias": np.zeros(size),
    }
    return {name: value.astype(np.float32) for name, value in weights.items()}


def lesson(form: str, count: int, random: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Columns for `count` samples: what the network is told (time), the factors of its input (of x₀ and of
    noise) and of what it is to predict (of x₀ and of noise)."""
    even = (np.arange(count) + random.uniform()) / count
    schedule = FORMS[form][0]
    if form == "edm":
        sigma = np.exp(-0.8 + 1.6 * np.clip(random.standard_normal(count), -3, 3.2))
        told, total = 0.25 * np.log(sigma), np.hypot(sigma, DATA)
        # F = (x₀ − c_skip x)/c_out
        columns = told, 1 / total, sigma / total, sigma / (DATA * total), -DATA / total
    else:
        t = 1e-3 + (1 - 1e-3) * even
        target = (0 * t, 1 + 0 * t) if form == "vp" else (-1 + 0 * t, 1 + 0 * t)
        columns = schedule.model_time(t), schedule.alpha(t), schedule.sigma(t), *target
    return tuple(np.asarray(column, np.float32) for column in columns)


def train(form: str, seed: int, steps: int = STEPS) -> dict[str, np.ndarray]:
    """The weights of one form, in float16."""
    import jax
    import jax.numpy as jnp
    import optax

    data, labels = pictures()
    rule = optax.adam(optax.cosine_decay_schedule(RATE, steps))
    fixed = ("frequency", "phase")

    def loss(w: Any, batch: Any) -> Any:
        x0, z, label, (told, a, b, c, d) = batch
        asked = forward(w, a[:, None] * x0 + b[:, None] * z, told, w["labels"][label])
        return jnp.mean((asked - c[:, None] * x0 - d[:, None] * z) ** 2)

    def step(carry: Any, batch: Any) -> tuple[Any, Any]:
        w, state, kept = carry
        value, slope = jax.value_and_grad(loss)(w, batch)
        slope = slope | {name: jnp.zeros_like(slope[name]) for name in fixed}
        change, state = rule.update(slope, state, w)
        w = optax.apply_updates(w, change)
        kept = jax.tree.map(lambda old, new: old + 0.003 * (new - old), kept, w)
        return (w, state, kept), value

    run = jax.jit(lambda carry, batches: jax.lax.scan(step, carry, batches), donate_argnums=0)
    random = np.random.default_rng(seed)
    w = jax.tree.map(jnp.asarray, initial(seed))
    carry = (w, rule.init(w), jax.tree.map(jnp.copy, w))
    piece = 200
    for i in range(0, steps, piece):
        # Optax mixes its count of steps with floats, which strict promotion forbids
        with jax.numpy_dtype_promotion("standard"):
            carry, values = run(carry, _batches(form, data, labels, piece, random))
        if i % 1000 == 0:
            sys.stdout.write(f"{form} {i:5d} {float(values.mean()):.4f}\n")
    return {name: np.asarray(value, np.float16) for name, value in carry[2].items()}


def _batches(
    form: str, data: np.ndarray, labels: np.ndarray, count: int, random: np.random.Generator
) -> tuple[Any, ...]:
    place = random.integers(len(data), size=(count, BATCH))
    noise = random.standard_normal((count, BATCH, PIXELS), dtype=np.float32)
    label = np.where(random.uniform(size=place.shape) < 0.125, UNKNOWN, labels[place]).astype(np.int32)
    lessons = [lesson(form, BATCH, random) for _ in range(count)]
    return data[place], noise, label, tuple(np.stack(column) for column in zip(*lessons, strict=True))


def main() -> None:
    began = time.perf_counter()
    found = {}
    for seed, form in enumerate(FORMS):
        found |= {f"{form}.{name}": value for name, value in train(form, seed).items()}
    where = Path(sys.argv[1]) if len(sys.argv) > 1 else WEIGHTS
    np.savez_compressed(where, **found)
    sys.stdout.write(f"{where}: {where.stat().st_size} bytes, {time.perf_counter() - began:.0f} s\n")


if __name__ == "__main__":
    main()
