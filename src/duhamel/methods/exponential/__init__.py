"""Exponential methods: L exactly, the integral of N approximated."""

from duhamel.methods.exponential.adams import ExponentialAdams
from duhamel.methods.exponential.fifth import ETD54, ExpRK5S8
from duhamel.methods.exponential.fourth import (
    ETD1,
    ETDRK2,
    ETDRK4,
    HochbruckOstermann,
    Krogstad,
    Krogstad43,
    Lawson4,
    StrehmelWeiner,
)
from duhamel.methods.exponential.multistep import EAB2, EAB3, EAB4, EAB5, EAB6, EAM2, EAM3, EAM4, EAM5, EAM6
from duhamel.methods.exponential.rosenbrock import ExponentialRosenbrock
from duhamel.methods.exponential.rosenbrock_methods import EPIRK4s3A, ExpRB32, ExpRB43, ExpRB53s3, ExpRB54s4
from duhamel.methods.exponential.stepper import ExponentialRungeKutta

_RUNGE_KUTTA = (
    *(ETD1, ETDRK2, ETDRK4, Lawson4, Krogstad, Krogstad43, StrehmelWeiner, HochbruckOstermann),
    *(ETD54, ExpRK5S8),
)
_ADAMS = (EAB2, EAB3, EAB4, EAB5, EAB6, EAM2, EAM3, EAM4, EAM5, EAM6)
_ROSENBROCK = (ExpRB32, ExpRB43, EPIRK4s3A, ExpRB53s3, ExpRB54s4)
METHODS = (*_RUNGE_KUTTA, *_ADAMS, *_ROSENBROCK)

__all__ = [
    "EAB2",
    "EAB3",
    "EAB4",
    "EAB5",
    "EAB6",
    "EAM2",
    "EAM3",
    "EAM4",
    "EAM5",
    "EAM6",
    "ETD1",
    "ETD54",
    "ETDRK2",
    "ETDRK4",
    "METHODS",
    "EPIRK4s3A",
    "ExpRB32",
    "ExpRB43",
    "ExpRB53s3",
    "ExpRB54s4",
    "ExpRK5S8",
    "ExponentialAdams",
    "ExponentialRosenbrock",
    "ExponentialRungeKutta",
    "HochbruckOstermann",
    "Krogstad",
    "Krogstad43",
    "Lawson4",
    "StrehmelWeiner",
]
