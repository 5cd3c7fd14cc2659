import keras
import numpy as np
import tensorflow as tf
from keras import ops

from vtkeras.layers import MaskGradient, NextTokenMask, RotateMotion


def test_half_of_the_clips_are_rotated_in_training_only():
    # Two channels of appearance, then down, up, right, left: rotated, the last four read right, left, down, up.
    patches = np.tile(np.arange(6.0, dtype="float32"), (64, 2, 4, 1))
    layer = RotateMotion([7])
    found, rotated = layer(patches, training=True)
    rotated = np.asarray(rotated)
    np.testing.assert_array_equal(np.asarray(found)[~rotated], patches[~rotated])
    np.testing.assert_array_equal(np.asarray(found)[rotated], np.tile([0, 1, 4, 5, 2, 3], (rotated.sum(), 2, 4, 1)))
    assert 16 < rotated.sum() < 48  # half of 64, give or take 4 deviations
    same, none = layer(patches)
    np.testing.assert_array_equal(same, patches)
    assert not np.any(none)


def test_masked_gradients_are_zero():
    values = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    for blocked, gradient in [
        ([True, False], [[0, 0], [6, 8]]),  # of the sum of squares: twice the value, or nothing
        ([[True, False], [False, True]], [[0, 4], [6, 0]]),
    ]:
        with tf.GradientTape() as tape:
            tape.watch(values)
            passed = MaskGradient()(values, tf.constant(blocked))
            loss = tf.reduce_sum(passed**2)
        np.testing.assert_array_equal(passed, values)
        np.testing.assert_array_equal(tape.gradient(loss, values), gradient)


def test_next_token_mask_by_hand():
    # A decoder's input; position 1 (token 5) and position 3 (token 9) are to be followed by 7 or 8.
    text = np.array([[2, 5, 7, 9, 8, 0]] * 2)
    found = NextTokenMask([7, 8])(text, np.array([True, False]))
    np.testing.assert_array_equal(found, [[False, True, False, True, False, False], [False] * 6])


def test_round_trips():
    for layer in (RotateMotion([7]), MaskGradient(), NextTokenMask([3, 4])):
        copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
        assert type(copy) is type(layer) and copy.get_config() == layer.get_config()


def test_symbolic_shapes():
    patches, rotated = RotateMotion([7])(keras.Input((8, 16, 100)))
    assert patches.shape == (None, 8, 16, 100) and rotated.shape == (None,) and rotated.dtype == "bool"
    assert NextTokenMask([1])(keras.Input((5,), dtype="int32"), rotated).shape == (None, 5)
    assert MaskGradient()(ops.zeros((2, 3)), ops.zeros((2,), "bool")).shape == (2, 3)
