"""Exact solutions solve their equations: M u'(t) = f(t, u(t)), u' by automatic differentiation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.problems import PROBLEMS, get

SOLVED = [name for name in PROBLEMS if PROBLEMS[name].exact is not None]
VARIANTS = [
    ("prothero-robinson", {"lambda_": -1.0}),
    ("kaps", {"epsilon": 1e-6}),
    ("kepler", {"eccentricity": 0.1}),
    ("nls-soliton", {"height": 1.2, "speed": -1.0}),
    ("burgers", {"epsilon": 0.1}),
    ("hochbruck-ostermann", {"n": 20}),
]


def residual(problem, *times):
    """The largest entry of u' - f relative to the largest of u', over the times."""
    eq = problem.posed

    @jax.jit
    def both(t):
        u, slope = jax.jvp(problem.exact, (t,), (jnp.ones(()),))
        right = eq.decode(eq.rhs(t, eq.encode(u), problem.args))
        apart = jax.tree.map(lambda a, b: jnp.max(abs(a - b)), slope, right)
        size = [jnp.max(abs(v)) for v in jax.tree.leaves(slope)]
        return jnp.max(jnp.stack(jax.tree.leaves(apart))), jnp.max(jnp.stack(size))

    found = [both(jnp.asarray(t)) for t in times]
    return max(float(apart) / float(size) for apart, size in found)


@pytest.mark.parametrize("name", SOLVED)
def test_exact_solutions_have_no_residual(name):
    problem = PROBLEMS[name]
    times = problem.t0 + np.array([0.137, 0.519, 0.873]) * (problem.t1 - problem.t0)
    assert residual(problem, *times) < 2e-8


@pytest.mark.parametrize(("name", "parameters"), VARIANTS)
def test_they_follow_the_parameters(name, parameters):
    problem = get(name, **parameters)
    assert residual(problem, 0.3 * problem.t1) < 2e-8


def test_a_wrong_solution_has_a_residual():
    problem = PROBLEMS["kdv-solitons"]
    wrong = dh.problems.Problem(**{**vars(problem), "exact": lambda t: problem.exact(1.0001 * t)})
    assert residual(wrong, 0.003) > 1e-5


@pytest.mark.parametrize(
    ("name", "method", "rtol", "wanted"),
    [
        ("kepler", "tsit5", 1e-9, 1e-6),
        ("kdv-solitons", "etd54", 1e-7, 1e-4),
        pytest.param("hochbruck-ostermann", "etd54", 1e-8, 1e-7, marks=pytest.mark.slow),
        pytest.param("burgers", "etd54", 1e-8, 1e-6, marks=pytest.mark.slow),
        pytest.param("nls-soliton", "etd54", 1e-8, 1e-6, marks=pytest.mark.slow),
        pytest.param("hochbruck-ostermann-local", "etd54", 1e-8, 1e-7, marks=pytest.mark.slow),
    ],
)
def test_they_are_reached(name, method, rtol, wanted):
    problem = PROBLEMS[name]
    assert problem.error(problem.solve(method, rtol=rtol)) < wanted


def test_kaps_tells_the_stiff_part_from_the_other():
    stiff = [part.stiff for part in get("kaps").posed.nonlinear]
    assert sorted(stiff) == [False, True]
    u = jnp.asarray([0.3, 0.7])
    parts = [part.apply(jnp.zeros(()), u, {"epsilon": 1e-3}) for part in get("kaps").posed.nonlinear]
    fast = parts[stiff.index(True)]
    assert np.allclose(fast, [(0.49 - 0.3) / 1e-3, 0.0], rtol=1e-14)


def test_the_flow_of_the_reaction_is_exact():
    problem = get("diffusion-reaction", n=19)
    part = problem.posed.nonlinear[0]
    v = problem.posed.encode(problem.u0)
    h = jnp.asarray(0.05)
    later, rate = jax.jvp(lambda s: part.flow(jnp.zeros(()), s, v, None), (h,), (jnp.ones(()),))
    assert np.allclose(rate, part.apply(jnp.zeros(()), later, None), rtol=1e-12, atol=1e-12)
    assert np.allclose(part.flow(jnp.zeros(()), 0 * h, v, None), v, rtol=0, atol=1e-13)
