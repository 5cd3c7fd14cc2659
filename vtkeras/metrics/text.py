"""What the text metrics share: references beside a prediction, their checks, and counts of n-grams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import tensorflow as tf

from vtkeras.errors import UserError
from vtkeras.metrics.streaming import CorpusMetric, StringMetric
from vtkeras.metrics.tokenize import tokenize

Tokens = list[str]


class TextMetric(StringMetric):
    """A `keras.metrics.Metric` over (references, prediction) pairs of strings, cut by `tokenize`.

    A subclass counts one tokenised example in `count_tokens` and gives its score in `score`.

    Example:
        >>> from vtkeras.metrics import ExactMatch
        >>> metric = ExactMatch()
        >>> metric.update_state([["a cat", "the cat"]], ["A cat!"])
        >>> metric.result()
        1.0
    """

    def update_state(self, references, predictions, sample_weight=None) -> None:
        """Adds a batch.

        Args:
            references: `(examples, references of the example)`: every right text, as lists, a string
                tensor or a ragged one; a tensor `(examples,)` holds one reference for each.
            predictions: strings `(examples,)`.
            sample_weight: float `(examples,)`; weight 0 leaves an example out.

        Raises:
            UserError: when the two differ in length, or an example has no reference. An empty
                string is a reference (and a prediction) like any other.
        """
        if tf.is_tensor(references) and references.shape.rank == 1:
            references = references[:, None]
        self.update(references, predictions, sample_weight=sample_weight)

    def check(self, references, predictions):
        check_pairs(references, predictions)

    def count_one(self, references, prediction):
        return self.count_tokens([tokenize(text) for text in references], tokenize(prediction))

    def count_tokens(self, references: list[Tokens], prediction: Tokens) -> Sequence[float]:
        """The numbers of one tokenised example."""
        raise NotImplementedError


class MeanTextMetric(TextMetric):
    """A `TextMetric` that is the mean of one score an example, given by `score_one`."""

    def __init__(self, name: str | None = None, dtype=None):
        super().__init__(2, name, dtype)

    def count_tokens(self, references, prediction):
        return self.score_one(references, prediction), 1.0

    def score(self, sums):
        total, examples = sums
        return total / examples if examples else 0.0

    def score_one(self, references: list[Tokens], prediction: Tokens) -> float:
        """The score of one tokenised example."""
        raise NotImplementedError


class CorpusTextMetric(CorpusMetric, TextMetric):
    """A `TextMetric` of the corpus as a whole: `update_one` takes in one tokenised example."""

    def __init__(self, name: str | None = None, dtype=None):
        super().__init__(0, name, dtype)

    def count_one(self, references, prediction):
        self.update_one([tokenize(text) for text in references], tokenize(prediction))
        return ()


def score_corpus(metric: TextMetric, references: Sequence[Sequence[str]], predictions: Sequence[str]) -> float:
    """Feeds a whole corpus to a fresh `metric` and gives its score.

    Args:
        metric: a metric that has seen nothing.
        references: every right text of each example.
        predictions: a text for each example.

    Raises:
        UserError: as `TextMetric.update_state`, and for a corpus without examples.
    """
    check_corpus(references, predictions)
    metric.update_state(references, predictions)
    return float(metric.result())


def check_corpus(references: Sequence[Sequence[str]], predictions: Sequence[str]) -> None:
    """Checks that there are examples, and their references as `check_pairs` does.

    Raises:
        UserError: if not.
    """
    if not len(predictions):
        raise UserError("Nothing to evaluate: there are no predictions. Check the split and its filters.")
    check_pairs(references, predictions)


def check_pairs(references: Sequence[Sequence[str]], predictions: Sequence[str]) -> None:
    """Checks that every prediction has a list of at least one reference.

    Raises:
        UserError: if not, with the number of the first example that has none.
    """
    if len(references) != len(predictions):
        raise UserError(f"{len(predictions)} predictions do not fit {len(references)} lists of references.")
    for index, accepted in enumerate(references):
        if isinstance(accepted, str):
            raise UserError(f"The references of example {index} must be a list of strings, not one string.")
        if not len(accepted):
            raise UserError(f"Example {index} has no reference: drop it or give it at least one.")


def ngrams(tokens: Tokens, order: int) -> list[tuple[str, ...]]:
    """All runs of `order` tokens, in order."""
    return [tuple(tokens[start : start + order]) for start in range(len(tokens) - order + 1)]


def count_ngrams(tokens: Tokens, order: int) -> Counter:
    """How often each run of `order` tokens occurs."""
    return Counter(ngrams(tokens, order))
