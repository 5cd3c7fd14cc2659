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
    """(time, patches, 5) of the next frame, of a head that compares patches as they are: rows and columns that a patch
    moves, likeness, and the change of both channels."""
    layer = FrameMatching(dim=10, num_heads=1, head_dim=2)
    mask = np.ones(frames.shape[:2], bool) if mask is None else mask
    layer.build(frames.shape)
    layer.project.set_weights([np.eye(2), np.zeros(2)])
    layer.sharpness.assign(np.full((1, 1, 1), np.log(100)))
    layer.mix.activation = keras.activations.linear
    layer.mix.set_weights([np.eye(10), np.zeros(10)])
    return ops.convert_to_numpy(layer(frames, mask))[0, ..., :5]


def test_a_thing_is_found_again_where_it_went():
    one = found(clip(0, 2))
    np.testing.assert_allclose(one[0, 0], [0, 5 * 2 / GRID, 1, 0, 0], atol=1e-3)  # two columns of four, times five


def test_a_thing_that_stays_does_not_move():
    np.testing.assert_allclose(found(clip(1, 1))[0, 1], [0, 0, 1, 0, 0], atol=1e-3)


def test_the_last_frame_and_one_before_padding_are_their_own_neighbours():
    frames = clip(0, 2, 3)
    np.testing.assert_allclose(found(frames)[2, 3], [0, 0, 1, 0, 0], atol=1e-3)
    masked = found(frames, np.array([[True, True, False]]))
    np.testing.assert_allclose(masked[1, 2], [0, 0, 1, 0, 0], atol=1e-3)


def test_what_is_gone_tells_how_it_changed():
    frames = clip(0, 0)
    frames[0, 1, 0] = [0.6, 0.8]  # the most alike of what is there: cosine 0.8
    np.testing.assert_allclose(found(frames)[0, 0], [0, 0, 0.8, 0.6, -0.2], atol=1e-3)


def test_directions_look_both_ways():
    layer = FrameMatching(dim=3)
    frames = np.random.default_rng(0).normal(size=(1, 3, GRID * GRID, 6)).astype("float32")
    mask = np.ones((1, 3), bool)
    before = ops.convert_to_numpy(layer(frames, mask))
    changed = frames.copy()
    changed[0, 2] += 1
    after = ops.convert_to_numpy(layer(changed, mask))
    np.testing.assert_allclose(after[0, 0], before[0, 0], atol=1e-5)  # its neighbour is the second frame alone
    assert np.abs(after[0, 1] - before[0, 1]).max() > 1e-3


def test_it_can_be_saved():
    layer = FrameMatching(dim=3, num_heads=1, head_dim=5)
    assert FrameMatching.from_config(layer.get_config()).get_config() == layer.get_config()
