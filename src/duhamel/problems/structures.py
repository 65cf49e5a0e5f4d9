"""Mechanical structures: an elastic beam and a plate, discretised in space."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.equation import Equation, Linear, Nonlinear
from duhamel.linear import Dense
from duhamel.problems.problem import Problem, Reference
from duhamel.problems.sources import HAIRER_WANNER, HW_FILES

__all__ = ["MAKERS"]

WIDE, HIGH = 8, 5
DAMPING, STIFFNESS, WEIGHT = 1000.0, 100.0, 200.0


def beam(t: Array, u: Array, args: Any) -> Array:
    """θ'' = C v + D w with C w = D v + θ'²: angles of an inextensible beam of n pieces, clamped at one end.

    v is bending, n⁴ times the second difference of θ, plus n² times the force at the free end, which acts
    until t = π. C is tridiagonal with 1, 2, …, 2, 3 on and -cos(θ_i - θ_{i-1}) beside the diagonal, D has
    ∓sin(θ_i - θ_{i-1}) beside it. State: n angles, then n angular velocities.
    """
    n = u.size // 2
    angle, speed = u[:n], u[n:]
    wide = jnp.concatenate([-angle[:1], angle, angle[-1:]])
    force = jnp.where(t <= jnp.pi, 1.5 * jnp.sin(t) ** 2, 0.0).astype(u.dtype)
    bend = n**4 * (wide[:-2] - 2 * angle + wide[2:])
    v = bend + n**2 * force * (jnp.cos(angle) + jnp.sin(angle))
    difference = angle[1:] - angle[:-1]
    cosines, sines = jnp.cos(difference), jnp.sin(difference)
    weights = jnp.full(n, 2, u.dtype).at[0].set(1).at[-1].set(3)
    below, above = jnp.pad(-cosines, (1, 0)), jnp.pad(-cosines, (0, 1))
    right = _turned(sines, v) + speed**2
    w = jax.lax.linalg.tridiagonal_solve(below, weights, above, right[:, None])[:, 0]
    coupled = weights * v + below * jnp.roll(v, 1) + above * jnp.roll(v, -1)
    return jnp.concatenate([speed, coupled + _turned(sines, w)])


def _turned(sines: Array, v: Array) -> Array:
    """D v."""
    return jnp.pad(sines * v[1:], (0, 1)) - jnp.pad(sines * v[:-1], (1, 0))


def _plate_operator() -> np.ndarray:
    """(u, v)' = (v, -ω v - σ Δ² u) on the inner points of a plate of 2 by 4/3 that is simply supported.

    There the biharmonic operator is the square of the Laplacian with zero boundary values.
    """
    step = 2.0 / (WIDE + 1)

    def second(n: int) -> np.ndarray:
        return (np.eye(n, k=1) - 2 * np.eye(n) + np.eye(n, k=-1)) / step**2

    laplacian = np.kron(np.eye(HIGH), second(WIDE)) + np.kron(second(HIGH), np.eye(WIDE))
    one = np.eye(WIDE * HIGH)
    return np.block([[0 * one, one], [-STIFFNESS * laplacian @ laplacian, -DAMPING * one]])


def load(t: Array, u: Array, args: Any) -> Array:
    """Two cars, four wheels, cross the plate on its second and fourth line."""
    x = 2.0 / (WIDE + 1) * jnp.arange(1, WIDE + 1, dtype=u.dtype)
    wheels = jnp.exp(-5 * (t - x - 2) ** 2) + jnp.exp(-5 * (t - x - 5) ** 2)
    lines = jnp.asarray([0, 1, 0, 1, 0], u.dtype)
    return jnp.concatenate([jnp.zeros(WIDE * HIGH, u.dtype), WEIGHT * jnp.outer(lines, wheels).reshape(-1)])


def _beam() -> Problem:
    return Problem(
        name="beam",
        set="hairer-wanner",
        equation=beam,
        u0=np.zeros(80),
        t1=5.0,
        physics="A clamped elastic beam, bent by a force at its end: many fast oscillations, not damped.",
        literature=HAIRER_WANNER,
        references=(Reference(5.0, np.array(BEAM), 1e-8, HW_FILES),),
        stiff=True,
        breaks=(float(np.pi),),
    )


def _plate() -> Problem:
    equation: Equation = Linear(Dense(_plate_operator())) + Nonlinear(load)
    lines = np.array(PLATE).reshape(2, 3, WIDE)
    end = np.concatenate([lines, lines[:, 1::-1]], axis=1).reshape(-1)
    return Problem(
        name="plate",
        set="hairer-wanner",
        equation=equation,
        u0=np.zeros(2 * WIDE * HIGH),
        t1=7.0,
        physics="A plate under two cars: linear, with real eigenvalues down to -1000 and complex ones.",
        literature=HAIRER_WANNER,
        references=(Reference(7.0, end, 1e-9, HW_FILES),),
        stiff=True,
        scale=1e-3,
    )


BEAM = (
    *(-0.005792366591294675, -0.016952985507199259, -0.027691033129713322, -0.038008156558781729),
    *(-0.047906168597422688, -0.057387104352737008, -0.066453273134522699, -0.075107305819780661),
    *(-0.083352197654124544, -0.091191346546446469, -0.098628587001297248, -0.105668220037774708),
    *(-0.112315039540924422, -0.118574355272698475, -0.124452012875526880, -0.129954411326390999),
    *(-0.135088518061004200, -0.139861881919410397, -0.144282644101482929, -0.148359547246256976),
    *(-0.152101942900106414, -0.155519797806080921, -0.158623699341992299, -0.161424860370167541),
    *(-0.163935123819275499, -0.166166967344037066, -0.168133508177817718, -0.169848508060189926),
    *(-0.171326378244038509, -0.172582184746215274, -0.173631653797526901, -0.174491177383960691),
    *(-0.175177818786287100, -0.175709317871242317, -0.176104096022807288, -0.176381260717507812),
    *(-0.176560609756417469, -0.176662635226010517, -0.176708527080694206, -0.176720176107510191),
    *(0.037473626808570053, 0.109911788012810762, 0.179836047447039129, 0.247242730557127186),
    *(0.312129382035491301, 0.374494737701689822, 0.434338607372647125, 0.491662035432760524),
    *(0.546467785483476383, 0.598760970245279030, 0.648549361126755851, 0.695843516905088648),
    *(0.740657266848912124, 0.783008174791347177, 0.822917665884869456, 0.860411030561688098),
    *(0.895517550233742218, 0.928270826293034365, 0.958708933474210358, 0.986874782150222219),
    *(1.012816579967983789, 1.036587736684594479, 1.058246826485315033, 1.077857811432700289),
    *(1.095490221995530989, 1.111219164319120026, 1.125125269269998022, 1.137294526582397119),
    *(1.147818025203744592, 1.156792131966898566, 1.164318845152484938, 1.170505992580311363),
    *(1.175467424328008220, 1.179323003206967714, 1.182198586301326345, 1.184226111211404704),
    *(1.185543909813440450, 1.186297084230907673, 1.186637618874913665, 1.186724615129383839),
)
# Three of five lines, deflections and then speeds: the plate is symmetric about its middle line.
PLATE = (
    *(0.000490143813851336, 0.000980081485560611, 0.001462893811482190, 0.001915822464411935),
    *(0.002285152533727002, 0.002461353376688549, 0.002254597413097122, 0.001438312591933600),
    *(0.000849025149228402, 0.001697885005625757, 0.002535239886068847, 0.003323989552181772),
    *(0.003977902193560667, 0.004320231736082990, 0.004025679955083897, 0.002643206356123840),
    *(0.000980287627702671, 0.001960162971121222, 0.002925787622964379, 0.003831644928823870),
    *(0.004570305067454005, 0.004922706753377098, 0.004509194826194244, 0.002876625183867201),
    *(-0.001177590304545409, -0.002409005827992214, -0.003722140831656533, -0.005078780056048207),
    *(-0.006302661811097914, -0.006973399942926759, -0.006394575120415784, -0.003960464551310118),
    *(-0.002040148244040460, -0.004174829877953482, -0.006456510337516159, -0.008832503276738242),
    *(-0.011029624807177369, -0.012352389570141255, -0.011524177328690540, -0.007253301886026949),
    *(-0.002355180609090818, -0.004818011655984428, -0.007444281663313065, -0.010157560112096413),
    *(-0.012605323622195828, -0.013946799885853517, -0.012789150240831569, -0.007920929102620235),
)
MAKERS = {"beam": _beam, "plate": _plate}
