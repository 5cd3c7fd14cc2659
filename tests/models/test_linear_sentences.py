"""A linear model of whole sentences, by numbers that can be checked by hand."""

import keras
import numpy as np
import pytest

from vtkeras.models import LinearSentences

KNOWN = np.array([[5, 3, 0], [6, 3, 0], [5, 6, 3]], "int32")


def make(**options):
    layer = LinearSentences(3, dim=2, length=3, offered=2, **options)
    layer.kernel.assign([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    layer.tokens.assign(KNOWN)
    layer.new.assign(np.log(0.5))
    return layer


def test_what_is_written_stands_beside_the_likeliest():
    layer = make()
    # Logits 2, 0, 0 of the first clip: probabilities .787, .107, .107; of the second, 0, 2, 0. Half is for new ones.
    tokens, logs = (np.asarray(one) for one in layer(np.array([[1.0, 0.0], [0.0, 2.0]]), KNOWN[[2, 2]]))
    assert tokens[0].tolist() == [KNOWN[2].tolist(), KNOWN[0].tolist(), KNOWN[1].tolist()]
    assert tokens[1, :2].tolist() == [KNOWN[2].tolist(), KNOWN[1].tolist()]
    np.testing.assert_allclose(np.exp(logs[0]), [0.0533, 0.3935, 0.0533], atol=1e-3)


def test_a_sentence_of_several_clips_is_as_likely_as_these_together():
    layer = make()
    layer.tokens.assign(KNOWN[[0, 1, 1]])
    # Logits 2, 0, 0: probabilities .787, .107, .107, of which the last two are of one sentence; half is for new ones.
    tokens, logs = (np.asarray(one) for one in layer(np.array([[1.0, 0.0]]), KNOWN[[1]]))
    assert tokens[0].tolist() == KNOWN[[1, 0, 1]].tolist()
    np.testing.assert_allclose(np.exp(logs[0]), [0.1065, 0.3935, 0.1065], atol=1e-3)


def test_a_new_sentence_has_a_probability_of_its_own_and_share_0_offers_nothing():
    layer = make()
    written = np.array([[6, 6, 3]], "int32")
    assert float(layer(np.ones((1, 2)), written)[1][0, 0]) == pytest.approx(np.log(0.5))
    layer.share.assign(2.0)
    assert float(layer(np.ones((1, 2)), written)[1][0, 0]) == pytest.approx(2 * np.log(0.5))
    layer.share.assign(0.0)
    logs = np.asarray(layer(np.ones((1, 2)), written)[1][0])
    assert logs[0] == 0 and (logs[1:] < -1e6).all()


def test_half_precision_of_a_network_leaves_them_as_they_were_fitted():
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        layer = make()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    layer.new.assign(np.log(1 - 1 / 600))  # in bfloat16 that is 0, and no known sentence would ever be offered
    logs = np.asarray(layer(np.array([[1.0, 0.0]], "float32"), KNOWN[:1])[1])
    assert logs.dtype == np.float32 and np.isfinite(logs).all()


def test_nearest_compares_directions_alone():
    layer = make(nearest=True)
    near, far = (np.asarray(layer.log_probabilities(np.array([[scale, 0.0]], "float32"))) for scale in (0.1, 10.0))
    np.testing.assert_allclose(near, far, atol=1e-5)
