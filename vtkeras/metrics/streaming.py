"""What all metrics over strings share: `keras.metrics.Metric` whose arithmetic is Python's."""

from __future__ import annotations

import re
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf


class StringMetric(keras.metrics.Metric):
    """A metric over columns of strings that can be fed batch by batch, eagerly or inside a graph.

    A subclass counts one example in `count_one`, as `size` numbers that are summed over all examples,
    and makes its score of the sums in `score`. What cannot be summed (a corpus's document frequencies)
    it keeps in `corpus`, which `reset_state` makes anew by `new_corpus`; such a metric holds every
    example in memory. In a graph the strings are handed to Python, so it runs on the host, under one
    process.

    Args:
        size: how many numbers `count_one` gives.
        name, dtype: as for every Keras metric; the sums are float64 whatever the dtype.
    """

    def __init__(self, size: int = 0, name: str | None = None, dtype=None):
        # Keras's own default counts instances, and with them the keys of `fit`'s logs.
        name = name or re.sub("(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        super().__init__(name=name, dtype=dtype)
        self.sums = self.add_variable((size,), "zeros", dtype="float64", name="sums")
        self.corpus = self.new_corpus()

    def update(self, *columns, sample_weight=None) -> None:
        """Adds a batch; each column is a list, or a tensor or ragged tensor of strings, one row an example."""
        if tf.executing_eagerly():
            weights = [1.0] * len(columns[-1]) if sample_weight is None else sample_weight
            counted = self._count(*columns, weights)
        else:
            weights = tf.ones(tf.shape(columns[-1])[:1]) if sample_weight is None else sample_weight
            counted = tf.py_function(self._count, [*columns, weights], tf.float64)
            counted = tf.ensure_shape(counted, self.sums.shape)
        self.sums.assign_add(counted)

    def result(self):
        """The score of all examples since the last reset: a float, or inside a graph a tensor."""
        if tf.executing_eagerly():
            return float(self.score(np.asarray(self.sums)))
        return tf.py_function(lambda sums: float(self.score(sums.numpy())), [self.sums.value], tf.float64)

    def reset_state(self):
        """Forgets all examples."""
        super().reset_state()
        self.corpus = self.new_corpus()

    def new_corpus(self):
        """What is kept beside the sums, as an object that is no list or dict; None for most metrics."""
        return None

    def check(self, *columns) -> None:
        """Raises a `UserError` where a batch of lists cannot be counted."""

    def count_one(self, *row) -> Sequence[float]:
        """The numbers of one example."""
        raise NotImplementedError

    def score(self, sums: np.ndarray) -> float:
        """The metric's value for sums over all examples; 0.0 before the first one."""
        raise NotImplementedError

    def _count(self, *columns_and_weights):
        *columns, weights = (as_python(values) for values in columns_and_weights)
        self.check(*columns)
        counted = np.zeros(self.sums.shape[0])
        for weight, *row in zip(weights, *columns, strict=True):
            if weight:
                counted += weight * np.asarray(self.count_one(*row), "float64")
        return counted


class CorpusMetric(StringMetric):
    """A `StringMetric` of what is kept of the corpus alone; an example counts as it is or, at weight 0, not.

    `fit` asks for the result after every batch, and each time the whole corpus is walked: feed such a
    metric by hand, or in `evaluate`, where a corpus is large.
    """

    def count_one(self, *row):
        self.update_one(*row)
        return ()

    def update_one(self, *row) -> None:
        """Takes in one example."""
        raise NotImplementedError


def as_python(values):
    """Strings or numbers of an eager tensor, ragged tensor or array as nested lists; anything else as it is.

    Example:
        >>> as_python(tf.constant(["a", "b"]))
        ['a', 'b']
    """
    if isinstance(values, tf.RaggedTensor):
        values = values.to_list()
    elif hasattr(values, "numpy"):
        values = values.numpy().tolist()
    elif isinstance(values, np.ndarray):
        values = values.tolist()
    return _decode(values)


def _decode(values):
    if isinstance(values, bytes):
        return values.decode("utf-8", "replace")
    return [_decode(value) for value in values] if isinstance(values, list) else values
