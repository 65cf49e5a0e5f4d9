"""Bodies under gravity, as first-order systems of positions and velocities."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.pde.catalogue.entry import OdeEntry, Parameters


def _gravity(positions: Array, masses: Array) -> Array:
    """a_i = sum_{j != i} m_j (r_j - r_i)/|r_j - r_i|^3 for `positions` of shape (n, d)."""
    offset = positions[None, :, :] - positions[:, None, :]
    own = jnp.eye(positions.shape[0], dtype=positions.dtype)
    # One on the diagonal keeps 1/r^3 and its derivative finite there; the offset itself is zero.
    squared = jnp.sum(offset**2, axis=-1) + own
    return jnp.einsum("j,ijd->id", masses, offset / squared[..., None] ** 1.5)


def three_body(t: Array, u: Array, args: Parameters) -> Array:
    """Three masses in a plane; u = (x1, y1, x2, y2, x3, y3, then the velocities in the same order)."""
    masses = jnp.stack([jnp.asarray(args[name], u.dtype) for name in ("m1", "m2", "m3")])
    return jnp.concatenate([u[6:], _gravity(u[:6].reshape(3, 2), masses).ravel()])


def pleiades(t: Array, u: Array, args: Parameters) -> Array:
    """Seven stars in a plane of masses 1..7 (times G); u = (x1..x7, y1..y7, x1'..x7', y1'..y7')."""
    masses = args["G"] * jnp.arange(1, 8, dtype=u.dtype)
    pull = _gravity(u[:14].reshape(2, 7).T, masses)
    return jnp.concatenate([u[14:], pull.T.ravel()])


def arenstorf(t: Array, u: Array, args: Parameters) -> Array:
    """A satellite of earth (1 - mu, at x = -mu) and moon (mu, at 1 - mu), in their turning frame."""
    x, y, vx, vy = u
    mu = args["mu"]
    earth = (1 - mu) / ((x + mu) ** 2 + y**2) ** 1.5
    moon = mu / ((x - 1 + mu) ** 2 + y**2) ** 1.5
    ax = x + 2 * vy - earth * (x + mu) - moon * (x - 1 + mu)
    ay = y - 2 * vx - earth * y - moon * y
    return jnp.stack([vx, vy, ax, ay])


def henon_heiles(t: Array, u: Array, args: Parameters) -> Array:
    """A star in a galaxy: H = (px^2 + py^2 + x^2 + y^2)/2 + lam (x^2 y - y^3/3)."""
    x, y, px, py = u
    lam = args["lam"]
    return jnp.stack([px, py, -x - 2 * lam * x * y, -y - lam * (x**2 - y**2)])


def _names(kinds: str, count: int) -> tuple[str, ...]:
    return tuple(f"{kind}{k}" for kind in kinds.split() for k in range(1, count + 1))


_EIGHT_PLACE = np.array([0.97000436, -0.24308753])
_EIGHT_SPEED = np.array([-0.93240737, -0.86473146])

ENTRIES = (
    OdeEntry(
        name="three-body",
        f=three_body,
        u0=np.array(
            [*_EIGHT_PLACE, *-_EIGHT_PLACE, 0.0, 0.0, *-_EIGHT_SPEED / 2, *-_EIGHT_SPEED / 2, *_EIGHT_SPEED]
        ),
        t1=6.32591398,
        every=0.02,
        parameters={"m1": 1.0, "m2": 1.0, "m3": 1.0},
        labels=tuple(f"{kind}{k}" for kind in ("", "v") for k in ("x1", "y1", "x2", "y2", "x3", "y3")),
        physics="Three equal masses chase each other round one figure eight; this is one period.",
        reference="A. Chenciner, R. Montgomery (2000), Annals of Mathematics 152, 881-901",
        rtol=1e-10,
        atol=1e-10,
    ),
    OdeEntry(
        name="arenstorf",
        f=arenstorf,
        u0=np.array([0.994, 0.0, 0.0, -2.00158510637908252240537862224]),
        t1=17.0652165601579625588917206249,
        every=0.02,
        parameters={"mu": 0.012277471},
        labels=("x", "y", "vx", "vy"),
        physics="The restricted three-body problem: a closed orbit with three loops round earth and moon.",
        reference="R. F. Arenstorf (1963), American Journal of Mathematics 85, 27-35",
        rtol=1e-10,
        atol=1e-10,
    ),
    OdeEntry(
        name="pleiades",
        f=pleiades,
        u0=np.array(
            [
                *(3.0, 3.0, -1.0, -3.0, 2.0, -2.0, 2.0),
                *(3.0, -3.0, 2.0, 0.0, 0.0, -4.0, 4.0),
                *(0.0, 0.0, 0.0, 0.0, 0.0, 1.75, -1.5),
                *(0.0, 0.0, 0.0, -1.25, 1.0, 0.0, 0.0),
            ]
        ),
        t1=3.0,
        every=0.01,
        parameters={"G": 1.0},
        labels=_names("x y vx vy", 7),
        physics="Seven stars in a plane with several close encounters.",
        reference="E. Hairer, S. P. Nørsett, G. Wanner (1993), Solving Ordinary Differential Equations I, "
        "2nd ed., Springer, section II.10",
        rtol=1e-10,
        atol=1e-10,
    ),
    OdeEntry(
        name="henon-heiles",
        f=henon_heiles,
        u0=np.array([0.0, 0.1, 0.49, 0.0]),
        t1=100.0,
        every=0.1,
        parameters={"lam": 1.0},
        labels=("x", "y", "px", "py"),
        physics="A star in the plane of a galaxy: order or chaos, by energy (here about 0.125).",
        reference="M. Hénon, C. Heiles (1964), Astronomical Journal 69, 73-79",
        rtol=1e-10,
        atol=1e-10,
    ),
)
