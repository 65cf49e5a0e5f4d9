"""What a run is, from names, files and options, and back to a file."""

import math
import tomllib

import pytest

from duhamel.cli.numbers import number
from duhamel.cli.spec import Spec, make
from duhamel.cli.toml_text import to_toml
from duhamel.errors import EquationError, InputError

HEAT = "u_t = u_xx"
BASIC = {"length": "2*pi", "initial": "cos(x)", "t1": "1"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("32*pi", 32 * math.pi),
        (" -2^-3 ", -0.125),
        ("1e-6", 1e-6),
        ("2**0.5/sqrt(2)", 1.0),
        ("(1+2)*3 - 4/2", 7.0),
        ("exp(1) - exp(1) + log(1) + sin(0) + cos(0)", 1.0),
    ],
)
def test_arithmetic(text, value):
    assert number(text) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", 0),
        ("2*q", 2),
        ("2^2*q", 4),
        ("pi.real", 0),
        ("__import__('os')", 0),
        ("1/0", 0),
        ("9^9^9", 0),
        ("'a'", 0),
    ],
)
def test_what_is_no_number_is_shown(text, place):
    with pytest.raises(EquationError) as caught:
        number(text)
    assert caught.value.position == place


def test_the_catalogue_gives_defaults_and_options_override():
    spec = make("ks", {"t1": "20", "rtol": "1e-4", "points": "64"})
    assert spec.name == "ks"
    assert spec.equation == "u_t = -u_xx - u_xxxx - u*u_x"
    assert (spec.points, spec.length) == ((64,), ("32*pi",))
    assert (spec.t1, spec.every, spec.rtol) == (20.0, 0.5, 1e-4)
    assert spec.initial == {"u": "cos(x/16)*(1+sin(x/16))"}
    assert make("ks", {"initial": "sin(x)"}).initial == "sin(x)"


def test_single_precision_has_tolerances_that_it_can_meet():
    spec = make("lorenz", {"precision": "32"})
    assert (spec.rtol, spec.atol) == (1e-5, 1e-5)
    assert make(HEAT, {**BASIC, "precision": "32"}).rtol == 1e-5


def test_an_ode_by_name():
    spec = make("lorenz", {"parameters": ["rho=20"], "initial": "x=2"})
    assert spec.is_ode
    assert spec.parameters["rho"] == 20.0
    assert spec.parameters["sigma"] == 10.0
    assert spec.initial["x"] == "2"
    assert set(spec.initial) == {"x", "y", "z"}


def test_an_equation_as_text_has_sensible_defaults():
    spec = make(HEAT, BASIC)
    assert (spec.points, spec.length, spec.rtol, spec.every) == ((256,), ("2*pi",), 1e-6, 0.005)
    assert make("u_t = lap(u)", {**BASIC, "length": "2*pi,1"}).points == (128, 128)
    assert make("u_t = lap(u)", {**BASIC, "points": "8,16"}).length == ("2*pi", "2*pi")
    fields = make("u_t = v; v_t = u_xx", {**BASIC, "initial": "u=cos(x); v = 0"}).initial
    assert fields == {"u": "cos(x)", "v": "0"}


def test_fixed_and_adaptive_steps_replace_each_other(tmp_path):
    assert make("ks", {"dt": "0.1"}).rtol is None
    file = tmp_path / "a.toml"
    file.write_text('equation = "ks"\ndt = 0.1\n')
    spec = make(str(file), {"rtol": "1e-3"})
    assert (spec.dt, spec.rtol) == (None, 1e-3)


@pytest.mark.parametrize(
    ("target", "options"),
    [
        ("ks", {}),
        ("lorenz", {"t1": "3"}),
        ("gray-scott", {"precision": "32", "method": "etdrk4", "dt": "0.5"}),
        (HEAT, {**BASIC, "t0": "-1", "origin": "-pi", "dealias": False, "atol": "0"}),
        ("u_t = c*u_x\nv_t = 0*u", {**BASIC, "initial": "u = cos(x) ; v=1", "parameters": ["c=1/3"]}),
    ],
)
def test_a_recorded_run_is_read_back_the_same(tmp_path, target, options):
    spec = make(target, options)
    assert isinstance(spec, Spec)
    file = tmp_path / "again.toml"
    file.write_text(spec.to_toml(), encoding="utf-8")
    assert make(str(file), {}) == spec


