"""Compositions of arbitrary flows, and the example that trains them."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from examples.macaron import BLOCKS, Size, Sorter, block, trained
from scipy.linalg import expm

import duhamel as dh

A = np.array([[0.0, 1.0], [-1.0, 0.0]])
B = np.array([[0.6, 0.0], [0.0, -0.8]])


def turn(h, u):
    """e^{hA}u."""
    return jnp.stack([jnp.cos(h) * u[0] + jnp.sin(h) * u[1], jnp.cos(h) * u[1] - jnp.sin(h) * u[0]])


def stretch(h, u):
    """e^{hB}u."""
    return jnp.stack([jnp.exp(0.6 * h) * u[0], jnp.exp(-0.8 * h) * u[1]])


@pytest.mark.parametrize(
    ("name", "order"),
    [("lie", 1), ("strang", 2), ("palindromic4", 4), ("castella4", 4)],
)
def test_slopes_for_two_matrices_that_do_not_commute(name, order):
    exact = expm(A + B) @ np.ones(2)
    step = jax.jit(dh.compose([turn, stretch], name).__call__)
    errors, counts = [], (4, 6, 8, 12, 16)
    for n in counts:
        u = jnp.ones(2)
        for _ in range(n):
            u = step(1.0 / n, u)
        errors.append(np.max(abs(np.asarray(u) - exact)))
    slope = -np.polyfit(np.log(counts[-3:]), np.log(errors[-3:]), 1)[0]
    assert abs(slope - order) < 0.1


def test_a_composition_is_what_solve_does():
    eq = dh.Linear(dh.Dense(jnp.asarray(A))) + dh.Linear(dh.Dense(jnp.asarray(B)))
    composed = dh.compose([turn, stretch], dh.Yoshida4)(0.3, jnp.ones(2))
    assert np.allclose(
        composed, dh.solve(eq, jnp.ones(2), t1=0.3, method="yoshida4", step=dh.Fixed(0.3)).us[-1]
    )


def filled(shape):
    """A model of this shape, with numbers that cost no compilation."""
    return jax.tree.map(
        lambda s: 0.5 * np.sin(np.arange(s.size) + 1.0).reshape(s.shape) if hasattr(s, "shape") else s, shape
    )


def test_blocks_are_lie_and_strang_of_their_layers():
    size = Size(width=4, length=3, heads=1)
    plain, macaron, strang = (
        filled(eqx.filter_eval_shape(block, kind, size, jax.random.key(0))) for kind in BLOCKS
    )

    @jax.jit
    def by_composition_and_by_hand(u):
        attention, feed_forward = plain.flows
        lie = plain(1.0, u), feed_forward(1.0, attention(1.0, u))
        feed_forward, attention = strang.flows
        both = strang(1.0, u), feed_forward(0.5, attention(1.0, feed_forward(0.5, u)))
        first, attention, last = macaron.flows
        return lie, both, (macaron(1.0, u), last(1.0, attention(1.0, first(1.0, u))))

    pairs = by_composition_and_by_hand(jnp.sin(jnp.arange(12.0).reshape(3, 4)))
    for composed, by_hand in pairs:
        assert np.allclose(composed, by_hand, rtol=1e-12)
        assert not np.allclose(composed, pairs[0][0]) or composed is pairs[0][0]


def test_composed_networks_have_equal_sizes_and_learn():
    size = Size(width=4, length=3, tokens=3, heads=1, blocks=1, batch=16, steps=40, seeds=1, rate=3e-2)
    shapes = [eqx.filter_eval_shape(Sorter, kind, size, jax.random.key(0)) for kind in BLOCKS]
    counts = [sum(v.size for v in jax.tree.leaves(shape) if hasattr(v, "size")) for shape in shapes]
    # only the second norm of the Macaron block, and the bias of its second output, are more
    assert counts == [counts[0], counts[0] + 3 * size.width, counts[0]]
    _, losses, right = trained("strang", size)
    assert losses[0] < 0.9 * np.log(size.tokens)
    assert 0.4 < right[0] <= 1.0


def test_wrong_input_is_refused_in_words():
    with pytest.raises(dh.InputError, match="is no splitting; these are: lie"):
        dh.compose([turn], "rk4")
    with pytest.raises(dh.InputError, match="takes a splitting"):
        dh.compose([turn], dh.RK4())
    with pytest.raises(dh.InputError, match="list of functions"):
        dh.compose([], "strang")
    with pytest.raises(dh.InputError, match="a kick and a drift"):
        dh.compose([turn] * 3, "verlet")
    with pytest.raises(dh.InputError, match=r"flow number 1 .*`sort`"):
        dh.compose([lambda h, u: u + h * jnp.sort(u), stretch], "complex-jump4")(0.1, jnp.ones(2))
