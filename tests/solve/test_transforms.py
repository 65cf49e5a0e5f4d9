"""Under jit and vmap, on two devices, in pieces: the same numbers and no needless compilation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from conftest import decay, lorenz

STEP = dh.Adaptive(rtol=1e-7, atol=1e-9)


def van_der_pol(t, u, mu):
    x, v = u
    return jnp.stack([v, mu * (1 - x * x) * v - x])


def test_new_numbers_do_not_compile_again():
    traces = []

    def counted(t, u, args):
        traces.append(1)
        return -args["rate"] * u

    def run(t1, rtol, rate, value):
        step = dh.Adaptive(rtol=rtol, atol=1e-9)
        return dh.solve(counted, jnp.full(2, value), t1=t1, args={"rate": rate}, step=step)

    run(1.0, 1e-6, 2.0, 1.0)
    before = len(traces)
    end = run(1.5, 1e-8, 3.0, 4.0)
    dh.solve(counted, jnp.ones(2), t0=0.5, t1=2.5, args={"rate": 1.0}, step=dh.Adaptive(rtol=1e-5, atol=1e-9))
    assert len(traces) == before
    assert np.allclose(end.us[-1], 4.0 * np.exp(-4.5), rtol=1e-6)


def test_fixed_steps_of_a_new_length_do_not_compile_again():
    traces = []

    def counted(t, u, args):
        traces.append(1)
        return -u

    dh.solve(counted, jnp.ones(2), t1=1.0, step=dh.Fixed(0.1))
    before = len(traces)
    dh.solve(counted, jnp.ones(2), t1=3.0, step=dh.Fixed(0.02))
    assert len(traces) == before


def test_jit_gives_what_plain_solve_gives():
    plain = dh.solve(lorenz, jnp.ones(3), t1=1.0, step=STEP, save=dh.Save(every=0.25))
    inside = jax.jit(lambda u: dh.solve(lorenz, u, t1=1.0, step=STEP, save=dh.Save(every=0.25)))(jnp.ones(3))
    assert np.array_equal(plain.us, inside.us)
    assert inside.status == dh.Status.done
    assert int(inside.stats.steps) == plain.stats.steps
    constant = jax.jit(lambda: dh.solve(lorenz, jnp.ones(3), t1=1.0, step=STEP).us)()
    assert np.allclose(constant[-1], plain.us[-1], rtol=1e-12)


def test_samples_of_a_batch_take_their_own_steps():
    mus = jnp.asarray([0.5, 2.0, 8.0, 20.0])

    def run(mu):
        return dh.solve(
            van_der_pol,
            jnp.asarray([2.0, 0.0]),
            t1=5.0,
            args=mu,
            step=STEP,
            save=dh.Save(ts=jnp.asarray([2.5, 5.0])),
        )

    batch = jax.vmap(run)(mus)
    alone = [run(mu) for mu in mus]
    assert len({int(s) for s in batch.stats.steps}) > 2
    assert [int(s) for s in batch.stats.steps] == [s.stats.steps for s in alone]
    assert [int(s) for s in batch.stats.rejected] == [s.stats.rejected for s in alone]
    assert np.allclose(batch.us, np.stack([s.us for s in alone]), rtol=1e-9, atol=1e-9)


def test_a_failing_sample_does_not_spoil_the_others():
    def run(u):
        return dh.solve(lambda t, u, args: u * u, u, t1=1.0, step=STEP, on_failure="return")

    batch = jax.vmap(run)(jnp.asarray([[0.5], [2.0], [-1.0]]))
    assert [int(s) for s in batch.status] == [dh.Status.done, dh.Status.step_too_small, dh.Status.done]
    assert np.allclose(batch.us[0, 0], 1.0, rtol=1e-5)
    assert np.allclose(batch.us[2, 0], -0.5, rtol=1e-5)


def test_a_large_batch_and_a_nested_one():
    def end(u):
        return dh.solve(decay, u, t1=1.0, args=1.0, step=STEP).us[-1]

    starts = jnp.linspace(0.5, 2.0, 301)[:, None]
    assert np.allclose(jax.vmap(end)(starts), starts * np.exp(-1.0), rtol=1e-6)
    nested = jax.jit(jax.vmap(jax.vmap(end)))(starts[:300].reshape(30, 10, 1))
    assert np.allclose(nested.reshape(-1), starts[:300, 0] * np.exp(-1.0), rtol=1e-6)


def test_a_batch_over_two_devices():
    mesh = jax.sharding.Mesh(np.array(jax.devices()), ("batch",))
    spread = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("batch"))
    starts = jax.device_put(jnp.linspace(1.0, 2.0, 8)[:, None], spread)
    ends = jax.jit(jax.vmap(lambda u: dh.solve(decay, u, t1=1.0, args=1.0, step=STEP).us[-1]))(starts)
    assert np.allclose(ends[:, 0], np.linspace(1.0, 2.0, 8) * np.exp(-1.0), rtol=1e-6)


@pytest.mark.parametrize(
    "save", [dh.Save(every=0.05), dh.Save(steps=True), None], ids=["every", "steps", "end"]
)
def test_marching_gives_bit_for_bit_what_solving_gives(save):
    whole = dh.solve(lorenz, jnp.ones(3), t1=2.0, step=STEP, save=save)
    pieces = list(dh.march(lorenz, jnp.ones(3), t1=2.0, step=STEP, save=save, seconds=1e-7))
    assert len(pieces) > 1
    assert np.array_equal(np.concatenate([p.us for p in pieces]), whole.us)
    assert np.array_equal(np.concatenate([p.ts for p in pieces]), whole.ts)
    assert pieces[-1].status == dh.Status.done
    assert pieces[-1].stats.steps == whole.stats.steps
    assert all(p.status == dh.Status.running for p in pieces[:-1])


def test_steps_inside_jit_need_room():
    with pytest.raises(dh.InputError, match="max_steps"):
        jax.jit(lambda u: dh.solve(lorenz, u, t1=1.0, save=dh.Save(steps=True)).us)(jnp.ones(3))
    sol = jax.jit(lambda u: dh.solve(decay, u, t1=1.0, args=1.0, save=dh.Save(steps=True), max_steps=64))(
        jnp.ones(1)
    )
    filled = int(sol.stats.steps) + 1
    assert np.all(np.isfinite(sol.ts[:filled]))
    assert np.all(np.isinf(sol.ts[filled:]))
    assert np.all(np.isnan(sol.us[filled:]))


def test_every_inside_jit_needs_plain_times():
    with pytest.raises(dh.InputError, match="plain numbers"):
        jax.jit(lambda t: dh.solve(lorenz, jnp.ones(3), t1=t, save=dh.Save(every=0.1)).us)(1.0)


def test_failure_inside_jit_is_raised():
    run = jax.jit(lambda u: dh.solve(lambda t, u, args: u * u, u, t1=2.0, step=STEP).us)
    with pytest.raises(Exception, match="failed inside compiled code"):
        jax.block_until_ready(run(jnp.ones(1)))
