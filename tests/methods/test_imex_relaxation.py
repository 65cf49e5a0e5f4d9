"""Stiff relaxation: errors at a fixed step are bounded uniformly, and the limit is the reduced model."""

import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import duhamel as dh

N, WAVE_SPEED_SQUARED, T1 = 32, 1.0, 1.0
EPSILONS = np.array([1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8])
X = 2 * np.pi * np.arange(N) / N
K = np.where(np.arange(N // 2 + 1) < N // 2, np.arange(N // 2 + 1), 0)
START = np.stack([0.5 + 0.3 * np.sin(X), 0.5 * (0.5 + 0.3 * np.sin(X)) ** 2])


def derivative(w):
    return jnp.fft.irfft(jnp.asarray(1j * K) * jnp.fft.rfft(w), n=N)


def transport(t, state, epsilon):
    """(−v_x, −a u_x) on a periodic grid."""
    u, v = state
    return -jnp.stack([derivative(v), WAVE_SPEED_SQUARED * derivative(u)])


def relax(t, state, epsilon):
    """(0, (f(u) − v)/ε) with the flux f(u) = u²/2."""
    u, v = state
    return jnp.stack([jnp.zeros_like(u), (0.5 * u * u - v) / epsilon])


def relaxed(t, shift, state, epsilon):
    u, v = state
    return jnp.stack([u, (epsilon * v + shift * 0.5 * u * u) / (epsilon + shift)])


def jin_xin():
    """u_t + v_x = 0, v_t + a u_x = (f(u) − v)/ε (Jin & Xin, Comm. Pure Appl. Math. 48 (1995), Eq. 1.2)."""
    return dh.Nonlinear(transport) + dh.Nonlinear(relax, stiff=True, solve=relaxed)


@pytest.fixture(scope="module")
def matrix():
    """The spectral derivative as a matrix, for SciPy."""
    return np.fft.irfft(1j * K[:, None] * np.fft.rfft(np.eye(N), axis=0), n=N, axis=0)


@pytest.fixture(scope="module")
def exact(matrix):
    """(len(EPSILONS), 2, N): SciPy's Radau at tight tolerances on the same grid."""

    def end(epsilon):
        def rhs(t, y):
            u, v = y.reshape(2, N)
            return np.concatenate(
                [-matrix @ v, -WAVE_SPEED_SQUARED * matrix @ u + (0.5 * u * u - v) / epsilon]
            )

        def jacobian(t, y):
            below = -WAVE_SPEED_SQUARED * matrix + np.diag(y[:N]) / epsilon
            return np.block([[np.zeros((N, N)), -matrix], [below, -np.eye(N) / epsilon]])

        sol = solve_ivp(rhs, (0, T1), START.ravel(), "Radau", rtol=1e-9, atol=1e-11, jac=jacobian)
        return sol.y[:, -1].reshape(2, N)

    return np.stack([end(epsilon) for epsilon in EPSILONS])


def ends(name):
    """A function of the number of steps: the states at T1 for all EPSILONS, shape (7, 2, N)."""

    def run(epsilon, dt):
        step = dh.Fixed(dt)
        u0 = jnp.asarray(START)
        return dh.solve(jin_xin(), u0, t1=T1, args=epsilon, method=name, step=step, on_failure="return").us[
            -1
        ]

    several = jax.jit(jax.vmap(run, (0, None)))
    return lambda steps: np.asarray(several(jnp.asarray(EPSILONS), jnp.asarray(T1 / steps)))


@pytest.mark.parametrize(("name", "bound"), [("ars222", 1e-4), ("ars443", 2e-5), ("sbdf2", 5e-4)])
def test_errors_are_bounded_uniformly_and_the_uniform_order_is_two(name, bound, exact):
    several = ends(name)
    errors = [np.max(abs(several(n) - exact), axis=(1, 2)) for n in (25, 50, 100)]
    assert np.max(errors[0]) < bound
    assert np.log2(np.max(errors[1]) / np.max(errors[2])) > 1.8
    # The stiff end is not worse than the soft one, and all of it is far below the distance of the models.
    assert np.max(errors[1]) < 25 * errors[1][0]


def test_the_limit_is_the_conservation_law(matrix):
    """At ε = 1e-8 the method is a method of its own order for u_t + f(u)_x = 0, v = f(u)."""
    law = solve_ivp(lambda t, u: -matrix @ (0.5 * u * u), (0, T1), START[0], "DOP853", rtol=1e-12, atol=1e-13)
    u = law.y[:, -1]
    several = ends("ars443")
    found = [several(n)[-1] for n in (12, 25, 50)]
    errors = [np.max(abs(w[0] - u)) for w in found]
    assert np.log(errors[1] / errors[2]) / np.log(2) == pytest.approx(3.0, abs=0.2)
    assert max(np.max(abs(w[1] - 0.5 * w[0] ** 2)) for w in found) < 1e-7


def test_an_explicit_method_blows_up_at_the_same_step():
    found = ends("rk4")(50)
    assert np.max(abs(found[0])) < 1
    assert not np.any(np.max(abs(found[3:]), axis=(1, 2)) < 1e3)


def test_a_wrong_start_is_forgotten_in_one_step():
    """Globally stiffly accurate methods end a step on the equilibrium; others near it, by their order."""
    off = jnp.asarray(START + np.array([[0.0], [0.2]]))
    assert {"ars222", "ars443"} == {n for n, m in dh.METHODS.items() if _lands_on_the_equilibrium(m)}

    def distance(name):
        step, args = dh.Fixed(0.02), jnp.asarray(1e-8)
        u, v = dh.solve(jin_xin(), off, t1=0.02, args=args, method=name, step=step).us[-1]
        return float(jnp.max(abs(v - 0.5 * u * u)))

    assert distance("ars443") < 1e-6
    assert 1e-6 < distance("kencarp3") < 1e-2


def _lands_on_the_equilibrium(method):
    return getattr(getattr(method, "table", None), "globally_stiffly_accurate", False)


@pytest.fixture(scope="module")
def mixture():
    """The example, which lies beside the package and is not installed."""
    folder = str(Path(__file__).resolve().parents[2] / "examples")
    sys.path.insert(0, folder)
    import boltzmann_mixture

    yield boltzmann_mixture
    sys.path.remove(folder)


@pytest.mark.parametrize(("method", "bound"), [("ars222", 6e-5), ("ars443", 3e-6)])
def test_mixture_errors_are_bounded_uniformly_in_the_mass_ratio(mixture, method, bound):
    rows = np.array(mixture.table(method, 20, 10.0 ** -np.arange(0, 9, 2)))
    ratio, error, reduced, equilibrium = rows.T
    assert np.all(error < bound)
    assert np.all(error < 1.05 * error[0])
    # Towards μ = 0: the reduced model up to the error in time, and Maxwellians up to √μ.
    assert abs(reduced[-1] - error[-1]) < 1e-7
    assert np.all(equilibrium < 5e-3 * np.sqrt(ratio))


def test_the_solution_of_a_collision_stage_is_exact(mixture):
    f, mass_ratio, shift = mixture.initial(), jnp.asarray(1e-3), jnp.asarray(0.7)

    @jax.jit
    def defect(f):
        g = mixture.relaxed(0.0, shift, f, mass_ratio)
        return jnp.max(abs(g - shift * mixture.collide(0.0, g, mass_ratio) - f))

    assert defect(f) < 1e-12


def test_the_temperatures_relax_in_epochs(mixture):
    """Light among themselves, heavy among themselves, then each other: times μ, √μ and 1."""
    mass_ratio = 1e-4
    times, found, stats = mixture.epochs(mass_ratio, rtol=1e-5)
    assert np.max(abs(found - np.moveaxis(mixture.exact(times, mass_ratio), -1, 0))) < 1e-4
    assert stats.steps < 400
    light, heavy = abs(found[:, :, 0] - found[:, :, 1]).T
    apart = abs(found[:, 0].mean(axis=1) - found[:, 1].mean(axis=1))

    def at(time, values):
        return values[np.argmin(abs(times - time))]

    # After ten light times the light species is isotropic, the heavy one and the difference as they were.
    assert at(1e-3, light) < 1e-3 * light[0]
    assert at(1e-3, heavy) > 0.85 * heavy[0]
    # After ten heavy times the heavy one is too; the temperatures have hardly moved.
    assert at(0.1, heavy) < 1e-3 * heavy[0]
    assert at(0.1, apart) > 0.8 * apart[0]
    assert at(5.0, apart) < 0.2 * apart[0]


def test_the_example_draws(mixture, tmp_path):
    mixture.draw(str(tmp_path / "epochs.png"), mass_ratio=1e-2)
    assert (tmp_path / "epochs.png").stat().st_size > 10_000
