import keras
import numpy as np
import pytest

from vtkeras.errors import UserError
from vtkeras.layers import PatchMerge


def test_squares_by_hand():
    # A 4 x 4 grid numbered row by row; the upper left square of 2 x 2 holds 0, 1, 4, 5.
    #    0  1 |  2  3
    #    4  5 |  6  7
    #    8  9 | 10 11
    #   12 13 | 14 15
    layer = PatchMerge(dim=4, side=2)
    layer.build((1, 1, 16, 1))
    layer.projection.kernel.assign(np.eye(4))
    found = layer(np.arange(16.0).reshape(1, 1, 16, 1))
    np.testing.assert_allclose(found[0, 0], [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]], atol=1e-5)


def test_frames_and_channels_stay_apart():
    # Two frames of a 2 x 2 grid with two channels: 0..7 and 8..15; merged, each frame is one token.
    layer = PatchMerge(dim=8, side=2)
    layer.build((1, 2, 4, 2))
    layer.projection.kernel.assign(np.eye(8))
    found = layer(np.arange(16.0).reshape(1, 2, 4, 2))
    np.testing.assert_allclose(found[0], [[range(8)], [range(8, 16)]], atol=1e-5)


def test_side_one_projects_only():
    layer = PatchMerge(dim=3)
    assert layer(np.zeros((2, 5, 9, 4))).shape == (2, 5, 9, 3) == layer.compute_output_shape((2, 5, 9, 4))


@pytest.mark.parametrize("patches,side", [(16, 3), (12, 2)])
def test_grid_must_divide(patches, side):
    with pytest.raises(UserError, match=f"model.patch_merge {side} does not divide .* {patches} patches"):
        PatchMerge(dim=4, side=side).build((None, 8, patches, 4))


def test_config_round_trip():
    layer = PatchMerge(dim=6, side=2)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (copy.dim, copy.side) == (6, 2)
