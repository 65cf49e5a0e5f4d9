"""The scripts under examples/ that invert, control and differentiate conditions, at their small size."""

import pytest

from examples import (
    bilevel_ridge,
    burgers_inversion,
    heat_control,
    lorenz_parameters,
    steady_reaction_diffusion,
)


def test_burgers_viscosity_and_initial_field(tmp_path):
    found = burgers_inversion.main(small=True, out=str(tmp_path / "picture.png"))
    assert found["nu_error"] < 2 * found["nu_expected"] < 0.02
    assert found["field_error"] < 1.5 * found["field_expected"] < found["noise"]
    assert 0.5 < found["misfit"] < 1.5
    assert (tmp_path / "picture.png").stat().st_size > 10_000


def test_lorenz_parameters():
    found = lorenz_parameters.main(small=True)
    assert found["largest_relative_error"] < 0.05
    assert 0.7 < found["misfit"] < 1.3
    assert found["minima_windows"] == 1 < found["minima_one_run"]


def test_optimal_control_of_heat():
    found = heat_control.main(small=True)
    assert found["gradient_error"] < 1e-10
    assert found["gradient_left"] < 1e-8
    assert abs(found["cost_above_optimum"]) < 1e-10
    assert found["control_error"] < 1e-5
    assert found["cost"] < 0.1 * found["cost_without"]


def test_steady_profile_to_its_parameters():
    found = steady_reaction_diffusion.main(small=True)
    assert found["derivative_error"] < 1e-6
    assert found["largest_error_in_deviations"] < 3
    assert found["last_move"] < 1e-6
    assert 0.5 < found["misfit"] < 1.5


def test_two_regularisation_weights():
    found = bilevel_ridge.main(small=True)
    assert found["hypergradient_error"] < 1e-5
    assert found["validation"] <= found["validation_grid"] + 1e-12
    assert found["distance_to_grid"] < found["spacing_of_grid"]
    assert found["validation"] < found["validation_start"]
    assert found["true_error"] < found["true_error_start"]


@pytest.mark.parametrize(
    "script", [bilevel_ridge, burgers_inversion, heat_control, lorenz_parameters, steady_reaction_diffusion]
)
def test_each_script_says_how_it_is_run(script):
    name = script.__name__.rpartition(".")[2]
    assert f"python examples/{name}.py [--small] [--out {name}.png]" in script.__doc__
