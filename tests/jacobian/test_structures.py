"""Every structure of Jacobian against dense matrices of NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.equation import as_equation
from duhamel.jacobian import Banded, Coloured, Full, Small, System, Tridiagonal, structure_of

RNG = np.random.default_rng(0)


def small(t, u, args):
    return jnp.stack([u[0] * u[1], u[2] - 1e4 * u[1] * u[1], u[0] + t * u[2]])


def heat(t, u, args):
    """Second differences and a reaction: tridiagonal."""
    wide = jnp.pad(u, 1)
    return args * (wide[2:] - 2 * wide[1:-1] + wide[:-2]) + u * u


def brusselator(t, u, args):
    """A stacked state of two fields, whose band is narrow only once the unknowns are interleaved."""
    first, second = u
    lap = [jnp.pad(v, 1)[2:] - 2 * v + jnp.pad(v, 1)[:-2] for v in (first, second)]
    return jnp.stack(
        [1 + first**2 * second - 4 * first + 9 * lap[0], 3 * first - first**2 * second + 7 * lap[1]]
    )


def plane(t, u, args):
    """Diffusion on a small periodic square: sparse, no narrow band."""
    return sum(jnp.roll(u, s, a) for s in (1, -1) for a in (0, 1)) - 4 * u + u * u


def arrow(t, u, args):
    """Everything depends on everything."""
    return u - jnp.sum(u) * u[0]


PROBLEMS = {
    "small": (small, RNG.standard_normal(3), None, Small),
    "heat": (heat, RNG.standard_normal(40), 30.0, Tridiagonal),
    "brusselator": (brusselator, RNG.standard_normal((2, 40)), None, Banded),
    "plane": (plane, RNG.standard_normal((5, 5)), None, Coloured),
    "arrow": (arrow, RNG.standard_normal(12), None, Full),
}


@pytest.fixture(params=PROBLEMS)
def case(request, dtype):
    f, u, args, kind = PROBLEMS[request.param]
    state, eq = jnp.asarray(u, dtype), as_equation(f)
    structure = structure_of(eq, state, args)
    assert type(structure) is kind
    x = state.reshape(-1)
    t = jnp.asarray(0.5, dtype)
    dense = np.asarray(jax.jacfwd(lambda y: f(t, y.reshape(u.shape), args).reshape(-1))(x), np.float64)
    return eq, structure, state, args, t, x, dense


@pytest.mark.parametrize("shift", [0.02, 0.02 + 0.05j])
@pytest.mark.parametrize("mass", [None, "diagonal"])
def test_structures_agree_with_dense_matrices(case, shift, mass):
    eq, structure, state, args, t, x, dense = case
    n = x.shape[0]
    weights = None if mass is None else np.where(np.arange(n) % 3 == 1, 0.0, 2.0)
    eq = eq if mass is None else dh.with_mass(eq, weights)
    system = System(eq, structure, state, args)

    @jax.jit
    def run(x, b):
        values = system.jacobian(t, x)
        solution = system.solve(system.factor(values, jnp.asarray(shift)), b)
        return solution, structure.times(values, x), structure.stored(jnp.asarray(dense, x.dtype)), values

    kind = np.result_type(x.dtype, np.complex64) if isinstance(shift, complex) else x.dtype
    b = jnp.asarray(RNG.standard_normal(n), kind)
    solution, product, stored, values = run(x, b)
    assert solution.dtype == kind
    matrix = np.diag(np.ones(n) if mass is None else weights) - shift * dense
    eps = float(jnp.finfo(x.dtype).eps)
    residual = matrix @ np.asarray(solution) - np.asarray(b)
    size = np.linalg.norm(matrix, 2) * np.linalg.norm(solution) + np.linalg.norm(b)
    assert np.linalg.norm(residual) < 60 * eps * size
    assert np.allclose(product, dense @ np.asarray(x), rtol=300 * eps, atol=300 * eps * np.max(abs(dense)))
    assert np.allclose(stored, values, rtol=100 * eps, atol=100 * eps)


def test_solutions_pass_through_vmap_and_reverse_mode():
    f, u, args, _ = PROBLEMS["brusselator"]
    eq, x = as_equation(f), jnp.asarray(u).reshape(-1)
    structure = structure_of(eq, jnp.asarray(u), args)
    system = System(eq, structure, jnp.asarray(u), args)

    def size(x, shift):
        return jnp.sum(system.solve(system.factor(system.jacobian(shift, x), shift), x) ** 2)

    shifts = jnp.array([0.01, 0.3])
    alone = [size(x, s) for s in shifts]
    assert np.allclose(jax.jit(jax.vmap(size, (None, 0)))(x, shifts), alone, rtol=1e-12)
    slope = jax.jit(jax.grad(size, argnums=1))(x, jnp.asarray(0.01))
    centred = (size(x, 0.01 + 1e-6) - size(x, 0.01 - 1e-6)) / 2e-6
    assert np.allclose(slope, centred, rtol=1e-6)


def test_badly_scaled_small_systems_are_solved_backward_stably():
    """Pivoting: residuals stay at round-off of what was subtracted, whatever the scales."""
    from duhamel.jacobian.small import eliminate, substitute

    solve = jax.jit(lambda a, b: substitute(eliminate(a), b))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        matrix = (
            rng.standard_normal((8, 8)) * 10.0 ** rng.uniform(-5, 5, (8, 1)) * 10.0 ** rng.uniform(-5, 5, 8)
        )
        matrix[rng.integers(8), rng.integers(8)] = 0.0
        b = rng.standard_normal(8)
        x = np.asarray(solve(jnp.asarray(matrix), jnp.asarray(b)))
        assert np.max(abs(matrix @ x - b)) < 1e-13 * np.max(abs(matrix) @ abs(x) + abs(b))


def test_a_given_jacobian_fits_and_is_used():
    def jacobian(t, u, args):
        return jnp.diag(jnp.full(3, -2.0))

    part = dh.Nonlinear(lambda t, u, args: -(u**3), jacobian=jacobian)
    eq, u = as_equation(part), jnp.ones(3)
    system = System(eq, structure_of(eq, u, None), u, None)
    assert np.array_equal(system.jacobian(jnp.zeros(()), u), np.diag(np.full(3, -2.0)))


def test_structures_are_found_once_and_compare_equal():
    f, u, _, _ = PROBLEMS["heat"]
    first = structure_of(as_equation(f), jnp.asarray(u), 30.0)
    assert structure_of(as_equation(f), jnp.asarray(u), 4.0) is first
    other = structure_of(as_equation(lambda t, v, args: heat(t, v, args)), jnp.asarray(u), 30.0)
    assert other == first
    assert hash(other) == hash(first)
