"""L u + N(t, u) of many equations against NumPy, written out by hand, on the whole grid.

The fields hold low modes only: every product is resolved, and nothing is aliased or dropped on either side.
"""

from __future__ import annotations

import re

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from duhamel.pde import pde
from duhamel.spaces import Fourier

LENGTHS = (3.0, 4.0, 5.0)
POINTS = {1: (48,), 2: (32, 36), 3: (16, 20, 18)}
TIME = 0.7
A, B = 0.8, -0.6


def space_of(ndim, **more):
    return Fourier(POINTS[ndim], length=LENGTHS[:ndim], **more)


def field(space, seed, is_complex=False):
    """A smooth random field: modes -1, 0, 1 on every axis."""
    rng = np.random.default_rng(seed)
    value = np.zeros(space.shape, complex)
    for k in np.ndindex(*(3,) * space.ndim):
        phase = sum(2j * np.pi * (n - 1) * x / L for n, x, L in zip(k, space.grid, LENGTHS, strict=False))
        value = value + (rng.normal() + 1j * rng.normal()) * np.exp(phase) / 3**space.ndim
    return value if is_complex else value.real


class Calculus:
    """Spectral derivatives in NumPy."""

    def __init__(self, ndim):
        counts = POINTS[ndim]
        self.ndim = ndim
        self.k = np.meshgrid(
            *(2 * np.pi * np.fft.fftfreq(n, 1 / n) / L for n, L in zip(counts, LENGTHS, strict=False)),
            indexing="ij",
        )

    def d(self, u, letters):
        symbol = np.prod([1j * self.k["xyz".index(letter)] for letter in letters], axis=0)
        return self._back(symbol, u)

    def lap(self, u):
        return self._back(-sum(k**2 for k in self.k), u)

    def inv_lap(self, u):
        square = sum(k**2 for k in self.k)
        return self._back(np.where(square > 0, -1 / np.where(square > 0, square, 1), 0), u)

    def divide(self, symbol, u):
        return self._back(1 / symbol, u)

    @staticmethod
    def _back(symbol, u):
        value = np.fft.ifftn(symbol * np.fft.fftn(u))
        return value if np.iscomplexobj(u) else value.real


@eqx.filter_jit
def right_side(eq, t, state):
    total = eq.remainder(t, state, None)
    for part in eq.linear:
        total = total + part.operator.apply(state)
    return total


def burgers2(c, x, u):
    return {"u": A * c.lap(u) - u * c.d(u, "x") - B * u * c.d(u, "y")}


def vorticity(c, x, w):
    p = -c.inv_lap(w)
    return {"w": A * c.lap(w) - c.d(p, "y") * c.d(w, "x") + c.d(p, "x") * c.d(w, "y") + B * c.d(p, "x")}


def magnetic(c, x, w, q):
    p = c.inv_lap(w)
    j = c.lap(q)

    def bracket(f, g):
        return c.d(f, "x") * c.d(g, "y") - c.d(f, "y") * c.d(g, "x")

    return {"w": -bracket(p, w) + bracket(q, j), "q": -bracket(p, q)}


