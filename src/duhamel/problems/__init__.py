"""Test problems with known solutions: `get("hires")` is one, `PROBLEMS` holds all of them.

Each is made when it is first asked for. `get(name, parameter=…)` makes one with other parameters.
"""

from typing import Any

from duhamel.problems import (
    chemistry,
    circuits,
    detest,
    model,
    orbits,
    oscillators,
    periodic,
    pollution,
    reaction_diffusion,
    structures,
)
from duhamel.problems.library import Library
from duhamel.problems.problem import Hamiltonian, Problem, Reference

_PARTS = (
    detest,
    chemistry,
    pollution,
    circuits,
    structures,
    reaction_diffusion,
    model,
    periodic,
    orbits,
    oscillators,
)

# In the order in which tables show them.
SETS = (
    "detest",
    "hairer-wanner",
    "ivp-test-set",
    "dae",
    "model",
    "parabolic",
    "kassam-trefethen",
    "periodic",
    "hamiltonian",
    "three-body",
)

PROBLEMS = Library({name: maker for part in _PARTS for name, maker in part.MAKERS.items()})


def get(name: str, **parameters: Any) -> Problem:
    """The problem called `name`; `parameters` replace its own, such as `get("kaps", epsilon=1e-5)`.

    Raises InputError, with the names nearest to it, if there is none, and for a parameter it has not.
    """
    return PROBLEMS.make(name, **parameters)


__all__ = ["PROBLEMS", "SETS", "Hamiltonian", "Library", "Problem", "Reference", "get"]
