import keras
import numpy as np
import pytest
from sklearn import metrics as peer

from vtkeras.errors import UserError
from vtkeras.metrics import (
    ConfusionMatrix,
    ExpectedCalibrationError,
    LabelAccuracy,
    PrecisionRecallF1,
    classification_report,
)

CLASSES = 6


@pytest.fixture
def single_label():
    """Labels 0..4 and predictions 0..4 of 6 classes: class 5 occurs nowhere."""
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(CLASSES), size=200)
    scores[:, 5] = 0
    return rng.integers(0, 5, size=200), scores


@pytest.fixture
def multi_label():
    rng = np.random.default_rng(1)
    scores = rng.random((200, CLASSES))
    return (rng.random((200, CLASSES)) < 0.3).astype("int32"), scores


def test_single_label_equals_scikit_learn(single_label):
    labels, scores = single_label
    predicted = scores.argmax(axis=1)
    report = classification_report(labels, scores)
    assert report["accuracy"] == pytest.approx(peer.accuracy_score(labels, predicted))
    for average in ("macro", "micro"):
        expected = peer.precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
        ours = [report[f"{key}_{average}"] for key in ("precision", "recall", "f1")]
        assert ours == pytest.approx(expected[:3], abs=1e-6)


def test_multi_label_equals_scikit_learn(multi_label):
    labels, scores = multi_label
    predicted = scores >= 0.4
    report = classification_report(labels, scores, multi_label=True, threshold=0.4)
    assert report["accuracy"] == pytest.approx(peer.accuracy_score(labels, predicted))
    for average in ("macro", "micro"):
        expected = peer.precision_recall_fscore_support(labels, predicted, average=average, zero_division=0)
        ours = [report[f"{key}_{average}"] for key in ("precision", "recall", "f1")]
        assert ours == pytest.approx(expected[:3], abs=1e-6)


def test_confusion_matrix_equals_scikit_learn(single_label):
    labels, scores = single_label
    expected = peer.confusion_matrix(labels, scores.argmax(axis=1), labels=range(CLASSES))
    np.testing.assert_array_equal(ConfusionMatrix(CLASSES)(labels, scores), expected)


def test_macro_f1_by_hand():
    # True 0 0 1, predicted 0 1 1: class 0 has P 1, R 1/2, F1 2/3; class 1 has P 1/2, R 1, F1 2/3.
    metric = PrecisionRecallF1(num_classes=3)
    scores = metric(np.array([0, 0, 1]), np.eye(3)[[0, 1, 1]])
    assert {key: float(value) for key, value in scores.items()} == pytest.approx(
        {"precision_macro": 3 / 4, "recall_macro": 3 / 4, "f1_macro": 2 / 3}
    )


def test_calibration_by_hand():
    # Ten bins. (0.5, 0.6]: confidences 0.55 and 0.6, one right: gap |1 - 1.15| = 0.15.
    # (0.9, 1]: confidence 1.0, right: gap 0. Mean over three predictions: 0.05.
    probabilities = np.array([[0.55, 0.45], [0.4, 0.6], [1.0, 0.0]])
    metric = ExpectedCalibrationError(num_classes=2, bins=10)
    assert float(metric(np.array([0, 0, 0]), probabilities)) == pytest.approx(0.05, abs=1e-6)


def test_multi_label_calibration_by_hand():
    # Pairs: p 0.9, label 1: confidence 0.9, right; p 0.1, label 1: 0.9, wrong. Gap |1 - 1.8| / 2.
    metric = ExpectedCalibrationError(num_classes=2, bins=10, multi_label=True)
    assert float(metric(np.array([[1, 1]]), np.array([[0.9, 0.1]]))) == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize(
    "make",
    [LabelAccuracy, PrecisionRecallF1, ConfusionMatrix, ExpectedCalibrationError],
)
def test_streaming_weights_and_saving(single_label, make):
    """Batches equal the whole, weight 0 leaves out, a saved configuration gives the same metric."""
    labels, scores = single_label
    whole = make(CLASSES)
    whole.update_state(labels[:150], scores[:150])
    streamed = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(whole))
    streamed.update_state(labels, scores)
    streamed.reset_state()
    streamed.update_state(labels[:100], scores[:100])
    weights = (np.arange(100) < 50).astype("float32")
    streamed.update_state(labels[100:, None], scores[100:], sample_weight=weights)
    as_numpy = lambda result: keras.tree.map_structure(np.asarray, result)  # noqa: E731
    keras.tree.map_structure(
        lambda ours, expected: np.testing.assert_allclose(ours, expected, atol=1e-6),
        as_numpy(streamed.result()),
        as_numpy(whole.result()),
    )


def test_before_the_first_batch():
    for metric in (LabelAccuracy(2), PrecisionRecallF1(2), ConfusionMatrix(2), ExpectedCalibrationError(2)):
        for value in keras.tree.flatten(metric.result()):
            assert not np.any(value)


def test_metrics_run_in_fit():
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, activation="softmax")])
    averages = [PrecisionRecallF1(3, average) for average in ("macro", "micro")]
    metrics = [LabelAccuracy(3), *averages, ExpectedCalibrationError(3)]
    model.compile(loss="sparse_categorical_crossentropy", metrics=metrics)
    logs = model.evaluate(np.ones((8, 4)), np.zeros(8, int), verbose=0, return_dict=True)
    assert {"accuracy", "f1_macro", "f1_micro", "calibration_error"} <= logs.keys()


@pytest.mark.parametrize(
    "labels, scores, message",
    [
        (np.zeros(0, int), np.zeros((0, 3)), "none empty"),
        (np.zeros(2, int), np.zeros((3, 3)), "must be"),
        (np.array([3]), np.zeros((1, 3)), "0..2"),
    ],
)
def test_bad_input(labels, scores, message):
    with pytest.raises(UserError, match=message):
        classification_report(labels, scores)


def test_unknown_average():
    with pytest.raises(UserError, match="macro, micro"):
        PrecisionRecallF1(3, average="weighted")
