"""A problem solved by SciPy: piece by piece between the breaks of its right-hand side."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from scipy.integrate import solve_ivp


def functions(problem):
    """f(t, x) and ∂f/∂x on flat states, the start, and the way back to a user's state."""
    eq = problem.posed
    start, restore = ravel_pytree(eq.encode(problem.u0))

    def flat(t, x):
        return ravel_pytree(eq.rhs(t, restore(x), problem.args))[0]

    return jax.jit(flat), jax.jit(jax.jacfwd(flat, 1)), np.asarray(start), lambda x: eq.decode(restore(x))


def states(problem, rtol, method, times=None, band=None):
    """The states at `times` (default: those of its references, else t1), by time."""
    f, jacobian, x, user = functions(problem)
    wanted = sorted(times or {r.t for r in problem.references} or {problem.t1})
    stops = sorted({*wanted, *(b for b in problem.breaks if b < wanted[-1])})
    atol = rtol * np.broadcast_to(np.min(problem.scale), x.shape)
    t, found = problem.t0, {}
    for stop in stops:
        # Never on a break itself: there f belongs to one of its sides.
        low, high = np.nextafter(t, stop), np.nextafter(stop, t)

        def inside(s, y, low=low, high=high):
            return np.asarray(f(jnp.asarray(min(max(s, low), high)), y))

        more = {"jac": lambda s, y: np.asarray(jacobian(jnp.asarray(s), y))} if method == "Radau" else {}
        more |= {"lband": band, "uband": band} if band else {}
        run = solve_ivp(inside, (t, stop), x, method=method, rtol=rtol, atol=atol, **more)
        assert run.success, run.message
        t, x = stop, run.y[:, -1]
        found[stop] = user(jnp.asarray(x))
    return {time: found[time] for time in wanted}
