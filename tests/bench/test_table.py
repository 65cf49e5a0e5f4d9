"""The bench tells the truth about what it measured: ratios, bars, and the place in the README."""

import sys
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def bench_on_path():
    """The bench lies beside the package and is not installed."""
    sys.path.insert(0, str(ROOT))
    yield
    sys.path.remove(str(ROOT))


@pytest.fixture
def rows():
    from bench.table import Row, row
    from bench.timing import Times

    # One turn is disturbed for both: the median ratio must not notice, the ratio of means would.
    ours, theirs = Times((0.001, 0.1, 0.0012)), Times((0.002, 0.2, 0.004))
    return [
        row("group", "met", ours, "peer", theirs, bar=0.5, note="a note"),
        row("group", "missed", ours, "peer", theirs, bar=0.4),
        Row("group", "absolute", 0.7, bar=0.6),
        Row("other", "exponent", 1.04, "N log N", 1.1, 0.945, unit=""),
    ]


def test_ratio_is_the_median_over_turns_and_times_are_the_best(rows):
    assert rows[0].ratio == pytest.approx(0.5)
    assert (rows[0].ours, rows[0].theirs) == (0.001, 0.002)
    assert [r.met for r in rows] == [True, False, False, None]


def test_markdown_fills_the_place_between_the_markers(rows, tmp_path):
    from bench.table import BEGIN, END, fill, markdown

    page = tmp_path / "README.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", "utf-8")
    text = markdown(rows, "on this machine")
    for _ in range(2):  # filling again replaces, it does not pile up
        fill(page, text)
        assert page.read_text("utf-8") == f"before\n{BEGIN}\n{text}\n{END}\nafter\n"
    lines = text.splitlines()
    assert "| met | 1 ms | peer | 2 ms | 0.5 | ≤ 0.5 | yes |" in lines
    assert "| absolute | 700 ms |  |  |  | ≤ 600 ms | no |" in lines
    assert "| exponent | 1.04 | N log N | 1.1 | 0.945 |  |  |" in lines
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    page.write_text("no markers", "utf-8")
    with pytest.raises(ValueError, match="no place"):
        fill(page, text)


def test_screen_and_json_hold_every_row(rows, tmp_path):
    from bench.results import Part, load, save, text
    from bench.table import show

    console = Console(width=160, record=True, file=(tmp_path / "screen").open("w", encoding="utf-8"))
    show(rows, "on this machine", console)
    console.file.close()
    shown = console.export_text()
    assert all(r.what in shown for r in rows)
    assert "a note" in shown
    facts = {"date": "2026-01-01", "cpu": "one", "cores": "2", "system": "Linux", "load at start": "0.1"}
    parts = {
        "first": Part(rows, facts | {"python": "3.11"}),
        "second": Part(rows, facts | {"python": "3.12"}),
    }
    save(parts, tmp_path / "out" / "rows.json")
    assert load(tmp_path / "out" / "rows.json") == parts
    assert load(tmp_path / "none.json") == {}
    written = text(parts)
    assert written.count("| met | 1 ms | peer | 2 ms | 0.5 | ≤ 0.5 | yes |") == 2
    assert "python 3.11." in written
    assert "python 3.12." in written


def test_contestants_take_turns():
    from bench.timing import alternate

    order = []
    a, b = alternate(lambda: order.append("a"), lambda: order.append("b"), seconds=0.0, least=3)
    assert "".join(order) == "ab" * 4  # once to warm up, then three turns
    assert len(a.seconds) == len(b.seconds) == 3
    assert a.best == min(a.seconds) >= 0


def test_the_c_program_runs_the_lorenz_equations():
    from bench.limits import lorenz
    from scipy.integrate import solve_ivp

    def slope(t, u):
        x, y, z = u
        return [10 * (y - x), x * (28 - z) - y, x * y - 8 / 3 * z]

    run = lorenz()
    if run is None:  # no C compiler here: the bench then leaves the limit out
        return
    u, accepted, rejected = run(np.ones(3), 2.0, 1e-9, 1e-9)
    exact = solve_ivp(slope, (0, 2), np.ones(3), "DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
    assert np.max(abs(u - exact)) < 1e-6
    assert accepted > 100 > rejected
