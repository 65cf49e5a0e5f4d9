"""Batches have the sample axis last in memory, which must not change what is computed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import duhamel as dh
from duhamel.batch import batched_well
from duhamel.batch.lane import Lane
from duhamel.batch.lanes import Lanes, suited, traced
from duhamel.jacobian.small import eliminate, substitute

SIZE = 5


def in_lanes(function, *args, same=()):
    """The function on samples side by side; arguments numbered in `same` are the same for all."""
    lanes = [Lane(v, i not in same) for i, v in enumerate(args)]
    program, _ = traced(lambda *v: jax.tree.leaves(function(*v)), lanes, "samples", SIZE)
    assert suited(program)

    @jax.jit
    def run(*values):
        given = [Lane(v, x.many) for v, x in zip(values, lanes, strict=True)]
        return Lanes("samples", SIZE).spread(program, given, [True] * len(program.jaxpr.outvars))

    return run(*args)


def by_vmap(function, *args, same=()):
    axes = [None if i in same else -1 for i in range(len(args))]
    return jax.tree.leaves(jax.jit(jax.vmap(function, axes, -1, axis_name="samples"))(*args))


def collatz(x):
    return lax.while_loop(
        lambda c: c[0] > 1, lambda c: (jnp.where(c[0] % 2 == 0, c[0] // 2, 3 * c[0] + 1), c[1] + 1), (x, 0)
    )


@jax.custom_jvp
def odd(x, k):
    return jnp.sin(x) * k.astype(x.dtype)


@odd.defjvp
def _odd(primals, tangents):
    return odd(*primals), 100.0 * tangents[0]


def solved(a, b):
    """a is diagonal, and its solution is told to JAX."""

    def divided(_, v):
        return v / jnp.stack([a[0, 0], a[1, 1]])

    return lax.custom_linear_solve(lambda v: a @ v, b, divided, divided)


NUMBERS = np.random.default_rng(0)
V, W, M = (jnp.asarray(NUMBERS.normal(size=s)) for s in ((4, SIZE), (4, SIZE), (3, 4, SIZE)))
K = jnp.asarray([0, 1, 2, 3, 9], jnp.int32)
TALL = jnp.asarray(NUMBERS.normal(size=(64, 70)))
WIDE = jnp.asarray(NUMBERS.normal(size=(70, SIZE)))
DIAGONAL = jnp.asarray(NUMBERS.normal(size=(2, SIZE)))

CASES = {
    "entries": (
        lambda v, w: (
            v * w + 1,
            v > w,
            jnp.where(v > 0, v, w[0]),
            jnp.clip(v, -1, w[1]),
            v * w[None, :2, None],
        ),
        V,
        W,
    ),
    "complex": (lambda v, w: (jnp.exp(lax.complex(v, w)).imag, abs(lax.complex(v, w))), V, W),
    "shapes": (
        lambda m: (
            m.T[::-1],
            m.reshape(-1)[2:9:3],
            jnp.pad(m, 1),
            jnp.tile(m, 2),
            jnp.roll(m, 1),
            m[:, None],
        ),
        M,
    ),
    "joined": (
        lambda v, w: (jnp.stack([v, jnp.ones(4)]), jnp.concatenate([v, w]), jnp.split(w, 2), jnp.sort(v)),
        V,
        W,
    ),
    "sums": (
        lambda m: (
            m.sum(),
            m.max(0),
            m.min(1),
            (m > 0).all(0),
            (m > 1).any(),
            jnp.prod(m),
            jnp.cumsum(m, 1),
            jnp.argmax(m, 1),
        ),
        M,
    ),
    "products": (lambda m, v: (m @ v, jnp.outer(v, v), jnp.einsum("ij,kj->ik", m, m)), M, V),
    "large products": (lambda a, x: (a @ x, x @ a.T, jnp.outer(x, x) @ x), TALL, WIDE, (0,)),
    "places": (
        lambda m, k: (
            m[1, k],
            m[k % 3],
            lax.dynamic_slice(m, (k, k), (2, 2)),
            m.at[k, 0].set(7.0, mode="drop"),
            m.at[:, k].add(m[:, 0]),
        ),
        M,
        K,
    ),
    "same places": (
        lambda m, k: (
            m[k],
            lax.dynamic_update_slice(m, m[:1, :2], (k, k)),
            m.at[k].add(1.0),
            m[jnp.stack([k, k])],
        ),
        M,
        jnp.asarray(1),
        (1,),
    ),
    "table": (
        lambda t, k: (t[k], lax.dynamic_slice(t, (k, 0 * k), (2, 70)), t.at[k].set(1.0)),
        TALL,
        K,
        (0,),
    ),
    "updates": (lambda m, k: lax.dynamic_update_slice(m, m[:2, :2], (k, k)), M, K),
    "scan": (
        lambda m, v: lax.scan(lambda c, r: ((c[0] + r, c[1]), c[0] * c[1]), (v, 2.0), m, reverse=True),
        M,
        V,
    ),
    "while": (collatz, K + 1),
    "branch": (
        lambda v, k: (
            lax.cond(k > 1, lambda: v, lambda: 2 * v),
            lax.switch(k, [lambda: v, lambda: -v, lambda: v[::-1]]),
        ),
        V,
        K,
    ),
    "one branch": (lambda v, k: lax.cond(lax.pmax(k, "samples") > 3, lambda: v, lambda: 2 * v), V, K),
    "derivative": (lambda v, w: jax.jvp(lambda x: odd(x, jnp.int32(2)), (v,), (w,)), V, W),
    "library": (
        lambda v: (jnp.linalg.norm(v), jax.scipy.special.gammaln(abs(v)), jnp.interp(v, v[:2], v[2:])),
        V,
    ),
    "solve": (lambda d, b: solved(jnp.diag(d), b), DIAGONAL, V[:2]),
    "nothing differs": (lambda v, k: (v, k + 1, jnp.zeros(2)), V, jnp.asarray(3), (1,)),
}


@pytest.mark.parametrize("name", CASES)
def test_operations_give_what_vmap_gives(name):
    function, *args = CASES[name]
    same = args.pop() if isinstance(args[-1], tuple) else ()
    ours, wanted = in_lanes(function, *args, same=same), by_vmap(function, *args, same=same)
    assert len(ours) == len(wanted)
    for a, b in zip(ours, wanted, strict=True):
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        assert np.allclose(a, b, rtol=1e-13, atol=1e-13)


def lifted(function):
    """Of one sample and giving one array, on samples side by side."""

    def call(*args):
        lanes = [Lane(v, True) for v in args]
        program, _ = traced(lambda *v: [function(*v)], lanes, "samples", SIZE)
        return Lanes("samples", SIZE).spread(program, lanes, [True])[0]

    return call


def test_rules_for_derivatives_are_kept():
    slope = lifted(lambda v: odd(v, jnp.int32(3)))
    assert np.allclose(jax.jvp(slope, (V,), (W,))[1], 100.0 * W)
    assert np.allclose(jax.jit(jax.grad(lambda x: slope(x).sum()))(V), 100.0)
    root = lifted(lambda d, b: solved(jnp.diag(d), b))
    way = jax.jvp(root, (DIAGONAL, V[:2]), (DIAGONAL, W[:2]))[1]
    assert np.allclose(way, (W[:2] - V[:2]) / DIAGONAL)
    assert np.allclose(jax.grad(lambda b: root(DIAGONAL, b).sum())(V[:2]), 1 / DIAGONAL)


def test_operations_of_libraries_stay_with_vmap():
    program, _ = traced(lambda a: [jnp.linalg.inv(a)], [Lane(jnp.ones((3, 3, SIZE)), True)], "samples", SIZE)
    assert not suited(program)


def solutions(matrices, b):
    """By elimination, of one matrix after the other in a block."""

    def run(operands, samples):
        matrix, right = operands
        del samples
        return substitute(eliminate(matrix), right)

    return jax.jit(jax.vmap(batched_well(run)))((matrices, b))


@pytest.mark.parametrize("n", [2, 3, 8])
@pytest.mark.parametrize("kind", ["dominant", "random", "graded", "one of them"])
@pytest.mark.parametrize("dtype", [float, complex])
def test_elimination_in_blocks_is_backward_stable(n, kind, dtype):
    rng = np.random.default_rng(n)
    matrices = rng.normal(size=(70, n, n)) + (1j * rng.normal(size=(70, n, n)) if dtype is complex else 0.0)
    if kind in ("dominant", "one of them"):
        matrices = matrices + 3 * n * np.eye(n)
    if kind == "graded":
        matrices = matrices * 10.0 ** rng.uniform(-6, 6, (70, n, 1)) * 10.0 ** rng.uniform(-6, 6, (70, 1, n))
    if kind == "one of them":
        matrices[41, 0, 0], matrices[3, 1, 1] = 0.0, 1e-9
    b = rng.normal(size=(70, n)).astype(dtype)
    x = np.asarray(solutions(jnp.asarray(matrices), jnp.asarray(b)))
    residual = abs(np.einsum("sij,sj->si", matrices, x) - b)
    scale = np.einsum("sij,sj->si", abs(matrices), abs(x)) + abs(b)
    assert np.max(residual / scale) < 2e-14


def test_a_singular_matrix_spoils_only_its_own_sample():
    matrices = np.broadcast_to(np.eye(3), (5, 3, 3)).copy()
    matrices[2] = 1.0
    x = np.asarray(solutions(jnp.asarray(matrices), jnp.ones((5, 3))))
    assert not np.all(np.isfinite(x[2]))
    assert np.allclose(x[[0, 1, 3, 4]], 1.0)


def oregonator(t, u, args):
    x, y, z = u
    return jnp.stack(
        [args * (y + x * (1 - 8.375e-6 * x - y)), (z - (1 + x) * y) / args, 0.161 * (x - z)]
    ).astype(u.dtype)


@pytest.mark.parametrize("method", ["tsit5", "rodas4", "radau", "auto"])
def test_runs_in_a_batch_are_those_of_single_samples(method):
    starts = jnp.asarray([1.0, 2.0, 3.0]) * (1 + 0.1 * jnp.arange(3.0)[:, None])

    def run(u):
        step = dh.Adaptive(rtol=1e-4, atol=1e-6)
        save = dh.Save(ts=np.array([0.3, 1.0]))
        sol = dh.solve(oregonator, u, t1=1.0, args=10.0, method=method, step=step, save=save)
        return sol.us, sol.stats.steps, sol.stats.rejected

    us, steps, rejected = jax.jit(jax.vmap(run))(starts)
    alone = [run(u) for u in starts]
    assert [int(v) for v in steps] == [a[1] for a in alone]
    assert [int(v) for v in rejected] == [a[2] for a in alone]
    assert np.allclose(us, np.stack([a[0] for a in alone]), rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_batches_in_other_precisions(dtype):
    eq = dh.Linear(dh.Diagonal(jnp.asarray([-1.0, -30.0], dtype))) + dh.Nonlinear(
        lambda t, u, args: -u * u * u
    )
    starts = jnp.asarray(1 + 0.1 * np.arange(6.0).reshape(3, 2), dtype)

    def run(u):
        return dh.solve(eq, u, t1=1.0, method="krogstad43", step=dh.Adaptive(rtol=1e-4, atol=1e-6)).us[-1]

    ends = jax.jit(jax.vmap(run))(starts)
    assert ends.dtype == dtype
    assert np.allclose(ends, np.stack([run(u) for u in starts]), rtol=1e-5)
