"""The networks: one small residual perceptron, written once for arrays of NumPy, PyTorch and JAX."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from duhamel.errors import InputError
from duhamel.sampling.arrays import kind_of, library
from duhamel.sampling.schedules import EDM, VP, Flow

__all__ = ["FORMS", "UNKNOWN", "Digits", "forward", "load"]

Array = Any

PIXELS = 64
UNKNOWN = 10
DATA = 0.75
WEIGHTS = Path(__file__).with_name("weights.npz")

# what each network was trained for: its schedule, and what it predicts
FORMS: dict[str, tuple[Any, str]] = {
    "vp": (VP(), "eps"),
    "edm": (EDM(data=DATA), "edm"),
    "flow": (Flow(), "flow"),
}


def forward(w: dict[str, Array], x: Array, t: Array, condition: Array) -> Array:
    """g ⊙ x + W h_K + b, with h₀ = W₀ x and h_k = h_{k−1} + A_k silu(B_k h_{k−1} + C_k c + b_k).

    c = silu(E cos(ω t + φ) + `condition`) holds time and label, and g is affine in c. x: (B, 64). t: () or
    (B,). condition: (B, C) or (C,). Returns (B, 64). Cost: two products of 128 × 128 a block and sample.
    """
    waves = library(x).cos(t[..., None] * w["frequency"] + w["phase"])
    c = _silu(x, waves @ w["time"] + condition)
    h = x @ w["in"] + w["in_bias"]
    for k in range(len(w["blocks_in"])):
        inner = h @ w["blocks_in"][k] + c @ w["blocks_condition"][k] + w["blocks_bias"][k]
        h = h + _silu(x, inner) @ w["blocks_out"][k]
    return (c @ w["gate"] + w["gate_bias"]) * x + h @ w["out"] + w["out_bias"]


def _silu(like: Array, z: Array) -> Array:
    return 0.5 * z * (1 + library(like).tanh(0.5 * z))


class Digits:
    """A network of one form: `schedule` and `predicts` say for what; model(x, t) or model(x, t, labels).

    x: (B, 64), (B, 8, 8) or (B, 1, 8, 8), of NumPy, PyTorch or JAX; the result has its shape and type.
    `labels`: the digits wanted, (B,) whole numbers; 10 (the default) stands for any. Safe in threads.
    """

    def __init__(self, form: str, weights: dict[str, np.ndarray]):
        self.form = form
        self.schedule, self.predicts = FORMS[form]
        self.weights = weights
        self._made: dict[Any, dict[str, Array]] = {}

    def __call__(self, x: Array, t: Any, labels: Any = None) -> Array:
        w = self._like(x)
        kind = kind_of(x)
        module = library(x)
        table = module.asarray(w["labels"]) if kind == "jax" else w["labels"]
        condition = table[UNKNOWN if labels is None else labels]
        if kind == "torch":
            t = module.as_tensor(t, dtype=x.dtype, device=x.device)
        else:
            t = module.asarray(t, dtype=x.dtype)
        return forward(w, x.reshape(x.shape[0], PIXELS), t, condition).reshape(x.shape)

    def _like(self, x: Array) -> dict[str, Array]:
        """The weights as arrays that work with x; those for JAX stay NumPy's, so that no trace leaks."""
        key = (kind_of(x), str(x.dtype), str(getattr(x, "device", "")) if kind_of(x) == "torch" else "")
        if key not in self._made:
            if key[0] == "torch":
                made = {name: x.new_tensor(value) for name, value in self.weights.items()}
            else:
                made = {name: value.astype(x.dtype) for name, value in self.weights.items()}
            self._made[key] = made
        return self._made[key]


@cache
def load(form: str = "vp") -> Digits:
    """The shipped network of a form: "vp", "edm" or "flow". Raises `InputError` for another name."""
    if form not in FORMS:
        raise InputError(f"there is no network of form {form!r}: use one of {', '.join(FORMS)}")
    with np.load(WEIGHTS) as stored:
        names = [name for name in stored.files if name.startswith(form + ".")]
        return Digits(form, {name.partition(".")[2]: stored[name].astype(np.float32) for name in names})
