"""Plans as values: equality, files, words, pictures; and what importing the package costs."""

import os
import subprocess
import sys

import numpy as np
import pytest

from duhamel import sampling
from duhamel.errors import InputError


@pytest.mark.parametrize(
    "plan",
    [
        sampling.plan(sampling.VP(), steps=5),
        sampling.plan(sampling.Discrete.linear(size=50), "edm", steps=4, churn=2.0),
        sampling.plan(sampling.Flow(3.0), "unipc", steps=6, order=3, predicts="flow"),
        sampling.plan(sampling.EDM(), "heun", steps=4, predicts="edm"),
        sampling.Plan.stack([sampling.plan(sampling.VP(), steps=4, order=k) for k in (1, 2)]),
    ],
    ids=lambda plan: plan.provenance["rule"],
)
def test_round_trip(plan, tmp_path):
    plan.save(tmp_path / "plan.json")
    found = sampling.Plan.load(tmp_path / "plan.json")
    assert found == plan
    assert hash(found) == hash(plan)
    assert found.schedule == plan.schedule
    assert found.provenance["rule"] == plan.provenance["rule"]
    assert found != plan.replace(m=plan.m * (1 + 1e-15))


def test_what_is_not_a_plan_is_refused(tmp_path):
    for text in ("{}", "[1, 2]", "not json", '{"format": "duhamel sampling plan", "version": 1}'):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InputError):
            sampling.Plan.load(tmp_path / "bad.json")
    with pytest.raises(InputError):
        sampling.Plan.load(tmp_path / "absent.json")


def test_description_and_picture(tmp_path):
    plan = sampling.plan(sampling.VP(), "unipc", steps=6, order=3)
    words = plan.describe()
    assert "6 network evaluations" in words
    assert "2302" not in words
    assert "order=3" in words
    assert len([line for line in words.splitlines() if line[:4].strip().isdigit()]) == 6
    plan.plot(tmp_path / "plan.png")
    assert (tmp_path / "plan.png").stat().st_size > 5000
    wild = sampling.plan(sampling.VP(), "multistep", steps=9, order=6, grid="logsnr", final="sigma_min")
    assert "opposite sign" in wild.describe()
    assert "still has noise" in wild.describe()


def test_a_plan_cannot_be_changed():
    plan = sampling.plan(sampling.VP(), steps=3)
    with pytest.raises(ValueError, match="read-only"):
        plan.m[0, 0] = 1.0
    assert plan.m.dtype == np.float64
    assert plan.nfe == 3


def test_a_schedule_of_ones_own_is_only_named(tmp_path):
    class Mine(sampling.VP):
        pass

    sampling.plan(Mine(), steps=3).save(tmp_path / "plan.json")
    assert sampling.Plan.load(tmp_path / "plan.json").schedule is None


def test_importing_brings_neither_jax_nor_torch():
    code = (
        "import sys; from duhamel import sampling; import numpy as np; p = sampling.plan(sampling.VP(), "
        "steps=4); "
        "sampling.sample(lambda x, t: x, np.ones((2, 3)), p, progress=False); print(*sys.modules)"
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("JAX", "XLA"))}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=kept, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert not {"jax", "torch", "matplotlib", "scipy"}.intersection(done.stdout.split())
