"""The library finds its problems by name, makes them when asked, and says what it has not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.problems import PROBLEMS, Problem, get
from duhamel.problems.library import Library

NAMES = list(PROBLEMS)
PLAIN = [name for name in NAMES if PROBLEMS[name].kind != "pde"]


def test_all_sets_are_there():
    detest = {f"detest-{letter}{number}" for letter in "abcdef" for number in range(1, 6)}
    assert detest <= set(NAMES)
    stiff = (
        "van-der-pol robertson oregonator hires e5 plate beam cusp brusselator-1d ks-hairer-wanner pollution"
    )
    assert set(stiff.split()) <= {name for name in NAMES if PROBLEMS[name].stiff}
    assert {name for name in NAMES if PROBLEMS[name].kind == "dae"} == {
        "robertson-dae",
        "transistor-amplifier",
        "chemical-akzo-nobel",
    }
    moving = {"kepler", "pleiades", "pendulum", "henon-heiles", "outer-solar-system", "fput", "fput-springs"}
    assert {name for name in NAMES if PROBLEMS[name].kind == "hamiltonian"} == moving


def test_a_problem_is_made_once_and_only_when_it_is_asked_for():
    made = []

    def maker(size: int = 2):
        made.append(size)
        return PROBLEMS["detest-a1"]

    library = Library({"one": maker})
    assert list(library) == ["one"]
    assert "one" in library
    assert not made
    assert library["one"] is library["one"] is library.make("one")
    assert made == [2]
    library.make("one", size=5)
    assert made == [2, 5]


def test_parameters_replace_those_of_the_problem_and_drop_references_that_no_longer_hold():
    assert get("kaps", epsilon=1e-6).args == {"epsilon": 1e-6}
    small = get("brusselator-1d", n=20)
    assert small.u0.shape == (20, 2)
    assert not small.references
    assert get("brusselator-1d").references


@pytest.mark.parametrize(
    ("arguments", "more", "message"),
    [
        (("hirez",), {}, "Near it: .*hires"),
        (("qqqq",), {}, "PROBLEMS"),
        (("kaps",), {"mu": 1.0}, "has no parameter 'mu'; it has: epsilon"),
    ],
)
def test_unknown_names_and_parameters_are_explained(arguments, more, message):
    with pytest.raises(dh.InputError, match=message):
        get(*arguments, **more)


@pytest.mark.parametrize("name", NAMES)
def test_every_problem_says_what_it_is_and_evaluates(name):
    problem = PROBLEMS[name]
    assert problem.name == name
    assert problem.kind in ("ode", "dae", "pde", "hamiltonian")
    assert problem.t1 > problem.t0
    assert problem.physics.endswith(".")
    assert problem.literature
    assert problem.exact is not None or problem.references
    assert all(found.source and found.accuracy <= 1e-6 for found in problem.references)
    eq = problem.posed
    u0 = eq.encode(problem.u0)
    slope = jax.jit(lambda t, u: eq.rhs(t, u, problem.args))(jnp.asarray(problem.t0), u0)
    for a, b in zip(jax.tree.leaves(slope), jax.tree.leaves(u0), strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        assert np.all(np.isfinite(a))


@pytest.mark.parametrize("name", PLAIN)
def test_right_hand_sides_keep_single_precision(name):
    problem = PROBLEMS[name]
    single = jax.ShapeDtypeStruct((), jnp.float32)
    u0 = jax.tree.map(lambda v: jax.ShapeDtypeStruct(v.shape, jnp.float32), problem.u0)
    slope = jax.eval_shape(lambda t, u: problem.posed.rhs(t, u, problem.args), single, u0)
    assert {v.dtype for v in jax.tree.leaves(slope)} == {jnp.dtype("float32")}


@pytest.mark.parametrize("name", [n for n in NAMES if PROBLEMS[n].exact is not None and n != "kdv-solitons"])
def test_exact_solutions_start_at_the_initial_state(name):
    problem = PROBLEMS[name]
    eq = problem.posed
    start = eq.decode(eq.encode(problem.u0))
    assert problem.error(start, problem.t0) < 1e-13


def test_the_error_is_relative_above_the_scale_and_absolute_below():
    problem = Problem("p", "s", lambda t, u, args: -u, np.ones(2), 1.0, "physics", "paper", scale=0.5)
    reference = dh.problems.Reference(1.0, np.array([9.5, 0.0]), 0.0, "made up")
    assert problem.distance(np.array([9.6, 0.0]), reference) == pytest.approx(0.1 / 10)
    assert problem.distance(np.array([9.5, 0.2]), reference) == pytest.approx(0.2 / 0.5)
    with pytest.raises(dh.InputError, match="states of shape"):
        problem.distance(np.ones(3), reference)
    with pytest.raises(dh.InputError, match="not on record at t=1; it is at no time"):
        problem.error(np.ones(2))


def test_solve_takes_times_parameters_and_tolerances_from_the_problem():
    problem = get("kaps", epsilon=0.1)
    sol = problem.solve("tsit5", rtol=1e-8, t1=0.5, save=dh.Save(every=0.25))
    assert sol.ts.tolist() == [0.0, 0.25, 0.5]
    assert problem.error(sol, 0.5) < 1e-7
    assert problem.solve("tsit5", dh.Fixed(0.05)).stats.steps == 20
