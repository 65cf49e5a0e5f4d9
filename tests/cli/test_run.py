"""`duhamel run` from the command line to the store, the picture and the table."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import duhamel
from duhamel.cli import main
from duhamel.errors import InputError, StoreError
from duhamel.march import march
from duhamel.store import open_store, stored_attributes

HEAT = ["run", "u_t = u_xx", "--length", "2*pi", "--points", "16", "--initial", "cos(x)", "--t1", "1"]
HEAT += ["--every", "0.1", "--method", "etdrk2", "--dt", "0.05"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Every test runs in a folder of its own, on a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("PYTHONPATH", str(Path(duhamel.__file__).resolve().parents[1]))
    return tmp_path


def test_a_run_is_stored_drawn_and_summed_up(here, capsys):
    assert main([*HEAT, "--out", "heat.zarr"]) == 0
    shown = capsys.readouterr()
    for words in ("etdrk2", "20 accepted, 0 rejected", "heat.zarr (11 states)", "heat.png", "because"):
        assert words in shown.out
    assert "t = 1 / 1" in shown.err
    stored = open_store(here / "heat.zarr")
    np.testing.assert_allclose(stored.time.values, np.linspace(0, 1, 11), atol=1e-14)
    exact = np.exp(-stored.time.values)[:, None] * np.cos(stored.x.values)
    np.testing.assert_allclose(stored.u.values, exact, atol=1e-13)
    assert stored.attrs["status"] == "done"
    assert np.asarray(Image.open(here / "heat.png").convert("RGB")).std() > 10


def test_the_store_holds_what_march_yields(here):
    from duhamel.observe import Save
    from duhamel.pde import pde
    from duhamel.spaces import Fourier
    from duhamel.stepping import Fixed

    assert main([*HEAT, "--quiet", "--no-picture", "--out", "a.zarr"]) == 0
    space = Fourier(16, length=2 * np.pi)
    options = {"method": "etdrk2", "step": Fixed(0.05), "save": Save(every=0.1)}
    pieces = march(pde("u_t = u_xx", space), "cos(x)", t1=1.0, **options)
    states = np.concatenate([np.asarray(piece.us) for piece in pieces])
    np.testing.assert_array_equal(open_store(here / "a.zarr").u.values, states)
    assert not (here / "a.png").exists()


def test_a_recorded_run_repeats_itself(here, capsys):
    wave = "u_t = v; v_t = c^2*u_xx"
    options = ["--length", "2*pi", "--points", "8", "--initial", "u = cos(x); v = 0"]
    options += ["--t1", "1", "--every", "0.5"]
    options += ["--set", "c=2", "--dt", "0.1", "--method", "etdrk2", "--quiet", "--precision", "32"]
    assert main(["run", wave, *options]) == 0
    capsys.readouterr()
    assert main(["info", "u.zarr", "--spec"]) == 0
    (here / "spec.toml").write_text(capsys.readouterr().out)
    assert main(["run", "spec.toml", "--quiet", "--no-picture"]) == 0
    first, second = open_store(here / "u.zarr"), open_store(here / "spec.zarr")
    assert first.u.dtype == first.v.dtype == np.float32
    for name in ("time", "u", "v"):
        np.testing.assert_array_equal(first[name].values, second[name].values)
    exact = np.cos(2 * first.time.values)[:, None] * np.cos(first.x.values)
    np.testing.assert_allclose(first.u.values, exact, atol=1e-5)


def test_an_ode_of_the_catalogue(here, capsys):
    options = [
        "--t1",
        "2",
        "--every",
        "0.5",
        "--initial",
        "prey=1; predators=1",
        "--set",
        "a=1",
        "--set",
        "b=1",
    ]
    assert main(["run", "lotka-volterra", *options, "--set", "c=1", "--set", "d=1", "--precision", "32"]) == 0
    stored = open_store(here / "lotka-volterra.zarr")
    assert stored.prey.dtype == np.float32
    np.testing.assert_allclose(stored.prey.values, 1.0, atol=1e-6)  # the point of rest
    assert (here / "lotka-volterra.png").stat().st_size > 5000
    assert "error estimate" in capsys.readouterr().out


def test_a_field_from_a_file(here):
    np.save(here / "start.npy", np.cos(2 * np.pi * np.arange(24) / 24))
    assert main([*HEAT, "--initial", "start.npy", "--quiet", "--no-picture", "--out", "a.zarr"]) == 0
    stored = open_store(here / "a.zarr")
    np.testing.assert_allclose(stored.u.values[-1], np.exp(-1) * np.cos(stored.x.values), atol=1e-13)


FAILING = {
    "overflow": (
        "u_t = -u_xx",
        "100",
        ["--initial", "cos(x) + cos(7*x)", "--dt", "0.5", "--method", "etdrk2"],
    ),
    "collapse": ("u_t = u^2", "2", ["--initial", "1", "--method", "bosh3"]),
}


@pytest.mark.parametrize("kind", FAILING)
def test_a_run_that_fails_keeps_what_it_has(here, capsys, kind):
    """Backward heat overflows; u² blows up at t = 1, where the step size collapses."""
    text, t1, steps = FAILING[kind]
    grid = ["--length", "2*pi", "--points", "16", "--every", "0.5", "--out", "a.zarr", "--t1", t1]
    assert main(["run", text, *grid, *steps]) == 1
    shown = capsys.readouterr()
    assert "error: " in shown.err
    assert "saved states are in a.zarr" in shown.err
    assert "Traceback" not in shown.err + shown.out
    assert "failed" in shown.out
    stored = open_store(here / "a.zarr")
    assert stored.attrs["status"] == "failed"
    assert stored.attrs["message"]
    assert stored.sizes["time"] >= 2
    assert np.isfinite(stored.u.values).all()
    assert (here / "a.png").stat().st_size > 5000


def test_a_store_that_breaks_during_the_run(here, capsys, monkeypatch):
    from duhamel.store import Writer

    append = Writer.append

    def full(self, ts, us, **attrs):
        if len(ts):
            raise StoreError("Cannot write 'a.zarr': the disk is full.")
        append(self, ts, us, **attrs)

    monkeypatch.setattr(Writer, "append", full)
    assert main([*HEAT, "--out", "a.zarr"]) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert stored_attributes(here / "a.zarr")["status"] == "failed"


BAD = [
    (["run", "ksx"], "Near it: ks"),
    (["run", "u_t = foo(u)", *HEAT[2:]], "foo"),
    (["run", "u_t = nu*u_xx", *HEAT[2:]], "nu"),
    (["run", "u_t = u_xx +", *HEAT[2:]], "^"),
    (["run", "u_t = u_y", *HEAT[2:]], "y"),
    ([*HEAT, "--points", "17"], "even"),
    ([*HEAT, "--method", "etdrk3"], "did you mean 'etdrk"),
    (["run", "ks", "--method", "etdrk4"], "--dt"),
    (["run", "ks", "--rtol", "-1"], "rtol"),
    ([*HEAT, "--dt", "-0.1"], "dt"),
    ([*HEAT, "--every", "2"], "every"),
    ([*HEAT, "--t1", "0"], "later than"),
    ([*HEAT, "--length", "2*q"], "--length"),
    ([*HEAT, "--initial", "q*x"], "q"),
    ([*HEAT, "--initial", "log(x)"], "infinity"),
    ([*HEAT, "--initial", "i*cos(x)"], "complex"),
    ([*HEAT, "--initial", "w = 1"], "no field 'w'"),
    ([*HEAT, "--initial", "none.npy"], "no file"),
    ([*HEAT, "--initial", "nan.npy"], "not finite"),
    ([*HEAT, "--set", "nu=1"], "nu"),
    (["run", "u_t = v; v_t = u", *HEAT[2:]], "fields u, v"),
    (["run", "u_t = v; v_t = u", *HEAT[2:], "--initial", "u = 1"], "'v' is missing"),
    (["run", "lorenz", "--initial", "1,2"], "3 components"),
    (["run", "lorenz", "--initial", "q=1"], "no component 'q'"),
    ([*HEAT, "--precision", "16"], "32 or 64"),
    ([*HEAT, "--out", "none/a.zarr"], "does not exist"),
    ([*HEAT, "--out", "nan.npy", "--force"], "left alone"),
    ([*HEAT, "--out", "nan.npy/a.zarr"], "not a folder"),
    ([*HEAT, "--colour"], "--colour"),
    (["run"], "target"),
    (["bogus"], "bogus"),
    (["plot", "none.zarr"], "no store"),
    (["info", "."], "not a store"),
    (["list", "method"], "did you mean 'methods'"),
]


@pytest.mark.parametrize(("argv", "words"), BAD, ids=[f"{n}-{words}" for n, (_, words) in enumerate(BAD)])
def test_bad_input_is_one_sentence_and_exit_code_2(here, capsys, argv, words):
    np.save(here / "nan.npy", np.full(16, np.nan))
    before = sorted(here.iterdir())
    assert main(argv) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("error: ")
    assert words in shown.err
    assert "Traceback" not in shown.err
    assert shown.out == ""
    assert sorted(here.iterdir()) == before


def test_an_existing_store_needs_force(here, capsys):
    run = [*HEAT, "--quiet", "--no-picture", "--out", "a.zarr"]
    assert main(run) == 0
    created = stored_attributes(here / "a.zarr")
    assert main([*run, "--t1", "0.5"]) == 2
    assert "--force" in capsys.readouterr().err
    assert stored_attributes(here / "a.zarr") == created
    assert main([*run, "--t1", "0.5", "--force"]) == 0
    assert open_store(here / "a.zarr").sizes["time"] == 6


def test_a_bad_run_with_force_keeps_the_old_store(here, capsys):
    run = [*HEAT, "--quiet", "--no-picture", "--out", "a.zarr", "--force"]
    assert main(run) == 0
    assert main([*run, "--initial", "log(x)"]) == 2
    assert open_store(here / "a.zarr").sizes["time"] == 11
    assert capsys.readouterr().err.startswith("error: ")


def test_debug_lets_the_error_through():
    with pytest.raises(InputError):
        main(["run", "ksx", "--debug"])


def test_an_unexpected_error_is_still_a_sentence(capsys, monkeypatch):
    def broken(*arguments, **options):
        raise ZeroDivisionError("[bold] is no markup")

    monkeypatch.setattr("duhamel.cli.run.build", broken)
    assert main(HEAT) == 1
    assert "unexpected ZeroDivisionError: [bold] is no markup" in capsys.readouterr().err


def test_look_at_a_store(here, capsys):
    assert main([*HEAT, "--quiet", "--no-picture", "--out", "a.zarr"]) == 0
    capsys.readouterr()
    assert main(["info", "a.zarr"]) == 0
    shown = capsys.readouterr().out
    expected = ("u_t = u_xx", "L:", "Fourier, 16 points", "etdrk2", "done", "11, t = 0 … 1", "cos(x)")
    assert all(words in shown for words in expected)
    assert main(["plot", "a.zarr", "--out", "b.png"]) == 0
    assert main(["plot", "a.zarr", "--movie", "--fps", "5"]) == 0
    assert (here / "b.png").stat().st_size > 5000
    with Image.open(here / "a.gif") as gif:
        assert gif.n_frames == 11
    assert main(["plot", "a.zarr", "--movie", "--fps", "0"]) == 2
    assert main(["plot", "a.zarr", "--out", "none/b.png"]) == 2


def test_lists_show_all_there_is(capsys):
    from duhamel.methods import METHODS
    from duhamel.pde.catalogue import EQUATIONS

    for what, names in (("equations", EQUATIONS), ("methods", METHODS), ("spaces", ["Fourier"])):
        assert main(["list", what]) == 0
        shown = capsys.readouterr().out
        assert all(name in shown for name in names)


def test_version(capsys):
    from duhamel import __version__

    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"duhamel {__version__}\n"


def test_without_its_extra_it_says_what_to_install(capsys, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["--help"]) == 2
    assert "pip install 'duhamel[cli]'" in capsys.readouterr().err


def command(*arguments):
    return [sys.executable, "-m", "duhamel.cli", *arguments]


def test_help_is_light():
    code = """import sys; from duhamel.cli import main; main(["run", "--help"]); print(*sys.modules)"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not {"jax", "xarray", "zarr", "matplotlib", "numpy"} & loaded


ENDLESS = ["run", *HEAT[1:], "--t1", "1e3", "--every", "0.01", "--dt", "1e-5", "--out", "a.zarr"]


def begun(path, process):
    """Wait until the store holds states."""
    for _ in range(600):
        assert process.poll() is None, process.stderr.read()
        if path.exists() and stored_attributes(path).get("t", 0) > 0:
            return
        time.sleep(0.1)
    raise AssertionError("no state within a minute")


@pytest.mark.parametrize(
    ("sent", "code", "status"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGKILL, -9, "running")]
)
def test_what_was_computed_survives_a_signal(here, sent, code, status):
    with subprocess.Popen(
        command(*ENDLESS), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        begun(here / "a.zarr", process)
        process.send_signal(sent)
        out, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in out + err
    stored = open_store(here / "a.zarr")
    assert stored.attrs["status"] == status
    assert stored.sizes["time"] > 1
    exact = np.exp(-stored.time.values)[:, None] * np.cos(stored.x.values)
    np.testing.assert_allclose(stored.u.values, exact, atol=1e-10)
    if sent == signal.SIGINT:
        assert "stopped: interrupted at t = " in err
        assert (here / "a.png").stat().st_size > 5000
