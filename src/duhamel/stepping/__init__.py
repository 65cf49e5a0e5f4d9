"""How long the next step is: Fixed and Adaptive."""

from duhamel.stepping.adaptive import Adaptive
from duhamel.stepping.fixed import Fixed

__all__ = ["Adaptive", "Fixed"]
