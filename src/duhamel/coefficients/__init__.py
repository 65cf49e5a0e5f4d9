"""Numbers that every floor above rests on: φ-functions and tableaus. Imports no JAX."""

from duhamel.coefficients.butcher import Butcher
from duhamel.coefficients.exponential import Exponential, Term
from duhamel.coefficients.phi import phi, phi_matrix, stacked_phi

__all__ = ["Butcher", "Exponential", "Term", "phi", "phi_matrix", "stacked_phi"]
