"""Training what is inside a solver: `fit`, `NeuralODE`, and penalties that keep an equation cheap to solve.

    from duhamel import learn

    node = learn.NeuralODE(learn.Field(net), t1=1.0)
    result = learn.fit(node, loss, (inputs, targets), steps=1000, batch=64, key=jax.random.key(0))

A thin layer over Equinox (models are pytrees) and Optax (optimisers); needs the extra `learn`.
"""

from importlib.util import find_spec

if find_spec("optax") is None:
    raise ModuleNotFoundError(
        "duhamel.learn trains with Optax, which is not installed: pip install 'duhamel[learn]'.", name="optax"
    )

from duhamel.learn.fit import fit
from duhamel.learn.forcing import forced, forcing_strength
from duhamel.learn.local import one_step
from duhamel.learn.neural_ode import Field, NeuralODE
from duhamel.learn.path import HermitePath
from duhamel.learn.regularisers import decay, ernode, kinetic, srnode, step_count
from duhamel.learn.result import Fit, TrainingError

__all__ = [
    "Field",
    "Fit",
    "HermitePath",
    "NeuralODE",
    "TrainingError",
    "decay",
    "ernode",
    "fit",
    "forced",
    "forcing_strength",
    "kinetic",
    "one_step",
    "srnode",
    "step_count",
]
