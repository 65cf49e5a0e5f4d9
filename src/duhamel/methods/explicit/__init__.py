"""Explicit methods: the whole right-hand side treated alike."""

from duhamel.methods.explicit.chebyshev import RKC2
from duhamel.methods.explicit.eighth import Dop853
from duhamel.methods.explicit.fifth import Dopri5, Tsit5
from duhamel.methods.explicit.low import RK4, SSPRK3, Bosh3, Euler, Heun
from duhamel.methods.explicit.rock import ROCK2
from duhamel.methods.explicit.sixth import Vern6
from duhamel.methods.explicit.stepper import ExplicitRungeKutta

METHODS = (Euler, Heun, SSPRK3, RK4, Bosh3, Dopri5, Tsit5, Vern6, Dop853, RKC2, ROCK2)

__all__ = [
    "METHODS",
    "RK4",
    "RKC2",
    "ROCK2",
    "SSPRK3",
    "Bosh3",
    "Dop853",
    "Dopri5",
    "Euler",
    "ExplicitRungeKutta",
    "Heun",
    "Tsit5",
    "Vern6",
]
