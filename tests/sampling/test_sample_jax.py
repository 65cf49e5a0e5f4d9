"""Running a plan in JAX: one scan gives NumPy's numbers, under jit, vmap and grad."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling_problem import Network, noise_for

from duhamel import sampling

VP = sampling.VP()


@pytest.mark.parametrize(
    ("rule", "options"),
    [("multistep", {}), ("unipc", {"order": 3}), ("dpm-3", {}), ("pndm", {}), ("bdia", {}), ("heun", {})],
)
def test_scan_equals_numpy(rule, options):
    plan = sampling.plan(VP, rule, steps=7, predicts="v", **options)
    x = noise_for(plan)
    expected = sampling.sample(Network("v"), x, plan)
    network = Network("v", jnp)
    run = jax.jit(lambda x: sampling.sample(network, x, plan))
    np.testing.assert_allclose(run(jnp.asarray(x)), expected, rtol=1e-9, atol=1e-11)
    half = sampling.sample(network, jnp.asarray(x), plan, stop=4)
    np.testing.assert_allclose(
        sampling.sample(network, None, plan, start=half), expected, rtol=1e-9, atol=1e-11
    )
    looked = sampling.sample(network, jnp.asarray(x), plan, callback=lambda seen: None)
    np.testing.assert_allclose(looked, expected, rtol=1e-9, atol=1e-11)


def test_one_scan_whatever_the_steps():
    for steps in (5, 50):
        plan = sampling.plan(VP, steps=steps)
        text = str(
            jax.make_jaxpr(lambda x, plan=plan: sampling.sample(lambda x, t: x * t, x, plan))(
                jnp.ones((2, 3))
            )
        )
        assert text.count("scan[") == 1
        assert text.count("length=" + str(steps)) == 1


def test_gradient_and_vmap():
    plan = sampling.plan(VP, steps=6)
    x = jnp.asarray(noise_for(plan, 4))

    def loss(weight, x):
        return jnp.sum(sampling.sample(lambda x, t: weight * jnp.tanh(x) + t.astype(x.dtype), x, plan) ** 2)

    weight, h = 0.4, 1e-6
    slope = jax.grad(loss)(weight, x)
    assert float(slope) == pytest.approx(
        float((loss(weight + h, x) - loss(weight - h, x)) / (2 * h)), rel=1e-7
    )
    each = jax.vmap(lambda x: sampling.sample(lambda x, t: jnp.tanh(x), x[None], plan)[0])(x)
    np.testing.assert_allclose(each, sampling.sample(lambda x, t: jnp.tanh(x), x, plan), rtol=1e-12)


def test_noise_of_a_sample_in_jax():
    plan = sampling.plan(VP, "sde-dpm++", steps=5, predicts="v")
    x = jnp.asarray(noise_for(plan))
    network = Network("v", jnp)
    whole = sampling.sample(network, x, plan, noise=3)
    np.testing.assert_allclose(sampling.sample(network, x[:2], plan, noise=3), whole[:2], rtol=1e-12)
    half = sampling.sample(network, x, plan, noise=3, stop=2)
    np.testing.assert_allclose(sampling.sample(network, None, plan, noise=3, start=half), whole, rtol=1e-12)
    keys = jax.random.split(jax.random.key(0), len(x))
    assert np.all(np.isfinite(sampling.sample(network, x, plan, noise=keys)))


def test_churn_before_the_first_evaluation_and_narrow_types():
    plan = sampling.plan(VP, "edm", steps=5, churn=2.0, predicts="eps")

    def model(x, t):
        return jnp.tanh(x)

    for kind in (jnp.float16, jnp.bfloat16, jnp.float32):
        x = jnp.asarray(noise_for(plan), kind)
        with jax.numpy_dtype_promotion("strict"):
            found = sampling.sample(model, x, plan, noise=1)
        assert found.dtype == kind
        assert bool(jnp.all(jnp.isfinite(found)))
    clipped = sampling.sample(
        model,
        jnp.asarray(noise_for(plan)),
        sampling.plan(VP, steps=5),
        on_x0=lambda v: jnp.clip(v, -1.0, 1.0),
    )
    assert float(jnp.abs(clipped).max()) < 1.5
