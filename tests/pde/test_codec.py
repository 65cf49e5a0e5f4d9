"""Initial states: array, function, text, by name; and back."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from duhamel.drive import begin, proceed
from duhamel.errors import EquationError, InputError
from duhamel.pde import field_from_text, pde
from duhamel.plan import make_plan
from duhamel.spaces import Fourier
from duhamel.stepping import Adaptive, Fixed

SPACE = Fourier((16, 12), length=(2.0, 3.0), origin=(-1.0, 0.0))
X, Y = SPACE.grid
FIELD = np.cos(np.pi * X) * (1 + np.sin(2 * np.pi * Y / 3.0))
TEXT = "cos(pi*x)*(1 + sin(2*pi*y/3))"


@pytest.fixture(scope="module")
def heat():
    return pde("u_t = lap(u)", SPACE)


@pytest.fixture(scope="module")
def system():
    return pde("u_t = v - u^2; v_t = c*lap(u)", SPACE, c=2.0)


@pytest.mark.parametrize(
    "given",
    [FIELD, TEXT, {"u": TEXT}, jnp.asarray(FIELD),
     lambda x, y: np.cos(np.pi * x) * (1 + np.sin(2 * np.pi * y / 3)),
     lambda x, y: jnp.cos(np.pi * x) * (1 + jnp.sin(2 * np.pi * y / 3)), FIELD.tolist()],
)  # fmt: skip
def test_one_field(heat, given):
    state = heat.encode(given)
    assert state.shape == (1, 16, 7)
    assert state.dtype == jnp.complex128
    np.testing.assert_allclose(heat.decode(state), FIELD, atol=1e-14)
    np.testing.assert_allclose(heat.codec.mean_square(state), [np.mean(FIELD**2)])


def test_a_system_goes_by_name(system):
    state = system.encode({"v": "c*x^0", "u": FIELD})
    assert state.shape == (2, 11, 4)
    back = system.decode(state)
    np.testing.assert_allclose(back["u"], FIELD, atol=1e-14)
    np.testing.assert_allclose(back["v"], 2.0, atol=1e-14)


def test_traced_states_go_through(heat):
    def energy(u):
        return heat.codec.mean_square(heat.encode(u))[0]

    np.testing.assert_allclose(
        jax.jit(jax.grad(energy))(jnp.asarray(FIELD)), 2 * FIELD / FIELD.size, atol=1e-15
    )
    batch = jax.vmap(heat.encode)(jnp.stack([jnp.asarray(FIELD), 2 * jnp.asarray(FIELD)]))
    np.testing.assert_allclose(batch[1], 2 * batch[0])


def test_precision_follows_the_arrays_given(system):
    single = FIELD.astype(np.float32)
    assert system.encode({"u": single, "v": "0"}).dtype == jnp.complex64
    assert system.encode({"u": single, "v": FIELD}).dtype == jnp.complex128
    assert system.encode({"u": "0", "v": lambda x, y: x}).dtype == jnp.complex128
    assert system.encode({"u": single.astype(int), "v": "0"}).dtype == jnp.complex128


def test_complex_fields_take_real_and_complex_data():
    eq = pde("p_t = i*lap(p)", SPACE)
    np.testing.assert_allclose(eq.decode(eq.encode(TEXT + "*exp(i*x)")), FIELD * np.exp(1j * X), atol=1e-14)
    np.testing.assert_allclose(eq.decode(eq.encode(FIELD)), FIELD, atol=1e-14)
    assert eq.encode(FIELD.astype(np.complex64)).dtype == jnp.complex64
    state = jax.jit(lambda u: eq.encode(u))(jnp.asarray(FIELD))
    np.testing.assert_allclose(eq.decode(state), FIELD, atol=1e-14)


@pytest.mark.parametrize(
    ("given", "part"),
    [
        (FIELD[:-1], r"has the shape \(16, 12\), this has \(15, 12\)"),
        (np.where(X * Y > 0, np.nan, FIELD), r"NaN at index \(9, 1\)"),
        ("1/(x + 1)", r"infinity at index \(0, 0\)"),
        ("sqrt(x)", "NaN at index"),
        ({"v": FIELD}, "a field 'v'; the equation has u"),
        (FIELD + 1j, "complex"),
        ("exp(i*x)", "complex"),
        (None, "must be an array"),
        (lambda x, y: np.ones(3), "returned shape"),
    ],
)
def test_states_that_cannot_be(heat, given, part):
    with pytest.raises(InputError, match=part):
        heat.encode(given)


def test_the_number_of_points_is_named_in_one_dimension():
    with pytest.raises(InputError, match="the space has 256 points, this has 255"):
        pde("u_t = u_xx", Fourier(256)).encode(np.zeros(255))


@pytest.mark.parametrize(
    ("given", "part"),
    [(FIELD, "by name"), ({"u": "0"}, "lacks v"), ({"u": "0", "v": "0", "uu": "0"}, "Did you mean u")],
)
def test_states_of_systems_that_cannot_be(system, given, part):
    with pytest.raises(InputError, match=part):
        system.encode(given)


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [("cos(t)", 4, "'t'"), ("u", 0, "'u'"), ("2x", 1, r"2\*x"), ("cos(z)", 4, "no z")],
)
def test_texts_that_cannot_be(text, column, part):
    with pytest.raises(EquationError, match=part) as caught:
        field_from_text(text, SPACE)
    assert caught.value.position == column


def test_text_may_hold_derivatives_and_parameters():
    value = field_from_text("a*dx(sin(pi*x)*cos(2*pi*y/3)) + lap(x*0 + cos(pi*x))", SPACE, {"a": 2.0})
    expected = 2 * np.pi * np.cos(np.pi * X) * np.cos(2 * np.pi * Y / 3) - np.pi**2 * np.cos(np.pi * X)
    np.testing.assert_allclose(value, expected, atol=1e-12)
    assert value.dtype == np.float64


@pytest.mark.parametrize("step", [Fixed(0.05), Adaptive(rtol=1e-6)], ids=["fixed", "adaptive"])
def test_round_off_that_no_real_field_can_have_is_not_amplified(step):
    """Modes stored twice must stay conjugates of each other, though the linear part makes them grow by
    e^96."""
    eq = pde("u_t = 8*u + 0.1*lap(u) - u^3", Fourier((16, 16), length=2 * np.pi))
    start = "0.1*cos(x)*cos(2*y) + 0.05*sin(x+y) + 0.01*cos(3*x)"
    plan = make_plan(eq, start, 0.0, 12.0, None, "krogstad43", step, None, None)
    run = begin(plan.problem, plan.t0, plan.u, *plan.window(0))
    run, us = proceed(plan.problem, run, plan.most, 100_000)
    column = np.asarray(run.u)[0, :, 0]
    assert np.max(abs(column - np.roll(column[::-1], 1).conj())) < 1e-12
    assert 2.0 < np.max(abs(us)) < 3.5
