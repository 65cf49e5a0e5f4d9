"""The page of measured orders: slopes, tables, sections."""

import numpy as np
import pytest
from bench.orders import page, parabolic, singular
from bench.orders.slopes import observed

COUNTS = (4, 8, 16, 32)


def test_slopes_as_text():
    steps = 1.0 / np.array(COUNTS)
    assert observed(COUNTS, 3.0 * steps**2) == "2.00"
    assert observed(COUNTS, np.array([1.0, 1e-1, 1e-2, 5e-3])) == "3.3, 1.0"  # irregular: both slopes
    assert observed(COUNTS, np.array([1e-8, 1e-10, 1e-12, 1e-14])) == "6.64"  # round-off left out
    assert observed(COUNTS, np.array([np.nan, np.nan, 1e-3, 1e-14])) == "–"


def test_orders_on_small_grids():
    (row,) = parabolic.rows(n=19, counts=(8, 16, 32), names=["etdrk2"])
    assert row[0] == "`etdrk2`"
    assert float(row[3]) == pytest.approx(2.0, abs=0.1)
    (row,) = singular.kaps(names=["ars222"], epsilons=(1.0,), counts=(20, 40, 80))
    assert row[2] == "2.0/2.0"


def test_sections_are_replaced_one_by_one(tmp_path, monkeypatch):
    def section(title, cell):
        return title, lambda: "\nWhat it is.\n", ("a", "b"), lambda: [["1", cell]]

    monkeypatch.setattr(page, "SECTIONS", {"one": section("One", "x"), "two": section("Two", "y")})
    path = tmp_path / "orders.md"
    page.fill(path, ["two"])
    page.fill(path, ["one"])
    before = path.read_text("utf-8")
    assert before.index("## One") < before.index("## Two")
    monkeypatch.setitem(page.SECTIONS, "two", section("Two", "z"))
    page.fill(path, ["two"])
    assert path.read_text("utf-8") == before.replace("| 1 | y |", "| 1 | z |")
