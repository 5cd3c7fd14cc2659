"""Clips that are read once."""

import threading
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras import keys
from vtkeras.config import DataConfig
from vtkeras.data.pipeline import make_dataset
from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.data.text import build_vocabulary
from vtkeras.encoders import FRAME_ENCODERS
from vtkeras.errors import UserError
from vtkeras.models.clip_statistics import read_clips
from vtkeras.planning.candidates import PATCHES
from vtkeras.training import prepared
from vtkeras.training.prepared import SIZES, PreparedSource, is_whole


@pytest.fixture(scope="module")
def source():
    return MovingDigits(train_clips=20, eval_clips=3, max_digits=1)


@pytest.fixture(scope="module")
def preprocessor(source):
    return Preprocessor(DataConfig(num_frames=3, image_size=32), build_vocabulary(source.texts(), 100))


@pytest.fixture(scope="module")
def encoders():
    """EfficientNet-Lite0 with random weights, and those that read it on its way, with the same."""
    whole, *others = (FRAME_ENCODERS[name](image_size=32, motion=True) for name in PATCHES)
    rng = np.random.default_rng(0)
    for layer in whole.backbone.layers:
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)):
            layer.set_weights([rng.normal(0, 0.2, weight.shape) for weight in layer.get_weights()])
    for layer in (layer for one in others for layer in one.backbone.layers[1:]):  # but the input
        layer.set_weights(whole.backbone.get_layer(layer.name).get_weights())
    for one in (whole, *others):
        one.build((None, 3, 32, 32, 3))
    return whole, *others


def rows(source, split="train"):
    return list(source.stored(split).as_numpy_iterator())


