"""The few tokens of a frame: what is in them, and where they are."""

import keras
import numpy as np
import pytest

from vtkeras import keys
from vtkeras.encoders.spatial_softmax import SpatialSoftmaxTokens

MASK = np.ones((1, 2), bool)


@pytest.fixture
def encoder():
    encoder = SpatialSoftmaxTokens(dim=8, max_frames=4, num_tokens=3, num_layers=1, num_heads=2)
    encoder.build((None, 2, 9, 5))
    return encoder


def test_maps_share_out_a_frame(encoder):
    patches = np.random.default_rng(0).normal(size=(1, 2, 9, 5)).astype("float32")
    video = encoder(patches, MASK)
    assert video[keys.MAPS].shape == (1, 6, 9) and video[keys.SEQUENCE].shape == (1, 6, 8)
    np.testing.assert_allclose(np.sum(video[keys.MAPS], axis=-1), 1, rtol=1e-5)


def test_places_by_hand(encoder):
    # On a 3 x 3 grid: all in the top right corner; half in the middle, half at its left; spread evenly.
    maps = np.zeros((1, 1, 3, 9), "float32")
    maps[0, 0, 0, 2] = 1
    maps[0, 0, 1, [3, 4]] = 0.5
    maps[0, 0, 2] = 1 / 9
    np.testing.assert_allclose(encoder._places(maps)[0, 0], [[1, -1], [-0.5, 0], [0, 0]], atol=1e-6)


def test_times_by_hand(encoder):
    # Two frames of at most four: at 0 and at a quarter.
    times = np.asarray(encoder._times(np.ones((1, 2, 3, 9), "float32")))
    np.testing.assert_allclose(times[0, :, :, 0], [[0] * 3, [0.25] * 3])


def test_tokens_begin_as_what_the_warm_up_found(encoder):
    detectors = keras.layers.Dense(2)
    detectors.build((None, 5))
    detectors.set_weights([np.arange(10.0).reshape(5, 2), np.array([3.0, -3.0])])
    before = encoder.choose.get_weights()
    encoder.begin_with(detectors)
    kernel, bias = encoder.choose.get_weights()
    np.testing.assert_array_equal(kernel[:, :2], np.arange(10.0).reshape(5, 2))
    np.testing.assert_array_equal(kernel[:, 2], before[0][:, 2])
    assert bias.tolist() == [3, -3, 0]
    # A frame in which the first detector finds one patch: e^20 times as much of it as of another.
    patches = np.zeros((1, 2, 9, 5), "float32")
    patches[:, :, 7, 4] = 2.5  # times weight 8 is 20
    assert np.asarray(encoder(patches, MASK)[keys.MAPS])[0, 0, 7] > 0.999
