"""Every method, by class and by command-line name."""

from duhamel.methods import explicit, exponential, splitting
from duhamel.methods.base import Method, Step
from duhamel.methods.choose import choose
from duhamel.methods.explicit import RK4, Bosh3, Dopri5, Euler, ExplicitRungeKutta, Tsit5
from duhamel.methods.exponential import (
    ETD1,
    ETD54,
    ETDRK2,
    ETDRK4,
    ExponentialRungeKutta,
    ExpRK5S8,
    Krogstad,
    Krogstad43,
)
from duhamel.methods.splitting import Lie, Splitting, Strang

_FAMILIES = (explicit, exponential, splitting)

METHODS: dict[str, type[Method]] = {method.name: method for family in _FAMILIES for method in family.METHODS}

__all__ = [
    "ETD1",
    "ETD54",
    "ETDRK2",
    "ETDRK4",
    "METHODS",
    "RK4",
    "Bosh3",
    "Dopri5",
    "Euler",
    "ExpRK5S8",
    "ExplicitRungeKutta",
    "ExponentialRungeKutta",
    "Krogstad",
    "Krogstad43",
    "Lie",
    "Method",
    "Splitting",
    "Step",
    "Strang",
    "Tsit5",
    "choose",
]
