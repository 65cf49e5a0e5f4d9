"""Every structure of Jacobian against dense matrices of NumPy, and the choice between them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.equation import Equation, as_equation
from duhamel.jacobian import (
    Banded,
    Coloured,
    Diagonal,
    Full,
    Small,
    System,
    Tridiagonal,
    pack,
    structure_of,
)

RNG = np.random.default_rng(0)


def few(t, u, args):
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


def ring(t, u, args):
    """Periodic: a band only in another order."""
    return jnp.roll(u, 1) * u + jnp.roll(u, -1) - t * u


def plane(t, u, args):
    """Diffusion on a small periodic square: sparse, no narrow band."""
    return sum(jnp.roll(u, s, a) for s in (1, -1) for a in (0, 1)) - 4 * u + u * u


def decay(t, u, args):
    return -(u**3)


def dense(t, u, args):
    """Everything depends on everything."""
    return u - jnp.sum(u) * u[0]


PROBLEMS = {
    "few": (few, RNG.normal(size=3), None, Small),
    "heat": (heat, RNG.normal(size=40), 30.0, Banded),
    "brusselator": (brusselator, RNG.normal(size=(2, 20)), None, Banded),
    "ring": (ring, RNG.normal(size=40), None, Banded),
    "plane": (plane, RNG.normal(size=(6, 6)), None, Coloured),
    "decay": (decay, RNG.normal(size=11), None, Diagonal),
    "medium": (dense, RNG.normal(size=12), None, Small),
    "dense": (dense, RNG.normal(size=40), None, Full),
    "heat, by Lineax": (heat, RNG.normal(size=40), 30.0, Tridiagonal),
}


def chosen(name, eq, state, args):
    found = structure_of(eq, state, args)
    if name.endswith("Lineax"):
        return Tridiagonal(found.size, found.order, found.present, found.colouring)
    return found


SINGLE = ("few", "brusselator", "heat, by Lineax")


@pytest.mark.parametrize(
    ("name", "dtype"), [(k, "float64") for k in PROBLEMS] + [(k, "float32") for k in SINGLE]
)
def test_structures_agree_with_dense_matrices(name, dtype):
    f, u, args, kind = PROBLEMS[name]
    dtype = np.dtype(dtype)
    state, eq = jnp.asarray(u, dtype), as_equation(f)
    structure = chosen(name, eq, state, args)
    assert type(structure) is kind
    x, t = state.reshape(-1), jnp.asarray(0.5, dtype)
    n = len(x)
    weights = np.where(np.arange(n) % 3 == 1, 0.0, 2.0)
    cases = [(None, 0.02), (weights, 0.02 + 0.05j), (np.diag(weights), 0.02)]
    bs = [
        jnp.asarray(RNG.normal(size=n), np.result_type(dtype, np.complex64) if s.imag else dtype)
        for _, s in cases
    ]

    @jax.jit
    def run(x, bs):
        matrix = jax.jacfwd(lambda y: f(t, y.reshape(u.shape), args).reshape(-1))(x)
        solutions = []
        for (mass, shift), b in zip(cases, bs, strict=True):
            system = System(eq if mass is None else dh.with_mass(eq, mass), structure, state, args)
            values = system.jacobian(t, x)
            solutions.append(system.solve(system.factor(values, jnp.asarray(shift)), b))
        return matrix, solutions, values, structure.times(values, x), structure.stored(matrix)

    matrix, solutions, values, product, stored = run(x, bs)
    matrix, eps = np.asarray(matrix, np.float64), float(jnp.finfo(dtype).eps)
    for (mass, shift), b, solution in zip(cases, bs, solutions, strict=True):
        assert solution.dtype == b.dtype
        whole = (np.diag(np.ones(n) if mass is None else weights)) - shift * matrix
        rest = np.linalg.norm(whole @ np.asarray(solution) - np.asarray(b))
        size = np.linalg.norm(whole, 2) * np.linalg.norm(solution) + np.linalg.norm(b)
        assert rest < 60 * eps * size, (mass, shift)
    scale = np.max(abs(matrix))
    assert np.allclose(product, matrix @ np.asarray(x), rtol=300 * eps, atol=300 * eps * scale)
    assert np.allclose(stored, values, rtol=100 * eps, atol=100 * eps * scale)


@pytest.mark.parametrize("name", ["few", "brusselator", "plane", "heat, by Lineax"])
def test_solutions_pass_through_vmap_and_reverse_mode(name):
    f, u, args, _ = PROBLEMS[name]
    eq, x = as_equation(f), jnp.asarray(u).reshape(-1)
    structure = chosen(name, eq, jnp.asarray(u), args)
    system = System(eq, structure, jnp.asarray(u), args)

    def size(x, shift):
        factors = system.factor(system.jacobian(jnp.asarray(0.2), x), shift)
        return jnp.sum(system.solve(factors, jnp.cos(x)) ** 2)

    def plain(x, shift):
        whole = jnp.eye(len(x)) - shift * jax.jacfwd(lambda y: system.f(jnp.asarray(0.2), y))(x)
        return jnp.sum(jnp.linalg.solve(whole, jnp.cos(x)) ** 2)

    shifts = jnp.array([0.01, 0.3])
    both = jax.jit(
        lambda g: jax.vmap(lambda s: jax.value_and_grad(g, (0, 1))(x, s))(shifts), static_argnums=0
    )
    ours, wanted = both(size), both(plain)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(wanted), strict=True):
        assert np.allclose(a, b, rtol=1e-9, atol=1e-9 * np.max(abs(b)))


def test_second_derivatives_and_complex_shifts():
    f, u, args, _ = PROBLEMS["few"]
    eq, x = as_equation(f), jnp.asarray(u)
    system = System(eq, structure_of(eq, x, args), x, args)

    def ours(s):
        factors = system.factor(system.jacobian(jnp.asarray(0.2), x), jax.lax.complex(s, 2 * s))
        return jnp.sum(abs(system.solve(factors, jax.lax.complex(x, x))) ** 2)

    def plain(s):
        matrix = jax.jacfwd(lambda y: system.f(jnp.asarray(0.2), y))(x)
        whole = jax.lax.complex(jnp.eye(3) - s * matrix, -2 * s * matrix)
        return jnp.sum(abs(jnp.linalg.solve(whole, jax.lax.complex(x, x))) ** 2)

    s = jnp.asarray(0.1)
    both = jax.jit(lambda g: (jax.grad(g)(s), jax.grad(jax.grad(g))(s)), static_argnums=0)
    assert np.allclose(both(ours), both(plain), rtol=1e-9)


def test_a_given_jacobian_is_used_with_every_structure():
    """Not −3u² but −2: what was given, not what JAX would take."""
    for n, kind in ((3, Small), (11, Diagonal)):
        part = dh.Nonlinear(decay, jacobian=lambda t, u, args: jnp.diag(jnp.full(u.shape, -2.0)))
        u = jnp.ones(n)
        eq = Equation((part,))
        structure = structure_of(eq, u, None)
        assert type(structure) is kind
        given = np.diag(np.full(n, -2.0))
        values = System(eq, structure, u, None).jacobian(jnp.zeros(()), u)
        assert np.array_equal(values, given if kind is Small else np.diagonal(given))
    eq = eq + dh.Nonlinear(lambda t, u, args: jnp.roll(u, 1) * jnp.tri(11, dtype=float)[:, 3])
    structure = structure_of(eq, u, None)
    values = System(eq, structure, u, None).jacobian(jnp.zeros(()), u)
    assert np.allclose(structure.times(values, u), given @ np.ones(11) + (np.arange(11) >= 3))


def linear_and_complex():
    symbol = -1.0 * np.arange(8) ** 2
    return (
        as_equation(dh.Linear(dh.Diagonal(jnp.asarray(symbol + 1j)))) + dh.Nonlinear(lambda t, u, a: u**2),
        jnp.asarray(RNG.normal(size=8) + 1j * RNG.normal(size=8)),
    )


def test_linear_parts_and_complex_states():
    eq, u = linear_and_complex()
    structure = structure_of(eq, u, None)
    assert type(structure) is Banded
    assert (structure.lower, structure.upper) == (1, 1)
    system, x, t = System(eq, structure, u, None), pack(u), jnp.zeros(())
    matrix = np.asarray(jax.jacfwd(lambda y: system.f(t, y))(x))
    b = RNG.normal(size=16)
    x1 = system.solve(system.factor(system.jacobian(t, x), jnp.asarray(0.1)), jnp.asarray(b))
    assert np.allclose((np.eye(16) - 0.1 * matrix) @ np.asarray(x1), b, rtol=1e-12, atol=1e-12)


def test_matrices_are_seen_through_and_fft_is_not():
    n = 50
    line = np.eye(n, k=1) + np.eye(n, k=-1) - 2 * np.eye(n)
    eq = as_equation(dh.Linear(dh.Dense(jnp.asarray(line)))) + dh.Nonlinear(decay)
    found = structure_of(eq, jnp.ones(n), None)
    assert type(found) is Banded
    assert (found.lower, found.upper) == (1, 1)
    by_args = structure_of(as_equation(lambda t, u, args: args @ u), jnp.ones(n), jnp.asarray(line))
    assert by_args == found
    full = structure_of(as_equation(lambda t, u, args: args @ u), jnp.ones(n), jnp.ones((n, n)))
    assert type(full) is Full
    text = dh.pde("u_t = u_xx - u*u_x", dh.Fourier(64))
    state = text.encode(lambda x: np.sin(x))
    assert type(structure_of(text, state, None)) is Full


def test_a_mass_matrix_belongs_to_the_pattern():
    n = 40
    eq, u = as_equation(decay), jnp.ones(n)
    mass = np.eye(n) + np.eye(n, k=2)
    structure = structure_of(dh.with_mass(eq, mass), u, None)
    assert type(structure) is Banded
    assert (structure.lower, structure.upper) == (0, 2)
    traced = jax.jit(lambda m: type(structure_of(dh.with_mass(eq, m), u, None)) is Full)
    assert traced(jnp.asarray(mass))


def test_structures_are_found_once_and_compare_equal():
    f, u, _, _ = PROBLEMS["brusselator"]
    eq, state = as_equation(f), jnp.asarray(u)
    first = structure_of(eq, state, 30.0)
    assert structure_of(eq, state, 4.0) is first
    other = structure_of(as_equation(lambda t, v, args: f(t, v, args)), state, 30.0)
    assert other == first
    assert other is not first
    assert hash(other) == hash(first)
    inside = []
    jax.eval_shape(lambda v, a: inside.append(structure_of(eq, v, a)) or v, state, 1.0)
    assert inside == [first]


def test_arguments_without_a_hash_are_no_obstacle():
    eq = as_equation(lambda t, u, args: args["rate"] * jnp.roll(u, 1) * len(args["names"]))
    args = {"rate": 2.0, "names": [np.array("a", dtype=object).item(), bytearray(b"b")]}
    assert type(structure_of(eq, jnp.ones(60), args)) is Banded


def chain(t, u, args):
    """Robertson's reaction along a chain: stiff, and tridiagonal."""
    gain = jnp.pad(0.04 * u[:-1], (1, 0))
    return gain - 0.04 * u - 1e3 * u * jnp.pad(u[1:], (0, 1)) ** 2


@pytest.mark.parametrize(("n", "kind"), [(3, Small), (40, Banded)])
def test_a_batch_takes_the_steps_of_its_samples(n, kind):
    """Inside the loop over steps, alone and with samples side by side."""
    step, u = dh.Adaptive(rtol=1e-6, atol=1e-8), jnp.linspace(1.0, 0.5, n)
    assert type(structure_of(as_equation(chain), u, None)) is kind

    def end(u0):
        return dh.solve(chain, u0, t1=3.0, method="rodas4", step=step).us[-1]

    together = jax.vmap(end)(jnp.stack([u, 0.3 * u]))
    assert np.allclose(end(u), together[0], rtol=1e-11)
    assert np.allclose(end(0.3 * u), together[1], rtol=1e-11)
