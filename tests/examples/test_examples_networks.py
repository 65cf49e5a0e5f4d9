"""The scripts under examples/ that train networks inside solves, at their small size."""

import pytest

from examples import ks_closure, latent_ode, neural_cde, teacher_forcing


def test_closure_of_a_coarse_grid():
    found = ks_closure.main(small=True)
    assert found["error_at_1_with"] < 0.7 * found["error_at_1_without"]
    assert found["horizon_with"] > found["horizon_without"]


def test_latent_ode_learns():
    found = latent_ode.main(small=True)
    assert found["bound"] < 0.5 * found["bound_first"]
    assert found["error_seen"] < 0.75 * found["spread_of_angles"]


def test_neural_cde_tells_the_sense_of_rotation():
    found = neural_cde.main(small=True)
    assert found["accuracy"] > 0.85


def test_forcing_bounds_gradients_and_finds_the_attractor():
    found = teacher_forcing.main(small=True)
    assert found["gradient_growth_0"] > 1000
    assert found["gradient_growth_0.1"] < 30
    assert 0.02 < found["alpha"] < 0.5
    assert found["divergence_forced"] < 0.5 * found["divergence_free"]
    assert 0.2 < found["exponent_forced"] < 1.5


@pytest.mark.parametrize("script", [ks_closure, latent_ode, neural_cde, teacher_forcing])
def test_each_network_script_says_how_it_is_run(script):
    name = script.__name__.rpartition(".")[2]
    assert f"python examples/{name}.py [--small] [--out {name}.png]" in script.__doc__
