"""Reading equations: what is understood, and what is said of what is not."""

from __future__ import annotations

import numpy as np
import pytest

from duhamel.errors import EquationError, InputError
from duhamel.pde import pde
from duhamel.pde.parser import parse_expression, parse_statements
from duhamel.pde.split import analyse
from duhamel.pde.syntax import Binary, Name, Negative, Number
from duhamel.spaces import Fourier


def same(first, second, ndim=1, parameters=()):
    """Whether two texts mean the same."""
    a, b = (analyse(text, ndim, tuple((p, "number") for p in parameters)) for text in (first, second))
    return all(set(x.terms) == set(y.terms) for x, y in zip(a.right, b.right, strict=True))


def test_precedence():
    tree = parse_expression("-a^2*b")
    assert isinstance(tree, Binary)
    assert tree.operator == "*"
    assert isinstance(tree.left, Negative)
    assert isinstance(tree.left.of, Binary)
    assert parse_expression("2^3^2") == parse_expression("2^(3^2)").__class__(
        "^", Number(2, 0), Binary("^", Number(3, 2), Number(2, 4), 3), 1
    )
    assert parse_expression("a") == Name("a", 0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("u_t = u - u - u_x", "u_t = -u_x"),
        ("u_t = u/2/2", "u_t = 0.25*u"),
        ("u_t = -u^2", "u_t = -(u*u)"),
        ("u_t = u**3", "u_t = u^3"),
        ("u_t = 2*-u", "u_t = -2*u"),
        ("u_t = 1e-3*u + .5*u", "u_t = 0.501*u"),
        ("u_t = u^-1", "u_t = 1/u"),
        ("u_t = dx(dx(u_x))", "u_t = u_xxx"),
        ("u_t = dx(2*u + 3)", "u_t = 2*u_x"),
        ("u_t = (u + 1)*(u - 1)", "u_t = u^2 - 1"),
        ("u_t = lap(u)", "u_t = u_xx"),
        ("u_t = grad2(u)", "u_t = u_x^2"),
        ("u_t = abs(u)^4", "u_t = u^4"),
        ("u_t = q_x; q = u^2", "u_t = dx(u^2)"),
        ("q = r + u; r = u_x\nu_t = q", "u_t = u + u_x"),
        ("u_t = (u\n + u_x)", "u_t = u + u_x"),
        ("u_t = u +\n u_x  # a remark; with = signs", "u_t = u + u_x"),
        ("u_t = u\n  - u_x", "u_t = u - u_x"),
        ("# first\n\nu_t = u;;\n", "u_t = u"),
        ("u_t = u − u·u", "u_t = u - u*u"),
        ("ψ_t = i*ψ_xx; u = 0*ψ", "ψ_t = i*ψ_xx"),
    ],
)
def test_two_ways_of_writing_one_thing(first, second):
    assert same(first, second)


