"""Accuracy, precision, recall, F1, confusion and calibration of one-label and many-label classifiers.

All metrics here stream. Single label: `y_true` is int `(batch,)` or `(batch, 1)` and `y_pred` holds scores
`(batch, classes)`, the highest of which is the prediction. Multi label: `y_true` is 0 or 1
`(batch, classes)` and a class is predicted where its score reaches `threshold`.
`sample_weight` is `(batch,)`; weight 0 leaves an example out.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from vtkeras.errors import UserError

AVERAGES = ("macro", "micro")


class _LabelMetric(keras.metrics.Metric):
    """Brings both forms of labels to a 0/1 matrix `(batch, classes)`."""

    def __init__(self, num_classes, multi_label=False, threshold=0.5, name=None, **kwargs):
        super().__init__(name=name, **kwargs)
        self.num_classes = num_classes
        self.multi_label = multi_label
        self.threshold = threshold

    def get_config(self):
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "multi_label": self.multi_label,
            "threshold": self.threshold,
        }

    def _as_matrices(self, y_true, y_pred):
        if self.multi_label:
            return ops.cast(y_true, self.dtype), ops.cast(y_pred >= self.threshold, self.dtype)
        truth = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        predicted = ops.argmax(y_pred, axis=-1)
        return tuple(ops.one_hot(labels, self.num_classes, dtype=self.dtype) for labels in (truth, predicted))

    def _weights(self, y_true, sample_weight):
        if sample_weight is None:
            return ops.ones(ops.shape(y_true)[:1], dtype=self.dtype)
        return ops.cast(sample_weight, self.dtype)


@keras.saving.register_keras_serializable(package="vtkeras")
class LabelAccuracy(_LabelMetric):
    """Share of examples whose labels are all right (multi label: the whole set, "subset accuracy").

    Args:
        num_classes: number of classes.
        multi_label: whether an example has any number of labels.
        threshold: score from which a class is predicted (multi label only).

    Example:
        >>> metric = LabelAccuracy(num_classes=2)
        >>> float(metric(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]])))
        0.5
    """

    def __init__(self, num_classes, multi_label=False, threshold=0.5, name="accuracy", **kwargs):
        super().__init__(num_classes, multi_label, threshold, name, **kwargs)
        self.right = self.add_variable((), "zeros", name="right")
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        truth, predicted = self._as_matrices(y_true, y_pred)
        weights = self._weights(y_true, sample_weight)
        right = ops.cast(ops.all(truth == predicted, axis=-1), self.dtype)
        self.right.assign_add(ops.sum(weights * right))
        self.total.assign_add(ops.sum(weights))

    def result(self):
        return ops.divide_no_nan(self.right, self.total)


@keras.saving.register_keras_serializable(package="vtkeras")
class PrecisionRecallF1(_LabelMetric):
    """Precision, recall and F1, averaged over classes or pooled.

    "macro" is the plain mean over the classes that occur as a label or as a prediction (as
    scikit-learn's default), so classes of the training set that a test set lacks do not count;
    "micro" pools the counts of all classes. A division by zero gives 0. `result` is a dict with
    keys like `f1_macro`.

    Args:
        num_classes: number of classes.
        average: "macro" or "micro".
        multi_label: whether an example has any number of labels.
        threshold: score from which a class is predicted (multi label only).

    Raises:
        UserError: for another average.

    Example:
        >>> metric = PrecisionRecallF1(num_classes=2)
        >>> metric.update_state(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))
        >>> round(float(metric.result()["f1_macro"]), 4)  # class 0: 2/3, class 1: 0
        0.3333
    """

    def __init__(
        self, num_classes, average="macro", multi_label=False, threshold=0.5, name="averages", **kwargs
    ):
        if average not in AVERAGES:
            raise UserError(f"Unknown average '{average}'; there are {', '.join(AVERAGES)}.")
        super().__init__(num_classes, multi_label, threshold, name, **kwargs)
        self.average = average
        self.hits = self.add_variable((num_classes,), "zeros", name="hits")
        self.actual = self.add_variable((num_classes,), "zeros", name="actual")
        self.predicted = self.add_variable((num_classes,), "zeros", name="predicted")

    def get_config(self):
        return {**super().get_config(), "average": self.average}

    def update_state(self, y_true, y_pred, sample_weight=None):
        truth, predicted = self._as_matrices(y_true, y_pred)
        weights = self._weights(y_true, sample_weight)[:, None]
        self.hits.assign_add(ops.sum(weights * truth * predicted, axis=0))
        self.actual.assign_add(ops.sum(weights * truth, axis=0))
        self.predicted.assign_add(ops.sum(weights * predicted, axis=0))

    def result(self):
        counts = [ops.convert_to_tensor(count) for count in (self.hits, self.actual, self.predicted)]
        if self.average == "micro":
            counts = [ops.sum(count, keepdims=True) for count in counts]
        hits, actual, predicted = counts
        scores = {
            "precision": ops.divide_no_nan(hits, predicted),
            "recall": ops.divide_no_nan(hits, actual),
            "f1": ops.divide_no_nan(2 * hits, actual + predicted),
        }
        seen = ops.cast(actual + predicted > 0, self.dtype)
        return {
            f"{key}_{self.average}": ops.divide_no_nan(ops.sum(value), ops.sum(seen))
            for key, value in scores.items()
        }


@keras.saving.register_keras_serializable(package="vtkeras")
class ConfusionMatrix(_LabelMetric):
    """How often each class (row) was taken for each class (column), for single labels.

    `result` is `(classes, classes)`.

    Args:
        num_classes: number of classes.

    Example:
        >>> metric = ConfusionMatrix(num_classes=2)
        >>> np.asarray(metric(np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]))).tolist()
        [[1.0, 0.0], [1.0, 0.0]]
    """

    def __init__(self, num_classes, name="confusion_matrix", **kwargs):
        super().__init__(num_classes, name=name, **kwargs)
        self.counts = self.add_variable((num_classes, num_classes), "zeros", name="counts")

    def get_config(self):
        return {**keras.metrics.Metric.get_config(self), "num_classes": self.num_classes}

    def update_state(self, y_true, y_pred, sample_weight=None):
        truth, predicted = self._as_matrices(y_true, y_pred)
        weights = self._weights(y_true, sample_weight)[:, None]
        self.counts.assign_add(ops.matmul(ops.transpose(weights * truth), predicted))

    def result(self):
        return ops.convert_to_tensor(self.counts)


@keras.saving.register_keras_serializable(package="vtkeras")
class ExpectedCalibrationError(_LabelMetric):
    """Mean gap between confidence and accuracy, 0 (calibrated) to 1.

    Predictions fall into equal bins of confidence, (a, b] each; the gap of a bin weighs as its
    share of predictions. Guo et al. 2017, "On Calibration of Modern Neural Networks". `y_pred`
    must be probabilities. Multi label: every (example, class) pair is one yes-or-no prediction of
    confidence max(p, 1 - p).

    Args:
        num_classes: number of classes.
        bins: number of bins.
        multi_label: whether an example has any number of labels.

    Example:
        >>> metric = ExpectedCalibrationError(num_classes=2)
        >>> probabilities = np.array([[0.75, 0.25], [0.75, 0.25]])
        >>> float(metric(np.array([0, 1]), probabilities))  # half are right, 0.75 was claimed
        0.25
    """

    def __init__(self, num_classes, bins=15, multi_label=False, name="calibration_error", **kwargs):
        super().__init__(num_classes, multi_label, name=name, **kwargs)
        self.bins = bins
        self.confidence = self.add_variable((bins,), "zeros", name="confidence")
        self.right = self.add_variable((bins,), "zeros", name="right")
        self.count = self.add_variable((bins,), "zeros", name="count")

    def get_config(self):
        options = {"num_classes": self.num_classes, "bins": self.bins, "multi_label": self.multi_label}
        return {**keras.metrics.Metric.get_config(self), **options}

    def update_state(self, y_true, y_pred, sample_weight=None):
        y_pred = ops.cast(y_pred, self.dtype)
        weights = self._weights(y_true, sample_weight)
        if self.multi_label:
            truth, predicted = self._as_matrices(y_true, y_pred)
            right = ops.reshape(truth == predicted, (-1,))
            confidence = ops.reshape(ops.maximum(y_pred, 1 - y_pred), (-1,))
            weights = ops.repeat(weights, self.num_classes)
        else:
            right = ops.argmax(y_pred, axis=-1) == ops.cast(ops.reshape(y_true, (-1,)), "int32")
            confidence = ops.max(y_pred, axis=-1)
        index = ops.clip(ops.ceil(confidence * self.bins) - 1, 0, self.bins - 1)
        in_bin = weights[:, None] * ops.one_hot(ops.cast(index, "int32"), self.bins, dtype=self.dtype)
        self.confidence.assign_add(ops.matmul(confidence, in_bin))
        self.right.assign_add(ops.matmul(ops.cast(right, self.dtype), in_bin))
        self.count.assign_add(ops.sum(in_bin, axis=0))

    def result(self):
        return ops.divide_no_nan(ops.sum(ops.abs(self.right - self.confidence)), ops.sum(self.count))

    def reliability(self) -> list[dict]:
        """The reliability diagram: mean confidence, accuracy and count of each bin that holds a prediction."""
        sums = (np.asarray(one).tolist() for one in (self.confidence, self.right, self.count))
        return [
            {"confidence": confidence / count, "accuracy": right / count, "count": int(count)}
            for confidence, right, count in zip(*sums, strict=True)
            if count
        ]


def classification_report(
    y_true: np.ndarray, y_pred: np.ndarray, multi_label: bool = False, threshold: float = 0.5
) -> dict[str, float]:
    """All classification scores of a whole split at once.

    Args:
        y_true: int `(examples,)`, or 0/1 `(examples, classes)` for `multi_label`.
        y_pred: probabilities `(examples, classes)`.
        multi_label: whether an example has any number of labels.
        threshold: probability from which a class is predicted (multi label only).

    Returns:
        `accuracy`, `calibration_error`, and `precision`, `recall` and `f1` with `_macro` and
        `_micro` behind each.

    Raises:
        UserError: for no examples, shapes that do not fit, or a label outside the classes.

    Example:
        >>> classification_report(np.array([0, 1]), np.array([[1.0, 0.0], [0.0, 1.0]]))["f1_macro"]
        1.0
    """
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred)
    _check(y_true, y_pred, multi_label)
    num_classes = y_pred.shape[1]
    options = {"num_classes": num_classes, "multi_label": multi_label}
    report = {
        "accuracy": float(LabelAccuracy(threshold=threshold, **options)(y_true, y_pred)),
        "calibration_error": float(ExpectedCalibrationError(**options)(y_true, y_pred)),
    }
    for average in AVERAGES:
        scores = PrecisionRecallF1(average=average, threshold=threshold, **options)(y_true, y_pred)
        report.update({key: float(value) for key, value in scores.items()})
    return report


def _check(y_true, y_pred, multi_label):
    if y_pred.ndim != 2 or not y_pred.size:
        raise UserError(f"Scores must be (examples, classes) with none empty, not {y_pred.shape}.")
    expected = y_pred.shape if multi_label else y_pred.shape[:1]
    if y_true.shape != expected:
        raise UserError(f"For scores {y_pred.shape} the labels must be {expected}, not {y_true.shape}.")
    highest = 1 if multi_label else y_pred.shape[1] - 1
    if y_true.min() < 0 or y_true.max() > highest:
        raise UserError(f"Labels must lie in 0..{highest}, not {y_true.min()}..{y_true.max()}.")
