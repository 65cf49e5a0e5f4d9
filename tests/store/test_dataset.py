"""States of any form as an xarray.Dataset."""

import numpy as np
import pytest

from duhamel.dataset import to_dataset
from duhamel.errors import InputError


def test_fields_get_the_axes_of_space():
    x, y = np.arange(4.0), np.arange(6.0)
    u = np.arange(48.0).reshape(2, 4, 6)
    made = to_dataset(
        [0.0, 1.0], {"u": u, "v": -u}, coords={"x": x, "y": y}, attrs={"method": "rk4", "h": np.nan}
    )
    assert made.u.dims == ("time", "x", "y")
    np.testing.assert_array_equal(made.v.values, -u)
    np.testing.assert_array_equal(made.y.values, y)
    assert made.attrs == {"method": "rk4"}


def test_states_without_space():
    trees = to_dataset(np.array([0.0, 1.0]), (np.zeros(2), {"a": np.ones((2, 3))}))
    assert trees["0"].dims == ("time",)
    assert trees["1.a"].sizes == {"time": 2, "1.a_0": 3}
    assert set(to_dataset([0.0], np.ones((1, 2)), labels=("p", "q")).data_vars) == {"p", "q"}
    assert set(to_dataset(0.0, np.ones((1, 2))).data_vars) == {"u"}


@pytest.mark.parametrize(
    ("us", "reason"),
    [
        ({"u": np.zeros((2, 5))}, "the grid has"),
        ({"u": np.zeros((3, 4))}, "times"),
        ({"time": np.zeros((2, 4))}, "taken"),
        ({"x": np.zeros((2, 4))}, "taken"),
    ],
)
def test_what_does_not_fit_is_refused(us, reason):
    with pytest.raises(InputError, match=reason):
        to_dataset([0.0, 1.0], us, coords={"x": np.arange(4.0)})
