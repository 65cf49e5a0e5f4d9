"""`duhamel sample digits`: the picture, the table, and what is said to wrong words."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from duhamel.cli import main

FAST = ["sample", "digits", "--rows", "1", "--steps", "5"]


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    return tmp_path


def test_a_picture_is_drawn(here, capsys):
    assert main([*FAST, "--form", "edm", "--digits", "38?", "--out", "a.png"]) == 0
    shown = capsys.readouterr()
    assert "5 evaluations for 3 digits" in shown.out
    assert "a.png" in shown.out
    assert "sampling" in shown.err
    assert np.asarray(Image.open(here / "a.png").convert("L")).std() > 20
    assert not (here / "a.json").exists()


def test_the_table_is_shown_and_written(here, capsys):
    line = [
        *FAST,
        "--form",
        "flow",
        "--rule",
        "multistep",
        "--order",
        "2",
        "--table",
        "--rules",
        "ddim,sde-dpm++",
    ]
    assert main([*line, "--nfe", "5,10", "--out", "t.png"]) == 0
    shown = capsys.readouterr().out
    assert "multistep order=2" in shown
    assert "no end point" in shown
    with (here / "t.csv").open() as file:
        rows = list(csv.DictReader(file))
    stored = json.loads((here / "t.json").read_text())
    assert [row["rule"] for row in rows] == [row["rule"] for row in stored["rows"]]
    assert [row["rule"] for row in rows] == ["multistep order=2"] * 2 + ["ddim"] * 2 + ["sde-dpm++"] * 2
    errors = [row["mean"] for row in stored["rows"]]
    assert errors[1] < 0.6 * errors[0]
    assert errors[1] < errors[3] < errors[2]
    assert errors[4] is None
    assert float(rows[3]["mean"]) == errors[3]
    assert stored["choices"] == {"order": 2}


def test_the_seed_decides(here):
    def pixels(seed, name):
        assert (
            main([*FAST, "--rule", "ddim", "--set", "eta=1", "--seed", seed, "--quiet", "--out", name]) == 0
        )
        # below the title, which holds the seconds
        return np.asarray(Image.open(here / name).convert("L"))[-60:]

    np.testing.assert_array_equal(pixels("3", "a.png"), pixels("3", "b.png"))
    assert np.any(pixels("4", "c.png") != pixels("3", "d.png"))


def test_guidance_and_explicit_times_reach_the_plan(here, capsys):
    assert main([*FAST[:4], "--steps", "2", "--grid", "1,0.4,0", "--guidance", "2", "--quiet"]) == 0
    assert (here / "digits.png").exists()
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--form", "flwo"], "did you mean 'flow'?"),
        (["--rule", "dpm+2m"], "did you mean 'dpm++2m'?"),
        (["--table", "--rules", "ddim,unipcc"], "did you mean 'unipc'?"),
        (["--grid", "karas,5"], "did you mean 'karras'?"),
        (["--grid", "1,0"], "5 steps needs 6 times"),
        (["--steps", "2.5"], "--steps must be a whole number"),
        (["--nfe", "5,x"], "may use digits"),
        (["--order", "9"], "has order"),
        (["--set", "eta"], "name=value"),
        (["--set", "churn=2"], "no option churn"),
        (["--digits", "12a"], "--digits takes digits"),
        (["--out", "a.doc"], "must end in .png"),
        (["--out", "nowhere/a.png"], "does not exist"),
    ],
)
def test_wrong_words_are_refused_before_anything_is_written(here, capsys, words, message):
    assert main([*FAST, *words]) == 2
    assert message in capsys.readouterr().err
    assert not list(here.iterdir())


def test_other_networks_and_existing_files_are_refused(here, capsys):
    assert main(["sample", "digit"]) == 2
    assert "did you mean 'digits'?" in capsys.readouterr().err
    assert main([*FAST, "--quiet"]) == 0
    assert main([*FAST, "--quiet"]) == 2
    assert "--force" in capsys.readouterr().err
    assert main([*FAST, "--quiet", "--force"]) == 0
