"""Reactions that diffuse, on grids of finite differences."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from duhamel.problems.problem import Problem, Reference
from duhamel.problems.sources import HAIRER_WANNER, HW_FILES, IVP_TEST_SET

__all__ = ["MAKERS"]


def nerves(t: Array, u: Array, args: Any) -> Array:
    """A ring of nerve cells (x, a, b), state (n, 3): a cusp catastrophe, 10⁴ times as fast as the rest.

    x' = -10⁴(b + ax + x³), a' = b + 0.07v, b' = (1 - a²)b - a - 0.4x + 0.035v, each with diffusion between
    neighbours; v = w/(w + 0.1) with w = (x - 0.7)(x - 1.3).
    """
    x, a, b = u.T
    w = (x - 0.7) * (x - 1.3)
    v = w / (w + 0.1)
    local = [-1e4 * (b + x * (a + x**2)), b + 0.07 * v, (1 - a**2) * b - a - 0.4 * x + 0.035 * v]
    neighbours = jnp.roll(u, 1, 0) - 2 * u + jnp.roll(u, -1, 0)
    return jnp.stack(local, axis=1) + u.shape[0] ** 2 / 144 * neighbours


def brusselator(t: Array, u: Array, args: Any) -> Array:
    """x' = 1 + x²y - 4x + αx_ss, y' = 3x - x²y + αy_ss on (0, 1), (1, 3) at both ends; state (n, 2)."""
    n = u.shape[0]
    ends = jnp.asarray([[1, 3]], u.dtype)
    wide = jnp.concatenate([ends, u, ends])
    reaction = u[:, 0] ** 2 * u[:, 1]
    local = jnp.stack([1 + reaction - 4 * u[:, 0], 3 * u[:, 0] - reaction], axis=1)
    return local + args["alpha"] * (n + 1) ** 2 * (wide[:-2] - 2 * u + wide[2:])


def brusselator_on_a_torus(t: Array, u: Array, args: Any) -> Array:
    """x' = 1 + x²y - 4.4x + αΔx + s, y' = 3.4x - x²y + αΔy on the unit square, periodic; state (2, n, n).

    From t = 1.1 on the source s = 5 acts in the disc of radius 0.1 about (0.3, 0.6).
    """
    n = u.shape[1]
    place = jnp.arange(1, n + 1, dtype=u.dtype) / n
    inside = (place[None, :] - 0.3) ** 2 + (place[:, None] - 0.6) ** 2 <= 0.01
    source = jnp.where(inside & (t >= 1.1), 5.0, 0.0).astype(u.dtype)
    x, y = u
    reaction = x**2 * y
    local = jnp.stack([1 + reaction - 4.4 * x + source, 3.4 * x - reaction])
    around = sum((jnp.roll(u, shift, axis) for shift in (1, -1) for axis in (1, 2)), -4 * u)
    return local + args["alpha"] * n**2 * around


def penetration(t: Array, u: Array, args: Any) -> Array:
    """x' = x_ss - kxy, y' = -kxy on the half line, mapped to (0, 1) by ζ = s/(s + c); state (n, 2).

    x, carried by a monoclonal antibody, is 2 at the border until t = 5 and 0 afterwards.
    """
    n = u.shape[0]
    k, c = args["k"], args["c"]
    x, y = u.T
    border = jnp.where(t <= 5, 2.0, 0.0).astype(u.dtype)
    wide = jnp.concatenate([border[None], x, x[-1:]])
    s = jnp.arange(1, n + 1, dtype=u.dtype) / n - 1
    drift, diffusion = 2 * s**3 / c**2, s**4 / c**2
    change = drift * (wide[2:] - wide[:-2]) * (n / 2) + diffusion * (wide[:-2] - 2 * x + wide[2:]) * n**2
    reaction = k * x * y
    return jnp.stack([change - reaction, -reaction], axis=1)


def _some(t: float, numbers: dict[int, float], accuracy: float, source: str) -> Reference:
    """A reference that holds some numbers of the state, by their place in it."""
    places = list(numbers)

    def part(u: Any) -> Any:
        return np.asarray(u).reshape(-1)[places]

    return Reference(t, np.array(list(numbers.values())), accuracy, source, part)


def _cusp() -> Problem:
    n = 32
    angle = 2 * np.pi * np.arange(1, n + 1) / n
    return Problem(
        name="cusp",
        set="hairer-wanner",
        equation=nerves,
        u0=np.stack([0 * angle, -2 * np.cos(angle), 2 * np.sin(angle)], axis=1),
        t1=1.1,
        physics="Threshold nerve impulses on a ring of 32 cells: Zeeman's cusp and Van der Pol's oscillator.",
        literature=HAIRER_WANNER,
        references=(Reference(1.1, np.array(CUSP).reshape(n, 3), 1e-10, HW_FILES),),
        stiff=True,
    )


def _brusselator(n: int = 500, alpha: float = 0.02) -> Problem:
    s = np.arange(1, n + 1) / (n + 1)
    return Problem(
        name="brusselator-1d",
        set="hairer-wanner",
        equation=brusselator,
        u0=np.stack([1 + 0.5 * np.sin(2 * np.pi * s), 3 + 0 * s], axis=1),
        t1=10.0,
        args={"alpha": alpha},
        physics="A chemical clock along a line between fixed ends; n sets the stiffness, 4 alpha (n+1)^2.",
        literature="R. Lefever, G. Nicolis (1971), Journal of Theoretical Biology 30, 267-284; "
        + HAIRER_WANNER,
        references=(_some(10.0, BRUSSELATOR, 1e-10, HW_FILES),) if (n, alpha) == (500, 0.02) else (),
        stiff=True,
    )


def _brusselator_2d(n: int = 128, alpha: float = 0.1) -> Problem:
    s = np.arange(n) / n
    published = (_some(1.5, TORUS_EARLY, 1e-10, HW_FILES), _some(11.5, TORUS_LATE, 1e-10, HW_FILES))
    start = np.stack(
        [
            np.broadcast_to(22 * s[:, None] * (1 - s[:, None]) ** 1.5, (n, n)),
            np.broadcast_to(27 * s[None, :] * (1 - s[None, :]) ** 1.5, (n, n)),
        ]
    )
    return Problem(
        name="brusselator-2d",
        set="hairer-wanner",
        equation=brusselator_on_a_torus,
        u0=start,
        t1=11.5,
        args={"alpha": alpha},
        physics="A chemical clock on a torus, with a source that is switched on at t = 1.1 in a small disc.",
        literature=HAIRER_WANNER,
        references=published if (n, alpha) == (128, 0.1) else (),
        stiff=True,
        breaks=(1.1,),
    )


def _penetration(n: int = 200) -> Problem:
    published = _some(20.0, MEDICAL, 1e-8, IVP_TEST_SET)
    return Problem(
        name="medical-akzo-nobel",
        set="ivp-test-set",
        equation=penetration,
        u0=np.stack([np.zeros(n), np.ones(n)], axis=1),
        t1=20.0,
        args={"k": 100.0, "c": 4.0},
        physics="Antibodies penetrate a tissue with a tumour: a sharp front, and a jump at t = 5.",
        literature="Test Set for IVP Solvers: Medical Akzo Nobel problem",
        references=(published,) if n == 200 else (),
        stiff=True,
        breaks=(5.0,),
    )


CUSP = (
    *(-1.335038235173363825, -0.141920661299976116, 2.189999851122752954),
    *(-1.290165517136865728, 0.292210513241939329, 2.524498007953815718),
    *(-1.206268463248866837, 0.702876002804259450, 2.603037671957832137),
    *(-1.081173370722796200, 1.054547339698463687, 2.403900155664309457),
    *(-0.922551477213655165, 1.326991956338080918, 2.009305096775369514),
    *(-0.743049818521982534, 1.516881284521938182, 1.537256339189765457),
    *(-0.555201077072863929, 1.632603197056899916, 1.077437487481636876),
    *(-0.369158363066035655, 1.687674223256960258, 0.673204001909134905),
    *(-0.192671593795137051, 1.695724385342398648, 0.333758479535656796),
    *(-0.030615931836238017, 1.667262708083148298, 0.050978698243957534),
    *(0.117513584875619235, 1.607508563419502269, -0.190604748914752998),
    *(0.259898961244445617, 1.514823442340568479, -0.411323787318084589),
    *(0.411809029672400558, 1.379804789392094260, -0.638121744946811883),
    *(0.590441346230457812, 1.185589061664514451, -0.905945997151089418),
    *(0.803741778414404449, 0.910756427168161885, -1.251345457775128863),
    *(1.037877442048335801, 0.545036626743780133, -1.683821753687386274),
    *(1.239043542405442416, 0.169981336507011738, -2.112958754094543822),
    *(1.406385681620871097, -0.235380986562835855, -2.450796096861493262),
    *(1.524334200774267799, -0.633461856049010260, -2.576413161518578492),
    *(1.588649099727842025, -0.986582203794960052, -2.442161394270367795),
    *(1.606022353430074771, -1.269240297385074114, -2.104018859237057304),
    *(1.588788794126354791, -1.473056296837721718, -1.670122571729852451),
    *(1.549115780473624505, -1.603417743271582846, -1.233609811984700428),
    *(1.495889929838369103, -1.672805947347039028, -0.844976238622025912),
    *(1.434154221021214460, -1.695067644864453216, -0.518751841694241591),
    *(1.365334914988092461, -1.681659890115195530, -0.249120054639391870),
    *(1.286403800980685275, -1.639285126097438457, -0.019980596158691364),
    *(1.184974025791693888, -1.567910985925968939, 0.194039539947058944),
    *(1.011140518164431143, -1.455860565434940201, 0.436843623543739620),
    *(-1.349821324547813729, -1.223845158570813537, 0.809099908070360854),
    *(-1.355008974443540401, -0.926131110369012061, 1.232945832067604962),
    *(-1.352261107347051711, -0.559070645046367311, 1.716745798614099647),
)
# Some of the published numbers, by their place in the state, counted from zero.
BRUSSELATOR = {
    0: 0.9949197002317599,
    7: 3.0213845767604077,
    105: 3.2602463873623941,
    210: 0.5797938277687891,
    315: 3.4958350971335204,
    420: 0.4504718553589467,
    497: 3.5265804544017270,
    504: 0.4427168579654424,
    973: 3.0764806689389470,
    980: 0.9495907429372025,
    987: 3.0384245041548366,
    994: 0.9848367306701233,
}
TORUS_EARLY = {
    0: 1.2007578117315,
    267: 1.2071204234193,
    27 * 267: 1.3894456743653,
    37 * 267: 1.4674720333067,
    38 * 267: 1.6053381251621,
    61 * 267: 1.2229651212161,
    62 * 267: 1.9700044196047,
    122 * 267: 1.9721013899568,
}
TORUS_LATE = {
    0: 0.58626859760337,
    267: 0.60614584136584,
    27 * 267: 0.94966574666909,
    37 * 267: 1.0642575793649,
    38 * 267: 1.2444371049107,
    61 * 267: 0.64772762967967,
    62 * 267: 4.8324588657870,
    122 * 267: 4.8507305111147,
}
MEDICAL = {
    78: 0.2339942217046434e-3,
    132: 0.3576835958481664e-3,
    170: 0.3085949832350532e-3,
    198: 0.1173741304462833e-3,
    199: 0.6190822732534586e-5,
    201: 0.1986273404756002e-3,
    203: 0.3489773624098464e-2,
    205: 0.3234526094359604e-1,
    207: 0.1548747348410801,
    209: 0.4026980529594953,
    211: 0.6649744834198490,
    213: 0.8409284546320647,
    219: 0.9890204872799944,
}
MAKERS = {
    "cusp": _cusp,
    "brusselator-1d": _brusselator,
    "brusselator-2d": _brusselator_2d,
    "medical-akzo-nobel": _penetration,
}
