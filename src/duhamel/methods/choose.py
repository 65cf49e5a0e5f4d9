"""The default method of an equation, with the reason in words."""

from __future__ import annotations

from duhamel.equation import Equation
from duhamel.methods.base import Method
from duhamel.methods.explicit import RK4, Tsit5
from duhamel.methods.exponential import ETD54, ETDRK4
from duhamel.methods.splitting import Strang

__all__ = ["choose"]

# Made once: a method has no numbers of its own, and a call of solve should not spend its time here.
_TSIT5, _RK4, _ETD54, _ETDRK4, _STRANG = Tsit5(), RK4(), ETD54(), ETDRK4(), Strang()


def choose(eq: Equation, adaptive: bool) -> tuple[Method, str]:
    """A method for the structure of `eq`, and why."""
    parts = len(eq.linear)
    if parts == 0:
        why = "no linear part is declared, so nothing can be treated exactly"
        return (
            (_TSIT5, f"{why}: explicit, order 5, adaptive")
            if adaptive
            else (_RK4, f"{why}: explicit, order 4")
        )
    if parts == 1:
        why = "a linear part with cheap φ-functions is advanced exactly, however stiff"
        if adaptive:
            return _ETD54, f"{why}: exponential, order 5, stiff order 5, adaptive"
        return _ETDRK4, f"{why}: exponential, order 4"
    if adaptive:
        return (
            _TSIT5,
            f"{parts} linear parts fit no exponential method: explicit, order 5; adaptive-strang would flow "
            "each of them exactly",
        )
    return _STRANG, f"{parts} linear parts: each flows exactly, composed symmetrically, order 2"
