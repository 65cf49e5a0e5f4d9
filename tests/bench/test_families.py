"""The comparison of families says what it found, also of what did not work."""

import sys
from pathlib import Path

import numpy as np
import pytest

import duhamel as dh

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def bench_on_path():
    """The bench lies beside the package and is not installed."""
    sys.path.insert(0, str(ROOT))
    yield
    sys.path.remove(str(ROOT))


@pytest.fixture
def rows():
    from bench.ks_families import Cost

    return [
        Cost("slow family", "slow", 1e-7, 1e-6, 2e-8, 900, 3, 5400, 0, 0.5),
        Cost("fast family", "fast", 1e-7, 1e-8, 9e-8, 40, 35, 240, 0, 0.01),
        Cost("fast family", "other", 1e-7, 1e-8, 9e-8, 40, 2, 240, 0, 0.02),
        Cost("third family", "lost", 1e-7, reason="cut after 20 s"),
    ]


def test_page_and_summary_put_the_cheapest_first_and_failures_last(rows):
    from bench.ks_families import HEADINGS, page, summary

    lines = [line for line in page(rows, "on this machine").splitlines() if line.startswith("|")]
    assert [line.split("|")[2].strip() for line in lines[2:]] == ["`fast`", "`other`", "`slow`", "`lost`"]
    assert {line.count("|") for line in lines} == {len(HEADINGS) + 1}
    assert lines[-1].endswith("| cut after 20 s |")
    assert "| 1e-06 | 2.0e-08 | 900 | 3 | 5400 | 0 | 0.5 |  |" in lines[-2]
    found = list(summary(rows))
    assert [row.what for row in found] == ["fast family: fast", "slow family: slow"]
    assert [row.ratio for row in found] == [1.0, 50.0]


def test_runs_that_mostly_reject_are_remarked(rows):
    slow, fast, other, lost = rows
    assert not slow.remark
    assert not other.remark
    assert fast.remark == "rejects every third step or more"
    assert lost.remark == "cut after 20 s"


def test_families_are_told_apart_by_their_steppers():
    from bench.ks_families import family

    names = {family(method) for method in dh.METHODS.values() if method.adaptive}
    assert {"explicit Runge–Kutta", "exponential Runge–Kutta"} <= names
    assert family(dh.Tsit5) == family(dh.Bosh3) != family(dh.ETD54)


def test_costs_are_those_of_the_loosest_tolerance_that_reaches_the_goal():
    from bench.ks_families import costs, truth

    exact = truth()
    (cost,) = costs("etd54", exact, 5.0, goals=(1e-6,))
    assert cost.family == "exponential Runge–Kutta"
    assert 1e-8 < cost.error <= 1e-6
    problem = dh.problems.get("ks")
    again = problem.solve("etd54", dh.Adaptive(rtol=cost.rtol, atol=1e-3 * cost.rtol))
    assert again.stats.steps == cost.steps
    assert again.stats.rejected == cost.rejected
    error = np.linalg.norm(np.asarray(again.us[-1]) - exact) / np.linalg.norm(exact)
    assert error == pytest.approx(cost.error, rel=1e-6)
