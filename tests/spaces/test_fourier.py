"""Fourier spaces: grids, symbols, transforms, Parseval, resampling."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from duhamel.errors import InputError
from duhamel.spaces import Fourier, resample


def wave(space: Fourier) -> np.ndarray:
    """A product of low modes, one an axis, with phases of their own."""
    value = np.ones(space.shape)
    for axis, (x, length) in enumerate(zip(space.grid, np.asarray(space.length), strict=True)):
        value = value * (1.5 + np.cos(2 * np.pi * (axis + 1) * x / length + 0.3 * axis))
    return value


@pytest.mark.parametrize("points", [(8,), (12, 16), (8, 12, 10)])
def test_grid_and_coordinates_of_unequal_boxes(points):
    lengths = (2.0, 3.5, 7.0)[: len(points)]
    origin = (-1.0, 0.5, 2.0)[: len(points)]
    space = Fourier(points, length=lengths, origin=origin)
    assert space.shape == points
    assert space.axes == ("x", "y", "z")[: len(points)]
    for axis, (name, x) in enumerate(space.coords.items()):
        assert name == "xyz"[axis]
        np.testing.assert_allclose(x, origin[axis] + lengths[axis] * np.arange(points[axis]) / points[axis])
        assert space.grid[axis].shape == tuple(
            points[axis] if place == axis else 1 for place in range(len(points))
        )


@pytest.mark.parametrize(
    ("points", "part"),
    [
        (255, "even"),
        (2, "at least 4"),
        ((8, 7), "axis y has 7"),
        ((4, 4, 4, 4), "three dimensions"),
        (8.5, "whole"),
    ],
)
def test_counts_that_cannot_be(points, part):
    with pytest.raises(InputError, match=part):
        Fourier(points)


@pytest.mark.parametrize("length", [0.0, -1.0, float("nan"), (1.0, 2.0), "long"])
def test_lengths_that_cannot_be(length):
    with pytest.raises(InputError, match="length"):
        Fourier(8, length=length)


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("retained", [True, False])
@pytest.mark.parametrize("points", [(16,), (12, 8, 10)])
def test_modes_to_grid_and_back(points, real, retained):
    layout = Fourier(points).layout(real=real, retained=retained)
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, *points)) + (0 if real else 1j * rng.normal(size=(2, *points)))
    modes = layout.to_modes(jnp.asarray(values))
    assert modes.shape == (2, *layout.modes)
    np.testing.assert_allclose(modes, layout.to_modes_host(values), atol=1e-12)
    back = layout.to_grid(modes)
    assert jnp.iscomplexobj(back) is not real
    if not retained:
        np.testing.assert_allclose(back, values, atol=1e-13)
    np.testing.assert_allclose(layout.to_modes(back), modes, atol=1e-12)
    # Parseval, on what is kept
    mean = np.mean(np.abs(back) ** 2, axis=tuple(range(1, 1 + len(points))))
    np.testing.assert_allclose(layout.mean_square(modes), mean, rtol=1e-13)


def test_the_modes_kept_are_those_of_the_two_thirds_rule():
    layout = Fourier((16, 24)).layout(retained=True)
    assert sorted(layout.indices[0]) == list(range(-5, 6))
    assert list(layout.indices[1]) == list(range(8))


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("retained", [True, False])
@pytest.mark.parametrize("orders", [(1, 0, 0), (2, 0, 0), (1, 1, 0), (0, 1, 2), (3, 0, 1)])
def test_derivatives_in_three_dimensions(orders, real, retained):
    space = Fourier((12, 16, 20), length=(2.0, 3.0, 5.0), origin=(0.1, 0.2, 0.3))
    layout = space.layout(real=real, retained=retained)
    turn = 1j ** sum(orders)
    expected = np.ones(space.shape)
    for axis, order in enumerate(orders):
        k = 2 * np.pi * (axis + 1) / (2.0, 3.0, 5.0)[axis]
        phase = k * space.grid[axis] + 0.3 * axis
        factor = np.cos(phase + order * np.pi / 2) * k**order + (1.5 if order == 0 else 0.0)
        expected = expected * factor
    modes = layout.to_modes_host(wave(space)) * turn * space.derivative(orders, 0, layout)
    np.testing.assert_allclose(layout.to_grid(jnp.asarray(modes)).real, expected, atol=1e-9)


def test_the_inverse_laplacian_undoes_the_laplacian_but_for_the_mean():
    space = Fourier((12, 16), length=(2.0, 3.0))
    layout = space.layout()
    both = space.derivative((0, 0, 0), 1, layout) * -sum(k**2 for k in space.wavenumbers(layout))
    expected = np.ones(layout.modes)
    expected[0, 0] = 0
    np.testing.assert_allclose(both, expected, atol=1e-14)


@pytest.mark.parametrize("real", [True, False])
def test_the_nyquist_mode_of_an_odd_derivative_is_zero(real):
    space = Fourier(8)
    layout = space.layout(real=real)
    assert space.derivative((1, 0, 0), 0, layout)[4] == 0
    assert space.derivative((3, 0, 0), 0, layout)[4] == 0
    assert space.derivative((2, 0, 0), 0, layout)[4] == 16


def test_a_new_length_compiles_nothing_and_has_a_gradient():
    traces = []

    @jax.jit
    def slope(space):
        traces.append(1)
        return jnp.sum(jnp.asarray(space.derivative((2, 0, 0))))

    first, second = slope(Fourier(8, length=2.0)), slope(Fourier(8, length=4.0))
    assert len(traces) == 1
    np.testing.assert_allclose(first, 4 * second)
    gradient = jax.grad(lambda L: jnp.sum(Fourier(8, length=L).derivative((2, 0, 0))))(2.0)
    np.testing.assert_allclose(gradient, -2 / 2.0 * first, rtol=1e-12)


@pytest.mark.parametrize(("old", "new"), [(8, 32), (32, 12), (9, 16), (12, 12), (16, 8)])
def test_resampling_is_exact_for_modes_that_fit(old, new):
    def f(n):
        x = 2 * np.pi * np.arange(n) / n
        return 0.5 + np.cos(x) - 2 * np.sin(3 * x)

    np.testing.assert_allclose(resample(f(old), (new,)), f(new), atol=1e-14)


def test_resampling_in_two_dimensions_keeps_real_data_real_and_shares_the_nyquist_mode():
    rng = np.random.default_rng(1)
    values = rng.normal(size=(8, 6))
    fine = resample(values, (16, 18))
    assert fine.dtype == np.float64
    np.testing.assert_allclose(fine[::2, ::3], values, atol=1e-13)
    np.testing.assert_allclose(resample(values + 1j * values, (16, 18)), fine * (1 + 1j), atol=1e-13)
    with pytest.raises(InputError, match="2 axes"):
        resample(values, (16,))
