"""The warm-up's frames and labels, and that it teaches the frame encoder."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.data.pipeline import read
from vtkeras.data.sources.moving_digits import MovingDigits
from vtkeras.encoders import FrameEncoder
from vtkeras.training.warmup import FrameLabeller, _single_frames, warm_up


@pytest.fixture(scope="module")
def source():
    return MovingDigits(train_clips=40, max_digits=1, augment=False)


def make_encoder():
    keras.utils.set_random_seed(0)
    backbone = keras.Sequential([keras.Input((32, 32, 3)), keras.layers.Conv2D(16, 16, strides=16)])
    return FrameEncoder(backbone, scale=1 / 255, motion=True)


def test_single_frames_and_labels(source, preprocessor, vocabulary):
    frames, labels, weights = next(iter(_single_frames(source, preprocessor, 8, seed=0)))
    assert frames.shape == (8, 1, 32, 32, 3) and frames.dtype == tf.uint8
    assert labels.shape == (8, len(vocabulary.labels))
    np.testing.assert_array_equal(np.sum(labels, axis=1), 2)  # one digit, one way
    assert (frames.numpy().max(axis=(1, 2, 3, 4)) > 0).all()
    np.testing.assert_array_equal(weights, 1)


def test_a_clip_without_a_label_tells_nothing(source, preprocessor, monkeypatch):
    def half_labelled(*arguments, **options):
        clips = read(*arguments, **options).enumerate()
        return clips.map(lambda place, clip: {**clip, "label": tf.where(place % 2 == 0, clip["label"], "")})

    monkeypatch.setattr("vtkeras.training.warmup.read", half_labelled)
    _, labels, weights = next(iter(_single_frames(source, preprocessor, 32, seed=0)))
    assert set(weights.numpy()) == {0.0, 1.0}
    np.testing.assert_array_equal(np.sum(labels, axis=1), 2 * weights)


def test_encoders_of_several_maps_are_warmed_up_too():
    backbone = keras.Input((32, 32, 3))
    fine = keras.layers.Conv2D(4, 8, strides=8)(backbone)
    coarse = keras.layers.Conv2D(6, 16, strides=16)(backbone)
    encoder = FrameEncoder(keras.Model(backbone, [fine, coarse]), scale=1 / 255, motion=False)
    labeller = FrameLabeller(encoder, 5)
    labeller.build((None, 1, 32, 32, 3))
    frames = np.zeros((2, 1, 32, 32, 3), "uint8")
    assert labeller(frames).shape == (2, 5)
    assert encoder.appearance(frames).shape[-1] == encoder.appearance_dim(frames.shape) == 4 * 4 + 6


def test_same_seed_same_frames(source, preprocessor):
    def first(seed):
        return next(iter(_single_frames(source, preprocessor, 8, seed)))[0].numpy()

    assert (first(1) == first(1)).all() and (first(1) != first(2)).any()


def test_labeller_takes_the_strongest_patch(vocabulary):
    # Four patches; the head reads the highest value of each channel, whichever patch it is in.
    labeller = FrameLabeller(make_encoder(), 3)
    frames = np.random.default_rng(0).integers(0, 256, (2, 1, 32, 32, 3), dtype="uint8")
    found = labeller(frames)
    patches = labeller.frame_encoder.appearance(frames)[:, 0]
    np.testing.assert_allclose(found, labeller.head(tf.reduce_max(patches, axis=1)), atol=1e-5)


def test_it_teaches_the_frame_encoder(source, preprocessor, tiny_config):
    encoder = make_encoder()
    encoder.build((None, 4, 32, 32, 3))
    before = [np.asarray(weight) for weight in encoder.backbone.weights]
    losses = []
    keep = keras.callbacks.LambdaCallback(on_train_batch_end=lambda step, logs: losses.append(logs["loss"]))
    config = tiny_config("train.warmup={steps: 40, batch_size: 16, learning_rate: 0.01}")
    synchronised = []
    warm_up(
        encoder, source, preprocessor, config, tf.distribute.get_strategy(), [keep], synchronised.append
    )
    assert len(losses) == 40 and losses[-1] < 0.8 * losses[0]
    assert all((np.asarray(weight) != old).any() for weight, old in zip(encoder.backbone.weights, before))
    assert isinstance(synchronised[0], FrameLabeller)
