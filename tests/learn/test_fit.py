"""`fit`: what it finds, that it goes on where it stopped, and how it fails."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import duhamel as dh
from duhamel import learn

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(70, 3))
TRUE = np.array([1.0, -2.0, 0.5])
DATA = (X, X @ TRUE)
MODEL = {"w": jnp.zeros(3), "name": "line", "count": 3}
KEY = jax.random.key(3)
ADAM = optax.adam(2e-2)
traces = []


def loss(model, batch, key):
    traces.append(len(batch[1]))
    x, y = batch
    x = x + 0.01 * jax.random.normal(key, x.shape)
    return jnp.mean((x @ model["w"] - y) ** 2), {"largest": jnp.max(abs(model["w"]))}


def run(steps, **options):
    options = {"optimiser": ADAM, "batch": 16, "key": KEY, "every": 20, "progress": False} | options
    return learn.fit(MODEL, loss, DATA, steps=steps, **options)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True))


def test_it_finds_the_line_and_compiles_once():
    traces.clear()
    rows = []
    done = run(400, log=rows.append)
    assert np.allclose(done.model["w"], TRUE, atol=0.02)
    assert done.model["name"] == "line"
    assert done.model["count"] == 3
    assert len(traces) <= 1
    assert rows == done.history
    assert [r["step"] for r in rows] == list(range(20, 401, 20))
    assert done.column("loss")[-1] < 0.01 * done.column("loss")[0]
    assert done.column("largest")[-1] == pytest.approx(2.0, abs=0.05)
    assert done.steps == 400
    assert done.why == "all 400 updates are done"


def test_an_epoch_sees_each_row_at_most_once_and_another_order_follows():
    from duhamel.learn.batches import Batches

    batches = Batches(DATA, 16, KEY)
    first, second = (np.concatenate([batches.rows(4 * e + i) for i in range(4)]) for e in (0, 1))
    assert len(set(first)) == len(set(second)) == 64
    assert not np.array_equal(first, second)
    assert np.array_equal(Batches(DATA, 16, KEY).rows(5), second[16:32])


@pytest.mark.parametrize("half", [40, 30], ids=["at a row", "between rows"])
def test_n_updates_and_n_more_are_2n_bit_for_bit(tmp_path, half):
    whole = run(2 * half, validate=DATA)
    run(half, validate=DATA, checkpoint=tmp_path)
    again = run(2 * half, validate=DATA, checkpoint=tmp_path, resume=True)
    assert same(whole.last, again.last)
    if half % 20 == 0:
        assert same(whole.model, again.model)
        assert whole.history == again.history
        assert (whole.best, whole.best_step) == (again.best, again.best_step)
    # With nothing left to do, the result is that of the checkpoint.
    assert same(run(2 * half, validate=DATA, checkpoint=tmp_path, resume=True).last, whole.last)


def test_old_keys_other_dtypes_and_optimisers_with_state_survive_a_checkpoint(tmp_path):
    model = {"a": jnp.ones(3, jnp.bfloat16), "b": jnp.ones(2, jnp.complex64), "c": jnp.ones((), jnp.float32)}
    optimiser = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(0.1, 20)))

    def loss(model, batch, key):
        del batch, key
        return sum(jnp.sum(abs(v - 2).astype(jnp.float32) ** 2) for v in model.values())

    def part(steps, **options):
        key = jax.random.PRNGKey(0)
        return learn.fit(model, loss, steps=steps, key=key, optimiser=optimiser, progress=False, **options)

    part(5, checkpoint=tmp_path)
    assert same(part(12, checkpoint=tmp_path, resume=True).last, (whole := part(12)).last)
    assert {k: v.dtype for k, v in whole.model.items()} == {k: v.dtype for k, v in model.items()}
    assert abs(whole.model["b"][0] - 2) < 0.7


def test_a_checkpoint_is_not_overwritten_nor_taken_for_another(tmp_path):
    run(20, checkpoint=tmp_path)
    with pytest.raises(dh.InputError, match="resume=True"):
        run(40, checkpoint=tmp_path)
    with pytest.raises(dh.InputError, match="another model or optimiser"):
        run(40, checkpoint=tmp_path, resume=True, optimiser=optax.sgd(0.1))
    (tmp_path / "fit.npz").write_bytes(b"half a file")
    with pytest.raises(dh.StoreError, match="Cannot read"):
        run(40, checkpoint=tmp_path, resume=True)


def test_a_write_that_is_interrupted_leaves_the_last_state(tmp_path, monkeypatch):
    run(20, checkpoint=tmp_path)
    savez = np.savez

    def torn(file, **arrays):
        savez(file, **dict(list(arrays.items())[:2]))
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(np, "savez", torn)
        with pytest.raises(dh.StoreError, match="disk is full"):
            run(60, checkpoint=tmp_path, resume=True)
    assert [p.name for p in tmp_path.iterdir()] == ["fit.npz"]
    assert same(run(40, checkpoint=tmp_path, resume=True).last, run(40).last)


def test_a_process_killed_in_the_middle_of_a_write_leaves_the_last_state(tmp_path):
    code = f"""