REAL = [
    ("u_t = -u_xx - u_xxxx - u*u_x", 1,
     lambda c, x, u: {"u": -c.d(u, "xx") - c.d(u, "xxxx") - u * c.d(u, "x")}),
    ("u_t = dx(u^2)*u + u_x^3", 1, lambda c, x, u: {"u": c.d(u**2, "x") * u + c.d(u, "x") ** 3}),
    ("u_t = -6*u^2*u_x", 1, lambda c, x, u: {"u": -6 * u**2 * c.d(u, "x")}),
    ("u_t = (u_x + a*u_xxx)*(1 + u) + b*u_x*u_xx", 1,
     lambda c, x, u: {"u": (c.d(u, "x") + A * c.d(u, "xxx")) * (1 + u) + B * c.d(u, "x") * c.d(u, "xx")}),
    ("u_t = u*(1 - u)*(u - a)/b", 1, lambda c, x, u: {"u": u * (1 - u) * (u - A) / B}),
    ("u_t = a*cos(2*pi*x/3)*u_x + sin(t)*u^2 + t*exp(b)*sin(2*pi*x/3 - t)", 1,
     lambda c, x, u: {"u": A * np.cos(2 * np.pi * x / 3) * c.d(u, "x") + np.sin(TIME) * u**2
                      + TIME * np.exp(B) * np.sin(2 * np.pi * x / 3 - TIME)}),
    ("u_t = dx(cos(2*pi*x/3)*u_x) + 3*cos(2*pi*x/3)*cos(t) + a", 1,
     lambda c, x, u: {"u": c.d(np.cos(2 * np.pi * x / 3) * c.d(u, "x"), "x")
                      + 3 * np.cos(2 * np.pi * x / 3) * np.cos(TIME) + A}),
    ("u_t - a*u_xxt = -u_x - u*u_x + cos(2*pi*x/3)", 1,
     lambda c, x, u: {"u": c.divide(1 + A * c.k[0] ** 2,
                                    -c.d(u, "x") - u * c.d(u, "x") + np.cos(2 * np.pi * x / 3))}),
    ("u_t + u_xt/2 = u^2", 1, lambda c, x, u: {"u": c.divide(1 + 0.5j * c.k[0], u**2)}),
    ("u_t = v_x + a*u*v; v_t = b*u_x - u*v + v_xx", 1,
     lambda c, x, u, v: {"u": c.d(v, "x") + A * u * v, "v": B * c.d(u, "x") - u * v + c.d(v, "xx")}),
    ("u_t = u^2 + u*v; v_t = u*v + b*v^2 + dx(u^2)", 1,
     lambda c, x, u, v: {"u": u**2 + u * v, "v": u * v + B * v**2 + c.d(u**2, "x")}),
    ("u_t = a*lap(u) - u*(u_x + b*u_y)", 2, burgers2),
    ("u_t = -lap(u) - lap(lap(u)) - grad2(u)/2", 2,
     lambda c, x, u: {"u": -c.lap(u) - c.lap(c.lap(u)) - (c.d(u, "x") ** 2 + c.d(u, "y") ** 2) / 2}),
    ("w_t = a*lap(w) - p_y*w_x + p_x*w_y + b*p_x; p = -inv_lap(w)", 2, vorticity),
    ("w_t = -(p_x*w_y - w_x*p_y) + q_x*j_y - q_y*j_x; q_t = -(p_x*q_y - p_y*q_x); p = inv_lap(w); j = lap(q)",
     2, magnetic),
    ("u_t = lap(u^3) - lap(u) + u_xy*u_yy", 2,
     lambda c, x, u: {"u": c.lap(u**3) - c.lap(u) + c.d(u, "xy") * c.d(u, "yy")}),
    ("u_t = u*u_z + dx(dy(u^2)) - inv_lap(u^2)", 3,
     lambda c, x, u: {"u": u * c.d(u, "z") + c.d(u**2, "xy") - c.inv_lap(u**2)}),
]  # fmt: skip
COMPLEX = [
    ("p_t = i*p_xx + i*abs(p)^2*p", 1, lambda c, x, p: {"p": 1j * c.d(p, "xx") + 1j * np.abs(p) ** 2 * p}),
    ("p_t = a*p + (1 + i*b)*lap(p) - (1 - i*a)*abs(p)^2*p + conj(p)", 2,
     lambda c, x, p: {"p": A * p + (1 + 1j * B) * c.lap(p) - (1 - 1j * A) * np.abs(p) ** 2 * p + np.conj(p)}),
    ("p_t = -i*cos(2*pi*x/3)*p + real(p)*imag(p_x) + conj(p)^2*p_x", 1,
     lambda c, x, p: {"p": -1j * np.cos(2 * np.pi * x / 3) * p + p.real * c.d(p, "x").imag
                      + np.conj(p) ** 2 * c.d(p, "x")}),
    ("p_t = i*p_xx - i*n*p; n_t = -v_x; v_t = -n_x - dx(abs(p)^2)", 1,
     lambda c, x, p, n, v: {"p": 1j * c.d(p, "xx") - 1j * n * p, "n": -c.d(v, "x"),
                            "v": -c.d(n, "x") - c.d(np.abs(p) ** 2 + 0j, "x")}),
    ("p_t = exp(i*t)*grad2(p)", 2,
     lambda c, x, p: {"p": np.exp(1j * TIME) * (np.abs(c.d(p, "x")) ** 2 + np.abs(c.d(p, "y")) ** 2)}),
]  # fmt: skip


