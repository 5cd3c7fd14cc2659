import keras
import numpy as np

from vtkeras.layers import SpaceTimePosition


def test_by_hand():
    # Times 100, 200, 300; places 1, 2. A clip of two frames uses the first two times.
    layer = SpaceTimePosition(max_frames=3)
    layer.build((None, None, 2, 1))
    layer.time.assign(np.array([100, 200, 300]).reshape(3, 1, 1))
    layer.space.assign(np.array([1, 2]).reshape(1, 2, 1))
    found = layer(np.zeros((1, 2, 2, 1)))
    np.testing.assert_array_equal(found[0, :, :, 0], [[101, 102], [201, 202]])


def test_config_round_trip():
    layer = SpaceTimePosition(max_frames=3)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.max_frames == 3
