"""Air pollution: twenty-five reactions among twenty species, as text, and mass action on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.problems.problem import Problem, Reference
from duhamel.problems.sources import IVP_TEST_SET

__all__ = ["MAKERS", "mass_action"]

SPECIES = (
    *("NO2", "NO", "O3P", "O3", "HO2", "OH", "HCHO", "CO", "ALD", "MEO2"),
    *("C2O3", "CO2", "PAN", "CH3O", "HNO3", "O1D", "SO2", "SO4", "NO3", "N2O5"),
)
REACTIONS = (
    (0.35, "NO2 -> NO + O3P"),
    (0.266e2, "NO + O3 -> NO2"),
    (0.123e5, "HO2 + NO -> NO2 + OH"),
    (0.86e-3, "HCHO -> HO2 + HO2 + CO"),
    (0.82e-3, "HCHO -> CO"),
    (0.15e5, "HCHO + OH -> HO2 + CO"),
    (0.13e-3, "ALD -> MEO2 + HO2 + CO"),
    (0.24e5, "ALD + OH -> C2O3"),
    (0.165e5, "C2O3 + NO -> NO2 + MEO2 + CO2"),
    (0.9e4, "C2O3 + NO2 -> PAN"),
    (0.22e-1, "PAN -> C2O3 + NO2"),
    (0.12e5, "MEO2 + NO -> CH3O + NO2"),
    (0.188e1, "CH3O -> HCHO + HO2"),
    (0.163e5, "NO2 + OH -> HNO3"),
    (0.48e7, "O3P -> O3"),
    (0.35e-3, "O3 -> O1D"),
    (0.175e-1, "O3 -> O3P"),
    (0.1e9, "O1D -> OH + OH"),
    (0.444e12, "O1D -> O3P"),
    (0.124e4, "SO2 + OH -> SO4 + HO2"),
    (0.21e1, "NO3 -> NO"),
    (0.578e1, "NO3 -> NO2 + O3P"),
    (0.474e-1, "NO2 + O3 -> NO3"),
    (0.178e4, "NO3 + NO2 -> N2O5"),
    (0.312e1, "N2O5 -> NO3 + NO2"),
)
END = (
    *(0.5646255480022769e-1, 0.1342484130422339, 0.4139734331099427e-8, 0.5523140207484359e-2),
    *(0.2018977262302196e-6, 0.1464541863493966e-6, 0.7784249118997964e-1, 0.3245075353396018),
    *(0.7494013383880406e-2, 0.1622293157301561e-7, 0.1135863833257075e-7, 0.2230505975721359e-2),
    *(0.2087162882798630e-3, 0.1396921016840158e-4, 0.8964884856898295e-2, 0.4352846369330103e-17),
    *(0.6899219696263405e-2, 0.1007803037365946e-3, 0.1772146513969984e-5, 0.5682943292316392e-4),
)


def mass_action(
    species: Sequence[str], reactions: Sequence[tuple[float, str]]
) -> Callable[[Array, Array, Any], Array]:
    """f(t, u, args) = Σ_r change_r k_r Π u over what reaction r takes, for reactions "A + B -> C" of at most
    two reactants.

    One gather of two factors and one product with the matrix of changes: it compiles small.
    """
    changes = np.zeros((len(species), len(reactions)))
    # Where there is no second reactant, the factor is the one that is appended to the state.
    factors = np.full((len(reactions), 2), len(species))
    for row, (_, text) in enumerate(reactions):
        taken, given = ([name.strip() for name in side.split("+")] for side in text.split("->"))
        for place, name in enumerate(taken):
            factors[row, place] = species.index(name)
            changes[species.index(name), row] -= 1
        for name in given:
            changes[species.index(name), row] += 1
    rates = np.array([rate for rate, _ in reactions])

    def f(t: Array, u: Array, args: Any) -> Array:
        extended = jnp.append(u, jnp.ones(1, u.dtype))
        speeds = jnp.asarray(rates, u.dtype) * extended[factors[:, 0]] * extended[factors[:, 1]]
        return jnp.asarray(changes, u.dtype) @ speeds

    return f


def _pollution() -> Problem:
    start = {"NO": 0.2, "O3": 0.04, "HCHO": 0.1, "CO": 0.3, "ALD": 0.01, "SO2": 0.007}
    return Problem(
        name="pollution",
        set="ivp-test-set",
        equation=mass_action(SPECIES, REACTIONS),
        u0=np.array([start.get(name, 0.0) for name in SPECIES]),
        t1=60.0,
        physics="The chemistry of an air pollution model: rates from 1e-4 to 4e11.",
        literature="J. G. Verwer (1994), SIAM Journal on Scientific Computing 15, 1243-1250",
        references=(Reference(60.0, np.array(END), 1e-12, IVP_TEST_SET),),
        stiff=True,
        scale=1e-6,
    )


MAKERS = {"pollution": _pollution}