CASES = [(*case, True) for case in REAL + COMPLEX] + [
    (*case, False) for case in (*REAL[:2], REAL[13], COMPLEX[1])
]


@pytest.mark.parametrize(("text", "ndim", "by_hand", "dealias"), CASES, ids=[f"{c[0]}-{c[3]}" for c in CASES])
def test_right_side_is_what_was_written(text, ndim, by_hand, dealias):
    space = space_of(ndim)
    parameters = {name: value for name, value in (("a", A), ("b", B)) if f"{name}" in names(text)}
    eq = pde(text, space, dealias=dealias, **parameters)
    is_complex = eq.about.complex
    state = {name: field(space, seed, is_complex) for seed, name in enumerate(eq.about.fields)}
    expected = by_hand(Calculus(ndim), space.grid[0], **state)
    modes = right_side(eq, TIME, eq.encode(state))
    found = eq.decode(modes)
    found = found if isinstance(found, dict) else {eq.about.fields[0]: found}
    for name in state:
        scale = max(1.0, np.abs(expected[name]).max())
        np.testing.assert_allclose(np.asarray(found[name]) / scale, expected[name] / scale, atol=2e-12)


def names(text):
    """Single letters that stand alone: the parameters a and b."""
    return re.findall(r"(?<![\w])[ab](?![\w(])", text)


def test_functions_and_powers_on_the_grid():
    space = Fourier(64, length=3.0)
    text = "u_t = sin(u) + sech(u)*tanh(u) + u^2.5 + a^u + 1/(1 + u^2) + sqrt(u) + log(u)*u_x + min(u, 2)"
    eq = pde(text + " + max(u, a)*sign(u) + abs(u)^3 + (1 + u)^5 + u^-2", space, a=0.5)
    u = 1.4 + 0.3 * np.cos(2 * np.pi * space.coords["x"] / 3.0)
    slope = -0.3 * 2 * np.pi / 3 * np.sin(2 * np.pi * space.coords["x"] / 3.0)
    expected = np.sin(u) + np.tanh(u) / np.cosh(u) + u**2.5 + 0.5**u + 1 / (1 + u**2) + np.sqrt(u)
    expected += np.log(u) * slope + u + u + u**3 + (1 + u) ** 5 + u**-2.0
    found = eq.decode(right_side(eq, 0.0, eq.encode(u)))
    np.testing.assert_allclose(found, expected, atol=1e-8)


def test_an_array_on_the_grid_may_be_a_parameter():
    space = Fourier(32, length=3.0)
    bump = np.cos(2 * np.pi * space.coords["x"] / 3.0)
    eq = pde("u_t = V*u + V_x", space, V=bump)
    u = np.sin(2 * np.pi * space.coords["x"] / 3.0)
    found = eq.decode(right_side(eq, 0.0, eq.encode(u)))
    np.testing.assert_allclose(found, bump * u - 2 * np.pi / 3 * u, atol=1e-13)


def test_products_are_free_of_aliasing_in_the_modes_kept():
    """cos(kx)² holds the mode 2k: on 16 points 10 would fold onto 6, and must be dropped instead."""
    space = Fourier(16)
    u = np.cos(5 * space.coords["x"])
    kept = pde("u_t = u^2", space)
    np.testing.assert_allclose(kept.decode(right_side(kept, 0.0, kept.encode(u))), 0.5, atol=1e-14)
    folded = pde("u_t = u^2", space, dealias=False)
    np.testing.assert_allclose(folded.decode(right_side(folded, 0.0, folded.encode(u))), u**2, atol=1e-14)


