"""Complex coefficients: continuation of functions, real states, spectral states of real fields."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.methods.splitting.continuation import continued
from problems import fitted

RE = np.array([0.7, 1.9, 1.2, 2.4])
IM = np.array([0.2, -0.1, 0.3, 0.15])
MATRIX = np.array([[1.0, 2.0, 0.0, -1.0], [0.5, 0.0, 1.0, 0.0], [0.0, 3.0, -1.0, 0.2], [1.0, 0.0, 0.0, 2.0]])


def looped(u):
    return jax.lax.fori_loop(0, 3, lambda i, v: v * jnp.sin(u), u)


def scanned(u):
    return jax.lax.scan(lambda c, x: (0.5 * c + x, c * x), jnp.zeros(()), u)[1]


def scanned_by_hand(u):
    c, out = 0, []
    for x in u:
        out.append(c * x)
        c = 0.5 * c + x
    return np.array(out)


FUNCTIONS = {
    "rational": (lambda u: (1 - u) / (1 + u * u) + u**3, None),
    "transcendental": (lambda u: jnp.exp(-u) * jnp.tanh(u) + jnp.sqrt(u) * jnp.log(u) + u**2.5, None),
    "sigmoid": (jax.nn.sigmoid, lambda u: 1 / (1 + np.exp(-u))),
    "softmax": (jax.nn.softmax, lambda u: np.exp(u) / np.exp(u).sum()),
    "matrix": (lambda u: jnp.asarray(MATRIX) @ u, lambda u: MATRIX @ u),
    "moved": (lambda u: jnp.roll(u, 1) * u[::-1] + jnp.cumsum(u) + jnp.pad(u[1:], (1, 0)), None),
    "branch": (lambda u: jnp.where(u > 1.5, u * u, 2 * u), lambda u: np.where(u.real > 1.5, u * u, 2 * u)),
    "larger": (lambda u: jnp.maximum(u, 1.5) + abs(-u), lambda u: np.where(u.real > 1.5, u, 1.5) + u),
    "clipped": (
        lambda u: jnp.clip(u, 1.0, 2.0),
        lambda u: np.where(u.real < 1, 1, np.where(u.real > 2, 2, u)),
    ),
    "loop": (looped, lambda u: u * np.sin(u) ** 3),
    "scan": (scanned, scanned_by_hand),
    "cond": (lambda u: jax.lax.cond(u[0] > 0, lambda v: v * v, lambda v: v, u), lambda u: u * u),
    "compiled": (jax.jit(lambda u: u * jnp.cos(u)), lambda u: u * np.cos(u)),
    "remembered": (jax.checkpoint(lambda u: jnp.sinh(u)), np.sinh),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_continue_as_their_formulas_do(name):
    function, formula = FUNCTIONS[name]
    re, im = continued(function, (jnp.asarray(RE),), (jnp.asarray(IM),), "f")
    wanted = np.asarray((formula or function)(RE + 1j * IM))
    assert np.allclose(re, wanted.real, rtol=1e-13, atol=1e-14)
    assert np.allclose(im, wanted.imag, rtol=1e-13, atol=1e-14)


def test_spectra_of_real_fields_continue_with_their_fields():
    """A function of a half spectrum is one of the field: û + jv̂ stands for the complex field u + jv."""

    def rates(spectrum):
        u = jnp.fft.irfft(spectrum, n=8)
        return jnp.fft.rfft(u * u * jnp.sin(u) - jnp.exp(u))

    u, v = np.cos(np.arange(8.0)) + 0.3, 0.2 * np.sin(3 * np.arange(8.0)) + 0.1
    re, im = continued(rates, (jnp.fft.rfft(u),), (jnp.fft.rfft(v),), "f")
    z = u + 1j * v
    wanted = z * z * np.sin(z) - np.exp(z)
    assert np.allclose(np.fft.irfft(re, n=8), wanted.real, atol=1e-14)
    assert np.allclose(np.fft.irfft(im, n=8), wanted.imag, atol=1e-14)


def test_conjugates_and_moduli_continue_as_functions_of_two_real_variables():
    x, y, s, t = RE[:2], RE[2:], IM[:2], IM[2:]
    re, im = continued(
        lambda u: jnp.conj(u) / u + abs(u).astype(u.dtype) * jnp.exp(u),
        (jnp.asarray(x + 1j * y),),
        (s + 1j * t,),
        "f",
    )
    a, b = x + 1j * s, y + 1j * t  # the real variables, now complex
    modulus, square = np.sqrt(a * a + b * b), a * a + b * b
    first = (a * a - b * b) / square + modulus * np.exp(a) * np.cos(b)
    second = -2 * a * b / square + modulus * np.exp(a) * np.sin(b)
    assert np.allclose([np.real(re), np.real(im)], [first.real, first.imag], rtol=1e-13)
    assert np.allclose([np.imag(re), np.imag(im)], [second.real, second.imag], rtol=1e-13)


def test_what_does_not_continue_is_named():
    eq = dh.Linear(dh.Scalar(-1.0)) + dh.Nonlinear(lambda t, u, args: jnp.sort(u))
    with pytest.raises(dh.InputError, match=r"<lambda>.* complex time: it uses `sort`"):
        dh.solve(eq, jnp.ones(3), t1=1.0, method="complex-jump4", step=dh.Fixed(0.1))
    # real times for the second part: there is nothing wrong with it then but the complex state
    with pytest.raises(dh.InputError, match="sort"):
        dh.solve(eq, jnp.ones(3), t1=1.0, method="castella4", step=dh.Fixed(0.1))


PROBLEMS = {
    "heat": ("u_t = u_xx + u - u^3 + sin(x)*u/2", "sin(x) + cos(2*x)/2 + 0.3", 2 * np.pi),
    "ks": ("u_t = -u_xx - u_xxxx - u*u_x", "cos(x/4)*(1 + sin(x/4))", 8 * np.pi),
}


@cache
def posed(name):
    text, u0, length = PROBLEMS[name]
    eq = dh.pde(text, dh.Fourier(48, length=length))
    tight = dh.Adaptive(rtol=1e-12, atol=1e-13)
    return eq, u0, dh.solve(eq, u0, t1=1.0, method="krogstad43", step=tight).us[-1]


@pytest.mark.parametrize(
    ("problem", "name", "steps", "room"),
    [
        ("heat", "conjugate-strang4", (12, 16, 24, 32, 48), 0.15),
        ("heat", "blanes-complex6", (4, 6, 8, 12, 16), 0.25),
        ("ks", "castella4", (64, 96, 128, 192, 256), 0.15),
    ],
)
def test_orders_for_diffusion_in_fourier_space(problem, name, steps, room):
    """The state is the spectrum of a real field: its entries are complex anyway."""
    eq, u0, end = posed(problem)
    errors = []
    for n in steps:
        u = dh.solve(eq, u0, t1=1.0, method=name, step=dh.Fixed(1.0 / n)).us[-1]
        assert not np.iscomplexobj(u)
        errors.append(np.max(abs(np.asarray(u - end))))
    assert abs(fitted(1.0 / np.array(steps), errors)[0] - dh.METHODS[name].order) < room


def test_no_flow_runs_backwards_where_a_real_splitting_of_high_order_does():
    """A real symbol of −20000: e^{-γh·20000} overflows for γ < 0 and vanishes for Re γ > 0."""
    eq = dh.Linear(dh.Diagonal(jnp.asarray([-2e4, -10.0, -1.0]))) + dh.Nonlinear(
        lambda t, u, args: u[::-1] ** 2
    )
    good = dh.solve(eq, jnp.ones(3), t1=1.0, method="castella4", step=dh.Fixed(0.25)).us[-1]
    assert np.all(abs(np.asarray(good)) < 1)
    bad = dh.solve(eq, jnp.ones(3), t1=1.0, method="yoshida4", step=dh.Fixed(0.25), on_failure="return")
    assert bad.status == dh.Status.not_finite


def test_operators_of_every_form_take_complex_times():
    """e^{γhL} for complex γ, by a real matrix, a complex symbol, and blocks, against NumPy."""
    gamma = jnp.asarray([0.3 + 0.2j, 0.3 - 0.2j])
    matrix = np.array([[0.2, 1.0], [-0.7, 0.1]])
    symbol = np.array([1j, -2.0 + 0.5j])

    @jax.jit
    def weights(gamma):
        blocks = dh.BlockDiagonal(jnp.asarray(matrix)[:, :, None] * jnp.ones(3))
        operators = (dh.Dense(jnp.asarray(matrix)), blocks, dh.Diagonal(jnp.asarray(symbol)), dh.Scalar(-1.0))
        return [operator.phi(1, gamma) for operator in operators]

    dense, blocks, diagonal, scalar = weights(gamma)
    values, vectors = np.linalg.eig(matrix)
    for g, weight in zip(np.asarray(gamma), dense[:, 0], strict=True):
        assert np.allclose(weight, vectors @ np.diag(np.exp(g * values)) @ np.linalg.inv(vectors), rtol=1e-13)
    assert np.allclose(blocks[..., 1], dense, rtol=1e-14)
    z = np.asarray(gamma)[:, None] * symbol
    assert np.allclose(diagonal[:, 0], np.exp(z), rtol=1e-14)
    assert np.allclose(diagonal[:, 1], (np.exp(z) - 1) / z, rtol=1e-14)
    assert np.allclose(scalar[:, 0], np.exp(-np.asarray(gamma)), rtol=1e-14)
