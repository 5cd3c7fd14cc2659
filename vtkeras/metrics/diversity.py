"""How much predictions repeat themselves, and how varied they are; no references needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import keras

from vtkeras.errors import UserError
from vtkeras.metrics.streaming import StringMetric
from vtkeras.metrics.text import Tokens, ngrams
from vtkeras.metrics.tokenize import tokenize

_LONGEST_PHRASE = 4
_REPEATED_ORDER = 4


class DiversityMetric(StringMetric):
    """A `keras.metrics.Metric` over predictions alone: a share, 0 to 1, that is 0.0 where there is nothing.

    A subclass counts in `count_tokens` how much of how much one prediction brings.
    """

    def __init__(self, name: str | None = None, dtype=None):
        super().__init__(2, name, dtype)

    def update_state(self, predictions, sample_weight=None) -> None:
        """Adds a batch of strings `(examples,)`, a list or a tensor; weight 0 leaves an example out."""
        self.update(predictions, sample_weight=sample_weight)

    def count_one(self, prediction):
        return self.count_tokens(tokenize(prediction))

    def count_tokens(self, tokens: Tokens) -> tuple[float, float]:
        """(part, whole) of one tokenised prediction."""
        raise NotImplementedError

    def score(self, sums):
        part, whole = sums
        return part / whole if whole else 0.0


@keras.saving.register_keras_serializable(package="vtkeras")
class RepetitionRate(DiversityMetric):
    """Share of texts that stutter: a phrase of 1 to 4 tokens directly followed by itself.

    It also counts right doublings ("very very", the Chinese "看看"), so compare it with the rate
    of the references.
    """

    def count_tokens(self, tokens):
        return any(_stutters(tokens, length) for length in range(1, _LONGEST_PHRASE + 1)), 1


@keras.saving.register_keras_serializable(package="vtkeras")
class RepeatedNgrams(DiversityMetric):
    """Share of 4-grams that occurred before in the same text.

    "seq-rep-4" of Welleck et al. 2020, "Neural Text Generation with Unlikelihood Training", pooled
    over the corpus, so that a long text weighs more than a short one.
    """

    def count_tokens(self, tokens):
        runs = ngrams(tokens, _REPEATED_ORDER)
        return len(runs) - len(set(runs)), len(runs)


@keras.saving.register_keras_serializable(package="vtkeras")
class DistinctNgrams(DiversityMetric):
    """distinct-n: different n-grams as a share of all n-grams of the corpus.

    Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models". It
    falls as a corpus grows: compare equal numbers of texts.

    Args:
        order: n.
    """

    def __init__(self, order: int, name: str | None = None, dtype=None):
        super().__init__(name or f"distinct_{order}", dtype)
        self.order = order

    def get_config(self):
        return {**super().get_config(), "order": self.order}

    def new_corpus(self):
        return _Seen()

    def count_tokens(self, tokens):
        runs = ngrams(tokens, self.order)
        before = len(self.corpus.ngrams)
        self.corpus.ngrams.update(runs)
        return len(self.corpus.ngrams) - before, len(runs)


@dataclass
class _Seen:
    """Every n-gram met so far."""

    ngrams: set = field(default_factory=set)


def repetition_rate(predictions: Sequence[str]) -> float:
    """`RepetitionRate` of a corpus `(examples,)`; raises a `UserError` when it is empty.

    Example:
        >>> repetition_rate(["a man and a man and a dog", "a cat sits"])
        0.5
    """
    return _share(RepetitionRate(), predictions)


def repeated_4grams(predictions: Sequence[str]) -> float:
    """`RepeatedNgrams` of a corpus `(examples,)`; raises a `UserError` when it is empty.

    Example:
        >>> repeated_4grams(["a b c d a b c d"])  # 5 four-grams, the last one occurred before
        0.2
    """
    return _share(RepeatedNgrams(), predictions)


def distinct(predictions: Sequence[str], order: int = 1) -> float:
    """`DistinctNgrams` of a corpus `(examples,)`; raises a `UserError` when it is empty.

    Example:
        >>> distinct(["a cat", "a dog"], order=1)
        0.75
    """
    return _share(DistinctNgrams(order), predictions)


def _share(metric: DiversityMetric, predictions: Sequence[str]) -> float:
    if not len(predictions):
        raise UserError("Nothing to evaluate: there are no predictions. Check the split and its filters.")
    metric.update_state(predictions)
    return metric.result()


def _stutters(tokens: Tokens, length: int) -> bool:
    return any(
        tokens[start : start + length] == tokens[start + length : start + 2 * length]
        for start in range(len(tokens) - 2 * length + 1)
    )
