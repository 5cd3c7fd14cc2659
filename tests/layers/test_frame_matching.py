import keras
import numpy as np
from keras import ops

from vtkeras.layers import FrameMatching

GRID = 4


def clip(*columns):
    """(1, time, 16, 2): a thing on the first row, in one column of each frame; all else is alike."""
    frames = np.tile(np.array([1.0, 0.0], "float32"), (1, len(columns), GRID * GRID, 1))
    for time, column in enumerate(columns):
        frames[0, time, column] = [0, 1]
    return frames


def found(frames, mask=None):
    """(time, patches, 2, 4), of a head that compares patches as they are, in the next frame and in the one before: rows
    and columns to where a patch is, times five, and how both channels differ there."""
    layer = FrameMatching(dim=8, num_heads=1, head_dim=2)
    mask = np.ones(frames.shape[:2], bool) if mask is None else mask
    layer.build(frames.shape)
    layer.project.set_weights([np.eye(2), np.zeros(2)])
    layer.sharpness.assign(np.full((1, 1, 1), np.log(100)))
    layer.mix.activation = keras.activations.linear
    layer.mix.set_weights([np.eye(8), np.zeros(8)])
    return ops.convert_to_numpy(layer(frames, mask))[0].reshape(len(frames[0]), GRID * GRID, 2, 4)


NOTHING = [0, 0, 0, 0]


def test_a_thing_is_found_again_where_it_went_and_where_it_was():
    one = found(clip(0, 2))
    np.testing.assert_allclose(one[0, 0, 0], [0, 5 * 2 / GRID, 0, 0], atol=1e-3)  # two columns of four, times five
    np.testing.assert_allclose(one[1, 2, 1], [0, -5 * 2 / GRID, 0, 0], atol=1e-3)


def test_a_thing_that_stays_does_not_move():
    np.testing.assert_allclose(found(clip(1, 1))[0, 1], [NOTHING, NOTHING], atol=1e-3)


def test_nothing_is_found_where_there_is_no_frame():
    frames = clip(0, 2, 3)
    one = found(frames)
    assert not one[2, :, 0].any()  # after the last
    assert not one[0, :, 1].any()  # before the first
    assert one[1, 2, 0].any()
    masked = found(frames, np.array([[True, True, False]]))
    assert not masked[1, :, 0].any()
    np.testing.assert_array_equal(masked[1, :, 1], one[1, :, 1])


def test_what_is_gone_tells_how_it_changed():
    frames = clip(0, 0)
    frames[0, 1, 0] = [0.6, 0.8]  # the most alike of what is there
    np.testing.assert_allclose(found(frames)[0, 0, 0], [0, 0, 0.6, -0.2], atol=1e-3)


def test_it_can_be_saved():
    layer = FrameMatching(dim=3, num_heads=1, head_dim=5)
    assert FrameMatching.from_config(layer.get_config()).get_config() == layer.get_config()
