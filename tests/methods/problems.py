"""Problems with known solutions on which orders are measured."""

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import duhamel as dh

# One entry per kind of spectrum: real, imaginary, complex.
SPECTRUM = np.array([-2.0, 3.0j, -1.0 + 4.0j])
START = np.array([1.0 + 0.2j, 0.8 - 0.1j, 0.9 - 0.3j])


def forcing(t, u, args):
    """N(t, u) = u²/4 + cos(3t) ū/2, entry by entry."""
    return 0.25 * u * u + (0.5 * jnp.cos(3.0 * t)).astype(u.dtype) * jnp.conj(u)


def semilinear():
    return dh.Linear(dh.Diagonal(jnp.asarray(SPECTRUM))) + dh.Nonlinear(forcing)


def semilinear_end(t1):
    """The state at t1 by SciPy's DOP853 at round-off."""

    def rhs(t, v):
        u = v[:3] + 1j * v[3:]
        du = SPECTRUM * u + 0.25 * u * u + 0.5 * np.cos(3.0 * t) * np.conj(u)
        return np.concatenate([du.real, du.imag])

    start = np.concatenate([START.real, START.imag])
    end = solve_ivp(rhs, (0.0, t1), start, method="DOP853", rtol=1e-13, atol=1e-15).y[:, -1]
    return end[:3] + 1j * end[3:]


def mechanical(t1):
    """Hénon and Heiles' pair of oscillators as q' = p, p' = F(q), three times as fast: the equation, a state
    of shape (2, 2), and the state at t1 by SciPy's DOP853 at round-off."""

    def force(q):
        x, y = q
        return jnp.stack([-9 * x - 18 * x * y, -9 * y - 9 * x * x + 9 * y * y])

    def rhs(t, v):
        x, y, px, py = v
        return np.array([px, py, -9 * x - 18 * x * y, -9 * y - 9 * x * x + 9 * y * y])

    start = np.array([[0.3, 0.2], [0.9, -0.3]])
    end = solve_ivp(rhs, (0.0, t1), start.ravel(), method="DOP853", rtol=1e-13, atol=1e-15).y[:, -1]
    return dh.separable(lambda p: p, force), jnp.asarray(start), end.reshape(2, 2)


def hochbruck_ostermann(n=99, nonlocal_=True):
    """u_t = u_xx + g(u) + Φ(t, x) on (0, 1), u = 0 at the ends, exact solution x(1−x)eᵗ.

    Second differences are exact for a parabola, so the error is the error in time. g(u) = ∫u dx or 1/(1+u²).
    Hochbruck & Ostermann, SIAM J. Numer. Anal. 43 (2005), Sect. 6. Returns the equation in the sine basis and
    a function that takes a state of it to nodal values.
    """
    x = np.arange(1, n + 1) / (n + 1)
    k = np.arange(1, n + 1)
    basis = np.sqrt(2.0 / (n + 1)) * np.sin(np.pi * np.outer(x, k))
    symbol = -4.0 * (n + 1) ** 2 * np.sin(k * np.pi / (2 * (n + 1))) ** 2
    bump = x * (1 - x)
    weights = np.full(n, 1.0 / (n + 1))
    integral = weights @ bump

    def g(u):
        return jnp.sum(jnp.asarray(weights) * u) if nonlocal_ else 1.0 / (1.0 + u * u)

    def rhs(t, v, args):
        u = jnp.asarray(basis) @ v
        exact = jnp.asarray(bump) * jnp.exp(t)
        known = integral * jnp.exp(t) if nonlocal_ else 1.0 / (1.0 + exact * exact)
        return jnp.asarray(basis.T) @ (g(u) + exact + 2.0 * jnp.exp(t) - known)

    eq = dh.Linear(dh.Diagonal(jnp.asarray(symbol))) + dh.Nonlinear(rhs)
    return eq, jnp.asarray(basis.T @ bump), lambda v: basis @ np.asarray(v), bump


def slopes(hs, errors):
    """Observed orders between consecutive refinements, along the first axis."""
    e = np.asarray(errors)
    return np.log(e[:-1] / e[1:]) / np.log(np.asarray(hs)[:-1] / np.asarray(hs)[1:]).reshape(
        -1, *[1] * (e.ndim - 1)
    )


def fitted(hs, errors):
    """Least-squares order over the last three refinements, for each column of `errors`."""
    logs = np.log(np.asarray(errors)[-3:]).reshape(3, -1)
    return np.polyfit(np.log(np.asarray(hs)[-3:]), logs, 1)[0]
