"""Splitting methods: the flows of the parts, one after the other."""

from duhamel.methods.splitting.stepper import Lie, Splitting, Strang

METHODS = (Lie, Strang)

__all__ = ["METHODS", "Lie", "Splitting", "Strang"]
