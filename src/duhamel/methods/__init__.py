"""Every method, by class and by command-line name."""

from duhamel.methods.base import Method, Step
from duhamel.methods.choose import choose
from duhamel.methods.explicit import RK4, Bosh3, Dopri5, Euler, ExplicitRungeKutta, Tsit5
from duhamel.methods.exponential import ExponentialRungeKutta
from duhamel.methods.exponential_fifth import ETD54, ExpRK5S8
from duhamel.methods.exponential_tables import ETD1, ETDRK2, ETDRK4, Krogstad, Krogstad43
from duhamel.methods.splitting import Lie, Splitting, Strang

METHODS: dict[str, type[Method]] = {
    method.name: method
    for method in (
        Euler,
        RK4,
        Bosh3,
        Dopri5,
        Tsit5,
        ETD1,
        ETDRK2,
        ETDRK4,
        Krogstad,
        Krogstad43,
        ETD54,
        ExpRK5S8,
        Lie,
        Strang,
    )
}

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
