"""How the tests run an entry of the catalogue, on its own grid or on a smaller one."""

import numpy as np
import pytest

import duhamel as dh
from duhamel.pde import catalogue


@pytest.fixture(scope="session")
def run():
    """`run(name, initial=, t1=, points=, steps=, ts=, **parameters)` → (space, solution).

    Fixed steps of ETDRK4: the quickest program to compile that is exact enough.
    """

    def start(name, initial=None, t1=None, points=None, steps=400, ts=None, **parameters):
        entry = catalogue.get(name)
        space, equation, u0 = entry.build(points, **parameters)
        t1 = entry.t1 if t1 is None else t1
        save = None if ts is None else dh.Save(ts=np.asarray(ts, dtype=float))
        u0 = u0 if initial is None else initial
        return space, dh.solve(equation, u0, t1=t1, method="etdrk4", step=dh.Fixed(t1 / steps), save=save)

    return start
