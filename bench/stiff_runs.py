"""Stiff problems, and how each contestant solves them: a function of the tolerance that returns the state at
the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import duhamel as dh
from duhamel.problems import get

__all__ = ["BATCH", "CASES", "LINE", "Case", "batch", "diffrax_run", "duhamel_run", "scipy_run"]

# A run that needs more attempts than this has failed.
MOST = 20_000


@dataclass(frozen=True)
class Case:
    """A problem of the library up to a time with a published solution.

    `ratio` is atol/rtol for every contestant; `slope` the right-hand side as SciPy runs it fastest: in plain
    Python for a few equations, in NumPy for many. `band`: how many diagonals its Jacobian has on either
    side, for the method that can make use of it; None for a full one.
    """

    name: str
    t1: float
    ratio: float
    slope: Callable[[float, np.ndarray], Any]
    band: int | None = None

    @property
    def start(self) -> jax.Array:
        return jnp.asarray(get(self.name).u0)

    def error(self, u: Any) -> float:
        """The largest relative error of any component; inf for a run that failed."""
        known = get(self.name).reference(self.t1)
        wanted = np.asarray(known.u)
        errors = abs(np.asarray(known.part(u) if known.part else u) - wanted) / abs(wanted)
        return float(np.max(errors)) if np.all(np.isfinite(errors)) else float("inf")


def _robertson(t: float, u: np.ndarray) -> list[float]:
    x, y, z = u.tolist()
    slow, fast, back = 0.04 * x, 3e7 * y * y, 1e4 * y * z
    return [back - slow, slow - back - fast, fast]


def _hires(t: float, u: np.ndarray) -> list[float]:
    a, b, c, d, e, f, g, h = u.tolist()
    binding = 280.0 * f * h
    return [
        -1.71 * a + 0.43 * b + 8.32 * c + 0.0007,
        1.71 * a - 8.75 * b,
        -10.03 * c + 0.43 * d + 0.035 * e,
        8.32 * b + 1.71 * c - 1.12 * d,
        -1.745 * e + 0.43 * f + 0.43 * g,
        -binding + 0.69 * d + 1.71 * e - 0.43 * f + 0.69 * g,
        binding - 1.81 * g,
        -binding + 1.81 * g,
    ]


def _van_der_pol(t: float, u: np.ndarray) -> list[float]:
    x, v = u.tolist()
    return [v, 1000.0 * (1.0 - x * x) * v - x]


def _oregonator(t: float, u: np.ndarray) -> list[float]:
    x, y, z = u.tolist()
    return [77.27 * (y + x * (1.0 - 8.375e-6 * x - y)), (z - (1.0 + x) * y) / 77.27, 0.161 * (x - z)]


def _brusselator(t: float, u: np.ndarray) -> np.ndarray:
    x, y = u[0::2], u[1::2]
    reaction = x * x * y
    slope = np.empty_like(u)
    slope[0::2] = 1.0 + reaction - 4.0 * x
    slope[1::2] = 3.0 * x - reaction
    bend = -2.0 * u
    bend[2:] += u[:-2]
    bend[:-2] += u[2:]
    bend[:2] += (1.0, 3.0)
    bend[-2:] += (1.0, 3.0)
    slope += 0.02 * (len(x) + 1) ** 2 * bend
    return slope


LINE = Case("brusselator-1d", 10.0, 1e-1, _brusselator, band=2)
CASES = (
    Case("robertson", 1e11, 1e-8, _robertson),
    Case("hires", 321.8122, 1e-4, _hires),
    Case("van-der-pol", 2000.0, 1e-2, _van_der_pol),
    Case("oregonator", 360.0, 1e-2, _oregonator),
)


def duhamel_run(case: Case, method: Any) -> Callable[[Any, Any], Any]:
    """(u0, tolerance) → state at the end and numbers of steps."""
    problem = get(case.name)

    def run(u0: Any, tolerance: Any) -> Any:
        step = dh.Adaptive(rtol=tolerance, atol=tolerance * case.ratio)
        sol = dh.solve(
            problem.equation,
            u0,
            t1=case.t1,
            args=problem.args,
            method=method,
            step=step,
            max_steps=MOST,
            on_failure="return",
        )
        good = sol.status == dh.Status.done
        return jnp.where(good, sol.us[-1], jnp.nan), sol.stats.steps, sol.stats.rejected

    return run


def diffrax_run(case: Case, solver: Any) -> Callable[[Any, Any], Any]:
    """The same by diffrax, with the coefficients that it recommends where errors do not vary smoothly."""
    problem = get(case.name)

    def run(u0: Any, tolerance: Any) -> Any:
        control = diffrax.PIDController(
            rtol=tolerance, atol=tolerance * case.ratio, pcoeff=0.4, icoeff=0.3, dcoeff=0
        )
        sol = diffrax.diffeqsolve(
            diffrax.ODETerm(problem.equation),  # pyright: ignore[reportArgumentType]
            solver,
            0.0,
            case.t1,
            None,
            u0,
            args=problem.args,
            saveat=diffrax.SaveAt(t1=True),
            stepsize_controller=control,
            max_steps=MOST,
            throw=False,
        )
        good = sol.result == diffrax.RESULTS.successful
        end = jnp.asarray(sol.ys)[-1]
        return jnp.where(good, end, jnp.nan), sol.stats["num_accepted_steps"], sol.stats["num_rejected_steps"]

    return run


def scipy_run(case: Case, method: str) -> Callable[[Any, float], Any]:
    """The same by SciPy."""

    banded = case.band is not None and method == "LSODA"
    more = {"lband": case.band, "uband": case.band} if banded else {}

    def run(u0: Any, tolerance: float) -> Any:
        start = np.asarray(u0)
        # Newer steps only warn of overflow in attempts that are then rejected.
        with np.errstate(all="ignore"):
            sol = solve_ivp(
                case.slope,
                (0.0, case.t1),
                start.ravel(),
                method,
                rtol=tolerance,
                atol=tolerance * case.ratio,
                **more,
            )
        end = sol.y[:, -1] if sol.status == 0 else np.full(start.size, np.nan)
        return end.reshape(start.shape), len(sol.t) - 1, 0

    return run


BATCH = 1000


def batch(case: Case) -> jax.Array:
    """1000 initial states around that of the problem, each component up to 5 % larger."""
    factors = 1.0 + 0.05 * np.random.default_rng(0).random((BATCH, len(case.start)))
    return jnp.asarray(factors) * case.start
