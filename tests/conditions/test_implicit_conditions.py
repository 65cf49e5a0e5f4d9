"""`implicit` and `steady_state`: values and derivatives against closed forms and finite differences."""

import jax
import jax.numpy as jnp
import lineax
import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import duhamel as dh

A = jnp.asarray([[4.0, 1.0, 0.0], [1.0, 3.0, -1.0], [0.5, 0.0, 2.0]])
C = jnp.asarray([1.0, -2.0, 0.5])


def cubic(x, theta):
    return A @ x + x**3 - theta * C


def differences(f, theta, h=1e-5):
    return (f(theta + h) - f(theta - h)) / (2 * h)


def test_a_root_moves_as_the_condition_says():
    root = dh.implicit(cubic)
    x = root(jnp.zeros(3), 2.0)
    assert np.max(abs(cubic(x, 2.0))) < 1e-12
    exact = np.linalg.solve(np.asarray(A) + 3 * np.diag(np.asarray(x) ** 2), np.asarray(C))
    for mode in (jax.jacfwd, jax.jacrev):
        assert np.allclose(mode(lambda t: root(jnp.zeros(3), t))(2.0), exact, rtol=1e-12)


def test_second_derivatives_and_batches():
    root = dh.implicit(cubic)

    def first(t):
        return jax.jacfwd(lambda s: root(jnp.zeros(3), s))(t)

    assert np.allclose(jax.jacfwd(first)(2.0), differences(first, 2.0), rtol=1e-7, atol=1e-8)
    over = jax.hessian(lambda s: jnp.sum(root(jnp.zeros(3), s) ** 2))(2.0)
    assert np.allclose(
        over, differences(jax.grad(lambda s: jnp.sum(root(jnp.zeros(3), s) ** 2)), 2.0), rtol=1e-7
    )
    many = jax.jit(jax.vmap(jax.grad(lambda s: jnp.sum(root(jnp.zeros(3), s)))))(jnp.asarray([1.0, 2.0]))
    each = [jax.grad(lambda s: jnp.sum(root(jnp.zeros(3), s)))(v) for v in (1.0, 2.0)]
    assert np.allclose(many, each, rtol=1e-12)


def test_the_solver_is_free_and_never_differentiated():
    """A NumPy iteration behind a callback; JAX could not differentiate it."""

    def newton(x, theta):
        x, theta = np.asarray(x), float(theta)
        for _ in range(30):
            jacobian = np.asarray(A) + 3 * np.diag(x**2)
            x = x - np.linalg.solve(jacobian, np.asarray(A) @ x + x**3 - theta * np.asarray(C))
        return x

    def outside(x0, theta):
        return jax.pure_callback(newton, jax.ShapeDtypeStruct((3,), x0.dtype), x0, theta)

    theirs = jax.jacrev(lambda t: dh.implicit(cubic, outside)(jnp.zeros(3), t))(2.0)
    ours = jax.jacrev(lambda t: dh.implicit(cubic)(jnp.zeros(3), t))(2.0)
    assert np.allclose(theirs, ours, rtol=1e-11)


def test_closed_over_values_count():
    def end(c):
        return jnp.sum(dh.implicit(lambda x, theta: A @ x + x**3 - c * C * theta)(jnp.zeros(3), 1.0))

    assert np.allclose(jax.grad(end)(2.0), differences(end, 2.0), rtol=1e-8)


def test_a_fixed_point_and_pytrees():
    def turn(x, theta):
        return {"a": 0.5 * jnp.cos(x["b"]) * theta, "b": jnp.sin(x["a"]) * 0.3 + theta}

    def value(theta):
        x = dh.implicit(turn, kind="fixed_point")({"a": 0.0, "b": 0.0}, theta)
        return x["a"] + 2 * x["b"]

    assert np.allclose(jax.grad(value)(0.7), differences(value, 0.7), rtol=1e-8)


def test_the_weight_of_a_regularisation_by_two_levels():
    """Ridge regression: the derivative of the validation loss to the weight against its closed form."""
    rng = np.random.default_rng(7)
    true = rng.normal(size=5)
    x, held = jnp.asarray(rng.normal(size=(12, 5))), jnp.asarray(rng.normal(size=(20, 5)))
    y, aim = (jnp.asarray(v @ true + rng.normal(size=len(v))) for v in (np.asarray(x), np.asarray(held)))

    def ridge(w, weight):
        return jnp.mean((x @ w - y) ** 2) + jnp.exp(weight) * jnp.sum(w**2)

    def loss(weight):
        w = dh.implicit(ridge, kind="minimum")(jnp.zeros(5), weight)
        return jnp.mean((held @ w - aim) ** 2)

    def closed(weight):
        w = jnp.linalg.solve(x.T @ x / 12 + jnp.exp(weight) * jnp.eye(5), x.T @ y / 12)
        return jnp.mean((held @ w - aim) ** 2)

    assert np.allclose(loss(-1.0), closed(-1.0), rtol=1e-9)
    assert np.allclose(jax.grad(loss)(-1.0), jax.grad(closed)(-1.0), rtol=1e-7)
    best = minimize_scalar(lambda v: float(closed(v)), bounds=(-8.0, 3.0), options={"xatol": 1e-9}).x
    assert -7 < best < 2.9  # the best weight lies inside
    assert abs(float(jax.grad(loss)(best))) < 1e-7


