"""DETEST class C: moderate systems, four linear chains and the five outer planets."""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.problems.detest.entry import problem
from duhamel.problems.problem import Problem

__all__ = ["GRAVITY", "MAKERS", "MASSES", "SUN"]

# Mass of the sun with the inner planets and of Jupiter, Saturn, Uranus, Neptune, Pluto, in suns; the constant
# of gravitation in astronomical units, suns and hundreds of days.
SUN = 1.00000597682
MASSES = np.array(
    [0.954786104043e-3, 0.285583733151e-3, 0.437273164546e-4, 0.517759138449e-4, 0.277777777778e-5]
)
GRAVITY = 2.95912208286


def decay_chain(t: Array, u: Array, args: Any) -> Array:
    """u_i' = u_{i-1} - u_i, and the last member only collects."""
    leaves = u[:-1]
    return jnp.concatenate([-leaves, jnp.zeros(1, u.dtype)]) + jnp.concatenate(
        [jnp.zeros(1, u.dtype), leaves]
    )


def growing_chain(t: Array, u: Array, args: Any) -> Array:
    """u_i' = (i-1) u_{i-1} - i u_i, and the last member only collects."""
    leaves = jnp.arange(1, u.size, dtype=u.dtype) * u[:-1]
    return jnp.concatenate([-leaves, jnp.zeros(1, u.dtype)]) + jnp.concatenate(
        [jnp.zeros(1, u.dtype), leaves]
    )


def heat(t: Array, u: Array, args: Any) -> Array:
    """u_i' = u_{i-1} - 2u_i + u_{i+1}, zero beyond both ends."""
    wide = jnp.pad(u, 1)
    return wide[:-2] - 2 * u + wide[2:]


def planets(t: Array, u: Array, args: Any) -> Array:
    """q_i'' = G(-(M + m_i) q_i/|q_i|³ + Σ_j m_j ((q_j - q_i)/|q_j - q_i|³ - q_j/|q_j|³)), seen from the sun.

    The last term is that of the sun's own motion. State: fifteen positions, then fifteen velocities.
    """
    masses = jnp.asarray(MASSES, u.dtype)[:, None]
    q, v = u[:15].reshape(5, 3), u[15:]
    to_sun = q * jnp.sum(q**2, axis=1, keepdims=True) ** -1.5
    difference = q[None] - q[:, None]
    squared = jnp.sum(difference**2, axis=2) + jnp.eye(5, dtype=u.dtype)
    pull = jnp.sum(masses[None] * difference * squared[..., None] ** -1.5, axis=1)
    drag = jnp.sum(masses * to_sun, axis=0) - masses * to_sun
    return jnp.concatenate([v, (GRAVITY * (pull - drag - (SUN + masses) * to_sun)).reshape(-1)])


def _chain_start(n: int) -> list[float]:
    return [1.0] + [0.0] * (n - 1)


def _powers(x: Array, n: int) -> Array:
    """1, x, …, x^{n-1}, with derivatives also at x = 0."""
    return jnp.cumprod(jnp.concatenate([jnp.ones(1), jnp.broadcast_to(x, n - 1)]))


def _c1() -> Problem:
    weights = np.array([1.0 / factorial(k) for k in range(9)])

    def exact(t: Array) -> Array:
        parts = jnp.exp(-t) * weights * _powers(t, 9)
        return jnp.append(parts, 1 - jnp.sum(parts))

    end = [2.061153622240064e-09, 4.122307244619555e-08, 4.122307244716968e-07, 2.748204829855288e-06]
    end += [1.374102414941961e-05, 5.496409659803266e-05, 1.832136553274552e-04, 5.234675866508716e-04]
    end += [1.308668966628220e-03, 9.979127409508656e-01]
    return problem("c1", decay_chain, _chain_start(10), end, "A chain of radioactive decays.", exact=exact)


def _c2() -> Problem:
    def exact(t: Array) -> Array:
        parts = jnp.exp(-t) * _powers(1 - jnp.exp(-t), 9)
        return jnp.append(parts, 1 - jnp.sum(parts))

    end = [2.061153577984930e-09, 2.061153573736588e-09, 2.061153569488245e-09, 2.061153565239902e-09]
    end += [2.061153560991560e-09, 2.061153556743217e-09, 2.061153552494874e-09, 2.061153548246532e-09]
    end += [2.061153543998189e-09, 9.999999814496180e-01]
    return problem(
        "c2", growing_chain, _chain_start(10), end, "A decay that quickens member by member.", exact=exact
    )


