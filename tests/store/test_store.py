"""The store: what was appended is what xarray reads, whatever happens in between."""

import errno
import json
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import xarray as xr

from duhamel.errors import InputError, StoreError
from duhamel.store import Writer, check_destination, open_store, stored_attributes

X = {"x": np.linspace(0.0, 1.0, 8, endpoint=False)}


def states(count, start=0, width=8, dtype=np.float64):
    rng = np.random.default_rng(start)
    return np.arange(start, start + count, dtype=float), rng.normal(size=(count, width)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_blocks_of_any_size_are_read_back_by_plain_xarray(tmp_path, dtype):
    writer = Writer(tmp_path / "a.zarr", coords=X, attrs={"equation": "u_t = [u]_x", "nothing": float("nan")})
    ts, us = states(20, dtype=dtype)
    if np.iscomplexobj(us):
        us = us * dtype(1 + 2j)
    for low, high in [(0, 0), (0, 1), (1, 8), (8, 8), (8, 20)]:
        writer.append(ts[low:high], {"u": us[low:high], "v": 2 * us[low:high]}, steps=high)
    with xr.open_zarr(tmp_path / "a.zarr") as read:
        assert read.u.dims == ("time", "x")
        assert read.u.dtype == dtype
        np.testing.assert_array_equal(read.u.values, us)
        np.testing.assert_array_equal(read.v.values, 2 * us)
        np.testing.assert_array_equal(read.time.values, ts)
        np.testing.assert_array_equal(read.x.values, X["x"])
        assert read.attrs["steps"] == 20
        assert read.attrs["equation"] == "u_t = [u]_x"
        assert "nothing" not in read.attrs


def test_components_of_an_ode_become_variables(tmp_path):
    writer = Writer(tmp_path / "a.zarr", labels=("x", "y", "z"))
    ts, us = states(5, width=3)
    writer.append(ts, us)
    read = open_store(tmp_path / "a.zarr")
    assert set(read.data_vars) == {"x", "y", "z"}
    np.testing.assert_array_equal(read.y.values, us[:, 1])


def test_many_chunks_and_a_large_state(tmp_path):
    """A state above 16 MiB is cut in space, and rows above 1 MiB get a chunk each."""
    big = {"x": np.arange(1500.0), "y": np.arange(1500.0)}
    values = np.broadcast_to(np.arange(1500.0), (2, 1500, 1500))
    writer = Writer(tmp_path / "a.zarr", coords=big)
    writer.append([0.0], {"u": values[:1]})
    writer.append([1.0], {"u": 3 * values[:1]})
    read = open_store(tmp_path / "a.zarr")
    assert float(read.u[1, 3, 7]) == 21.0
    chunks = json.loads((tmp_path / "a.zarr/u/zarr.json").read_text())["chunk_grid"]["configuration"][
        "chunk_shape"
    ]
    assert chunks[0] == 1
    assert 8 * np.prod(chunks) <= 20 << 20


def test_what_follows_the_last_commit_is_not_seen(tmp_path):
    """Data and sizes written by a crashed append are ignored until the root metadata says otherwise."""
    path = tmp_path / "a.zarr"
    writer = Writer(path, coords=X)
    ts, us = states(6)
    writer.append(ts[:3], {"u": us[:3]})
    root = (path / "zarr.json").read_bytes()
    writer.append(ts[3:], {"u": us[3:]})
    (path / "zarr.json").write_bytes(root)
    read = open_store(path)
    assert read.sizes["time"] == 3
    np.testing.assert_array_equal(read.u.values, us[:3])
    np.testing.assert_array_equal(read.time.values, ts[:3])


def test_a_killed_process_leaves_a_readable_store(tmp_path):
    """SIGKILL in the midst of appending: every committed state is there, whole."""
    script = textwrap.dedent("""
        import sys, numpy as np
        from duhamel.store import Writer
        writer = Writer(sys.argv[1], coords={"x": np.arange(64.0)})
        for n in range(100000):
            writer.append([float(n)], {"u": np.full((1, 64), float(n))})
            print(n, flush=True)
    """)
    command = [sys.executable, "-c", script, str(tmp_path / "a.zarr")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 40:
                break
        process.kill()
    read = open_store(tmp_path / "a.zarr")
    count = read.sizes["time"]
    assert count >= 41
    np.testing.assert_array_equal(read.time.values, np.arange(count))
    np.testing.assert_array_equal(read.u.values, np.arange(count)[:, None] * np.ones(64))


def test_a_full_disk_is_one_sentence_and_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.zarr"
    writer = Writer(path, coords=X)
    ts, us = states(6)
    writer.append(ts[:3], {"u": us[:3]})
    stored = writer._arrays["time"].__class__

    def full(*arguments):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(stored, "__setitem__", full)
        with pytest.raises(StoreError, match=r"disk is full\.$"):
            writer.append(ts[3:], {"u": us[3:]})
    writer.update(status="failed")
    read = open_store(path)
    assert read.sizes["time"] == 3
    assert read.attrs["status"] == "failed"
    np.testing.assert_array_equal(read.u.values, us[:3])


def test_an_existing_store_is_replaced_only_by_force(tmp_path):
    path = tmp_path / "a.zarr"
    Writer(path, coords=X).append(*((ts := states(2))[0], {"u": ts[1]}))
    with pytest.raises(StoreError, match="--force"):
        Writer(path, coords=X)
    assert open_store(path).sizes["time"] == 2
    Writer(path, coords=X, force=True)
    with pytest.raises(StoreError, match="no state"):
        open_store(path)


def test_nothing_foreign_is_ever_deleted(tmp_path):
    folder, file = tmp_path / "folder", tmp_path / "file"
    folder.mkdir()
    (folder / "precious.txt").write_text("kept")
    file.write_text("kept")
    foreign = tmp_path / "foreign.zarr"
    xr.Dataset({"u": ("x", np.arange(3.0))}).to_zarr(foreign, zarr_format=3, consolidated=False)
    for path in (folder, file, foreign):
        with pytest.raises(StoreError, match="left alone"):
            Writer(path, coords=X, force=True)
    assert (folder / "precious.txt").read_text() == file.read_text() == "kept"
    assert (foreign / "u").exists()


def test_a_missing_or_wrong_parent_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="does not exist"):
        check_destination(tmp_path / "none" / "a.zarr")
    with pytest.raises(StoreError, match="not a folder"):
        check_destination(tmp_path / "file" / "a.zarr")


def test_reading_what_is_no_store(tmp_path):
    with pytest.raises(StoreError, match="There is no store"):
        open_store(tmp_path / "none.zarr")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match="not a store that Duhamel wrote"):
        stored_attributes(tmp_path / "empty")
    writer = Writer(tmp_path / "a.zarr", coords=X)
    writer.append(*((ts := states(2))[0], {"u": ts[1]}))
    shutil.rmtree(tmp_path / "a.zarr" / "u" / "c")
    root = json.loads((tmp_path / "a.zarr/zarr.json").read_text())
    root["consolidated_metadata"]["metadata"]["u"].pop("shape")
    (tmp_path / "a.zarr/zarr.json").write_text(json.dumps(root))
    with pytest.raises(StoreError, match="damaged"):
        open_store(tmp_path / "a.zarr")


def test_a_block_must_fit(tmp_path):
    writer = Writer(tmp_path / "a.zarr", coords=X)
    with pytest.raises(InputError, match="the grid has"):
        writer.append([0.0], {"u": np.zeros((1, 7))})
    writer.append([0.0], {"u": np.zeros((1, 8))})
    with pytest.raises(InputError, match="changed"):
        writer.append([1.0], {"v": np.zeros((1, 8))})
