"""Equations as text."""

from duhamel.pde.equations import pde
from duhamel.pde.initial import field_from_text
from duhamel.pde.show import About

__all__ = ["About", "field_from_text", "pde"]