@pytest.mark.parametrize("dealias", [True, False])
@pytest.mark.parametrize("text", [REAL[0][0], "p_t = i*p_xx + i*abs(p)^2*p + cos(t)*cos(x) + x*p"])
def test_single_precision_stays_single(text, dealias):
    eq = pde(text, Fourier(16), dealias=dealias)
    state = eq.encode(np.cos(np.arange(16)).astype(np.float32))
    assert state.dtype == jnp.complex64
    rate = eqx.filter_jit(eq.remainder)(jnp.asarray(0.3), state, None)
    assert rate.dtype == jnp.complex64
    assert eq.decode(state).dtype == (jnp.complex64 if eq.about.complex else jnp.float32)
    double = eq.encode(np.cos(np.arange(16)).astype(np.float32).astype(float))
    np.testing.assert_allclose(rate, eq.remainder(0.3, double, None), atol=2e-4)


def test_new_values_compile_nothing():
    traces = []

    @eqx.filter_jit
    def rate(eq, state):
        traces.append(1)
        return eq.remainder(0.0, state, None)

    text = "u_t = nu*u_xx - c*u*u_x + a*sin(2*pi*x) + exp(-a)"
    for step, (nu, c, a) in enumerate([(1.0, 2.0, 3.0), (0.1, -1.0, 0.0), (jnp.asarray(0.5), 3, 1.0)]):
        eq = pde(text, Fourier(16, length=1.0 + step), nu=nu, c=c, a=a)
        rate(eq, eq.encode("cos(2*pi*x)"))
    assert len(traces) == 1


def test_gradients_with_respect_to_parameters_and_length():
    def loss(values):
        space = Fourier(16, length=values[2])
        eq = pde("u_t = nu*u_xx - c*u*u_x + c*nu*cos(2*pi*x)*u + nu", space, nu=values[0], c=values[1])
        state = eq.encode("sin(2*pi*x) + nu*c*cos(4*pi*x)")
        return jnp.sum(eq.decode(right_side.__wrapped__(eq, 0.0, state)) ** 2)

    compiled = jax.jit(jax.value_and_grad(loss))
    point = jnp.asarray([0.3, 1.7, 1.2])
    _, gradient = compiled(point)
    for axis in range(3):
        shift = 1e-5 * jnp.eye(3)[axis]
        numeric = (compiled(point + shift)[0] - compiled(point - shift)[0]) / 2e-5
        np.testing.assert_allclose(gradient[axis], numeric, rtol=1e-6)


def fft_planes(jaxpr):
    """Scalar transforms in a jaxpr: each batched one counts its batch."""
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "fft":
            rank = len(equation.params["fft_lengths"])
            total += int(np.prod(equation.invars[0].aval.shape[:-rank]))
        for inner in jaxprs_in_params(equation.params):
            total += fft_planes(inner)
    return total


@pytest.mark.parametrize(
    ("text", "ndim", "planes"),
    [
        ("u_t = -u_xx - u_xxxx - u*u_x", 1, 2),
        ("u_t = nu*u_xx", 1, 0),
        ("u_t = nu*u_xx + cos(x)*sin(t)", 1, 0),
        ("w_t = nu*lap(w) - p_y*w_x + p_x*w_y; p = -inv_lap(w)", 2, 4),
        ("u_t = -u*u_x - u*u_y", 2, 2),
        ("u_t = lap(u^3 - u)", 2, 2),
        ("u_t = -u*v^2 + F*(1 - u); v_t = u*v^2 - v", 2, 3),
        ("psi_t = i*psi_xx + i*abs(psi)^2*psi", 1, 2),
        ("u_t = u_x^2 + u*u_x", 1, 3),
    ],
)
def test_number_of_transforms(text, ndim, planes):
    parameters = {name: 1.0 for name in ("nu", "F") if name + "*" in text}
    eq = pde(text, Fourier((16, 12)[:ndim]), **parameters)
    fields = eq.about.fields
    state = eq.encode(dict.fromkeys(fields, "cos(x)"))
    jaxpr = jax.make_jaxpr(lambda u: eq.remainder(0.0, u, None))(state)
    assert fft_planes(jaxpr.jaxpr) == planes == eq.about.counts.transforms
    assert eq.about.counts.transforms <= eq.about.counts.transforms_typed
