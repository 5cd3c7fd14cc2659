"""Exact match: is the text one of the right ones?"""

import keras

from vtkeras.metrics.text import MeanTextMetric, score_corpus


@keras.saving.register_keras_serializable(package="vtkeras")
class ExactMatch(MeanTextMetric):
    """Share of predictions whose tokens equal those of at least one reference, 0 to 1.

    Case, punctuation and spacing do not count, by the rule of `tokenize`; an empty prediction
    matches an empty reference only.
    """

    def score_one(self, references, prediction):
        return float(prediction in references)


def exact_match(references, predictions) -> float:
    """`ExactMatch` of a corpus; arguments and errors as `score_corpus`.

    Example:
        >>> exact_match([["a cat", "the cat"], ["a dog"]], ["The cat.", "a cat"])
        0.5
    """
    return score_corpus(ExactMatch(), references, predictions)
