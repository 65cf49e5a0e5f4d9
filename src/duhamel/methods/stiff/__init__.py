"""Methods for stiff equations: a linear system in every stage."""

from duhamel.methods.stiff.auto import Auto
from duhamel.methods.stiff.rosenbrock import InterpolatingRosenbrock, Rosenbrock
from duhamel.methods.stiff.rosenbrock_methods import ROS3P, Rodas3, Rodas4, Rodas5P

METHODS = (ROS3P, Rodas3, Rodas4, Rodas5P, Auto)

__all__ = ["METHODS", "ROS3P", "Auto", "InterpolatingRosenbrock", "Rodas3", "Rodas4", "Rodas5P", "Rosenbrock"]
