"""The gradient by hand, and a file that keeps the scale."""

import keras
import numpy as np
import tensorflow as tf

from vtkeras.layers import GradientReversal


def test_forward_is_the_identity_and_the_gradient_is_turned():
    inputs = tf.constant([[1.0, -2.0]])
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = GradientReversal(scale=0.5)(inputs)
        loss = tf.reduce_sum(outputs * tf.constant([[3.0, 4.0]]))
    np.testing.assert_array_equal(outputs, inputs)
    np.testing.assert_array_equal(tape.gradient(loss, inputs), [[-1.5, -2.0]])


def test_round_trip_of_a_model():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, GradientReversal(scale=0.25, name="reversal")(inputs))
    assert keras.Model.from_config(model.get_config()).get_layer("reversal").scale == 0.25
