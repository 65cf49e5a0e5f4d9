"""Flow in two dimensions: vorticity w, stream function p with velocity (p_y, -p_x) and w = -lap(p)."""

from duhamel.pde.catalogue.entry import Entry

_VORTICES = (
    "2*cos(4*x + 3*y + 1) + 2*sin(5*x - 2*y) + 1.5*cos(x - 5*y + 2)"
    " + 1.5*sin(3*x + 4*y) + cos(2*x + 1)*cos(3*y)"
)

ENTRIES = (
    Entry(
        name="navier-stokes",
        text="w_t = nu*lap(w) - p_y*w_x + p_x*w_y; p = -inv_lap(w)",
        points=(128, 128),
        length=("2*pi", "2*pi"),
        initial={"w": _VORTICES},
        t1=20.0,
        every=0.2,
        parameters={"nu": 4e-3},
        physics="Decaying flow in the plane: like vortices merge, the energy hardly falls.",
        reference="J. C. McWilliams (1984), Journal of Fluid Mechanics 146, 21-43",
    ),
    Entry(
        name="shear-layer",
        text="w_t = nu*lap(w) - p_y*w_x + p_x*w_y; p = -inv_lap(w)",
        points=(128, 128),
        length=("2*pi", "2*pi"),
        initial={
            "w": "5*exp(20*(cos(y - 3*pi/2) - 1)) - 5*exp(20*(cos(y - pi/2) - 1))"
            " + 0.1*cos(x) + 0.1*sin(2*x + 1)"
        },
        t1=16.0,
        every=0.2,
        parameters={"nu": 4e-3},
        physics="Two opposite shear layers are unstable and roll up into vortices.",
        reference="J. B. Bell, P. Colella, H. M. Glaz (1989), Journal of Computational Physics 85, 257-283",
    ),
    Entry(
        name="kolmogorov",
        text="w_t = lap(w)/Re - p_y*w_x + p_x*w_y - n*cos(n*y); p = -inv_lap(w)",
        points=(128, 128),
        length=("2*pi", "2*pi"),
        initial={"w": "sin(x + 1)*cos(y) + 0.5*cos(2*x + 3*y) + 0.5*sin(3*x - y + 2) + 0.5*cos(x - 2*y)"},
        t1=30.0,
        every=0.25,
        parameters={"Re": 40.0, "n": 4.0},
        physics="A fluid driven by the steady force sin(n*y) along x: stripes lose to chaotic vortices.",
        reference="L. D. Meshalkin, Ya. G. Sinai (1961), Journal of Applied Mathematics and Mechanics "
        "25, 1700-1705; G. J. Chandler, R. R. Kerswell (2013), Journal of Fluid Mechanics 722, 554-595",
    ),
    Entry(
        name="beta-plane",
        text="w_t = nu*lap(w) + beta*p_x - p_y*w_x + p_x*w_y; p = -inv_lap(w)",
        points=(128, 128),
        length=("2*pi", "2*pi"),
        initial={"w": _VORTICES},
        t1=20.0,
        every=0.2,
        parameters={"nu": 4e-3, "beta": 10.0},
        physics="Flow on a turning planet: Rossby waves halt the merging of vortices and leave jets.",
        reference="P. B. Rhines (1975), Journal of Fluid Mechanics 69, 417-443",
    ),
)
