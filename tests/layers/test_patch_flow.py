import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.layers import PatchFlow

DOWN, UP, RIGHT, LEFT = range(4)


def thing(shape):
    """A picture of noise: nothing in it looks like anything else."""
    return np.random.default_rng(4).integers(60, 256, shape, dtype="uint8")


def clip(step, size=64, things=((24, 24),)):
    """Three frames of noise squares of 16 pixels that start at `things` and move by `step` = (down, right) a frame."""
    frames = np.zeros((1, 3, size, size, 3), "uint8")
    for top, left in things:
        for time in range(3):
            row, column = top + time * step[0], left + time * step[1]
            frames[0, time, row : row + 16, column : column + 16] = thing((16, 16, 1))
    return frames


@pytest.mark.parametrize(
    "step,way,half_patches",
    # With 8 patches over 64 pixels half a patch is 4 pixels, so 4 pixels are 1 and 8 pixels are 2.
    [((4, 0), DOWN, 1), ((-8, 0), UP, 2), ((0, 8), RIGHT, 2), ((0, -4), LEFT, 1)],
)
def test_a_moving_square_by_hand(step, way, half_patches):
    flow = np.asarray(PatchFlow(grid=8)(clip(step)))[0].reshape(3, 8, 8, 4)
    row, column = (24 + step[0]) // 8, (24 + step[1]) // 8  # a patch inside the square in the second frame
    np.testing.assert_allclose(flow[1, row, column], half_patches * np.eye(4)[way], atol=0.02)
    # Nothing comes before the first frame, and black patches rest. exp(-30 * 0.1) = 0.05 is what a
    # displacement of one cell weighs there beside none, so that each way gets less than 0.06.
    assert flow[0].max() < 0.06
    assert flow[1:, 7, 7].max() < 0.06


def test_flow_does_not_tell_things_apart():
    other = 255 - clip((4, 0))  # the same square as a negative, on white: another look, the same way
    one, two = (np.asarray(PatchFlow(grid=8)(frames))[0, 1].reshape(8, 8, 4)[3, 3] for frames in (clip((4, 0)), other))
    assert one.argmax() == two.argmax() == DOWN


def test_any_size_of_frame_and_grid():
    # 75 pixels over a grid of 10 are no whole cells, so that the frame is resized to 20 cells of 3.75 pixels.
    flow = PatchFlow(grid=10)(clip((8, 0), size=75))
    assert flow.shape == (1, 3, 100, 4)
    assert np.asarray(flow)[0, 1].reshape(10, 10, 4)[4, 4].argmax() == DOWN


def test_same_in_a_graph_and_after_a_round_trip():
    layer, frames = PatchFlow(grid=8), clip((4, 0))
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    graph = tf.function(copy, input_signature=[tf.TensorSpec((None, None, 64, 64, 3), tf.uint8)])
    np.testing.assert_allclose(graph(frames), layer(frames), atol=1e-6)
