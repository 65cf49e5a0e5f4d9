"""`method=None`: what is chosen for which equation, and that it is a good choice there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.problems import get

FAST = jnp.linspace(-1.0, -1000.0, 40)
ADAPTIVE = dh.Adaptive(rtol=1e-6, atol=1e-9)


def bend(t, u, args):
    return jnp.sin(u)


def relax(t, u, args):
    return -1000.0 * (u - jnp.cos(t))


def called(t, u, args):
    return jax.pure_callback(lambda v: -np.asarray(v), jax.ShapeDtypeStruct(u.shape, u.dtype), u)


DIAGONAL = dh.Linear(dh.Diagonal(FAST))
FULL = dh.Linear(dh.Dense(jnp.diag(FAST)))
CASES = {
    "few unknowns": (bend, 3, ADAPTIVE, "auto"),
    "few unknowns, fixed steps": (bend, 3, dh.Fixed(0.1), "rk4"),
    "many unknowns": (bend, 40, ADAPTIVE, "tsit5"),
    "a callback without derivatives": (called, 3, ADAPTIVE, "tsit5"),
    "one linear part": (DIAGONAL + dh.Nonlinear(bend), 40, ADAPTIVE, "etd54"),
    "one linear part, fixed steps": (DIAGONAL + dh.Nonlinear(bend), 40, dh.Fixed(0.1), "etdrk4"),
    "two linear parts": (DIAGONAL + DIAGONAL + dh.Nonlinear(bend), 40, ADAPTIVE, "ark54"),
    "two that cannot be summed": (DIAGONAL + FULL + dh.Nonlinear(bend), 40, dh.Fixed(1e-3), "strang"),
    "stiff and not": (dh.Nonlinear(relax, stiff=True) + dh.Nonlinear(bend), 40, ADAPTIVE, "ark54"),
    "stiff, few": (dh.Nonlinear(relax, stiff=True) + dh.Nonlinear(bend), 3, ADAPTIVE, "rodas5p"),
    "mass": (dh.with_mass(dh.Nonlinear(bend), 2 * jnp.eye(3)), 3, ADAPTIVE, "rodas5p"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_structure_decides(case):
    eq, size, step, name = CASES[case]
    sol = dh.solve(eq, jnp.ones(size), t1=0.2, step=step)
    assert sol.method.name == name
    assert sol.why != "asked for"
    other = dh.solve(eq, jnp.ones(size), t1=0.2, step=step, method=name)
    assert np.array_equal(sol.us, other.us)


@pytest.mark.parametrize("name", ["hires", "robertson", "van-der-pol"])
def test_a_stiff_problem_nobody_called_stiff_is_solved(name):
    """An explicit method alone would need millions of steps."""
    problem = get(name)
    known = problem.references[0]
    step = dh.Adaptive(rtol=1e-7, atol=1e-9 if name != "robertson" else 1e-14)
    sol = dh.solve(problem.equation, problem.u0, t1=known.t, args=problem.args, step=step)
    assert problem.distance(sol.us[-1], known) < 1e-4
    assert sol.stats.steps < 5000
    assert "rodas5p from t" in sol.why
