"""Instability, patterns and spatio-temporal chaos."""

from duhamel.pde.catalogue.entry import Entry

ENTRIES = (
    Entry(
        name="ks",
        text="u_t = -u_xx - u_xxxx - u*u_x",
        points=(256,),
        length=("32*pi",),
        initial={"u": "cos(x/16)*(1+sin(x/16))"},
        t1=150.0,
        every=0.5,
        physics="Kuramoto-Sivashinsky: long waves grow, short ones fade, and the flame front is chaotic.",
        reference="Y. Kuramoto, T. Tsuzuki (1976), Progress of Theoretical Physics 55, 356-369; "
        "G. I. Sivashinsky (1977), Acta Astronautica 4, 1177-1206",
    ),
    Entry(
        name="ks2d",
        text="u_t = -lap(u) - lap(lap(u)) - grad2(u)/2",
        points=(96, 96),
        length=("16*pi", "16*pi"),
        initial={"u": "cos(x/2 + 1) + cos(5*y/8) + 0.5*cos((3*x + 5*y)/8 + 2) + 0.5*sin((4*x - 3*y)/8)"},
        t1=80.0,
        every=1.0,
        physics="The height of a flame sheet: cells merge and split for ever while the mean height sinks.",
        reference="A. Kalogirou, E. E. Keaveny, D. T. Papageorgiou (2015), "
        "Proceedings of the Royal Society A 471, 20140932",
    ),
    Entry(
        name="nikolaevskiy",
        text="u_t = (1 - r)*u_xx + 2*u_xxxx + u_xxxxxx - u*u_x",
        points=(256,),
        length=("32*pi",),
        initial={"u": "0.1*sin(x) + 0.1*cos(15*x/16 + 1) + 0.1*sin(x/16)"},
        t1=200.0,
        every=1.0,
        parameters={"r": 0.2},
        physics="A pattern coupled to a slow drift that nothing damps: chaos from the very onset.",
        reference="P. C. Matthews, S. M. Cox (2000), Physical Review E 62, R1473-R1476",
    ),
    Entry(
        name="swift-hohenberg",
        text="u_t = (r - 1)*u - 2*u_xx - u_xxxx - u^3",
        points=(256,),
        length=("32*pi",),
        initial={"u": "0.1*cos(x) + 0.1*cos(15*x/16 + 1) + 0.1*sin(9*x/8) + 0.1*cos(x/16)"},
        t1=100.0,
        every=1.0,
        parameters={"r": 0.3},
        physics="Convection rolls of wavenumber near one grow out of small noise and settle.",
        reference="J. Swift, P. C. Hohenberg (1977), Physical Review A 15, 319-328",
    ),
    Entry(
        name="swift-hohenberg2d",
        text="u_t = (r - 1)*u - 2*lap(u) - lap(lap(u)) + g*u^2 - u^3",
        points=(128, 128),
        length=("24*pi", "24*pi"),
        initial={
            "u": "0.1*cos(x + 1) + 0.1*cos((5*x + 11*y)/12) + 0.1*sin((7*x - 9*y)/12) + 0.1*cos((y - 2*x)/12)"
        },
        t1=100.0,
        every=1.0,
        parameters={"r": 0.1, "g": 1.0},
        physics="Convection seen from above: the quadratic term makes hexagons win over rolls.",
        reference="J. Swift, P. C. Hohenberg (1977), Physical Review A 15, 319-328; "
        "M. C. Cross, P. C. Hohenberg (1993), Reviews of Modern Physics 65, 851-1112",
    ),
    Entry(
        name="cahn-hilliard",
        text="u_t = lap(u^3) - lap(u) - gamma*lap(lap(u))",
        points=(128, 128),
        length=("16*pi", "16*pi"),
        initial={
            "u": "0.1*cos((5*x + 2*y)/8 + 1) + 0.1*cos((3*x - 5*y)/8)"
            " + 0.1*sin((x + 6*y)/8) + 0.1*cos((4*x + 3*y)/8)"
        },
        t1=200.0,
        every=2.0,
        parameters={"gamma": 1.0},
        physics="An alloy is quenched: it separates into two phases whose domains coarsen at constant mass.",
        reference="J. W. Cahn, J. E. Hilliard (1958), Journal of Chemical Physics 28, 258-267",
    ),
    Entry(
        name="ohta-kawasaki",
        text="u_t = lap(u^3) - lap(u) - gamma*lap(lap(u)) - sigma*(u - m)",
        points=(128, 128),
        length=("16*pi", "16*pi"),
        initial={"u": "0.3 + 0.1*cos((5*x + 2*y)/8) + 0.1*cos((3*x - 5*y)/8 + 1) + 0.1*sin((x + 6*y)/8)"},
        t1=200.0,
        every=2.0,
        parameters={"gamma": 1.0, "sigma": 0.1, "m": 0.3},
        physics="Two polymers tied end to end cannot separate far: droplets of one size in a lattice.",
        reference="T. Ohta, K. Kawasaki (1986), Macromolecules 19, 2621-2632",
    ),
    Entry(
        name="phase-field-crystal",
        text="u_t = (1 - r)*lap(u) + 2*lap(lap(u)) + lap(lap(lap(u))) + lap(u^3)",
        points=(128, 128),
        length=("24*pi", "24*pi"),
        initial={
            "u": "-0.285"
            " + 0.6*exp(-((x - 24)^2 + (y - 30)^2)/40)*cos(x)*cos(y/sqrt(3))"
            " + 0.6*exp(-((x - 52)^2 + (y - 46)^2)/40)*cos(y)*cos(x/sqrt(3))"
        },
        t1=400.0,
        every=5.0,
        parameters={"r": 0.25},
        physics="Two crystal seeds of different direction grow in a melt and meet in a grain boundary.",
        reference="K. R. Elder, M. Katakowski, M. Haataja, M. Grant (2002), "
        "Physical Review Letters 88, 245701",
    ),
    Entry(
        name="ginzburg-landau",
        text="A_t = A + (1 + i*b)*A_xx - (1 + i*c)*abs(A)^2*A",
        points=(512,),
        length=("64*pi",),
        initial={"A": "1 + 0.1*cos(x/4) + 0.1*i*sin(7*x/32 + 1) + 0.05*cos(x/32)"},
        t1=100.0,
        every=0.5,
        parameters={"b": 1.5, "c": -1.2},
        physics="Oscillators near a Hopf bifurcation: uniform beating is unstable and turns to chaos.",
        reference="H. Chaté (1994), Nonlinearity 7, 185-204; "
        "I. S. Aranson, L. Kramer (2002), Reviews of Modern Physics 74, 99-143",
    ),
    Entry(
        name="ginzburg-landau2d",
        text="A_t = A + (1 + i*b)*lap(A) - (1 + i*c)*abs(A)^2*A",
        points=(128, 128),
        length=("24*pi", "24*pi"),
        initial={
            "A": "0.5*sin(x/6 + 0.3) + 0.5*i*sin(y/6) + 0.3*cos((3*x - y)/12 + 1) + 0.3*i*cos((x + 2*y)/12)"
        },
        t1=100.0,
        every=1.0,
        parameters={"b": 0.0, "c": 1.5},
        physics="Oscillating chemistry in a dish: phase defects become spirals that share out the plane.",
        reference="H. Chaté, P. Manneville (1996), Physica A 224, 348-368",
    ),
)