def test_the_adjoint_system_is_not_squared():
    """With a condition number of 1e9 the normal equations would leave no digit."""
    scales = jnp.asarray([1.0, 1e-9])
    q = jnp.asarray([[0.6, -0.8], [0.8, 0.6]])
    matrix = q @ jnp.diag(scales) @ q.T

    def end(theta):
        x = dh.implicit(lambda x, p: matrix @ x - p, lambda x0, p: jnp.linalg.solve(matrix, p))(
            jnp.zeros(2), theta
        )
        return x[0]

    exact = np.linalg.inv(np.asarray(matrix))[0]
    assert np.allclose(jax.grad(end)(jnp.ones(2)), exact, rtol=1e-5)
    iterative = dh.implicit(cubic, adjoint=lineax.GMRES(rtol=1e-12, atol=1e-12))
    direct = jax.grad(lambda t: jnp.sum(dh.implicit(cubic)(jnp.zeros(3), t)))(2.0)
    assert np.allclose(jax.grad(lambda t: jnp.sum(iterative(jnp.zeros(3), t)))(2.0), direct, rtol=1e-9)


def test_mistakes_are_named():
    with pytest.raises(dh.InputError, match="structure of the unknown"):
        dh.implicit(lambda x, p: x[:2])(jnp.zeros(3), 1.0)
    with pytest.raises(dh.InputError, match="scalar"):
        dh.implicit(lambda x, p: x, kind="minimum")(jnp.zeros(3), 1.0)
    with pytest.raises(dh.InputError, match="kind is one of"):
        dh.implicit(cubic, kind="maximum")


def reaction(n):
    def slope(t, u, args):
        diffusion, feed = args
        wide = jnp.concatenate([jnp.zeros(1), u, jnp.zeros(1)])
        return diffusion * (n + 1) ** 2 * (wide[2:] - 2 * u + wide[:-2]) + feed * jnp.exp(u)

    return slope


@pytest.mark.parametrize("n", [7, 60])
def test_steady_reaction_and_diffusion(n):
    """Bratu's problem, D u'' + λ eᵘ = 0, on a few points (dense) and on many (banded): its middle and the
    derivatives of that to D and λ."""

    def middle(args):
        return dh.steady_state(reaction(n), jnp.zeros(n), args=args)[n // 2]

    args = jnp.asarray([1.0, 1.5])
    u = dh.steady_state(reaction(n), jnp.zeros(n), args=args)
    assert np.max(abs(reaction(n)(0.0, u, args))) < 1e-8 * (n + 1) ** 2
    got = jax.jit(jax.grad(middle))(args)
    # The equation divided by D: u depends on λ/D alone.
    assert np.allclose(got[0], -1.5 * got[1], rtol=1e-8)
    both = [differences(lambda v, i=i: middle(args.at[i].set(v)), args[i]) for i in (0, 1)]
    assert np.allclose(got, both, rtol=1e-6)
    if n == 60:  # exact: u = 2 log(cosh θ / cosh(θ(1 − 2x))) with θ = √(λ/8) cosh θ, at x = 1/2 ± 1/122
        theta = 0.5
        for _ in range(200):
            theta = float(np.sqrt(1.5 / 8) * np.cosh(theta))
        x = (n // 2 + 1) / (n + 1)
        exact = 2 * np.log(np.cosh(theta) / np.cosh(theta * (1 - 2 * x)))
        assert abs(u[n // 2] - exact) < 1e-4


def test_steady_state_of_a_text_equation_to_its_parameter():
    space = dh.Fourier(16, length=2 * np.pi)

    def amplitude(r):
        eq = dh.pde("u_t = r*u - u^3 + 0.3*cos(x) + 0.2*u_xx", space, r=r)
        u = dh.steady_state(eq, "1 + 0.1*cos(x)")
        return jnp.mean(u**2)

    assert np.allclose(jax.grad(amplitude)(1.0), differences(amplitude, 1.0), rtol=1e-6)


def test_no_steady_state_is_told():
    with pytest.raises(dh.SolveError, match="no steady state"):
        dh.steady_state(lambda t, u, args: 1 + u**2, jnp.ones(1), max_steps=30)
