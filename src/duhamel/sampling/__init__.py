"""Diffusion and flow samplers as plans: tables of float64 numbers, computed once, run on any array.

    from duhamel import sampling

    plan = sampling.plan(sampling.VP(), steps=10)             # a schedule, a rule, a grid -> a table
    x = sampling.sample(model, noise, plan)                   # model(x, t) -> prediction; torch, JAX or NumPy

The interfaces, from the bottom: a *schedule* answers alpha, sigma, log_snr, time, rates and model_time
(`Schedule`); a *form* Q(α, σ) is what predictions and linear parts have in common (`forms`); a *grid* gives
`Points`; a *rule* writes rows with a `Builder`; `plan` turns them into a `Plan` (see its docstring for the
meaning of every column); `sample` runs it. Importing this package imports neither JAX nor PyTorch.
"""

from duhamel.sampling.adaptive import adaptive
from duhamel.sampling.discrete import Discrete
from duhamel.sampling.forms import Constant, Gaussian, Straight, Tabulated
from duhamel.sampling.grids import GRIDS, Points
from duhamel.sampling.planning import plan
from duhamel.sampling.predictions import PREDICTIONS, convert, relation, to_eps, to_x0
from duhamel.sampling.rules import RULES
from duhamel.sampling.rules.v3 import Statistics
from duhamel.sampling.running import State, sample
from duhamel.sampling.schedules import EDM, VE, VP, Cosine, Flow, Schedule, SubVP
from duhamel.sampling.table import Plan

__all__ = [
    "EDM",
    "GRIDS",
    "PREDICTIONS",
    "RULES",
    "VE",
    "VP",
    "Constant",
    "Cosine",
    "Discrete",
    "Flow",
    "Gaussian",
    "Plan",
    "Points",
    "Schedule",
    "State",
    "Statistics",
    "Straight",
    "SubVP",
    "Tabulated",
    "adaptive",
    "convert",
    "plan",
    "relation",
    "sample",
    "to_eps",
    "to_x0",
]