def test_a_name_with_an_underscore_that_is_a_parameter_wins():
    assert same("u_t = k_x*u", "u_t = u*k_x", parameters=("k_x",))
    assert analyse("rho_0_t = -rho_0_x", 1, ()).fields == ("rho_0",)


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("u_t = 2u", 7, r"write 2\*u"),
        ("u_t = u u_x", 8, r"write u\*u_x"),
        ("u_t = 2(u + 1)", 7, "a product needs its sign"),
        ("u_t = u(1 - u)", 6, r"u\*\(…\)"),
        ("u_t = u_y", 8, "there is no y"),
        ("u_t = dy(u)", 7, "there is no y"),
        ("u_t = u*y", 8, "there is no y"),
        ("u_tt = u_xx", 2, "u_t = udot; udot_t = …"),
        ("u_t = nu*u_xx", 6, "unknown name 'nu'"),
        ("u_t = vel*u_x; vell = 1", 6, "Did you mean vell"),
        ("u_t = sni(u)", 6, "Did you mean sin"),
        ("u_t = v_x", 6, "a field an equation"),
        ("u_t = u_w", 6, "unknown name 'u_w'"),
        ("u_t = sin", 6, r"write sin\(…\)"),
        ("u_t = sin()", 10, "needs an argument"),
        ("u_t = min(u)", 6, "takes 2 arguments"),
        ("u_t = (u_x", 6, "never closed"),
        ("u_t = u_x)", 9, "never opened"),
        ("u_t = u_x +", 11, "something is missing"),
        ("u_t = *u", 6, "cannot stand here"),
        ("u_t = u; u_t = 1", 9, "a second equation for u"),
        ("u_t = u_xt", 8, "left of '=' only"),
        ("u_t + u_x = u", 6, "linear in u_t"),
        ("u_t + v_t = u", 6, "two time derivatives"),
        ("u_t*u = u", 4, "linear in u_t"),
        ("u_x_t = u", 0, "write u_xt"),
        ("u_x = u; u_t = 1", 0, "a derivative of u"),
        ("u + 1 = u_t", 2, "the left side must be"),
        ("p = q; q = p; u_t = p", 11, "leads back to itself: p → q → p"),
        ("x_t = 1", 0, "a meaning of its own"),
        ("p = 3", 0, "no equation with a time derivative"),
        ("u_t", 3, "needs '='"),
        ("u_t = u = 1", 8, "second '='"),
        ("u_t = u ? 1", 8, "no meaning"),
        ("u_t = u/0", 7, "division by zero"),
        ("", 0, "no equation here"),
        ("u_t = u;\nv_t = 2*uu", 17, "Did you mean u"),
        ("u_t = __import__('os')", 6, "unknown function|no meaning"),
        ("u_t = " + "(" * 300 + "u", 108, "too deeply"),
    ],
)
def test_mistakes_are_answered_with_the_place_and_the_cause(text, column, part):
    with pytest.raises(EquationError, match=part) as caught:
        pde(text, Fourier(8))
    if "__import__" not in text and "((((" not in text:
        assert caught.value.position == column
    line, caret = str(caught.value).splitlines()[-2:]
    position = caught.value.position
    assert caret.index("^") - 2 == position - text.rfind("\n", 0, position) - 1
    assert line[2:] in text or not text


@pytest.mark.parametrize(
    ("text", "parameters", "part"),
    [
        ("u_t = u", {"nu": 1.0}, "given but not used: nu"),
        ("u_t = nu*u", {"nu": np.ones(5)}, r"shape \(5,\)"),
        ("u_t = nu*u", {"nu": "x"}, "must be a number"),
        ("u_t = nu*u", {"nu": float("nan")}, "not finite"),
        ("u_t = x*u", {"x": 1.0}, "a meaning of its own"),
        ("u_t = u; p = 1", {"p": 1.0}, "is a parameter already"),
        ("u_t = u - u", {}, "nothing evolves"),
        ("u_t + u_xxt = u", {}, "vanishes"),
        ("u_t = u/x", {}, r"x\^-1 of the equation is not finite"),
        ("u_t = u_xx + log(a)", {"a": -1.0}, "not finite"),
        (3, {}, "must be text"),
    ],
)
def test_parameters_and_sides_that_cannot_be(text, parameters, part):
    with pytest.raises(InputError, match=part):
        pde(text, Fourier(8), **parameters)


def test_a_space_must_be_a_space():
    with pytest.raises(InputError, match="Fourier"):
        pde("u_t = u", 256)


def test_nothing_typed_is_executed():
    for text in ("u_t = u.__class__", "u_t = [u]", "u_t = lambda u: u", "u_t = u if u else u", "u_t = 'a'"):
        with pytest.raises(EquationError):
            pde(text, Fourier(8))


def test_statements_know_where_they_begin():
    first, second = parse_statements("u_t = v; \n v_t = u")
    assert (first.position, second.position) == (0, 11)