def _heat_from_the_left(n: int) -> Callable[[Array], Array]:
    """The exact solution of `heat` from (1, 0, …, 0): a sum over the n sine modes."""
    modes = np.arange(1, n + 1) * np.pi / (n + 1)
    sines = np.sin(np.outer(np.arange(1, n + 1), modes))
    rates = -4 * np.sin(modes / 2) ** 2
    return lambda t: 2 / (n + 1) * jnp.sum(sines * sines[0] * jnp.exp(rates * t), axis=1)


def _c3() -> Problem:
    end = [2.948119211022058e-03, 5.635380154844266e-03, 7.829072515926013e-03, 9.348257908594937e-03]
    end += [1.007943610301970e-02, 9.982674171429909e-03, 9.088693332766085e-03, 7.489115195185912e-03]
    end += [5.322964130953349e-03, 2.762434379029886e-03]
    exact = _heat_from_the_left(10)
    return problem(
        "c3", heat, _chain_start(10), end, "The heat equation by the method of lines.", exact=exact
    )


def _c4() -> Problem:
    exact = _heat_from_the_left(51)
    return problem("c4", heat, _chain_start(51), C4_END, "The same on a rod of 51 points.", exact=exact)


def _c5() -> Problem:
    start = [*C5_POSITIONS, *C5_VELOCITIES]
    return problem("c5", planets, start, C5_END, "The five outer planets around the sun, for 2000 days.")


C4_END = (
    *(3.124111453721466e-03, 6.015416842150318e-03, 8.470021834842650e-03, 1.033682931733337e-02),
    *(1.153249572873923e-02, 1.204549525737964e-02, 1.192957068015293e-02, 1.128883207111195e-02),
    *(1.025804501391024e-02, 8.982017581934167e-03, 7.597500902492453e-03, 6.219920556824985e-03),
    *(4.935916341009131e-03, 3.801432544256119e-03, 2.844213677587894e-03, 2.069123394222672e-03),
    *(1.464687282843915e-03, 1.009545263941126e-03, 6.779354330227017e-04, 4.437815269118510e-04),
    *(2.833264542938954e-04, 1.765005798796805e-04, 1.073342592697238e-04, 6.374497601777217e-05),
    *(3.698645309704183e-05, 2.097466832643746e-05, 1.162956710412555e-05, 6.306710405783322e-06),
    *(3.346286430868515e-06, 1.737760074184334e-06, 8.835366904275847e-07, 4.399520411127637e-07),
    *(2.146181897152360e-07, 1.025981211654928e-07, 4.807864068784215e-08, 2.209175152474847e-08),
    *(9.956251263138180e-09, 4.402193653748924e-09, 1.910149382204028e-09, 8.135892921473050e-10),
    *(3.402477118549235e-10, 1.397485617545782e-10, 5.638575303049199e-11, 2.235459707956947e-11),
    *(8.710498036398032e-12, 3.336554275346643e-12, 1.256679567784939e-12, 4.654359053128788e-13),
    *(1.693559145599857e-13, 5.996593816663054e-14, 1.891330702629865e-14),
)
C5_POSITIONS = (
    *(3.42947415189, 3.35386959711, 1.35494901715),
    *(6.64145542550, 5.97156957878, 2.18231499728),
    *(11.2630437207, 14.6952576794, 6.27960525067),
    *(-30.1552268759, 1.65699966404, 1.43785752721),
    *(-21.1238353380, 28.4465098142, 15.3882659679),
)
C5_VELOCITIES = (
    *(-0.557160570446, 0.505696783289, 0.230578543901),
    *(-0.415570776342, 0.365682722812, 0.169143213293),
    *(-0.325325669158, 0.189706021964, 0.0877265322780),
    *(-0.0240476254170, -0.287659532608, -0.117219543175),
    *(-0.176860753121, -0.216393453025, -0.0148647893090),
)
C5_END = (
    *(-4.792730224323733e00, -2.420550725448973e00, -9.212509306014886e-01),
    *(-4.217310404035213e00, 7.356202947498970e00, 3.223785985421212e00),
    *(4.035559443262270e00, 1.719865528670555e01, 7.478910794233703e00),
    *(-2.998759326324844e01, -4.107310937550929e00, -9.277008321754407e-01),
    *(-2.442125302518482e01, 2.381459045746554e01, 1.492096306951359e01),
    *(3.499208963063806e-01, -5.748487687912825e-01, -2.551694020879149e-01),
    *(-5.237040978903326e-01, -2.493000463579661e-01, -8.045341642044464e-02),
    *(-3.875289237334110e-01, 5.648603288767891e-02, 3.023606472143342e-02),
    *(4.133856546712445e-02, -2.862393029841379e-01, -1.183032405136207e-01),
    *(-1.511986457359206e-01, -2.460068894318766e-01, -3.189687411323877e-02),
)
MAKERS = {"detest-c1": _c1, "detest-c2": _c2, "detest-c3": _c3, "detest-c4": _c4, "detest-c5": _c5}
