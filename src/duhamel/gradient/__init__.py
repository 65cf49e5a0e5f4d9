"""How derivatives flow through `solve`."""

from duhamel.gradient.kinds import Backsolve, Direct, Forward, Gradient, Replay, Reversible

__all__ = ["Backsolve", "Direct", "Forward", "Gradient", "Replay", "Reversible"]
