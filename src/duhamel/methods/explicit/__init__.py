"""Explicit Runge–Kutta methods: the whole right-hand side treated alike."""

from duhamel.methods.explicit.fifth import Dopri5, Tsit5
from duhamel.methods.explicit.low import RK4, Bosh3, Euler
from duhamel.methods.explicit.stepper import ExplicitRungeKutta

METHODS = (Euler, RK4, Bosh3, Dopri5, Tsit5)

__all__ = ["METHODS", "RK4", "Bosh3", "Dopri5", "Euler", "ExplicitRungeKutta", "Tsit5"]
