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
from duhamel.sampling.adjoint import differentiable
from duhamel.sampling.classifier import Classified, calibrate, calibration_error, tempered
from duhamel.sampling.discrete import Discrete
from duhamel.sampling.forms import Constant, Gaussian, Straight, Tabulated
from duhamel.sampling.grids import GRIDS, Points
from duhamel.sampling.guidance import Conditioned, Guided, Once, Projection, Twice, apg, cfg, contrast
from duhamel.sampling.inversion import edit, encoder, invert, invertible
from duhamel.sampling.learned import Compensation, fit, learn, search, statistics
from duhamel.sampling.likelihood import Likelihood, log_likelihood
from duhamel.sampling.mcmc import Chain, denoise, denoising_mcmc
from duhamel.sampling.pfgm import PFGM
from duhamel.sampling.planning import plan
from duhamel.sampling.predictions import PREDICTIONS, convert, relation, to_eps, to_x0
from duhamel.sampling.rules import RULES
from duhamel.sampling.rules.v3 import Statistics
from duhamel.sampling.running import State, sample
from duhamel.sampling.schedules import EDM, VE, VP, Cosine, Flow, Schedule, SubVP
from duhamel.sampling.score import langevin, noise_between, noise_to, score_of, shift_times
from duhamel.sampling.table import Plan

__all__ = [
    "EDM",
    "GRIDS",
    "PFGM",
    "PREDICTIONS",
    "RULES",
    "VE",
    "VP",
    "Chain",
    "Classified",
    "Compensation",
    "Conditioned",
    "Constant",
    "Cosine",
    "Discrete",
    "Flow",
    "Gaussian",
    "Guided",
    "Likelihood",
    "Once",
    "Plan",
    "Points",
    "Projection",
    "Schedule",
    "State",
    "Statistics",
    "Straight",
    "SubVP",
    "Tabulated",
    "Twice",
    "adaptive",
    "apg",
    "calibrate",
    "calibration_error",
    "cfg",
    "contrast",
    "convert",
    "denoise",
    "denoising_mcmc",
    "differentiable",
    "edit",
    "encoder",
    "fit",
    "invert",
    "invertible",
    "langevin",
    "learn",
    "log_likelihood",
    "noise_between",
    "noise_to",
    "plan",
    "relation",
    "sample",
    "score_of",
    "search",
    "shift_times",
    "statistics",
    "tempered",
    "to_eps",
    "to_x0",
]
