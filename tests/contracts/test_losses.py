"""What every loss must hold, and each one's numbers by hand."""

from functools import partial

import keras
import numpy as np
import pytest
import tensorflow as tf

from vtkeras.losses import ContrastiveLoss, SequenceCrossEntropy, SsimLoss

CAPTIONS = np.array([[1, 2, 0, 0], [3, 0, 0, 0], [0, 0, 0, 0]])
IDS = np.array([5, 6, -1])
RNG = np.random.default_rng(0)
CLIPS = RNG.uniform(0, 255, (3, 2, 12, 12, 3)).astype("float32")
DISTORTED = CLIPS + np.array([20, 40, 0], "float32")[:, None, None, None, None] * RNG.normal(size=CLIPS.shape)

LOSSES = {
    "sequence": (SequenceCrossEntropy, CAPTIONS, RNG.normal(size=(3, 4, 5)).astype("float32")),
    "smoothed": (partial(SequenceCrossEntropy, 0.1), CAPTIONS, RNG.normal(size=(3, 4, 5)).astype("float32")),
    "contrastive": (ContrastiveLoss, IDS, RNG.normal(size=(3, 2, 4)).astype("float32")),
    "ssim": (SsimLoss, CLIPS, DISTORTED.astype("float32")),
}


@pytest.mark.parametrize("name", LOSSES)
def test_one_value_an_example_and_none_for_an_example_that_does_not_count(name):
    make, y_true, y_pred = LOSSES[name]
    values = make(reduction=None)(y_true, y_pred)
    assert values.shape == (3,) and np.isfinite(values).all()
    assert values[2] == 0 and min(values[:2]) > 0
    np.testing.assert_allclose(make()(y_true, y_pred), np.sum(values) / 3, rtol=1e-6)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_are_finite(name):
    make, y_true, y_pred = LOSSES[name]
    y_pred = tf.constant(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(y_pred)
        loss = make()(y_true, y_pred)
    gradient = tape.gradient(loss, y_pred)
    assert np.isfinite(gradient).all() and np.abs(gradient[0]).max() > 0


def test_sequence_by_hand():
    # Probabilities (1/2, 1/4, 1/4) at every place, as logits (log 2, 0, 0). Targets 1 and 0: log 2.
    # Targets 1, 2: (log 4 + log 4) / 2. Here token 1 has logit log 2 in text 0; text 2 is all padding.
    logits = np.zeros((3, 2, 3), "float32")
    logits[0, :, 1] = np.log(2)
    found = SequenceCrossEntropy(reduction=None)(np.array([[1, 0], [1, 2], [0, 0]]), logits)
    np.testing.assert_allclose(found, [np.log(2), np.log(3), 0], atol=1e-6)


def test_smoothing_by_hand():
    # Probabilities 1/2 for token 1 and 1/4 for each other. Smoothing 0.3 keeps 0.7 on the token and
    # spreads 0.3 over all three: 0.7 log 2 + 0.1 (log 2 + log 4 + log 4) = 0.7 log 2 + 0.5 log 2.
    logits = np.array([[[0, np.log(2), 0]]], "float32")
    np.testing.assert_allclose(SequenceCrossEntropy(0.3)(np.array([[1]]), logits), 1.2 * np.log(2), rtol=1e-6)


def pairs(videos, texts):
    return np.stack([np.array(videos, "float32"), np.array(texts, "float32")], axis=1)


def test_contrastive_by_hand():
    # Videos a, b; texts c, d. Products: a.c = log 3, a.d = 0, b.c = 0, b.d = 0.
    # a over texts: 3/4 right. c over videos: 3/4 right. Loss of pair 0: log 4/3 from both sides.
    # b over texts and d over videos: 1/2. Loss of pair 1: log 2.
    y_pred = pairs([[np.log(3), 0], [0, 0]], [[1, 0], [0, 1]])
    found = ContrastiveLoss(reduction=None)(np.array([7, 8]), y_pred)
    np.testing.assert_allclose(found, [np.log(4 / 3), np.log(2)], atol=1e-6)


def test_repeated_ids_are_right_for_each_other():
    # All products are 0, so every probability is 1/3. Examples 0 and 2 share an id: the target is 1/2
    # on each, and the cross-entropy log 3 all the same. Then a strong pull between 0 and 2 only:
    # products 100 within {0, 2}, 0 elsewhere: half of the probability on each, log 2, the least possible.
    ids = np.array([4, 9, 4])
    flat = ContrastiveLoss(reduction=None)(ids, pairs(np.zeros((3, 2)), np.ones((3, 2))))
    np.testing.assert_allclose(flat, [np.log(3)] * 3, rtol=1e-6)
    together = ContrastiveLoss(reduction=None)(
        ids, pairs([[10, 0], [0, 10], [10, 0]], [[10, 0], [0, 10], [10, 0]])
    )
    np.testing.assert_allclose(together, [np.log(2), 0, np.log(2)], atol=1e-6)


def test_negative_id_is_out_on_both_sides():
    y_pred = LOSSES["contrastive"][2].copy()
    without = ContrastiveLoss(reduction=None)(IDS[:2], y_pred[:2])
    y_pred[2] = 50  # neither wrong nor right for the others
    np.testing.assert_allclose(ContrastiveLoss(reduction=None)(IDS, y_pred)[:2], without, rtol=1e-5)
    none = ContrastiveLoss(reduction=None)(np.array([-1, -1, -1]), y_pred)
    np.testing.assert_array_equal(none, [0, 0, 0])


def test_ids_that_are_close_are_apart():
    # Keras brings targets to float32, which tells whole numbers apart below 2 ** 24.
    y_pred = pairs([[10, 0], [0, 10]], [[10, 0], [0, 10]])
    found = ContrastiveLoss(reduction=None)(np.array([2**24 - 1, 2**24 - 2]), y_pred)
    np.testing.assert_allclose(found, [0, 0], atol=1e-6)


def test_contrastive_is_the_same_for_halves_that_see_each_other():
    ids, y_pred = np.array([1, 2, 1, 3]), RNG.normal(size=(4, 2, 4)).astype("float32")
    whole = ContrastiveLoss(reduction=None)(ids, y_pred)
    # What two replicas hold; `gather` gives each the other's as well.
    everything = {(2,): ids.astype("float32"), (2, 2, 4): y_pred}
    gather = lambda tensor: everything[tuple(tensor.shape)]  # noqa: E731
    half = ContrastiveLoss(gather, reduction=None)
    halves = [half(ids[:2], y_pred[:2]), half(ids[2:], y_pred[2:])]
    np.testing.assert_allclose(np.concatenate(halves), whole, rtol=1e-6)


def test_column_of_ids():
    _, ids, y_pred = LOSSES["contrastive"]
    np.testing.assert_allclose(ContrastiveLoss()(ids[:, None], y_pred), ContrastiveLoss()(ids, y_pred), rtol=1e-6)


def test_sequence_round_trip():
    copy = keras.losses.deserialize(keras.losses.serialize(SequenceCrossEntropy(0.2)))
    assert copy.label_smoothing == 0.2


def test_ssim_by_hand():
    # Plain frames have no variance: (2 a b + c1) / (a ** 2 + b ** 2 + c1), c1 = (0.01 * 255) ** 2 = 6.5025.
    y_true, y_pred = np.full((3, 2, 12, 12, 3), 100.0), np.full((3, 2, 12, 12, 3), 100.0)
    y_pred[0], y_pred[1, 1] = 200, 0
    expected = [1 - 40_006.5025 / 50_006.5025, (1 - 6.5025 / 10_006.5025) / 2, 0]
    np.testing.assert_allclose(SsimLoss(reduction=None)(y_true, y_pred), expected, atol=1e-6)
    scaled = SsimLoss(max_value=1.0, reduction=None)(y_true / 255, y_pred / 255)
    np.testing.assert_allclose(scaled, expected, atol=1e-6)


def test_ssim_of_an_inverted_frame_is_negative():
    y_true = CLIPS[:1]
    loss = float(SsimLoss()(y_true, 255 - y_true))
    assert 1 < loss < 2


def test_ssim_leads_to_the_reference():
    pixels = tf.Variable(np.full(CLIPS[:1].shape, 128, "float32"))
    before = float(SsimLoss()(CLIPS[:1], pixels))
    for _ in range(5):
        with tf.GradientTape() as tape:
            loss = SsimLoss()(CLIPS[:1], pixels)
        pixels.assign_sub(5 * tf.sign(tape.gradient(loss, pixels)))
    assert float(SsimLoss()(CLIPS[:1], pixels)) < before / 2


def test_ssim_round_trip():
    copy = keras.losses.deserialize(keras.losses.serialize(SsimLoss(max_value=2.0)))
    assert isinstance(copy, SsimLoss) and copy.max_value == 2.0
