"""Rosenbrock methods: their tables, what stiffness does to them, and what they cost."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from mpmath import eye, matrix, mp, mpf

import duhamel as dh
from duhamel.methods.stiff import ROS3P, Rodas3, Rodas4, Rodas5P
from duhamel.problems import get
from problems import fitted

METHODS = (ROS3P, Rodas3, Rodas4, Rodas5P)
mp.dps = 40


def trees(order):
    """All rooted trees with `order` vertices; a tree is the sorted tuple of its branches."""
    forests = {0: {()}}
    for total in range(1, order):
        forests[total] = {
            tuple(sorted((*rest, tree)))
            for size in range(1, total + 1)
            for tree in trees(size)
            for rest in forests[total - size]
        }
    return sorted(forests[order - 1])


def vertices(tree):
    return 1 + sum(map(vertices, tree))


def density(tree):
    product = vertices(tree)
    for branch in tree:
        product *= density(branch)
    return product


class Original:
    """The method in its original form, kᵢ = h f(u + Σ αᵢⱼ kⱼ) + h J Σ γᵢⱼ kⱼ, from the transformed one."""

    def __init__(self, table):
        count = table.stages
        a, c = matrix(count, count), matrix(count, count)
        for i in range(count):
            for j in range(i):
                a[i, j], c[i, j] = mpf(table.a[i][j]), mpf(table.c[i][j])
        self.gamma = (eye(count) / mpf(table.gamma) - c) ** -1
        self.alpha, self.beta = a * self.gamma, a * self.gamma + self.gamma
        self.b = matrix([table.weights]) * self.gamma
        self.embedded = self.b - matrix([table.error]) * self.gamma

    def elementary(self, tree):
        """Vertices with one branch take β = α + Γ, all others α (Hairer & Wanner II, IV.7)."""
        if len(tree) == 1:
            return self.beta * self.elementary(tree[0])
        product = [mpf(1)] * self.alpha.rows
        for branch in tree:
            product = [p * q for p, q in zip(product, self.alpha * self.elementary(branch), strict=True)]
        return matrix(product)

    def residual(self, weights, order):
        """Largest |Σ bᵢ Φᵢ(tree) − 1/density(tree)| over the trees of one order."""
        phis = [(tree, self.elementary(tree)) for tree in trees(order)]
        return max(float(abs((weights * phi)[0] - mpf(1) / density(tree))) for tree, phi in phis)


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_tables_fulfil_the_order_conditions(method):
    table, original = method.table, Original(method.table)
    for order in range(1, method.order + 1):
        assert original.residual(original.b, order) < 1e-14
    assert original.residual(original.b, method.order + 1) > 1e-3
    for order in range(1, method.error_order + 1):
        assert original.residual(original.embedded, order) < 1e-14
    assert original.residual(original.embedded, method.error_order + 1) > 1e-3
    for i in range(table.stages):
        assert abs(float(sum(original.alpha[i, :])) - table.nodes[i]) < 1e-14
        assert abs(float(sum(original.gamma[i, :])) - table.slopes[i]) < 1e-14


@pytest.mark.parametrize("method", METHODS[1:], ids=lambda m: m.name)
def test_stiffly_accurate_methods_forget_infinitely_fast_modes(method):
    """R(∞) = 0: one step of u' = −10¹² u leaves nothing; of ROS3P it leaves 0.73 and a sign."""
    u = dh.solve(lambda t, u, a: -1e12 * u, jnp.ones(1), t1=1.0, method=method, step=dh.Fixed(1.0)).us[-1]
    assert abs(float(u[0])) < 1e-9
    u = dh.solve(lambda t, u, a: -1e12 * u, jnp.ones(1), t1=1.0, method=ROS3P, step=dh.Fixed(1.0)).us[-1]
    assert abs(float(u[0])) == pytest.approx(np.sqrt(3) - 1, rel=1e-6)


@cache
def prothero_robinson(method):
    """Errors at t = 2 of u' = λ(u − cos t) − sin t, for λ = −10², −10³, … −10⁶ and five numbers of steps."""

    def slope(t, u, rate):
        return rate * (u - jnp.cos(t)) - jnp.sin(t)

    def error(rate, h):
        u = dh.solve(slope, jnp.ones(1), t1=2.0, args=rate, method=method, step=dh.Fixed(h)).us[-1]
        return abs(float(u[0]) - np.cos(2.0))

    hs = 0.25 / 2 ** np.arange(5)
    return hs, np.array([[error(rate, h) for rate in -(10.0 ** np.arange(2, 7))] for h in hs])


