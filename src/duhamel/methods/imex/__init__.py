"""Implicit–explicit methods: stiff parts implicitly, the rest explicitly."""

from duhamel.methods.imex.ascher_ruuth_spiteri import ARS222, ARS443
from duhamel.methods.imex.ascher_ruuth_wetton import CNAB2, SBDF1, SBDF2, SBDF3, SBDF4
from duhamel.methods.imex.kennedy_carpenter_2003 import KenCarp3, KenCarp4, KenCarp5
from duhamel.methods.imex.kennedy_carpenter_2019 import ARK43, ARK54
from duhamel.methods.imex.multistep import ImplicitExplicitMultistep, Multistep
from duhamel.methods.imex.stepper import AdditiveRungeKutta
from duhamel.methods.imex.table import Additive

METHODS = (ARS222, ARS443, KenCarp3, KenCarp4, KenCarp5, ARK43, ARK54, SBDF1, SBDF2, SBDF3, SBDF4, CNAB2)

__all__ = [
    "ARK43",
    "ARK54",
    "ARS222",
    "ARS443",
    "CNAB2",
    "METHODS",
    "SBDF1",
    "SBDF2",
    "SBDF3",
    "SBDF4",
    "Additive",
    "AdditiveRungeKutta",
    "ImplicitExplicitMultistep",
    "KenCarp3",
    "KenCarp4",
    "KenCarp5",
    "Multistep",
]
