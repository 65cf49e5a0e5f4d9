"""Work–precision studies: the measure, the rows, the recommendation, the files, the command."""

import csv
import json
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.cli import main
from duhamel.compare import Case, Row, recommend, reference, run_adaptive, study
from duhamel.compare.files import write_csv, write_json
from duhamel.compare.picture import draw
from duhamel.compare.runs import attempt, refusal, tolerance
from duhamel.compare.whole import _reached
from duhamel.errors import InputError, SolveError


def swing(t, u, args):
    """A pendulum."""
    return jnp.stack([u[1], -jnp.sin(u[0])])


PENDULUM = Case(swing, np.array([1.0, 0.0]), t1=3.0, name="pendulum")


def row(method, error, seconds, evaluations=10, reason=""):
    return Row(method, "explicit", 2, True, 1e-3, error, seconds, evaluations=evaluations, reason=reason)


def test_the_cheapest_is_read_off_the_lines():
    rows = [
        row("a", 1e-2, 1.0),
        row("a", 1e-6, 100.0),  # one decade of error costs half a decade of time: 10 s at 1e-4
        row("b", 1e-5, 12.0),  # better than asked for: counts as it is
        row("c", 1e-3, 0.1),  # does not get there
        row("d", 1e-9, 0.1, reason="cut"),
        row("e", 1e-4, 400.0),
    ]
    found = recommend(rows, 1e-4)
    assert [choice.method for choice in found] == ["a", "b", "e", "c"]
    assert found[0].seconds == pytest.approx(10.0)
    assert found[3].seconds == np.inf
    assert [c.method for c in recommend(rows, 1e-8)] == ["a", "b", "e", "c"]  # nobody: by the least error
    assert recommend([rows[4]], 1e-4) == []


def test_a_draw_in_time_is_decided_by_evaluations():
    rows = [row("a", 1e-7, 1.0, 50), row("b", 1e-7, 1.2, 20), row("c", 1e-7, 1.3, 1)]
    assert [choice.method for choice in recommend(rows, 1e-6)] == ["b", "a", "c"]


def test_runs_that_another_run_of_the_method_beats_do_not_count():
    rows = [row("a", 1e-3, 5.0), row("a", 1e-4, 1.0), row("a", 1e-8, 10.0)]
    assert recommend(rows, 1e-4)[0].seconds == 1.0
    assert recommend(rows, 1e-6)[0].seconds == pytest.approx(10**0.5)


def test_the_measure_weighs_every_field():
    case = Case(swing, {"u": np.full(100, 2.0), "v": np.array([1e-5, 0.0])}, t1=1.0)
    same = {"u": np.full(100, 2.0), "v": np.array([1e-5, 0.0])}
    off = {"u": np.full(100, 2.0), "v": np.array([1.1e-5, 0.0])}
    assert case.distance(same, same) == 0.0
    assert case.distance(off, same) == pytest.approx(0.1)  # a small component counts as much as a large one
    off = {"u": np.full(100, 2.0), "v": np.array([1e-5, 2e-3])}
    assert case.distance(off, same) == pytest.approx(1e-3)  # what was and is zero: against the largest


@pytest.fixture(scope="module")
def pendulum():
    return study(PENDULUM, ("tsit5", "rk4", "lie"), rtols=(1e-3, 1e-6), repeats=2, limit=2.0)


def test_a_study_of_a_function(pendulum):
    assert pendulum.reference.error < 1e-7
    rows = {name: [r for r in pendulum.rows if r.method == name] for name in ("tsit5", "rk4", "lie")}
    assert [r.setting for r in rows["tsit5"]] == [1e-3, 1e-6]
    assert rows["tsit5"][1].error < 1e-5 < rows["tsit5"][0].error < 0.1
    assert all(r.useful and r.seconds > 0 and r.evaluations > 0 for r in rows["tsit5"])
    # Fixed steps: a decade of tolerance is a factor of 10^(1/4) in the step of a method of order 4.
    steps = [r.steps for r in rows["rk4"]]
    assert steps[0] == 10
    assert rows["rk4"][-1].error < 1e-6
    exact = dh.solve(swing, PENDULUM.u0, t1=3.0, step=dh.Adaptive(rtol=1e-12, atol=1e-12)).us[-1]
    assert PENDULUM.distance(pendulum.reference.u, exact) < 1e-9
    assert pendulum.rows[0].method == pendulum.ranking[0].method


