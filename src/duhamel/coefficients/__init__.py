"""Numbers that every floor above rests on: φ-functions, exponential quadrature, tableaus. Imports no JAX."""

from duhamel.coefficients.butcher import Butcher
from duhamel.coefficients.exponential import Exponential, Term
from duhamel.coefficients.phi import phi, phi_matrix, stacked_phi
from duhamel.coefficients.quadrature import cardinal, integrated, lagrange, quadrature

__all__ = [
    "Butcher",
    "Exponential",
    "Term",
    "cardinal",
    "integrated",
    "lagrange",
    "phi",
    "phi_matrix",
    "quadrature",
    "stacked_phi",
]
