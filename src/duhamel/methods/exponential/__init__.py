"""Exponential methods: L exactly, the integral of N approximated."""

from duhamel.methods.exponential.fifth import ETD54, ExpRK5S8
from duhamel.methods.exponential.fourth import ETD1, ETDRK2, ETDRK4, Krogstad, Krogstad43
from duhamel.methods.exponential.stepper import ExponentialRungeKutta

METHODS = (ETD1, ETDRK2, ETDRK4, Krogstad, Krogstad43, ETD54, ExpRK5S8)

__all__ = [
    "ETD1",
    "ETD54",
    "ETDRK2",
    "ETDRK4",
    "METHODS",
    "ExpRK5S8",
    "ExponentialRungeKutta",
    "Krogstad",
    "Krogstad43",
]
