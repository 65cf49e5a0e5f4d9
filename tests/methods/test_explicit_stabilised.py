"""Stabilised methods: their polynomials, the spectral radius, and what they are for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import duhamel as dh
from duhamel.methods.explicit.radius import power_iteration, start_vector
from duhamel.methods.explicit.rock_table import DEGREES, rock

METHODS = [dh.RKC2, dh.ROCK2]
STAGES = {"rkc2": (2, 3, 4, 7, 20, 61, 200), "rock2": tuple(d + 2 for d in DEGREES)}


def length(name, s):
    """The real stability interval: 2/3 (s² − 1)(1 − 2ε/15) for RKC2, and the published 0.81 (s − 1)² or a
    little more for ROCK2."""
    if name == "rkc2":
        return 2 / 3 * (s * s - 1) * (1 - 4 / 195)
    reach = rock().reach[DEGREES.index(s - 2)]
    assert reach > 0.811 * (s - 1) ** 2 - 1.5
    return reach


@pytest.fixture(scope="module", params=METHODS, ids=lambda m: m.name)
def polynomial(request):
    """The stability polynomial R_s(z) as the method computes it, compiled once for every s."""
    method = request.param()

    @jax.jit
    def value(z, s):
        one, zero, u = jnp.ones(()), jnp.zeros(()), jnp.ones_like(z)
        return method.sweep(lambda t, v: z * v, zero, one, u, z * u, s)[0]

    return method.name, lambda z, s: np.asarray(value(jnp.asarray(z), jnp.int32(s)))


def test_polynomials_are_of_order_two_and_damped_on_the_whole_interval(polynomial):
    name, value = polynomial
    for s in STAGES[name]:
        z = -np.linspace(0, length(name, s), 4000)
        r = value(z, s)
        assert np.max(abs(r)) < 1 + 1e-11
        assert np.max(abs(r[z < -0.6]), initial=0.0) < 0.97
        z[:2] = -2e-3, -1e-3
        third = (value(z, s)[:2] - (1 + z[:2] + z[:2] ** 2 / 2)) / z[:2] ** 3
        # R − 1 − z − z²/2 is O(z³), with a coefficient well below that of e^z in the limit of many stages.
        assert abs(third[0] - third[1]) < 1e-3
        assert np.max(abs(third)) < 0.12


def test_polynomials_are_not_stable_beyond(polynomial):
    name, value = polynomial
    for s in (5, 22, 200):
        assert abs(value(np.full(4000, -1.1 * length(name, s)), s)[0]) > 1


def test_rock_coefficients_are_those_that_were_published():
    table = rock()
    published = {
        2: [0.09326607661089206, 0.1268473641290642, 0.02103378190528467],
        4: [
            *(0.03957407527591189, 0.05338681630900877, 0.02247986572029358, 0.06393794866013652),
            *(0.0861675960246663, 0.07433164225960258, 0.1608966052260327),
        ],
    }
    for degree, wanted in published.items():
        start = table.start[DEGREES.index(degree)]
        mu, kappa = table.mu[start : start + degree], table.kappa[start : start + degree]
        found = [mu[0], *(v for pair in zip(mu[1:], kappa[1:], strict=True) for v in pair)]
        assert np.allclose(found, wanted, rtol=1e-13)
    assert len(table.mu) == sum(DEGREES)


def test_power_iteration_finds_the_largest_eigenvalue():
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(30, 30)) - 20 * np.diag(np.arange(30.0)) + 3j * rng.normal(size=(30, 30))
    eq = dh.Equation((dh.Nonlinear(lambda t, u, args: args @ u + 0.1 * jnp.conj(u) * u),))
    u = jnp.zeros(30, complex)
    found = power_iteration(eq, jnp.zeros(()), u, jnp.asarray(matrix), start_vector(u))
    largest = np.max(abs(np.linalg.eigvals(matrix)))
    assert largest < found.value < 1.25 * largest
    again = power_iteration(eq, jnp.zeros(()), u, jnp.asarray(matrix), found.vector)
    assert again.evaluations < 6 < found.evaluations


def heat(n):
    """u_t = Δu + u(1 − u) + g on the unit square, zero at its edge, exact solution sin πx sin πy cos t for
    the five-point Laplacian. Radius 8(n + 1)²."""
    x = np.pi * np.arange(1, n + 1) / (n + 1)
    shape = np.outer(np.sin(x), np.sin(x))
    rate = 8 * (n + 1) ** 2 * np.sin(np.pi / (2 * (n + 1))) ** 2

    def f(t, u, args):
        p, exact = jnp.pad(u, 1), shape * jnp.cos(t)
        lap = (p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2] - 4 * u) * (n + 1) ** 2
        return lap + u * (1 - u) - shape * jnp.sin(t) + rate * exact - exact * (1 - exact)

    return f, shape, shape * np.cos(1.0)


def brusselator(n):
    """The parabolic Brusselator of Hairer & Wanner (Solving ODEs II, IV.10) with α = 1/50, no flux at the
    ends. Radius about 4α(n − 1)²."""
    x = np.linspace(0, 1, n)

    def diffusion(v):
        p = jnp.concatenate([v[1:2], v, v[-2:-1]])
        return 0.02 * (n - 1) ** 2 * (p[2:] + p[:-2] - 2 * v)

    def f(t, w, args):
        u, v = w
        return jnp.stack([1 + u * u * v - 4 * u + diffusion(u), 3 * u - u * u * v + diffusion(v)])

    return f, np.stack([1 + np.sin(2 * np.pi * x), np.full(n, 3.0)])


def run(f, u0, t1, method, tolerance):
    return dh.solve(f, u0, t1=t1, method=method, step=dh.Adaptive(rtol=tolerance, atol=tolerance))


@pytest.fixture(scope="module")
def heated():
    """The problem, and what an ordinary method pays for it."""
    f, u0, exact = heat(23)
    return f, u0, exact, run(f, u0, 1.0, dh.Tsit5(), 1e-4).stats.evaluations


@pytest.fixture(scope="module")
def reacted():
    f, u0 = brusselator(257)
    other = run(f, u0, 2.0, dh.Tsit5(), 1e-6)
    return f, u0, np.asarray(other.us[-1]), other.stats.evaluations


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_heat_with_reaction_costs_a_fraction_of_what_an_ordinary_method_pays(method, heated):
    f, u0, exact, ordinary = heated
    sol = run(f, u0, 1.0, method(), 1e-4)
    assert np.max(abs(np.asarray(sol.us[-1]) - exact)) < 2e-3
    assert sol.stats.evaluations * 10 < ordinary
    assert sol.stats.rejected <= 0.1 * sol.stats.steps
    assert "stages a step" in sol.why


@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.name)
def test_brusselator(method, reacted):
    f, u0, end, ordinary = reacted
    sol = run(f, u0, 2.0, method(), 1e-4)
    assert np.max(abs(np.asarray(sol.us[-1]) - end)) < 3e-3
    assert sol.stats.evaluations * 10 < ordinary


def test_a_radius_that_is_given_is_used():
    f, u0, _ = heat(15)
    counted = [
        run(f, u0, 0.2, dh.RKC2(spectral_radius=given), 1e-4).stats.evaluations
        for given in (8 * 16.0**2, lambda t, u, args: 8 * 16.0**2, 32 * 16.0**2)
    ]
    assert counted[0] == counted[1] < 0.7 * counted[2]


def test_steps_are_shortened_where_the_stages_are_too_few():
    f, u0, exact = heat(23)
    sol = run(f, u0, 1.0, dh.RKC2(max_stages=20), 1e-3)
    assert np.max(abs(np.asarray(sol.us[-1]) - exact)) < 2e-3
    assert "up to 20 stages" in sol.why or "up to 19 stages" in sol.why
    with pytest.raises(dh.SolveError, match="stiffer than this method"):
        dh.solve(f, u0, t1=1.0, method=dh.ROCK2(max_stages=20), step=dh.Fixed(0.1))
    with pytest.raises(dh.InputError, match="the nearest is 22"):
        dh.ROCK2(count=23)
    with pytest.raises(dh.InputError, match="between 2 and 200"):
        dh.RKC2(max_stages=1000)


def ring(t, u, args):
    """Diffusion with the coefficient `args` on a ring, and a sink."""
    return args * (jnp.roll(u, 1) + jnp.roll(u, -1) - 2 * u) - u**2


RING = 0.3 + np.sin(np.arange(32.0) * np.pi / 16)


@pytest.mark.parametrize("method", [dh.RKC2(), dh.ROCK2(count=12)], ids=lambda m: m.name)
def test_derivatives_go_through_fixed_steps(method):
    def loss(p):
        return jnp.sum(dh.solve(ring, RING, t1=0.5, args=p, method=method, step=dh.Fixed(0.1)).us[-1] ** 2)

    wanted = (loss(100.01) - loss(99.99)) / 0.02
    assert float(jax.grad(loss)(100.0)) == pytest.approx(float(wanted), rel=1e-5)


def test_a_batch_takes_the_steps_of_its_samples_and_keeps_its_precision():
    def end(p):
        sol = dh.solve(
            ring, RING.astype(np.float32), t1=0.5, args=p, method="rkc2", step=dh.Adaptive(rtol=1e-3)
        )
        return sol.us[-1], sol.stats.steps

    ps = jnp.asarray([1.0, 100.0, 1000.0], jnp.float32)
    us, steps = jax.vmap(end)(ps)
    assert us.dtype == jnp.float32
    assert steps.tolist() == [int(end(p)[1]) for p in ps]
    assert len(set(steps.tolist())) == 3
