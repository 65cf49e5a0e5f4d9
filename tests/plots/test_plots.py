"""Pictures exist, have something on them, and survive odd results."""

import numpy as np
import pytest
from PIL import Image

from duhamel.dataset import to_dataset
from duhamel.errors import InputError, StoreError
from duhamel.plots import movie, picture
from duhamel.plots.fields import limits, moments
from duhamel.plots.spectrum import amplitudes
from duhamel.plots.style import DIVERGING

TIMES = np.linspace(0.0, 2.0, 9)


def result(ndim, fields=1, complex_=False):
    axes = {name: np.arange(16) * 2 * np.pi / 16 for name in ("x", "y", "z")[:ndim]}
    grid = np.meshgrid(*axes.values(), indexing="ij") if ndim else []
    phase = sum(grid, start=np.zeros(()))
    u = np.stack([np.cos(phase + t) * np.exp(-t / 4) for t in TIMES])
    if complex_:
        u = u * np.exp(1j * TIMES).reshape(-1, *([1] * ndim))
    text = "u_t = [u]_x $ \\alpha_{; v_t = <b>x</b>"
    return to_dataset(
        TIMES, {f"u{n}": u * (n + 1) for n in range(fields)}, coords=axes, attrs={"equation": text}
    )


def shown(path):
    pixels = np.asarray(Image.open(path).convert("RGB"), dtype=float)
    assert path.stat().st_size > 5000
    assert pixels.std() > 10.0
    return pixels


@pytest.mark.parametrize(
    ("ndim", "fields", "complex_"),
    [(0, 2, False), (0, 4, False), (0, 12, False), (1, 1, False), (1, 2, True), (2, 1, True), (3, 1, False)],
)
def test_every_dimension_has_a_picture(tmp_path, ndim, fields, complex_):
    made = picture(result(ndim, fields, complex_), tmp_path / "a.png")
    shown(made)


def test_the_picture_shows_the_field(tmp_path):
    """Red where the field is positive and blue where it is negative."""
    data = result(1)
    data["u0"][:] = np.where(np.asarray(data.x) < np.pi, 1.0, -1.0)
    pixels = shown(picture(data, tmp_path / "a.png"))
    height, width = pixels.shape[:2]
    below, above = pixels[int(0.75 * height), width // 4], pixels[int(0.35 * height), width // 4]
    assert below[0] > below[2] + 50
    assert above[2] > above[0] + 50


@pytest.mark.parametrize("ndim", [0, 1, 2])
def test_one_time_constants_and_nan(tmp_path, ndim):
    data = result(ndim)
    shown(picture(data.isel(time=[0]), tmp_path / "one.png"))
    blown = data.copy(deep=True)
    blown["u0"][-1] = np.nan
    blown["u0"][-2] = 1e200
    shown(picture(blown, tmp_path / "blown.png"))
    picture(data * 0.0, tmp_path / "zero.png")
    picture(data * np.nan, tmp_path / "nan.png")


@pytest.mark.parametrize(("ndim", "complex_"), [(1, False), (2, True), (3, False)])
def test_a_movie_moves(tmp_path, ndim, complex_):
    seen = []
    made = movie(
        result(ndim, complex_=complex_),
        tmp_path / "a.gif",
        fps=10,
        progress=lambda n, total: seen.append((n, total)),
    )
    with Image.open(made) as gif:
        assert gif.n_frames == TIMES.size
        first = np.asarray(gif.convert("RGB"), dtype=float)
        gif.seek(TIMES.size - 1)
        assert np.abs(np.asarray(gif.convert("RGB"), dtype=float) - first).max() > 50
    assert seen[-1] == (TIMES.size, TIMES.size)


def test_what_cannot_be_drawn_is_said(tmp_path):
    with pytest.raises(InputError, match="no state"):
        picture(result(1).isel(time=[]), tmp_path / "a.png")
    with pytest.raises(InputError, match=r"\.png"):
        picture(result(1), tmp_path / "a.doc")
    with pytest.raises(StoreError, match="Cannot write the picture"):
        picture(result(1), tmp_path / "none" / "a.png")
    with pytest.raises(InputError, match="ODE"):
        movie(result(0), tmp_path / "a.gif")
    with pytest.raises(InputError, match="two saved times"):
        movie(result(1).isel(time=[0]), tmp_path / "a.gif")
    with pytest.raises(InputError, match="frame rate"):
        movie(result(1), tmp_path / "a.gif", fps=-1.0)
    with pytest.raises(InputError, match="GIF"):
        movie(result(1), tmp_path / "a.mp4")


def test_spectrum_finds_the_modes_and_keeps_the_mean_square():
    """u = 3 cos(4 k0 x) + sin(7 k0 y): amplitudes 3/√2 and 1/√2, and Parseval's equality without the mean."""
    length = 10.0
    x = np.arange(32) * length / 32
    u = 3 * np.cos(2 * np.pi * 4 * x / length)[:, None] + np.sin(2 * np.pi * 7 * x / length)[None, :]
    k, amplitude = amplitudes(u, (length, length))
    np.testing.assert_allclose(k, 2 * np.pi / length * np.array([4, 7]))
    np.testing.assert_allclose(amplitude, np.array([3, 1]) / np.sqrt(2), rtol=1e-12)
    np.testing.assert_allclose(np.sum(amplitude**2), np.mean(u**2), rtol=1e-12)


def test_limits_cut_rare_extremes_only():
    values = np.concatenate([np.linspace(-1, 1, 1000), [1e9, np.nan, -np.inf]])
    low, high, extend = limits(values)
    assert (-4 < low < -0.9, 0.9 < high < 4, extend) == (True, True, "both")
    assert limits(np.linspace(-1, 1, 1000)) == (-1.0, 1.0, "neither")
    assert limits(np.full(3, 2.0))[0] < 2.0 < limits(np.full(3, 2.0))[1]


def test_moments_hold_both_ends():
    np.testing.assert_array_equal(moments(np.arange(101.0), 3), [0, 50, 100])
    np.testing.assert_array_equal(moments(np.arange(2.0), 4), [0, 1])


def test_the_diverging_map_is_balanced():
    """Equal lightness at equal distance from the centre, which is the lightest."""
    rgb = DIVERGING(np.linspace(0, 1, 101))[:, :3]
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    luminance = linear @ np.array([0.2126, 0.7152, 0.0722])
    assert np.argmax(luminance) in range(47, 54)
    assert np.all(np.diff(luminance[:48]) > -1e-3)
    assert np.all(np.diff(luminance[53:]) < 1e-3)
    np.testing.assert_allclose(luminance, luminance[::-1], atol=0.08)