# From λ = −10⁴ on the order is that of a stiff limit; the errors fall with 1/|λ|.
@pytest.mark.parametrize(("method", "order"), [(ROS3P, 2.0), (Rodas3, 0.9), (Rodas4, 1.25), (Rodas5P, 3.0)])
def test_order_that_is_left_on_prothero_robinson(method, order):
    hs, errors = prothero_robinson(method)
    # Errors of Rodas5P reach round-off at the last refinements of the largest |λ|.
    found = fitted(hs[:4], errors[:4, 2:])
    assert np.all(abs(found - order) < 0.2), found
    assert np.allclose(errors[1, 2:-1] / errors[1, 3:], 10.0, rtol=0.05)


def test_rodas5p_is_accurate_on_prothero_robinson_whatever_the_stiffness():
    _, errors = prothero_robinson(Rodas5P)
    _, others = prothero_robinson(Rodas4)
    assert np.all(errors[1] < 1e-8)
    assert np.all(errors[1:] < 0.01 * others[1:])


@pytest.mark.parametrize("name", ["hires", "oregonator", "robertson", "van-der-pol"])
def test_stiff_problems_to_the_accuracy_asked_for(name):
    problem = get(name)
    sol = problem.solve(Rodas5P, rtol=1e-7)
    assert problem.error(sol) < 2e-5
    assert sol.stats.steps < 2500
    finer = problem.solve(Rodas5P, rtol=1e-9)
    assert problem.error(finer) < 0.1 * problem.error(sol)


def test_a_rejected_attempt_takes_no_new_jacobian():
    taken = []

    def slope(t, u, args):
        return jnp.stack([u[1], 50.0 * (1 - u[0] ** 2) * u[1] - u[0]])

    def jacobian(t, u, args):
        jax.debug.callback(lambda: taken.append(1))
        rest = jnp.stack([-100.0 * u[0] * u[1] - 1, 50.0 * (1 - u[0] ** 2)])
        return jnp.stack([jnp.asarray([0.0, 1.0]), rest])

    eq = dh.Nonlinear(slope, jacobian=jacobian)
    stats = dh.solve(eq, jnp.asarray([2.0, 0.0]), t1=50.0, method=Rodas4).stats
    jax.effects_barrier()
    assert stats.rejected > 5
    assert len(taken) == stats.steps == stats.jacobians
    assert stats.evaluations == 6 * (stats.steps + stats.rejected) + 1
    assert stats.solves == 6 * (stats.steps + stats.rejected)


def test_states_are_pytrees_of_either_precision(dtype):
    def slope(t, u, args):
        return {"x": u["y"], "y": 20 * (1 - u["x"] ** 2) * u["y"] - u["x"]}

    u0 = {"x": jnp.full(1, 2.0, dtype), "y": jnp.zeros(1, dtype)}
    end = {}
    for method in (ROS3P, Rodas5P):
        sol = dh.solve(slope, u0, t1=5.0, method=method, step=dh.Adaptive(rtol=1e-5, atol=1e-5))
        assert sol.us["x"].dtype == dtype
        end[method] = float(sol.us["x"][-1, 0])
    assert end[ROS3P] == pytest.approx(end[Rodas5P], rel=1e-4)


def test_interpolants_meet_both_ends():
    problem = get("hires")
    eq, u0 = problem.posed, jnp.asarray(problem.u0)
    for method in (Rodas4(), Rodas5P()):

        @jax.jit
        def inside(theta, method=method):
            t, h = jnp.asarray(0.0), jnp.asarray(0.1)
            memory = method.init(eq, t, u0, problem.args)
            step = method.step(eq, t, h, u0, memory, problem.args)
            return method.interpolate(theta, h, u0, step, memory), step.u

        assert np.allclose(inside(0.0)[0], u0, rtol=1e-15)
        assert np.allclose(*inside(1.0), rtol=1e-15)


def van_der_pol(t, u, mu):
    x, v = u
    return jnp.stack([v, mu * (1 - x * x) * v - x])


def test_samples_of_a_batch_take_the_steps_that_they_take_alone():
    def run(mu):
        # Before the first jump: jumps multiply round-off, which in the end decides about whole steps.
        sol = dh.solve(van_der_pol, jnp.asarray([2.0, 0.0]), t1=3.0, args=mu, method=Rodas5P)
        return sol.us[-1], sol.stats

    rates = jnp.asarray([5.0, 60.0, 900.0])
    us, stats = jax.jit(jax.vmap(run))(rates)
    for i, rate in enumerate(rates):
        u, alone = run(rate)
        assert np.allclose(us[i], u, rtol=1e-9, atol=1e-12)
        assert [int(v[i]) for v in stats] == [int(v) for v in alone]


def test_gradients_through_fixed_steps_are_those_of_the_discrete_solution():
    def end(mu):
        step = dh.Fixed(0.1)
        us = dh.solve(van_der_pol, jnp.asarray([2.0, 0.0]), t1=1.0, args=mu, method=Rodas5P, step=step).us
        return us[-1, 0]

    value = jnp.asarray(8.0)
    difference = (end(value + 1e-5) - end(value - 1e-5)) / 2e-5
    assert np.allclose(jax.grad(end)(value), difference, rtol=1e-7)