import os, sys
sys.path.insert(0, {os.getcwd()!r})
import numpy as np, jax.numpy as jnp
from duhamel.learn.checkpoint import Checkpoint
store = Checkpoint({str(tmp_path)!r})
store.write({{"w": jnp.arange(3.0)}}, {{"step": 1}})
def savez(file, **arrays):
    file.write(b"PK\\x03\\x04 and no more")
    file.flush()
    os._exit(9)
np.savez = savez
store.write({{"w": jnp.zeros(3)}}, {{"step": 2}})
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=120, check=False)
    assert done.returncode == 9
    from duhamel.learn.checkpoint import Checkpoint

    assert len(list(tmp_path.iterdir())) == 2  # the torn one lies beside it and is not taken for it
    state, header = Checkpoint(tmp_path).read({"w": jnp.zeros(3)})
    assert header["step"] == 1
    assert np.array_equal(state["w"], np.arange(3.0))


def test_ctrl_c_leaves_a_checkpoint_of_that_moment(tmp_path):
    count = iter(range(100))

    def stop(row):
        if next(count) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(200, checkpoint=tmp_path, log=stop)
    assert same(run(80, checkpoint=tmp_path, resume=True).last, run(80).last)


def test_it_stops_early_and_keeps_the_best():
    targets = iter([3.0, 2.0, 2.5, 1.0, 1.5, float("nan"), 1.2, 0.0])
    done = run(400, validate=lambda model: (next(targets), {"seen": 1}), patience=3, every=5)
    assert (done.steps, done.best_step, done.best) == (35, 20, 1.0)
    assert done.why == "3 validations in a row were no better"
    assert same(done.model, run(20, every=5).last)
    assert same(done.last, run(35, every=5).last)
    assert done.history[0]["validation seen"] == 1.0


@pytest.mark.parametrize("bad", ["loss", "gradient"])
def test_what_is_not_finite_is_said_with_the_update_and_the_checkpoint_stays(tmp_path, bad):
    def broken(model, batch, key, step):
        small = 0.0 * jnp.sum(model["w"])
        value = jax.lax.cond(
            step >= 13, lambda: 1 / small if bad == "loss" else jnp.sqrt(small), lambda: small
        )
        return loss(model, batch, key)[0] + value

    words = "the loss is inf" if bad == "loss" else "its gradient is not finite"
    options = {"batch": 16, "key": KEY, "every": 5, "progress": False, "checkpoint": tmp_path}
    with pytest.raises(learn.TrainingError, match=f"update 14 {words}.*last.*checkpoint was kept") as error:
        learn.fit(MODEL, broken, DATA, steps=100, **options)
    assert error.value.step == 14
    assert error.value.fit.steps == 13
    assert np.all(np.isfinite(error.value.fit.last["w"]))
    done = learn.fit(MODEL, broken, DATA, steps=10, resume=True, **options)
    assert (done.steps, len(done.history)) == (10, 2)


def test_a_solve_that_fails_inside_the_loss_is_a_training_error():
    def grows(t, u, k):
        return k * u * u

    def failing(model, batch, key):
        return dh.solve(grows, jnp.ones(()), t1=2.0, args=model["w"][0] + 1, method=dh.Tsit5()).us[-1]

    with pytest.raises(learn.TrainingError, match=r"update 1 failed: .*the run failed inside compiled code"):
        learn.fit(MODEL, failing, steps=3, key=KEY, progress=False)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 0}, "steps is a number of updates"),
        ({"batch": 71}, "data has 70 rows"),
        ({"patience": 2}, "give validate as well"),
        ({"resume": True}, "say in which folder"),
        ({"validate": (X, DATA[1][:5])}, "one length, got 5 and 70"),
    ],
    ids=str,
)
def test_what_cannot_be_right_is_said(options, words):
    with pytest.raises(dh.InputError, match=words):
        run(**({"steps": 10} | options))


def test_losses_must_be_numbers_and_models_have_arrays():
    with pytest.raises(dh.InputError, match="a loss returns one real number"):
        learn.fit(MODEL, lambda m, b, k: m["w"], steps=1, key=KEY, progress=False)
    with pytest.raises(dh.InputError, match="nothing to train"):
        learn.fit({"w": np.zeros(3)}, loss, DATA, steps=1, key=KEY, progress=False)


def test_the_bar_shows_loss_and_validation(capsys):
    run(40, progress=True, validate=DATA)
    shown = capsys.readouterr().err
    assert "40/40" in shown
    assert "validation" in shown


def test_without_optax_it_says_what_to_install():
    code = (
        "import importlib.util as u\nfound = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'optax' else found(name, *a)\n"
        "import duhamel as dh\n"
        "try:\n    dh.learn\nexcept ModuleNotFoundError as e:\n    print(e)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert "pip install 'duhamel[learn]'" in done.stdout
