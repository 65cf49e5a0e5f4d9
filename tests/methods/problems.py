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
    """The problem of that name in the library, its state written in sines: the equation, the initial state, a
    function that takes a state to nodal values, and the values at t = 0."""
    problem = dh.problems.get("hochbruck-ostermann" if nonlocal_ else "hochbruck-ostermann-local", n=n)
    codec = problem.equation.codec
    eq = dh.Equation(problem.equation.parts)
    return eq, codec.encode(problem.u0), lambda v: np.asarray(codec.decode(jnp.asarray(v))), problem.u0


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