def test_clips_that_lack_bytes_are_written_anew(source, preprocessor, tmp_path):
    # A power cut may leave files shorter than they were written, for nobody waits until these are on the disk.
    kept = PreparedSource(source, preprocessor, tmp_path, report=str)
    before = [row[keys.FRAMES] for row in rows(kept)]
    folder = kept.path("train")
    assert is_whole(folder)
    for damage in (lambda path: path.write_bytes(b""), Path.unlink, lambda path: (folder / SIZES).unlink()):
        damage(max((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.stat().st_size))
        assert not is_whole(folder)
        np.testing.assert_array_equal([row[keys.FRAMES] for row in rows(kept)], before)
    assert is_whole(folder) and not is_whole(tmp_path / "none")


def test_features_are_named_by_the_weights_that_they_are_made_with(source, preprocessor, tmp_path):
    """An encoder gets the weights of another run, or of a checkpoint, after its source was made."""

    def made(weight):
        encoder = SimpleNamespace(weights=[np.full(2, weight)], compute_output_shape=lambda shape: shape)
        return PreparedSource(source, preprocessor, tmp_path, encoder, report=str)

    first, again, late = made(0.0), made(0.0), made(0.0)
    late.encoder.weights[0][:] = 1.0
    assert first.path("train") == again.path("train") != late.path("train") == made(1.0).path("train")


def test_what_is_kept_is_written_without_the_tuner(source, preprocessor, tmp_path, monkeypatch):
    tuned, save = [], tf.data.Dataset.save

    def told(dataset, path):
        tuned.append(dataset.options().autotune.enabled)
        return save(dataset, path)

    monkeypatch.setattr(tf.data.Dataset, "save", told)
    rows(PreparedSource(source, preprocessor, tmp_path, report=str))
    assert tuned == [False]  # else it holds up the end of the first pass for minutes


@pytest.mark.whole
def test_stored_features_are_moved_in_training_alone(source, preprocessor, encoders, tmp_path):
    kept = PreparedSource(source, preprocessor, tmp_path, encoders[1], report=str)

    def features(**options):
        batches = make_dataset(kept, "train", preprocessor, dict, 20, augmentation={"shift": 0.5}, **options)
        return next(iter(batches))[keys.FRAME_FEATURES].numpy()

    stored = np.stack([row[keys.FRAME_FEATURES] for row in rows(kept)])
    np.testing.assert_array_equal(features(), stored)
    assert kept.stored("train").options().autotune.enabled is False  # else the tuner holds up its end
    moved = features(training=True)
    np.testing.assert_array_equal(moved, features(training=True))
    assert moved.shape == stored.shape == (20, 3, 4, 548) and (moved != stored).any(axis=(1, 2, 3)).sum() > 5
    for one, other in zip(moved, stored):  # each patch is one that was stored
        assert {patch.tobytes() for patch in one[0]} <= {patch.tobytes() for patch in other[0]}


def test_patches_are_as_plans_count_them(encoders):
    for encoder, (pixels, channels) in zip(encoders, PATCHES.values()):
        assert encoder.compute_output_shape((None, 3, 32, 32, 3)) == (None, 3, (32 // pixels) ** 2, channels)


@pytest.mark.whole
def test_what_is_seen_on_the_way_is_kept_in_the_same_pass(source, preprocessor, encoders, tmp_path):
    whole, *others = encoders
    also = [PreparedSource(source, preprocessor, tmp_path, one, report=str) for one in others]
    both = PreparedSource(source, preprocessor, tmp_path, whole, report=str, statistics=True, also=also)
    first = rows(both)
    assert len({one.path("train") for one in also}) == len(also) == 2
    for kept, encoder in zip(also, others):
        assert kept.path("train").is_dir() and not kept.path("validation").exists()
        alone = rows(PreparedSource(source, preprocessor, tmp_path / "alone", encoder, report=str))
        assert len(first) == len(alone) == 20
        for one, other, row in zip(rows(kept), alone, first):
            assert set(one) == set(other) and keys.STATISTICS not in one and one[keys.VIDEO_ID] == other[keys.VIDEO_ID]
            np.testing.assert_allclose(one[keys.FRAME_FEATURES], other[keys.FRAME_FEATURES], rtol=1e-2, atol=1e-2)
            assert row[keys.VIDEO_ID] == one[keys.VIDEO_ID]
        assert np.ptp([one[keys.FRAME_FEATURES] for one in alone]) > 1
    frames, mask = zip(*(preprocessor.clip(clip[keys.FRAMES]) for clip in source.load("train").take(2)))
    expected = read_clips(whole, np.stack(frames), np.stack(mask))[1]
    found = np.stack([row[keys.STATISTICS] for row in first[:2]])
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.whole
def test_what_is_kept_in_the_same_pass_may_fail(source, preprocessor, encoders, tmp_path, monkeypatch):
    whole, fine, _ = encoders
    also = PreparedSource(source, preprocessor, tmp_path / "also", fine, report=str)
    both = PreparedSource(source, preprocessor, tmp_path, whole, report=str, statistics=True, also=[also])
    save = prepared._save

    def fail(rows, spec, folder):
        if folder.parent == tmp_path / "also":
            raise UserError("The disk is full.")
        save(rows, spec, folder)

    monkeypatch.setattr(prepared, "_save", fail)
    with pytest.raises(UserError, match="disk is full"):
        both.stored("train")
    assert not both.path("train").exists() and not also.path("train").exists()
    monkeypatch.undo()
    assert len(rows(both)) == len(rows(also)) == 20


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_stops_the_reading_is_raised_once_what_was_read_is_written(tmp_path, error):
    """TensorFlow waits for ever for rows that raise after some were written, be it Ctrl-C."""

    def rows():
        yield from ({"a": tf.zeros((200, 200))} for _ in range(300))
        raise error("stopped")

    def save():
        with pytest.raises(error):
            prepared._save(rows, {"a": tf.TensorSpec((200, 200))}, tmp_path)
        ended.append(True)

    ended: list[bool] = []
    thread = threading.Thread(target=save, daemon=True)  # which keeps no test run from its end
    thread.start()
    thread.join(60)
    assert ended and not is_whole(tmp_path)
