"""Methods for stiff equations: a linear system in every stage."""

from duhamel.methods.stiff.auto import Auto
from duhamel.methods.stiff.bdf import BDF
from duhamel.methods.stiff.esdirk import ESDIRK
from duhamel.methods.stiff.esdirk_methods import ESDIRK54, Kvaerno3, Kvaerno4, Kvaerno5
from duhamel.methods.stiff.radau import Radau
from duhamel.methods.stiff.rosenbrock import InterpolatingRosenbrock, Rosenbrock
from duhamel.methods.stiff.rosenbrock_methods import ROS3P, Rodas3, Rodas4, Rodas5P

METHODS = (ROS3P, Rodas3, Rodas4, Rodas5P, Kvaerno3, Kvaerno4, Kvaerno5, ESDIRK54, Radau, BDF, Auto)

__all__ = [
    "BDF",
    "ESDIRK",
    "ESDIRK54",
    "METHODS",
    "ROS3P",
    "Auto",
    "InterpolatingRosenbrock",
    "Kvaerno3",
    "Kvaerno4",
    "Kvaerno5",
    "Radau",
    "Rodas3",
    "Rodas4",
    "Rodas5P",
    "Rosenbrock",
]
