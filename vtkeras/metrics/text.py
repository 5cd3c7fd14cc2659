"""What the text metrics share: streaming over a corpus, its checks, and counts of n-grams."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from vtkeras.errors import UserError
from vtkeras.metrics.tokenize import tokenize

Tokens = list[str]


class TextMetric:
    """A metric over (references, prediction) pairs of strings that can be fed batch by batch.

    It has the three methods of `keras.metrics.Metric`, for Python strings. A subclass clears its
    totals in `reset_state`, adds one tokenised example in `update_one` and gives its score in
    `result`, which is 0.0 before the first example.

    Example:
        >>> from vtkeras.metrics import ExactMatch
        >>> metric = ExactMatch()
        >>> metric.update_state([["a cat", "the cat"]], ["A cat!"])
        >>> metric.result()
        1.0
    """

    def __init__(self):
        self.reset_state()

    def update_state(self, references: Sequence[Sequence[str]], predictions: Sequence[str]) -> None:
        """Adds a batch.

        Args:
            references: `(examples, references of the example)`: every right text.
            predictions: `(examples,)`.

        Raises:
            UserError: when the two differ in length, or an example has no reference. An empty
                string is a reference (and a prediction) like any other.
        """
        check_pairs(references, predictions)
        for accepted, prediction in zip(references, predictions, strict=True):
            self.update_one([tokenize(text) for text in accepted], tokenize(prediction))

    def update_one(self, references: list[Tokens], prediction: Tokens) -> None:
        """Adds one tokenised example."""
        raise NotImplementedError

    def result(self) -> float:
        """The score of all examples since the last reset."""
        raise NotImplementedError

    def reset_state(self) -> None:
        """Forgets all examples."""
        raise NotImplementedError


class MeanTextMetric(TextMetric):
    """A `TextMetric` that is the mean of one score an example, given by `score_one`."""

    def reset_state(self):
        self._total, self._examples = 0.0, 0

    def update_one(self, references, prediction):
        self._total += self.score_one(references, prediction)
        self._examples += 1

    def result(self):
        return self._total / max(self._examples, 1)

    def score_one(self, references: list[Tokens], prediction: Tokens) -> float:
        """The score of one tokenised example."""
        raise NotImplementedError


def score_corpus(
    metric: TextMetric, references: Sequence[Sequence[str]], predictions: Sequence[str]
) -> float:
    """Feeds a whole corpus to a fresh `metric` and gives its score.

    Raises:
        UserError: as `TextMetric.update_state`, and for a corpus without examples.
    """
    check_corpus(references, predictions)
    metric.update_state(references, predictions)
    return float(metric.result())


def check_corpus(references: Sequence[Sequence[str]], predictions: Sequence[str]) -> None:
    """Raises a `UserError` unless there are examples and `check_pairs` is content."""
    if not len(predictions):
        raise UserError("Nothing to evaluate: there are no predictions. Check the split and its filters.")
    check_pairs(references, predictions)


def check_pairs(references: Sequence[Sequence[str]], predictions: Sequence[str]) -> None:
    """Raises a `UserError` unless every prediction has a list of at least one reference."""
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
