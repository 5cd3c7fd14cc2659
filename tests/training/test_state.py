"""Checkpoints are whole or not there."""

import errno
import os

import keras
import numpy as np
import pytest

from vtkeras.errors import UserError
from vtkeras.training.state import fingerprint, load_state, read_meta, save_state


def make(width=3, seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(width), keras.layers.Dropout(0.5)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def everything(model):
    return [np.asarray(variable) for variable in [*model.variables, *model.optimizer.variables]]


@pytest.fixture
def saved(tmp_path):
    model = make()
    model.train_on_batch(np.ones((4, 2)), np.ones((4, 3)))
    path = tmp_path / "checkpoints" / "last.npz"
    save_state(path, model, {"epoch": 3, "best": float("inf")})
    return path, model


def test_round_trip(saved):
    path, model = saved
    other = make(seed=1)
    assert load_state(path, other) == read_meta(path) == {"epoch": 3, "best": float("inf")}
    for a, b in zip(everything(model), everything(other), strict=True):
        np.testing.assert_array_equal(a, b)
    # Weights, the dropout's seed and the optimizer go on as if nothing had been in between.
    batch = np.ones((4, 2)), np.ones((4, 3))
    for each in (model, other):
        each.train_on_batch(*batch)
    for a, b in zip(everything(model), everything(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_without_optimizer(saved):
    path, model = saved
    other = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3), keras.layers.Dropout(0.5)])
    load_state(path, other, with_optimizer=False)
    np.testing.assert_array_equal(other.layers[0].kernel, model.layers[0].kernel)


def test_float16_optimizer(tmp_path, float32_after):
    keras.mixed_precision.set_global_policy("mixed_float16")
    model = make()
    save_state(tmp_path / "a.npz", model, {})
    model.train_on_batch(np.ones((4, 2)), np.ones((4, 3)))
    load_state(tmp_path / "a.npz", model)  # nothing has come to it in the first step


def test_other_sizes(saved):
    path, _ = saved
    other = make(width=4)
    before = everything(other)
    for with_optimizer in (True, False):
        with pytest.raises(UserError, match="last.npz is of a model with other sizes"):
            load_state(path, other, with_optimizer)
    for a, b in zip(before, everything(other)):
        np.testing.assert_array_equal(a, b)


def test_missing(tmp_path):
    with pytest.raises(UserError, match="no checkpoint .*last.npz"):
        read_meta(tmp_path / "last.npz")


def flip_in_the_middle(data):
    # The last array's bytes, where only its checksum tells.
    at = data.rindex(b"PK\x03\x04") + 150
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]


def as_bare_array(data):
    import io

    file = io.BytesIO()
    np.save(file, np.ones(3))
    return file.getvalue()


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[: len(data) // 2], lambda data: b"", flip_in_the_middle, as_bare_array],
    ids=["truncated", "empty", "flipped", "another file"],
)
def test_damaged(saved, damage):
    path, model = saved
    before = everything(model)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match="last.npz is damaged"):
        load_state(path, model)
    for a, b in zip(before, everything(model)):
        np.testing.assert_array_equal(a, b)


def test_pickles_are_not_read(tmp_path, saved):
    path, model = saved
    np.savez(path, meta=np.array("{}"), v0=np.array([{"a": 1}], object))
    with pytest.raises(UserError, match="holds Python objects"):
        load_state(path, model)


def full(*args, **kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def killed(*args, **kwargs):
    raise KeyboardInterrupt


@pytest.mark.parametrize("function", ["write_array", "fsync", "replace"])
@pytest.mark.parametrize("what,error", [(full, UserError), (killed, KeyboardInterrupt)])
def test_failure_keeps_the_one_before(saved, monkeypatch, function, what, error):
    path, model = saved
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(np.lib.format if function == "write_array" else os, function, what)
        with pytest.raises(error, match="disk is full" if what is full else None):
            save_state(path, model, {"epoch": 4})
    assert path.read_bytes() == before
    save_state(path, model, {"epoch": 4})
    assert read_meta(path) == {"epoch": 4} and [file.name for file in path.parent.iterdir()] == ["last.npz"]


def test_fingerprint(tiny_config):
    assert fingerprint(tiny_config()) == fingerprint(tiny_config("name=other"))
    assert fingerprint(tiny_config()) != fingerprint(tiny_config("train.seed=1"))
