"""How much predictions repeat themselves, and how varied they are; no references needed."""

from __future__ import annotations

from collections.abc import Sequence

from vtkeras.errors import UserError
from vtkeras.metrics.text import Tokens, ngrams
from vtkeras.metrics.tokenize import tokenize

_LONGEST_PHRASE = 4
_REPEATED_ORDER = 4


class DiversityMetric:
    """A metric over predictions alone that can be fed batch by batch: a share, 0 to 1.

    A subclass adds to `_part` and `_whole` in `update_one`; the share is 0.0 while `_whole` is 0.
    """

    def __init__(self):
        self.reset_state()

    def update_state(self, predictions: Sequence[str]) -> None:
        """Adds a batch of predictions `(examples,)`."""
        for prediction in predictions:
            self.update_one(tokenize(prediction))

    def update_one(self, tokens: Tokens) -> None:
        """Adds one tokenised prediction."""
        raise NotImplementedError

    def result(self) -> float:
        """The share over all predictions since the last reset."""
        return self._part / max(self._whole, 1)

    def reset_state(self) -> None:
        """Forgets all predictions."""
        self._part, self._whole = 0, 0


class RepetitionRate(DiversityMetric):
    """Share of texts that stutter: a phrase of 1 to 4 tokens directly followed by itself.

    It also counts right doublings ("very very", the Chinese "看看"), so compare it with the rate
    of the references.
    """

    def update_one(self, tokens):
        self._part += any(_stutters(tokens, length) for length in range(1, _LONGEST_PHRASE + 1))
        self._whole += 1


class RepeatedNgrams(DiversityMetric):
    """Share of 4-grams that occurred before in the same text.

    "seq-rep-4" of Welleck et al. 2020, "Neural Text Generation with Unlikelihood Training", pooled
    over the corpus, so that a long text weighs more than a short one.
    """

    def update_one(self, tokens):
        runs = ngrams(tokens, _REPEATED_ORDER)
        self._part += len(runs) - len(set(runs))
        self._whole += len(runs)


class DistinctNgrams(DiversityMetric):
    """distinct-n: different n-grams as a share of all n-grams of the corpus.

    Li et al. 2016, "A Diversity-Promoting Objective Function for Neural Conversation Models". It
    falls as a corpus grows: compare equal numbers of texts.

    Args:
        order: n.
    """

    def __init__(self, order: int):
        self.order = order
        super().__init__()

    def reset_state(self):
        super().reset_state()
        self._seen = set()

    def update_one(self, tokens):
        runs = ngrams(tokens, self.order)
        self._seen.update(runs)
        self._part = len(self._seen)
        self._whole += len(runs)


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
