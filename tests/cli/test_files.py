"""Initial fields from files, on the grid of the run."""

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from duhamel.cli.files import is_file, read_fields
from duhamel.errors import InputError
from duhamel.store import Writer


def wave(points):
    """Band-limited and periodic on 0..1: known on any grid."""
    x = np.arange(points) / points
    return 0.3 + np.cos(2 * np.pi * x) - 2 * np.sin(6 * np.pi * x)


def test_an_ending_makes_a_file():
    assert all(map(is_file, ["a.npy", "b.PNG", "c.zarr/", "d/e.nc", "f.npz"]))
    assert not any(map(is_file, ["cos(x)", "1.5", "npy", "x.y"]))


@pytest.mark.parametrize("points", [16, 24, 64])
def test_numpy_files_are_resampled_exactly(tmp_path, points):
    np.save(tmp_path / "a.npy", wave(points))
    got = read_fields(str(tmp_path / "a.npy"), ("u",), (32,))["u"]
    np.testing.assert_allclose(got, wave(32), atol=1e-13)


def test_fields_by_name_and_by_place(tmp_path):
    np.savez(tmp_path / "a.npz", v=2 * wave(32), u=wave(32), other=np.zeros(3))
    got = read_fields(str(tmp_path / "a.npz"), ("u", "v"), (32,))
    np.testing.assert_array_equal(got["v"], 2 * got["u"])
    np.save(tmp_path / "a.npy", np.stack([wave(32), -wave(32)]))
    got = read_fields(str(tmp_path / "a.npy"), ("u", "v"), (32,))
    np.testing.assert_array_equal(got["v"], -got["u"])


def test_our_own_store_gives_its_last_state(tmp_path):
    axes = {"x": np.arange(8.0), "y": np.arange(4.0)}
    states = np.random.default_rng(0).normal(size=(3, 8, 4))
    Writer(tmp_path / "a.zarr", coords=axes).append(np.arange(3.0), {"u": states})
    got = read_fields(str(tmp_path / "a.zarr"), ("u",), (8, 4))["u"]
    np.testing.assert_array_equal(got, states[-1])


def test_netcdf_in_any_order_of_axes(tmp_path):
    values = np.random.default_rng(0).normal(size=(4, 8))
    xr.Dataset({"u": (("y", "x"), values)}).to_netcdf(tmp_path / "a.nc", engine="scipy")
    got = read_fields(str(tmp_path / "a.nc"), ("u",), (8, 4))["u"]
    np.testing.assert_array_equal(got, values.T)


def test_an_image_is_grey_upright_and_within_0_and_1(tmp_path):
    pixels = np.zeros((20, 10), dtype=np.uint8)
    pixels[:10, 5:] = 255  # the upper right quarter is white
    Image.fromarray(pixels).save(tmp_path / "a.png")
    got = read_fields(str(tmp_path / "a.png"), ("u",), (8, 12))["u"]
    assert got.shape == (8, 12)
    assert got[7, 11] == pytest.approx(1.0, abs=1e-6)
    assert got[0, 0] == got[7, 0] == got[0, 11] == pytest.approx(0.0, abs=1e-6)
    assert 0.0 <= got.min() <= got.max() <= 1.0
    Image.fromarray(pixels.astype(np.uint16) * 257).save(tmp_path / "deep.png")
    deep = read_fields(str(tmp_path / "deep.png"), ("u",), (8, 12))["u"]
    np.testing.assert_allclose(deep, got, atol=1e-6)


def save(path, values):
    np.save(path, values)
    return str(path)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.where(np.arange(32) == 3, np.nan, 1.0), "1 of the 32 values"),
        (np.full(32, np.inf), "not finite"),
        (np.zeros((32, 32)), "the grid has 1 axis"),
        (np.array(["a"] * 32), "not numbers"),
    ],
)
def test_wrong_values_are_explained(tmp_path, values, reason):
    with pytest.raises(InputError, match=reason):
        read_fields(save(tmp_path / "a.npy", values), ("u",), (32,))


def test_wrong_files_are_explained(tmp_path):
    with pytest.raises(InputError, match="There is no file"):
        read_fields(str(tmp_path / "none.npy"), ("u",), (32,))
    (tmp_path / "broken.npy").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="cannot be read"):
        read_fields(str(tmp_path / "broken.npy"), ("u",), (32,))
    (tmp_path / "broken.png").write_bytes(b"nothing of the kind")
    with pytest.raises(InputError, match="cannot be read"):
        read_fields(str(tmp_path / "broken.png"), ("u",), (8, 8))
    with pytest.raises(InputError, match="2-D"):
        read_fields(str(tmp_path / "broken.png"), ("u",), (8,))
    with pytest.raises(InputError, match="each its own"):
        read_fields(str(tmp_path / "broken.png"), ("u", "v"), (8, 8))
    np.savez(tmp_path / "a.npz", p=wave(32), q=wave(32))
    with pytest.raises(InputError, match="none of the fields u; it holds 'p', 'q'"):
        read_fields(str(tmp_path / "a.npz"), ("u",), (32,))
