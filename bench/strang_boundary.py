"""Orders of Strang splitting for u_t = u_xx + u² on (0, 1): what boundary values that are not zero cost, and
what the correction of Einkemmer and Ostermann gives back.

Second differences on n inner points, both parts flowing exactly. The state is the sine (or Fourier) transform
of the nodal values, in which the Laplacian is diagonal; `Case.nodal` goes back. Solutions to compare with are
SciPy's, of the same ordinary differential equations.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import duhamel as dh

T1 = 0.1
STEPS = (10, 20, 40, 80, 160)
NORMS = ("L∞", "L2", "L1")


class Case(NamedTuple):
    """An equation split into parts that flow exactly, its start, the way back to nodal values, and those of
    the exact solution at T1 (of the equations on the same grid)."""

    equation: dh.Equation
    u0: Any
    nodal: Callable[[Any], Any]
    end: np.ndarray


def dirichlet(boundary=1.0, corrected=False, n=499):
    """u = `boundary` at both ends, u(0, x) = boundary + sin πx."""
    k = np.arange(1, n + 1)
    sines = jnp.asarray(np.sqrt(2.0 / (n + 1)) * np.sin(np.pi * np.outer(k, k) / (n + 1)))
    laplacian = dh.Diagonal(jnp.asarray(-4.0 * (n + 1) ** 2 * np.sin(k * np.pi / (2 * (n + 1))) ** 2))

    def reaction(t, v, args):
        return sines @ (sines @ v) ** 2

    def flow(t, h, v, args):
        u = sines @ v
        return sines @ (u / (1.0 - h * u))

    def corrected_flow(t, h, v, args):
        """u' = u² − b², by the addition theorem of tanh."""
        u, tanh = sines @ v, jnp.tanh(boundary * h)
        return sines @ ((u - boundary * tanh) / (1.0 - u * tanh / boundary))

    source = np.zeros(n)
    source[[0, -1]] = boundary * (n + 1) ** 2
    diffusion = dh.affine(laplacian, sines @ source)
    part = dh.Nonlinear(reaction, flow=flow)
    if corrected:
        # N(b) = b² at both ends: its harmonic extension is the constant b².
        q = sines @ jnp.full(n, boundary**2)
        equation = dh.boundary_corrected(diffusion, part, q, flow=corrected_flow)
    else:
        equation = diffusion + part
    x = k / (n + 1)
    start = boundary + np.sin(np.pi * x)

    def rate(t, u):
        padded = np.concatenate([[boundary], u, [boundary]])
        return (n + 1) ** 2 * np.diff(padded, 2) + u * u

    tight = {"rtol": 1e-11, "atol": 1e-12}
    end = solve_ivp(rate, (0.0, T1), start, method="LSODA", lband=1, uband=1, **tight).y[:, -1]
    return Case(equation, sines @ jnp.asarray(start), lambda v: sines @ v, end)


def periodic(n=100):
    """Periodic, u(0, x) = 1 + ½ sin 2πx, in Fourier space."""
    k = np.arange(n // 2 + 1)
    laplacian = dh.Diagonal(jnp.asarray(-4.0 * n**2 * np.sin(np.pi * k / n) ** 2))

    def nodal(v):
        return jnp.fft.irfft(v, n=n)

    def flow(t, h, v, args):
        u = nodal(v)
        return jnp.fft.rfft(u / (1.0 - h * u))

    part = dh.Nonlinear(lambda t, v, args: jnp.fft.rfft(nodal(v) ** 2), flow=flow)
    equation = dh.Linear(laplacian) + part
    start = 1.0 + 0.5 * np.sin(2 * np.pi * np.arange(n) / n)

    def rate(t, u):
        return n**2 * (np.roll(u, 1) - 2 * u + np.roll(u, -1)) + u * u

    end = solve_ivp(rate, (0.0, T1), start, method="DOP853", rtol=1e-11, atol=1e-12).y[:, -1]
    return Case(equation, jnp.fft.rfft(jnp.asarray(start)), nodal, end)


CASES = {
    "Dirichlet 1": dirichlet,
    "Dirichlet 0": lambda: dirichlet(0.0),
    "periodic": periodic,
    "Dirichlet 1, corrected": lambda: dirichlet(corrected=True),
}


def errors(case, method="strang", steps=STEPS):
    """Errors at T1 for each number of steps, in the three norms: shape (steps, 3)."""
    rows = []
    for n in steps:
        v = dh.solve(case.equation, case.u0, t1=T1, method=method, step=dh.Fixed(T1 / n)).us[-1]
        e = abs(np.asarray(case.nodal(v)) - case.end)
        rows.append([e.max(), np.sqrt(np.mean(e**2)), e.mean()])
    return np.array(rows)


def orders(case, method="strang", steps=STEPS):
    """Least-squares orders over the last three numbers of steps, by norm."""
    found = np.log(errors(case, method, steps)[-3:])
    return dict(zip(NORMS, -np.polyfit(np.log(steps[-3:]), found, 1)[0], strict=True))


if __name__ == "__main__":
    for name, make in CASES.items():
        print(f"{name:24}", "  ".join(f"{norm} {order:.2f}" for norm, order in orders(make()).items()))
