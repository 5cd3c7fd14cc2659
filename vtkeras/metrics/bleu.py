"""BLEU (Papineni et al. 2002, "BLEU: a Method for Automatic Evaluation of Machine Translation")."""

import math

import keras
import numpy as np

from vtkeras.errors import UserError
from vtkeras.metrics.text import TextMetric, count_ngrams, score_corpus

# pycocoevalcap keeps divisions by zero away with these two; equal scores need the same ones.
_TINY = 1e-15
_SMALL = 1e-9


@keras.saving.register_keras_serializable(package="vtkeras")
class Bleu(TextMetric):
    """Corpus BLEU with n-grams up to `order`, 0 to 1, as pycocoevalcap computes it.

    Clipped n-gram precisions are pooled over the corpus; the brevity penalty takes, for each
    example, the reference closest in length (the shorter of two equally close). Only the counts
    are kept, so any number of examples streams. The score is 0 where nothing matches.

    Args:
        order: the longest n-gram, 1 to 4 in common use.

    Raises:
        UserError: for an order below 1.
    """

    def __init__(self, order: int = 4, name: str | None = None, dtype=None):
        if order < 1:
            raise UserError(f"BLEU needs n-grams of at least one word, not order {order}.")
        super().__init__(2 * order + 2, name or f"bleu{order}", dtype)
        self.order = order

    def get_config(self):
        return {**super().get_config(), "order": self.order}

    def count_tokens(self, references, prediction):
        """For each order the matched and the predicted n-grams, then both lengths in words."""
        length = len(prediction)
        matched, predicted = [], []
        for order in range(1, self.order + 1):
            counts = count_ngrams(prediction, order)
            allowed = count_ngrams(references[0], order)
            for reference in references[1:]:
                allowed |= count_ngrams(reference, order)  # the larger count of each n-gram
            matched.append((counts & allowed).total())
            predicted.append(counts.total())
        closest = min((abs(len(ref) - length), len(ref)) for ref in references)[1]
        return [*matched, *predicted, length, closest]

    def score(self, sums):
        matched, predicted = sums[: self.order], sums[self.order : -2]
        precisions = (matched + _TINY) / (predicted + _SMALL)
        ratio = (sums[-2] + _TINY) / (sums[-1] + _SMALL)
        brevity_penalty = math.exp(min(0.0, 1 - 1 / ratio))
        return brevity_penalty * float(np.prod(precisions)) ** (1 / self.order)


def bleu(references, predictions, order: int = 4) -> float:
    """`Bleu` of a corpus; arguments and errors as `score_corpus`.

    Example:
        >>> round(bleu([["the cat sat"]], ["the cat"], order=1), 4)  # 2 of 2 words, exp(1 - 3/2)
        0.6065
    """
    return score_corpus(Bleu(order), references, predictions)
