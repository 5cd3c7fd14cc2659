"""Text metrics while a model trains: token ids and logits, turned into strings first."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf

from vtkeras.metrics.diversity import DiversityMetric
from vtkeras.metrics.text import TextMetric


class OnTokens(keras.metrics.Metric):
    """A text metric for `compile`: of the likeliest tokens against the right ones.

    A decoder that trains sees the right words before each position, so this flatters a model beside
    what it writes on its own; it tells whether training moves, not how good the captions are.

    Args:
        metric: a `TextMetric` or a `DiversityMetric`.
        to_text: int32 (batch, length) to strings (batch,), such as `Preprocessor.to_text`.

    Example:
        >>> model.compile(loss=..., weighted_metrics={"caption": [OnTokens(Bleu(4), preprocessor.to_text)]})
    """

    def __init__(self, metric: TextMetric | DiversityMetric, to_text: Callable, name: str | None = None):
        super().__init__(name=name or metric.name)
        self.metric = metric
        self.to_text = to_text

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch of token ids (batch, length) and logits (batch, length, vocabulary)."""
        predictions = self.to_text(tf.argmax(y_pred, axis=-1, output_type=tf.int32))
        if isinstance(self.metric, DiversityMetric):
            self.metric.update_state(predictions, sample_weight)
        else:
            self.metric.update_state(self.to_text(tf.cast(y_true, tf.int32)), predictions, sample_weight)

    def result(self):
        return self.metric.result()

    def reset_state(self):
        self.metric.reset_state()
