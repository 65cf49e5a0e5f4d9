"""What becomes L, what becomes N, and what is printed."""

from __future__ import annotations

import numpy as np
import pytest

from duhamel.equation import Linear, Nonlinear
from duhamel.linear import BlockDiagonal, Diagonal
from duhamel.pde import pde
from duhamel.pde.split import analyse
from duhamel.spaces import Fourier


@pytest.mark.parametrize(
    ("text", "ndim", "parameters", "linear", "nonlinear"),
    [
        ("u_t = -u_xx - u_xxxx - u*u_x", 1, {}, {"u": "-u_xx - u_xxxx"}, {"u": "-u*u_x"}),
        ("psi_t = i*psi_xx + i*abs(psi)^2*psi", 1, {}, {"psi": "i*psi_xx"}, {"psi": "i*abs(psi)^2*psi"}),
        ("w_t = nu*lap(w) - p_y*w_x + p_x*w_y; p = -inv_lap(w)", 2, {"nu": 1.0}, {"w": "nu*lap(w)"},
         {"w": "w_x*dy(inv_lap(w)) - w_y*dx(inv_lap(w))"}),
        ("u_t = v; v_t = c^2*u_xx", 1, {"c": 2.0}, {"u": "v", "v": "c^2*u_xx"}, {"u": "0", "v": "0"}),
        ("u_t = D*lap(u) - u*v^2 + F*(1 - u); v_t = D*lap(v) + u*v^2", 2, {"D": 1.0, "F": 0.1},
         {"u": "D*lap(u) - F*u", "v": "D*lap(v)"}, {"u": "-u*v^2 + F", "v": "u*v^2"}),
        ("u_t - u_xxt = -u_x - u*u_x", 1, {}, {"u": "-u_x"}, {"u": "-u*u_x"}),
        ("u_t = u*(1 - u)*(u - a)", 1, {"a": 0.2}, {"u": "-a*u"}, {"u": "u^2 - u^3 + a*u^2"}),
        ("u_t = lap(lap(u)) + dx(lap(u)) + 2*u_xy", 2, {},
         {"u": "lap(lap(u)) + dx(lap(u)) + 2*u_xy"}, {"u": "0"}),
        ("u_t = cos(t)*u + x*u_x + sin(x)", 1, {}, {"u": "0"}, {"u": "cos(t)*u + x*u_x + sin(x)"}),
        ("p_t = conj(p) + 2*p", 1, {}, {"p": "2*p"}, {"p": "conj(p)"}),
        ("u_t = -u_x - u/4 + 4^0.5*u", 1, {}, {"u": "-u_x + 7*u/4"}, {"u": "0"}),
    ],
)  # fmt: skip
def test_linear_terms_with_constant_coefficients_become_l(text, ndim, parameters, linear, nonlinear):
    about = pde(text, Fourier((8, 12)[:ndim]), **parameters).about
    assert about.nonlinear == nonlinear
    assert about.linear == linear


def parts(eq):
    return [type(part) for part in eq.parts], [type(part.operator) for part in eq.linear]


def test_only_the_parts_that_exist_are_there():
    space = Fourier(8)
    assert parts(pde("u_t = u_xx", space)) == ([Linear], [Diagonal])
    assert parts(pde("u_t = -u*u_x", space)) == ([Nonlinear], [])
    assert parts(pde("u_t = u_xx + cos(x)", space)) == ([Linear, Nonlinear], [Diagonal])
    assert parts(pde("u_t = u_xx; v_t = v", space)) == ([Linear], [Diagonal])
    assert parts(pde("u_t = v; v_t = u_xx - sin(u)", space)) == ([Linear, Nonlinear], [BlockDiagonal])


