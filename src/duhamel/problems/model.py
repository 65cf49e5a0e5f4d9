"""Small and parabolic problems with known solutions, on which orders are lost."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.equation import Equation, Linear, Nonlinear
from duhamel.linear import Dense, Diagonal, Scalar
from duhamel.problems.grids import OnNodes, SineCodec, sine_basis, sine_symbol
from duhamel.problems.problem import Problem, Reference

__all__ = ["MAKERS"]


def forcing(t: Array, u: Array, args: Any) -> Array:
    """What is left of u' = λ(u - cos t) - sin t without λu."""
    return jnp.broadcast_to(-args["lambda"] * jnp.cos(t) - jnp.sin(t), u.shape).astype(u.dtype)


def kaps_slow(t: Array, u: Array, args: Any) -> Array:
    """(-2x, x - y - y²)."""
    x, y = u
    return jnp.stack([-2 * x, x - y - y**2])


def kaps_fast(t: Array, u: Array, args: Any) -> Array:
    """((y² - x)/ε, 0)."""
    x, y = u
    return jnp.stack([(y**2 - x) / args["epsilon"], jnp.zeros_like(y)])


def local_source(t: Array, u: Array, args: Any) -> Array:
    """1/(1 + u²) + Φ with Φ such that x(1 - x)eᵗ solves u_t = u_xx + 1/(1 + u²) + Φ."""
    exact = _bump(u) * jnp.exp(t)
    return 1 / (1 + u**2) + exact + 2 * jnp.exp(t) - 1 / (1 + exact**2)


def total_source(t: Array, u: Array, args: Any) -> Array:
    """∫u dx + Φ with Φ such that x(1 - x)eᵗ solves u_t = u_xx + ∫u dx + Φ; the integral is the sum over
    nodes."""
    exact = _bump(u) * jnp.exp(t)
    return exact + 2 * jnp.exp(t) + jnp.sum(u - exact) / (u.size + 1)


def _bump(u: Array) -> Array:
    """x(1 - x) at the inner nodes."""
    x = jnp.arange(1, u.size + 1, dtype=u.dtype) / (u.size + 1)
    return x * (1 - x)


def square(t: Array, u: Array, args: Any) -> Array:
    """u²."""
    return u**2


def square_flow(t: Array, h: Array, u: Array, args: Any) -> Array:
    """The solution of u' = u² after a time h: u/(1 - hu)."""
    return u / (1 - h.astype(u.dtype) * u)


def double_well(t: Array, w: Array, args: Any) -> Array:
    """u - u³ for u = w + x at the inner Chebyshev points."""
    n = w.size + 1
    u = w + jnp.cos(jnp.pi * jnp.arange(1, n, dtype=w.dtype) / n)
    return u - u**3


def _prothero_robinson(lambda_: float = -1e4) -> Problem:
    return Problem(
        name="prothero-robinson",
        set="model",
        equation=Linear(Scalar(lambda_)) + Nonlinear(forcing),
        u0=np.array([1.0]),
        t1=5.0,
        args={"lambda": lambda_},
        exact=lambda t: jnp.cos(t)[None],
        physics="A fast decay towards cos t: methods of low stage order lose their order here.",
        literature="A. Prothero, A. Robinson (1974), Mathematics of Computation 28, 145-162",
        stiff=abs(lambda_) > 10,
    )


def _kaps(epsilon: float = 1e-3) -> Problem:
    return Problem(
        name="kaps",
        set="model",
        equation=Nonlinear(kaps_slow) + Nonlinear(kaps_fast, stiff=True),
        u0=np.array([1.0, 1.0]),
        t1=1.0,
        args={"epsilon": epsilon},
        exact=lambda t: jnp.stack([jnp.exp(-2 * t), jnp.exp(-t)]),
        physics="Singular perturbation with a smooth solution x = y² for every epsilon; stiff part marked.",
        literature="C. A. Kennedy, M. H. Carpenter (2003), Applied Numerical Mathematics 44, 139-181",
        stiff=epsilon < 0.1,
    )


