"""Checkpoints are whole or not there."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from tests.fixtures.checkpoint_keys import all_keys
from vtkeras.errors import UserError
from vtkeras.training.state import load_state, model_variables, read_meta, run_variables, save_state


def make(width=3, seed=0):
    keras.utils.set_random_seed(seed)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(width), keras.layers.Dropout(0.5)])
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    return model


def variables(model):
    return run_variables(model, optimizer=model.optimizer)


def everything(model):
    return [np.asarray(variable) for variable in [*model.variables, *model.optimizer.variables]]


@pytest.fixture
def saved(tmp_path):
    model = make()
    model.train_on_batch(np.ones((4, 2)), np.ones((4, 3)))
    path = tmp_path / "checkpoints" / "last.npz"
    save_state(path, variables(model), {"epoch": 3, "best": float("inf")})
    return path, model


def test_round_trip(saved):
    path, model = saved
    other = make(seed=1)
    assert load_state(path, variables(other)) == read_meta(path) == {"epoch": 3, "best": float("inf")}
    for a, b in zip(everything(model), everything(other), strict=True):
        np.testing.assert_array_equal(a, b)
    # Weights, the dropout's seed and the optimizer go on as if nothing had been in between.
    batch = np.ones((4, 2)), np.ones((4, 3))
    for each in (model, other):
        each.train_on_batch(*batch)
    for a, b in zip(everything(model), everything(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_float16_optimizer(tmp_path, float32_after):
    keras.mixed_precision.set_global_policy("mixed_float16")
    model = make()
    save_state(tmp_path / "a.npz", variables(model), {})
    model.train_on_batch(np.ones((4, 2)), np.ones((4, 3)))
    load_state(tmp_path / "a.npz", variables(model))  # nothing has come to it in the first step


@pytest.mark.parametrize(
    "change,sentence",
    [
        (lambda arrays: arrays | {"dense/kernel": np.zeros((2, 4), "float32")}, r"dense/kernel is float32\[2, 4\]"),
        (lambda arrays: arrays | {"dense/bias": np.zeros(3, "float16")}, r"dense/bias is float16\[3\]"),
        (lambda arrays: arrays | {"dense_1/bias": np.zeros(3, "float32")}, "holds dense_1/bias, which the model lacks"),
        (lambda arrays: {k: v for k, v in arrays.items() if k != "dense/bias"}, "lacks the model's dense/bias"),
        (lambda arrays: {"v0": np.zeros((2, 3), "float32")}, "older vtkeras: run `vtkeras migrate"),
    ],
    ids=["shape", "precision", "extra key", "missing key", "numbered"],
)
def test_what_does_not_fit(saved, change, sentence):
    path, model = saved
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    np.savez(path, **change({key: array for key, array in arrays.items() if key != "meta"}), meta=arrays["meta"])
    before = everything(model)
    with pytest.raises(UserError, match=sentence):
        load_state(path, variables(model))
    for a, b in zip(before, everything(model)):
        np.testing.assert_array_equal(a, b)


def test_precision_may_change(saved, tmp_path, float32_after):
    # The scale of float16's losses is all that differs.
    path, model = saved
    keras.mixed_precision.set_global_policy("mixed_float16")
    half = make()
    load_state(path, variables(half))
    np.testing.assert_array_equal(half.layers[0].kernel, model.layers[0].kernel)
    half.train_on_batch(np.ones((4, 2)), np.ones((4, 3)))
    save_state(tmp_path / "half.npz", variables(half), {})
    load_state(tmp_path / "half.npz", variables(model))
    np.testing.assert_array_equal(half.layers[0].kernel, model.layers[0].kernel)


def inner():
    from vtkeras.fusion import CrossAttentionFusion
    from vtkeras.models import TextDecoder
    from vtkeras.models.decoder import DecoderBlock

    return TextDecoder(9, 5, [DecoderBlock(CrossAttentionFusion(dim=8, num_heads=2, dropout=0.1)) for _ in range(2)])


def test_keys_name_the_path():
    decoder = inner()
    decoder.build((None, 5), (None, 7, 8), (None, 7))
    keys = model_variables(decoder)
    assert {"position", "embedding/embeddings", "blocks/decoder_block_1/norm/gamma"} <= keys.keys()
    assert "blocks/decoder_block/fusion/drop/seed_generator_state" in keys
    assert {id(variable) for variable in keys.values()} == {id(variable) for variable in decoder.variables}


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_slot_has_its_variable(optimizer):
    model = make()
    optimizer = keras.optimizers.get(optimizer)
    optimizer.build(model.trainable_variables)
    found = run_variables(model, optimizer=optimizer)
    everything = [*model.variables, *optimizer.variables]
    assert len(found) == len(everything) and {id(one) for one in found.values()} == {id(one) for one in everything}
    slots = [key for key in found if key.startswith("optimizer/") and key.endswith("dense/kernel")]
    assert all(found[key].shape == (2, 3) for key in slots)


def test_a_part_used_twice_has_one_key():
    shared = keras.layers.Dense(2, name="shared")
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.Sequential([shared], name="a")(inputs) + shared(inputs))
    assert list(model_variables(model)) == ["shared/kernel", "shared/bias"]


@pytest.mark.whole
def test_keys_are_alike_in_every_process():
    # Here other layers were made first, so that Keras numbers the unnamed ones otherwise.
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(2), keras.layers.Dropout(0.5)])
    inner()
    command = [sys.executable, "-m", "tests.fixtures.checkpoint_keys"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert not done.returncode, done.stderr[-3000:]
    assert all_keys() == json.loads(done.stdout)


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
    with pytest.raises(UserError, match="last.npz is damaged .*`vtkeras train --config .*config.yaml --out .*_anew`"):
        load_state(path, variables(model))
    for a, b in zip(before, everything(model)):
        np.testing.assert_array_equal(a, b)


def test_pickles_are_not_read(tmp_path, saved):
    path, model = saved
    with np.load(path) as file:
        arrays = {key: file[key] for key in file.files}
    np.savez(path, **arrays | {"dense/bias": np.array([{"a": 1}], object)})
    with pytest.raises(UserError, match="holds Python objects"):
        load_state(path, variables(model))


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
            save_state(path, variables(model), {"epoch": 4})
    assert path.read_bytes() == before
    assert what is killed or [file.name for file in path.parent.iterdir()] == ["last.npz"]
    save_state(path, variables(model), {"epoch": 4})  # what a kill left behind is in nobody's way
    assert read_meta(path) == {"epoch": 4} and [file.name for file in path.parent.iterdir()] == ["last.npz"]


def test_another_os_error_is_not_called_a_full_disk(saved, monkeypatch):
    path, model = saved

    def denied(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(np.lib.format, "write_array", denied)
    with pytest.raises(UserError, match="last.npz cannot be written: Permission denied"):
        save_state(path, variables(model), {})
