"""How the tests run an entry of the catalogue, on its own grid or on a smaller one."""

import duhamel as dh
import numpy as np
import pytest
from duhamel.pde import catalogue


@pytest.fixture(scope="session")
def run():
    """`run(name, initial=, t1=, points=, dt=, ts=, **parameters)` → (space, solution); dt=None: adaptive, 1e-9."""

    def start(name, initial=None, t1=None, points=None, dt=None, ts=None, **parameters):
        entry = catalogue.get(name)
        space, equation, u0 = entry.build(points, **parameters)
        t1 = entry.t1 if t1 is None else t1
        step = dh.Adaptive(rtol=1e-9, atol=1e-12) if dt is None else dh.Fixed(dt)
        save = None if ts is None else dh.Save(ts=np.asarray(ts, dtype=float))
        return space, dh.solve(equation, u0 if initial is None else initial, t1=t1, step=step, save=save)

    return start
