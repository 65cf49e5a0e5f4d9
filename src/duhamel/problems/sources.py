"""Where sets of problems and their numbers were published."""

__all__ = ["EXTRAPOLATED", "GEOMETRIC", "HAIRER_WANNER", "HNW", "HW_FILES", "IVP_TEST_SET"]

HAIRER_WANNER = "E. Hairer, G. Wanner (1996), Solving Ordinary Differential Equations II, Springer"
HW_FILES = "the authors' exact solutions, tests/data/*_exact.txt of github.com/cpmech/hwode"
IVP_TEST_SET = "Test Set for IVP Solvers (W. M. Lioen, J. J. B. de Swart; F. Mazzia, C. Magherini), solut"
HNW = "E. Hairer, S. P. Nørsett, G. Wanner (1993), Solving Ordinary Differential Equations I, Springer"
GEOMETRIC = "E. Hairer, C. Lubich, G. Wanner (2006), Geometric Numerical Integration, Springer"
EXTRAPOLATED = (
    "computed: extrapolated leapfrog steps of order 20 with 64-bit mantissas, the same to {} with two step "
    "sizes; SciPy DOP853 at rtol 1e-13 agrees to {}"
)
