"""Compositions of arbitrary flows, and the example that trains them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

import duhamel as dh
from examples.macaron import BLOCKS, FeedForward, Size, Sorter, block, compare, loss

A = jnp.asarray([[0.0, 1.0], [-1.0, 0.2]])
B = jnp.asarray([[0.3, 0.0], [0.9, -0.4]])


def flow(matrix):
    """The Taylor polynomial of e^{hM}u, of a degree at which it is exact to round-off here; any JAX function."""

    def run(h, u):
        term = total = u
        for k in range(1, 19):
            term = (h / k) * (matrix @ term)
            total = total + term
        return total

    return run


@pytest.mark.parametrize(
    ("name", "order"),
    [("lie", 1), ("strang", 2), ("ruth3", 3), ("blanes-moan4", 4), ("castella4", 4), ("palindromic4", 4)],
)
def test_slopes_for_two_matrices_that_do_not_commute(name, order):
    exact = expm(np.asarray(A + B)) @ np.ones(2)
    step = jax.jit(dh.compose([flow(A), flow(B)], name).__call__)
    errors, counts = [], (4, 6, 8, 12, 16)
    for n in counts:
        u = jnp.ones(2)
        for _ in range(n):
            u = step(1.0 / n, u)
        errors.append(np.max(abs(np.asarray(u) - exact)))
    slope = -np.polyfit(np.log(counts[-3:]), np.log(errors[-3:]), 1)[0]
    assert abs(slope - order) < 0.1


def test_a_composition_is_what_solve_does():
    eq = dh.Linear(dh.Dense(A)) + dh.Linear(dh.Dense(B))
    composed = dh.compose([flow(A), flow(B)], dh.Yoshida4)(0.3, jnp.ones(2))
    assert np.allclose(
        composed, dh.solve(eq, jnp.ones(2), t1=0.3, method="yoshida4", step=dh.Fixed(0.3)).us[-1]
    )


def test_blocks_are_lie_and_strang_of_their_layers():
    size = Size(width=8, length=4)
    u = jax.random.normal(jax.random.key(1), (4, 8))
    plain, strang = (block(kind, size, jax.random.key(0)) for kind in ("lie", "strang"))
    attention, feed_forward = plain.flows
    assert np.allclose(plain(1.0, u), feed_forward(1.0, attention(1.0, u)), atol=1e-6)
    feed_forward, attention = strang.flows
    by_hand = feed_forward(0.5, attention(1.0, feed_forward(0.5, u)))
    assert np.allclose(strang(1.0, u), by_hand, atol=1e-6)
    macaron = block("macaron", size, jax.random.key(0))
    first, attention, last = macaron.flows
    assert isinstance(first, FeedForward)
    assert np.allclose(macaron(1.0, u), last(1.0, attention(1.0, first(1.0, u))), atol=1e-6)


def test_composed_networks_are_pytrees_that_learn():
    size = Size(width=4, length=3, tokens=3, heads=1, blocks=1, batch=8, steps=3, seeds=1)
    rows = compare(size)
    assert tuple(rows) == BLOCKS
    counts = [row[0] for row in rows.values()]
    assert max(counts) - min(counts) <= 2 * size.width * size.blocks * 2
    for _, losses, right, _ in rows.values():
        assert np.all(np.isfinite(losses))
        assert np.all((right >= 0) & (right <= 1))
    untrained = Sorter("lie", size, jax.random.key(0))
    assert np.isfinite(loss(untrained, jnp.zeros((2, 3), jnp.int32))[0])


def test_wrong_input_is_refused_in_words():
    with pytest.raises(dh.InputError, match="is no splitting; these are: lie"):
        dh.compose([flow(A)], "rk4")
    with pytest.raises(dh.InputError, match="takes a splitting"):
        dh.compose([flow(A)], dh.RK4())
    with pytest.raises(dh.InputError, match="list of functions"):
        dh.compose([], "strang")
    with pytest.raises(dh.InputError, match="a kick and a drift"):
        dh.compose([flow(A)] * 3, "verlet")
    with pytest.raises(dh.InputError, match=r"flow number 1 .*`sort`"):
        dh.compose([lambda h, u: u + h * jnp.sort(u), flow(B)], "complex-jump4")(0.1, jnp.ones(2))