def _hochbruck_ostermann(n: int = 99, local: bool = False) -> Problem:
    basis = sine_basis(n)
    x = np.arange(1, n + 1) / (n + 1)
    bump = x * (1 - x)
    rest = Nonlinear(OnNodes(jnp.asarray(basis), local_source if local else total_source))
    equation = Linear(Diagonal(jnp.asarray(sine_symbol(n)))) + rest
    what = "1/(1 + u^2)" if local else "the integral of u"
    return Problem(
        name="hochbruck-ostermann-local" if local else "hochbruck-ostermann",
        set="parabolic",
        equation=Equation(equation.parts, SineCodec(jnp.asarray(basis))),
        u0=bump,
        t1=1.0,
        exact=lambda t: bump * jnp.exp(t),
        physics=f"Heat with the source {what}: second differences are exact, so every error is one of time.",
        literature="M. Hochbruck, A. Ostermann (2005), SIAM Journal on Numerical Analysis 43, 1069-1090",
        stiff=True,
        kind="pde",
        scale=0.1,
    )


def _hochbruck_ostermann_local(n: int = 99) -> Problem:
    return _hochbruck_ostermann(n, local=True)


def _hochbruck_ostermann_nonlocal(n: int = 99) -> Problem:
    return _hochbruck_ostermann(n)


def _diffusion_reaction(n: int = 499, border: float = 1.0) -> Problem:
    basis = jnp.asarray(sine_basis(n))
    x = np.arange(1, n + 1) / (n + 1)
    flow = OnNodes(basis, square_flow, border, shift=border)
    equation = Linear(Diagonal(jnp.asarray(sine_symbol(n)))) + Nonlinear(OnNodes(basis, square, border), flow)
    computed = Reference(0.1, np.array(DIFFUSED), 1e-10, DIFFUSED_BY, lambda u: np.asarray(u)[99:499:100])
    return Problem(
        name="diffusion-reaction",
        set="parabolic",
        equation=Equation(equation.parts, SineCodec(basis, border)),
        u0=border + np.sin(np.pi * x),
        t1=0.1,
        references=(computed,) if (n, border) == (499, 1.0) else (),
        physics="u_t = u_xx + u^2 between ends held at `border`: unless that is 0, Strang falls to order 1.",
        literature="L. Einkemmer, A. Ostermann (2015), SIAM Journal on Scientific Computing 37, A1577-A1592",
        stiff=True,
        kind="pde",
    )


def _allen_cahn(n: int = 80, epsilon: float = 0.01) -> Problem:
    x = np.cos(np.pi * np.arange(n + 1) / n)
    second = np.linalg.matrix_power(_differentiation(x), 2)[1:-1, 1:-1]
    start = 0.53 * x + 0.47 * np.sin(-1.5 * np.pi * x) - x
    computed = Reference(3.0, np.array(WELLS), 1e-9, WELLS_BY, lambda w: np.asarray(w)[9:79:10])
    return Problem(
        name="allen-cahn",
        set="kassam-trefethen",
        equation=Linear(Dense(epsilon * second)) + Nonlinear(double_well),
        u0=start[1:-1],
        t1=3.0,
        references=(computed,) if (n, epsilon) == (80, 0.01) else (),
        physics="Phases -1 and 1 with u = x + w fixed at both ends, on Chebyshev points: L is a full matrix.",
        literature="A.-K. Kassam, L. N. Trefethen (2005), SIAM Journal on Scientific Computing 26, 1214-1233",
        stiff=True,
    )


def _differentiation(x: np.ndarray) -> np.ndarray:
    """The derivative of the polynomial through values at Chebyshev points x_j = cos(jπ/n), as a matrix."""
    n = len(x) - 1
    weights = np.where(np.isin(np.arange(n + 1), (0, n)), 2.0, 1.0) * (-1.0) ** np.arange(n + 1)
    difference = x[:, None] - x[None, :] + np.eye(n + 1)
    matrix = np.outer(weights, 1 / weights) / difference
    return matrix - np.diag(np.sum(matrix, axis=1))


DIFFUSED_BY = "computed: ETD54 at rtol 1e-12; SciPy Radau at 1e-10 agrees to 2e-13"
DIFFUSED = (1.3422493442349, 1.5455835330277, 1.5455835330277, 1.3422493442349)
WELLS_BY = "computed: ETD54 with 400 equal steps; SciPy Radau at rtol 1e-12 agrees to 2e-11"
WELLS = (0.0701798142, 0.1911130743, -0.9345589422, 0.0, 0.9345589422, -0.1911130743, -0.0701798142)
MAKERS = {
    "prothero-robinson": _prothero_robinson,
    "kaps": _kaps,
    "hochbruck-ostermann": _hochbruck_ostermann_nonlocal,
    "hochbruck-ostermann-local": _hochbruck_ostermann_local,
    "diffusion-reaction": _diffusion_reaction,
    "allen-cahn": _allen_cahn,
}