def test_the_error_is_one_that_methods_reach():
    rows = [
        row("a", 3e-9, 1.0),
        row("a", 1e-3, 1.0),
        row("b", 2e-5, 1.0),
        row("c", 0.5, 1.0),
        row("d", 1.0, 1.0),
    ]
    assert _reached(rows) == pytest.approx(1e-4)
    assert _reached(rows[:2]) == pytest.approx(1e-8)
    assert _reached([row("a", np.nan, 1.0, reason="cut")]) == 0.0


def test_a_study_on_disk(pendulum, tmp_path):
    summary = json.loads(write_json(pendulum, tmp_path / "a.json").read_text())
    assert summary["name"] == "pendulum"
    assert len(summary["rows"]) == len(pendulum.rows)
    with write_csv(pendulum, tmp_path / "a.csv").open() as lines:
        table = list(csv.DictReader(lines))
    assert [float(line["error"]) for line in table] == [r.error for r in pendulum.rows]
    assert draw(pendulum, tmp_path / "a.png").stat().st_size > 10_000


def test_what_cannot_be_treated_is_a_row_with_the_reason():
    assert refusal(PENDULUM, dh.Tsit5()) == ""
    massive = Case(dh.with_mass(swing, np.ones(2)), np.ones(2), t1=1.0)
    assert "mass matrix" in refusal(massive, dh.Tsit5())
    assert "mass matrix" in attempt(massive, dh.Tsit5(), tolerance(massive, 1e-3), 1.0).reason


def test_a_run_that_takes_too_long_is_cut():
    long = Case(swing, PENDULUM.u0, t1=1e5)
    (cut,) = run_adaptive(long, dh.Heun(), (1e-9,), PENDULUM.u0, 0.02, 3)
    assert cut.reason.startswith("cut after")
    assert not cut.useful
    assert cut.steps > 0


def test_a_crash_inside_a_method_is_a_row(monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError("sum of nothing")

    monkeypatch.setattr(dh.RK4, "step", broken)
    fresh = Case(lambda t, u, args: -u, np.ones(2), t1=1.0)  # never compiled before
    assert attempt(fresh, dh.RK4(), dh.Fixed(0.1), 1.0).reason == "ZeroDivisionError: sum of nothing"


def test_without_a_reference_there_is_no_study(monkeypatch):
    monkeypatch.setattr("duhamel.compare.truth.METHODS", {"tsit5": dh.Tsit5})
    blow_up = Case(lambda t, u, args: u * u, np.ones(1), t1=2.0)
    with pytest.raises(SolveError, match="no reference"):
        reference(blow_up, 1e-3, 0.5)


@pytest.mark.parametrize(
    ("methods", "rtols", "words"),
    [(("tsit6",), (1e-3,), "tsit6"), (None, (), "tolerances"), (None, (2.0,), "2")],
)
def test_bad_input_is_refused_at_once(methods, rtols, words):
    with pytest.raises(InputError, match=words):
        study(PENDULUM, methods, rtols=rtols)


HEAT = ["compare", "u_t = 0.1*u_xx - u*u_x", "--length", "2*pi", "--points", "32", "--initial", "sin(x)"]
HEAT += ["--t1", "0.5", "--methods", "etd54,tsit5", "--rtols", "1e-3,1e-5", "--limit", "1"]


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*HEAT, "--error", "1e-4", "--out", "heat"]) == 0
    shown = capsys.readouterr().out
    for words in ("Cheapest for an error of 1e-04", "etd54", "tsit5", "heat.csv", "checked by"):
        assert words in shown
    assert {path.name for path in tmp_path.iterdir()} == {"heat.json", "heat.csv", "heat.png"}
    assert main([*HEAT, "--out", "heat"]) == 2
    assert "exists already" in capsys.readouterr().err


def test_mistakes_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for extra, words in (
        (["--methods", "tsit4"], "tsit5"),
        (["--rtols", "1e-3,x"], "x"),
        (["--out", "none/heat"], "folder"),
    ):
        assert main([*HEAT, *extra]) == 2
        assert words in capsys.readouterr().err
    assert list(Path(tmp_path).iterdir()) == []
