"""Attention by places, on numbers checked by hand."""

import keras
import numpy as np
import pytest

from vtkeras.layers import RelationAttention

TOKENS = np.random.default_rng(0).normal(size=(1, 3, 8)).astype("float32")
PLACES = np.array([[[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]]], "float32")


@pytest.fixture
def layer():
    """Two heads that see places alone: the query, key and value weights are zero."""
    layer = RelationAttention(dim=8, num_heads=2, start=1.0)
    layer.build(TOKENS.shape, PLACES.shape)
    layer.read.set_weights([np.zeros_like(weight) for weight in layer.read.get_weights()])
    return layer


def test_one_head_looks_near_and_one_far(layer):
    _, scores = layer(TOKENS, PLACES, return_scores=True)
    # Squared distances from the first thing: 0, 1 and 4, times -1 in the first head and 1 in the second.
    for head, sign in enumerate((-1, 1)):
        expected = np.exp(sign * np.array([0.0, 1.0, 4.0]))
        np.testing.assert_allclose(scores[0, head, 0], expected / expected.sum(), rtol=1e-5)


def test_each_axis_has_its_own_slope(layer):
    layer.slopes.assign([[-1.0, 0.0], [0.0, -1.0]])
    _, scores = layer(TOKENS, PLACES, return_scores=True)
    # The first head sees columns 0, 1, 0; the second rows 0, 0, 2.
    for head, squares in enumerate(([0.0, 1.0, 0.0], [0.0, 0.0, 4.0])):
        expected = np.exp(-np.array(squares))
        np.testing.assert_allclose(scores[0, head, 0], expected / expected.sum(), rtol=1e-5)


def test_masked_things_are_not_seen(layer):
    mask = np.array([[True, True, False]])
    output, scores = layer(TOKENS, PLACES, mask, return_scores=True)
    assert (np.asarray(scores)[..., 2] == 0).all()
    np.testing.assert_allclose(np.sum(scores, axis=-1), 1, rtol=1e-5)
    none = layer(TOKENS, PLACES, np.zeros((1, 3), bool))
    assert np.isfinite(none).all() and output.shape == TOKENS.shape


def test_round_trip():
    layer = RelationAttention(dim=8, num_heads=2, start=2.0, dropout=0.1)
    copy = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert copy.get_config() == layer.get_config()
