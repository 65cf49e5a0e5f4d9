"""The discrete adjoint in JAX: the scan's own gradient, finite differences, and memory read from the
compiler."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from duhamel import sampling

VP = sampling.VP()
random = np.random.default_rng(0)
WEIGHTS = [jnp.asarray(0.5 * random.normal(size=s)) for s in ((4, 16), (16,), (16, 3), (3,))]
X, C = (jnp.asarray(random.normal(size=(5, 3))) for _ in range(2))


def net(weights, c):
    w1, b1, w2, b2 = weights

    def model(x, t):
        told = jnp.broadcast_to(t, (x.shape[0], 1)).astype(x.dtype)
        return jnp.tanh(jnp.concatenate([x + c, told], 1) @ w1 + b1) @ w2 + b2

    return model


NOISE = jnp.asarray(random.normal(size=(16, 5, 3)))


def drawn(i, like):
    return NOISE[i]


def slopes(run):
    return jax.jit(jax.grad(lambda x, w, c: jnp.sum(run(net(w, c), x) ** 3), argnums=(0, 1, 2)))(
        X, WEIGHTS, C
    )


@pytest.mark.parametrize(
    ("rule", "options", "memory"),
    [
        ("unipc", {"order": 2}, "sqrt"),
        ("ddim", {"eta": 1.0}, "all"),
        ("bdia", {"gamma": 0.95, "predicts": "edm"}, "constant"),
    ],
)
def test_the_gradient_of_the_plain_scan(rule, options, memory):
    plan = sampling.plan(VP, rule, steps=7, **({"predicts": "v"} | options))
    expected = slopes(lambda model, x: sampling.sample(model, x, plan, noise=drawn))
    found = slopes(lambda model, x: sampling.differentiable(model, x, plan, memory=memory, noise=drawn))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12 * float(jnp.abs(b).max()))


def test_momentum_of_guidance_is_differentiated_through():
    plan = sampling.plan(VP, "unipc", steps=7, predicts="v")

    def guided(w, c):
        return sampling.apg(lambda x, t, c: net(w, c)(x, t), c, jnp.zeros_like(c), 3.0, momentum=-0.5)

    def slopes_of(run):
        return jax.jit(jax.grad(lambda x, w, c: jnp.sum(run(guided(w, c), x) ** 3), argnums=(0, 1, 2)))(
            X, WEIGHTS, C
        )

    expected = slopes_of(lambda model, x: sampling.sample(model, x, plan))
    found = slopes_of(lambda model, x: sampling.differentiable(model, x, plan))
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12 * float(jnp.abs(b).max()))


def test_finite_differences_and_the_value():
    plan = sampling.plan(VP, "bdia", steps=9, predicts="v")

    @jax.jit
    def loss(x, w, c):
        return jnp.sum(sampling.differentiable(net(w, c), x, plan, memory="constant") ** 2)

    assert float(loss(X, WEIGHTS, C)) == pytest.approx(
        float(jnp.sum(sampling.sample(net(WEIGHTS, C), X, plan) ** 2)), rel=1e-12
    )
    point = (X, WEIGHTS, C)
    away = jax.tree.map(lambda a: jnp.asarray(np.random.default_rng(a.size).normal(size=a.shape)), point)
    slope = jax.grad(loss, argnums=(0, 1, 2))(*point)
    along = sum(
        float(jnp.sum(a * b)) for a, b in zip(jax.tree.leaves(slope), jax.tree.leaves(away), strict=True)
    )
    ends = [loss(*jax.tree.map(lambda a, d, h=h: a + h * d, point, away)) for h in (1e-5, -1e-5)]
    assert float(ends[0] - ends[1]) / 2e-5 == pytest.approx(along, rel=1e-6)


def test_memory_is_flat_in_the_number_of_steps():
    wide, zero = jnp.ones((500, 3)), jnp.zeros(3)

    def needed(rule, steps, memory):
        plan = sampling.plan(VP, rule, steps=steps, predicts="v")

        def loss(x, w):
            return jnp.sum(sampling.differentiable(net(w, zero), x, plan, memory=memory) ** 2)

        return (
            jax.jit(jax.grad(loss, argnums=(0, 1)))
            .lower(wide, WEIGHTS)
            .compile()
            .memory_analysis()
            .temp_size_in_bytes
        )

    state = wide.size * 8
    # 108 rows more: √144 − √36 states, twice, and a little; nothing
    assert needed("ddim", 144, "sqrt") - needed("ddim", 36, "sqrt") < 30 * state
    assert needed("bdia", 144, "constant") - needed("bdia", 36, "constant") < 2 * state


def test_strict_types_of_single_precision():
    plan = sampling.plan(VP, "bdia", steps=6, predicts="v")
    w = [a.astype(jnp.float32) for a in WEIGHTS]
    x = X.astype(jnp.float32)
    for memory in ("sqrt", "constant"):

        def loss(x, w, memory=memory):
            return jnp.sum(
                sampling.differentiable(net(w, jnp.zeros(3, jnp.float32)), x, plan, memory=memory) ** 2
            )

        with jax.numpy_dtype_promotion("strict"):
            found = jax.eval_shape(jax.grad(loss, argnums=(0, 1)), x, w)
        assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {jnp.dtype("float32")}
