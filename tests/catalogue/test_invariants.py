"""What an equation conserves, or must lose; and what two solitons do to each other."""

import numpy as np
from scipy.integrate import solve_ivp


def slopes(u, lengths):
    """The derivatives of a periodic field along each axis."""
    u = np.asarray(u)
    spectrum = np.fft.fftn(u)
    for axis, (points, length) in enumerate(zip(u.shape, lengths, strict=True)):
        k = 2j * np.pi / float(length) * np.fft.fftfreq(points, 1 / points)
        yield np.fft.ifftn(spectrum * k.reshape([-1 if a == axis else 1 for a in range(u.ndim)])).real


def test_two_solitons_of_kdv_pass_through_each_other(run):
    space, sol = run("kdv", steps=3000)
    u, (x,) = np.asarray(sol.us[-1]), space.grid
    # Shift of the tall one: log((1 + 1/2)/(1 - 1/2)) forward; its centre is where its two flanks balance.
    centre = -20 + 4 * 10 + np.log(3)
    flank = 2 / np.cosh(x - centre) ** 2
    near = np.abs(x - centre) < 5
    assert np.max(np.abs(u - flank)[near]) < 1e-3
    assert abs(np.max(u) - 2) < 2e-2


def test_kdv_keeps_mass_and_momentum(run):
    _, sol = run("zabusky-kruskal", t1=0.5, steps=1000, ts=[0.0, 0.25, 0.5])
    u = np.asarray(sol.us)
    assert np.max(np.abs(u.mean(axis=1))) < 1e-13
    assert np.max(np.abs((u**2).mean(axis=1) - 0.5)) < 1e-6


def test_wave_keeps_its_energy(run):
    space, sol = run("wave", steps=5, ts=np.arange(0.0, 10.1, 2.0))
    energies = [
        np.mean(np.asarray(v) ** 2 + next(slopes(u, space.length)) ** 2)
        for u, v in zip(sol.us["u"], sol.us["v"], strict=True)
    ]
    assert np.ptp(energies) < 1e-11 * energies[0]


def test_allen_cahn_loses_energy(run):
    space, sol = run("allen-cahn2d", t1=4.0, points=(48, 48), ts=np.arange(0.0, 4.1, 0.5))

    def energy(u):
        gradient = sum(s**2 for s in slopes(u, space.length))
        return np.mean(0.01 / 2 * gradient + (1 - np.asarray(u) ** 2) ** 2 / 4)

    energies = [energy(u) for u in sol.us]
    assert np.all(np.diff(energies) < 0)
    assert energies[-1] < 0.7 * energies[0]


def test_cahn_hilliard_keeps_mass_and_loses_energy(run):
    initial = "0.2 + 0.3*cos(x/2)*cos(3*y/8) + 0.1*sin(x/4 + y/2)"
    space, sol = run("cahn-hilliard", initial, t1=20.0, points=(64, 64), ts=np.arange(0.0, 20.1, 2.0))

    def energy(u):
        gradient = sum(s**2 for s in slopes(u, space.length))
        return np.mean(gradient / 2 + (1 - np.asarray(u) ** 2) ** 2 / 4)

    energies = [energy(u) for u in sol.us]
    assert np.all(np.diff(energies) < 0)
    assert energies[-1] < 0.9 * energies[0]
    assert np.max(np.abs(np.asarray(sol.us).mean(axis=(1, 2)) - 0.2)) < 1e-12


def test_trapped_condensate_swings_as_one_particle(run):
    """Kohn's theorem: the centre of a cloud in a harmonic trap swings at the trap's frequency, whatever g."""
    ts = np.arange(0.0, 3.1, 0.5)
    space, sol = run("gross-pitaevskii", "exp(-((x - 1)^2 + 1.2*y^2)/2)", t1=3.0, points=(64, 64), ts=ts)
    density = np.abs(np.asarray(sol.us)) ** 2
    mass = density.sum(axis=(1, 2))
    centre = (density * space.grid[0]).sum(axis=(1, 2)) / mass
    assert np.ptp(mass) < 1e-6 * mass[0]
    assert np.max(np.abs(centre - np.cos(ts))) < 1e-5


def uniform_agrees(run, name, reaction, start, t1):
    """A uniform state follows the ODE of its reaction."""
    _, sol = run(name, {key: str(value) for key, value in start.items()}, t1=t1, points=(8, 8))
    wanted = solve_ivp(lambda t, y: reaction(*y), (0, t1), list(start.values()), rtol=1e-11, atol=1e-12).y[
        :, -1
    ]
    found = [float(np.mean(np.asarray(sol.us[key]))) for key in start]
    assert np.allclose(found, wanted, rtol=1e-6, atol=1e-8)


def test_uniform_gray_scott_is_its_reaction(run):
    def reaction(u, v):
        return [-u * v**2 + 0.04 * (1 - u), u * v**2 - 0.1 * v]

    uniform_agrees(run, "gray-scott", reaction, {"u": 0.5, "v": 0.4}, 20.0)


def test_uniform_brusselator_is_its_reaction(run):
    def reaction(u, v):
        return [4.5 - 8.2 * u + u**2 * v, 7.2 * u - u**2 * v]

    uniform_agrees(run, "brusselator", reaction, {"u": 4.0, "v": 1.7}, 1.0)


def test_uniform_fitzhugh_nagumo_is_its_reaction(run):
    def reaction(u, v):
        return [u - u**3 / 3 - v, 0.08 * (u + 0.7 - 0.5 * v)]

    uniform_agrees(run, "fitzhugh-nagumo2d", reaction, {"u": 1.0, "v": -0.2}, 10.0)
