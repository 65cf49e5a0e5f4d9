"""Where the zeros of a Jacobian are, and what follows from it: fewer products, narrower bands."""

from duhamel.jacobian.sparsity.colour import Colouring, coloured
from duhamel.jacobian.sparsity.detect import LARGEST, dependences
from duhamel.jacobian.sparsity.order import Order, bandwidths, narrowest

__all__ = ["LARGEST", "Colouring", "Order", "bandwidths", "coloured", "dependences", "narrowest"]
