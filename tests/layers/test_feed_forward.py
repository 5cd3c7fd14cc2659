import keras
import numpy as np

from vtkeras.layers import FeedForward


def test_by_hand():
    # 1 is widened to (100, -100); GELU leaves 100 and takes -100 to 0; narrowed by (1, 1) plus 5: 105.
    layer = FeedForward(dim=1)
    layer.build((None, None, 1))
    layer.widen.kernel.assign([[100, -100]])
    layer.narrow.kernel.assign([[1], [1]])
    layer.narrow.bias.assign([5])
    np.testing.assert_allclose(layer(np.ones((1, 1, 1))), [[[105]]], atol=1e-4)


def test_positions_alike_and_widths():
    layer = FeedForward(dim=6, expansion=3)
    found = np.asarray(layer(np.ones((2, 4, 5))))
    assert found.shape == (2, 4, 6) == layer.compute_output_shape((2, 4, 5))
    assert layer.widen.kernel.shape == (5, 18)
    np.testing.assert_allclose(found, np.broadcast_to(found[:1, :1], found.shape), rtol=1e-5)


def test_dropout_in_training_only():
    layer = FeedForward(dim=8, dropout=0.5)
    inputs = np.ones((2, 4, 8))
    np.testing.assert_allclose(layer(inputs), layer(inputs, training=False), atol=1e-6)
    assert (np.asarray(layer(inputs, training=True)) == 0).any()


def test_config_round_trip():
    layer = FeedForward(dim=6, expansion=3, dropout=0.5)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert (copy.dim, copy.expansion, copy.dropout) == (6, 3, 0.5)