def test_symbols():
    space = Fourier(12, length=3.0)
    k = 2 * np.pi * np.arange(7) / 3.0
    odd = np.where(np.arange(7) == 6, 0.0, k)

    def symbol(text, **parameters):
        return np.asarray(pde(text, space, **parameters).linear[0].operator.symbol)

    np.testing.assert_allclose(symbol("u_t = nu*u_xx - u_xxxx", nu=0.5), [-0.5 * k**2 - k**4])
    assert symbol("u_t = nu*u_xx", nu=0.5).dtype == np.float64
    np.testing.assert_allclose(symbol("u_t = u - c*u_x - u_xxx", c=2.0), [1 - 2j * odd + 1j * odd**3])
    np.testing.assert_allclose(symbol("u_t - u_xxt = -u_x"), [-1j * odd / (1 + k**2)])
    np.testing.assert_allclose(symbol("2*u_t + u_xt = u"), [1 / (2 + 1j * odd)])
    full = 2 * np.pi * np.fft.fftfreq(12, 1 / 12) / 3.0
    np.testing.assert_allclose(symbol("p_t = i*p_xx + (1 + i*b)*p", b=3.0), [1 + 3j - 1j * full**2])
    inverse = np.concatenate([[0], -1 / k[1:] ** 2])
    np.testing.assert_allclose(symbol("u_t = q; q = inv_lap(u)"), [inverse])


def test_coupled_fields_have_one_matrix_a_wavenumber():
    space = Fourier(12)
    blocks = np.asarray(pde("u_t = v; v_t = c^2*u_xx - v", space, c=2.0).linear[0].operator.blocks)
    k = np.arange(7.0)
    np.testing.assert_allclose(blocks, [[0 * k, 1 + 0 * k], [-4 * k**2, -1 + 0 * k]])
    assert blocks.dtype == np.float64


def test_what_is_printed():
    text = str(pde("u_t = -u_xx - u_xxxx - u*u_x", Fourier(16)))
    assert text.splitlines() == [
        "u_t = -u_xx - u_xxxx - u*u_x",
        "  L: -u_xx - u_xxxx   (diagonal per wavenumber)",
        "  N: -u*u_x",
        "     evaluated as -dx(u^2)/2",
        "  2 transforms for each evaluation of N, 2/3 dealiasing",
    ]
    text = str(pde("u_t = v; v_t - v_xxt = a*u_xx - sin(u)", Fourier(16), dealias=False, a=1.0))
    for line in (
        "L(u): v   (one matrix per wavenumber)",
        "N(v): -sin(u)",
        "symbol of the left side",
        "no dealiasing",
    ):
        assert line in text


@pytest.mark.parametrize(
    "text",
    [
        "u_t = -3*u_xxx + a*u^2/3 - exp(-a*t)*sin(u + x)^2/(1 + u^2) + dx(cos(x)*u^2)",
        "u_t = lap(u^3) - inv_lap(u*u_x) + a*dx(lap(u)) + u_xy*(u_x + a*u_y) + (1 + u)^7 + u^a + (2 + x)^-2",
        "p_t = (1 - 2*i)*p_xx + i*a*abs(p)^2*p + conj(p_x)*(2 + i)*p + real(p)*exp(i*t)",
    ],
)
def test_what_is_printed_means_what_was_typed(text):
    parameters = (("a", "number"),)
    system = analyse(text, 2, parameters)
    about = pde(text, Fourier((8, 8)), a=1.0).about
    (name,) = about.fields
    again = f"{name}_t = {about.linear[name]} + ({about.nonlinear[name]})"
    assert set(analyse(again, 2, parameters).right[0].terms) == set(system.right[0].terms)


def test_advection_by_a_stream_function_needs_the_velocities_alone():
    counts = pde("w_t = p_x*w_y - p_y*w_x; p = -3*inv_lap(w)", Fourier((8, 8))).about.counts
    assert (counts.transforms_typed, counts.transforms) == (5, 4)
    typed = pde("w_t = p_x*w_y - p_y*w_x; p = -3*inv_lap(w)", Fourier((8, 8)), dealias=False).about.counts
    assert typed.transforms == 5
    assert counts.operations < counts.operations_typed
    # q is not the Laplacian of p, nor half a bracket a bracket
    assert (
        pde("q_t = p_x*q_y - p_y*q_x; p = inv_lap(inv_lap(q))", Fourier((8, 8))).about.counts.transforms == 5
    )
    assert pde("w_t = p_x*w_y + p_y*w_x; p = inv_lap(w)", Fourier((8, 8))).about.counts.transforms == 5


def test_linear_equations_keep_all_modes():
    assert pde("u_t = u_xx", Fourier(16)).codec.layout.modes == (9,)
    assert pde("u_t = u_xx + cos(x)", Fourier(16)).codec.layout.modes == (9,)
    assert pde("u_t = u_xx - u^2", Fourier(16)).codec.layout.modes == (6,)
    assert pde("u_t = u_xx - u^2", Fourier(16), dealias=False).codec.layout.modes == (9,)
