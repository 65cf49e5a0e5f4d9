"""The tables of the splittings: order conditions to round-off, sums, symmetry, and how flows are merged."""

import itertools
from math import factorial

import numpy as np
import pytest

import duhamel as dh
from duhamel.methods import Splitting
from duhamel.methods.splitting.sequence import alternating, flows, period

TABLES = [m for m in dh.METHODS.values() if issubclass(m, Splitting)]
NYSTROM = ("blanes-moan-rkn4", "blanes-moan-rkn6", "blanes-moan-rkn6a")
SYMMETRIC = [
    m for m in TABLES if m.sweeps and m.name not in ("lie", "adjoint-lie", "ruth3", "conjugate-strang4")
]


def words(sequence, length):
    """The coefficients of all words of two letters in the product of the exponentials of a sequence.

    exp(x₁A) exp(x₂B) … = Σ coefficient · word; an order p means 1/n! for all words of n ≤ p letters, as in
    exp(A + B). These are all order conditions, for linear and (by Lie derivatives) nonlinear parts.
    """
    found = {(): 1.0 + 0j}
    for part, fraction, _ in sequence:
        new = {}
        for word, value in found.items():
            for k in range(length - len(word) + 1):
                longer = word + (part,) * k
                new[longer] = new.get(longer, 0) + value * fraction**k / factorial(k)
        found = new
    return found


def defects(branches, length, conjugate=False):
    """For n = 1, 2, …: how far the worst word of n letters is from 1/n!, for a sum of compositions."""
    total = {}
    for branch in branches:
        for word, value in words(flows(branch.sweeps, 2), length).items():
            total[word] = total.get(word, 0) + branch.weight * value
    worst = []
    for n in range(1, length + 1):
        letters = itertools.product((0, 1), repeat=n)
        values = [total.get(w, 0) - 1 / factorial(n) for w in letters]
        worst.append(max(abs(v.real) if conjugate else abs(v) for v in values))
    return worst


@pytest.mark.parametrize("method", [m for m in TABLES if m.name not in NYSTROM], ids=lambda m: m.name)
def test_order_conditions_hold_to_round_off_and_no_further(method):
    found = defects(method().compositions, min(method.order + 1, 8), conjugate=method.imaginary)
    assert max(found[: method.order]) < 1e-15, found
    if method.order < 8:
        assert found[method.order] > 1e-7, found


@pytest.mark.parametrize("method", TABLES, ids=lambda m: m.name)
@pytest.mark.parametrize("parts", [1, 2, 3, 5])
def test_each_part_flows_over_the_whole_step(method, parts):
    for branch in method().compositions:
        sequence = flows(branch.sweeps, parts)
        for part in range(parts):
            mine = [f for f in sequence if f.part == part]
            assert abs(sum(f.fraction for f in mine) - 1) < 1e-15
            clocks = np.cumsum([0.0, *(f.fraction for f in mine)])[:-1]
            assert np.allclose([f.clocks[part] for f in mine], clocks, atol=1e-15)
        assert all(a.part != b.part for a, b in itertools.pairwise(sequence))


@pytest.mark.parametrize("method", TABLES, ids=lambda m: m.name)
def test_stages_count_the_flows_of_the_second_part(method):
    branches = method().compositions
    second = sum(f.part == 1 for branch in branches for f in flows(branch.sweeps, 2))
    first = sum(f.part == 0 for branch in branches for f in flows(branch.sweeps, 2))
    assert method.stages == (first if method.name == "blanes-moan-rkn6a" else second)


@pytest.mark.parametrize("method", SYMMETRIC, ids=lambda m: m.name)
def test_symmetric_tables_are_so_to_the_last_bit(method):
    for parts in (2, 3):
        sequence = [(f.part, f.fraction) for f in flows(method.sweeps, parts)]
        assert sequence == sequence[::-1]


def test_the_conjugate_of_a_table_is_its_adjoint():
    sequence = [(f.part, f.fraction) for f in flows(dh.ConjugateStrang4.sweeps, 3)]
    assert sequence[::-1] == [(part, fraction.conjugate()) for part, fraction in sequence]


@pytest.mark.parametrize("name", ["conjugate-strang4", "complex-jump4", "castella4", "blanes-complex6"])
def test_complex_tables_never_run_backwards(name):
    fractions = [f.fraction for f in flows(dh.METHODS[name].sweeps, 2)]
    assert min(f.real for f in fractions) > 0
    if name in ("castella4", "blanes-complex6"):
        assert all(not isinstance(f, complex) for f in fractions[1::2])


def test_published_values():
    """A few numbers as they are printed, where a table is made from others."""
    strang = flows(dh.Yoshida4.sweeps, 2)
    assert np.isclose(strang[0].fraction, 0.6756035959798289, rtol=1e-15)
    assert np.isclose(strang[3].fraction, -1.7024143839193153, rtol=1e-15)
    moan = [f.fraction for f in flows(dh.BlanesMoan4.sweeps, 2)]
    assert np.isclose(moan[6], 0.21937695575349958, rtol=1e-13)
    assert np.isclose(moan[5], 0.434336666566456, rtol=1e-14)
    ruth = [f.fraction for f in flows(dh.Ruth3.sweeps, 2)]
    assert np.allclose(ruth, [7 / 24, 2 / 3, 3 / 4, -2 / 3, -1 / 24, 1], rtol=1e-15)
    rkn = [f.fraction for f in flows(dh.BlanesMoanRKN6A.sweeps, 2)]
    assert np.isclose(rkn[0], 0.0378593198406116, rtol=1e-15)
    assert np.isclose(rkn[14], 0.2073050690568954, rtol=1e-13)
    assert flows(dh.BlanesMoanRKN6A.sweeps, 2)[0].part == 1


def test_flows_of_three_parts_and_their_pattern():
    strang = flows(dh.Strang.sweeps, 3)
    assert [(f.part, f.fraction) for f in strang] == [(0, 0.5), (1, 0.5), (2, 1.0), (1, 0.5), (0, 0.5)]
    assert [f.part for f in flows(dh.AdjointLie.sweeps, 3)] == [2, 1, 0]
    assert period(flows(dh.KahanLi8.sweeps, 2)) == 2
    assert period(flows(dh.KahanLi8.sweeps, 3)) == 4
    assert period(strang) == 4


def test_a_table_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="first half"):
        alternating([0.1, 0.2], [0.3], stages=6)
