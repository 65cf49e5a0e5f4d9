"""Three small networks that draw digits, to try samplers on: shipped, and run with NumPy, PyTorch or JAX.

from duhamel.sampling import digits

net = digits.load("flow")                                     # or "vp", "edm"
plan = sampling.plan(net.schedule, steps=10, predicts=net.predicts)
"""

from duhamel.sampling.digits.network import FORMS, UNKNOWN, Digits, load

__all__ = ["FORMS", "UNKNOWN", "Digits", "load"]