def test_files_are_taken_from_beside_the_toml(tmp_path):
    file = tmp_path / "a.toml"
    file.write_text('equation = "ks"\ninitial = "start.npy"\n')
    assert make(str(file), {}).initial == str((tmp_path / "start.npy").resolve())


def test_toml_text_survives_odd_values():
    table = {
        "a": 'quote " back \\ \n é \x7f \x01',
        "b": [1, 2.5, "x"],
        "c": True,
        "d": {"e f": 1e-300, "g": -0.1},
    }
    assert tomllib.loads(to_toml(table)) == table


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("equation = 'ks'\nlenght = 3", "did you mean 'length'"),
        ("equation = 'ks'\nt1 = true", "'t1' must be a number"),
        ("equation = 'ks'\nt1 = [1, 2]", "'t1' must be a number"),
        ("equation = 'ks'\nt1 = inf", "'t1' must be a finite number"),
        ("equation = 3", "'equation' must be text"),
        ("equation = 'ks'\npoints = 12.5", "'points' must be a whole number"),
        ("equation = 'ks'\ndealias = 1", "'dealias' must be true or false"),
        ("equation = 'ks'\ninitial = [1]", "'initial' must be text"),
        ("equation = 'ks'\n[parameters]\na = 'b'", "'parameters'"),
        ("equation = 'ks'\ndt = 1.0\nrtol = 1.0", "not both"),
        ("t1 = 3.0", "no key 'equation'"),
        ("t1 = = 3", "not valid TOML"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path, text, reason):
    file = tmp_path / "spec.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=reason):
        make(str(file), {})


@pytest.mark.parametrize(
    ("target", "options", "reason"),
    [
        ("ksx", {}, "Near it: ks"),
        ("", {}, "target is empty"),
        ("none.toml", {}, "no file"),
        ("ks", {"parameters": ["q=1"]}, "no parameter 'q'"),
        ("ks", {"parameters": ["q"]}, "name=value"),
        ("ks", {"points": "65"}, "even and at least 4"),
        ("ks", {"points": "2"}, "try 4"),
        ("ks", {"points": "64.5"}, "whole number"),
        ("ks", {"points": "64,64,64,64"}, "one to three axes"),
        ("ks2d", {"points": "64,64,64"}, "'length' has 2 values for 3"),
        ("ks", {"length": "-1"}, "positive"),
        ("ks", {"length": "1,"}, "number"),
        ("ks", {"rtol": "-1e-6"}, "'rtol'"),
        ("ks", {"rtol": "0"}, "'rtol'"),
        ("ks", {"atol": "-1"}, "'atol'"),
        ("ks", {"dt": "-0.1"}, "'dt'"),
        ("ks", {"dt": "1e9"}, "'dt'"),
        ("ks", {"dt": "0.1", "rtol": "1e-3"}, "not both"),
        ("ks", {"every": "1000"}, "'every'"),
        ("ks", {"every": "-1"}, "'every'"),
        ("ks", {"t1": "-1"}, "later than"),
        ("ks", {"precision": "16"}, "32 or 64"),
        ("ks", {"precision": "32", "rtol": "1e-9"}, "32 bits"),
        ("ks", {"initial": "u=1; u=2"}, "has two"),
        ("ks", {"initial": "u="}, "must be text"),
        ("lorenz", {"points": "64"}, "ODE"),
        (HEAT, {"length": "1", "t1": "1"}, "--initial"),
        (HEAT, {"initial": "1", "t1": "1"}, "--length"),
        (HEAT, {"length": "1", "initial": "1"}, "--t1"),
    ],
)
def test_a_wrong_option_is_explained(target, options, reason):
    with pytest.raises(InputError, match=reason):
        make(target, options)
