"""ROUGE-L (Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries")."""

import keras

from vtkeras.metrics.text import MeanTextMetric, score_corpus

# How much more recall weighs than precision, as in the COCO caption evaluation.
_BETA = 1.2


@keras.saving.register_keras_serializable(package="vtkeras")
class RougeL(MeanTextMetric):
    """Mean F-score of the longest common subsequence, 0 to 1, as pycocoevalcap computes it.

    Precision and recall are each the best over the references, and weigh as beta = 1.2. No tokens
    count as one empty token, so an empty prediction is right for an empty reference.
    """

    def score_one(self, references, prediction):
        return rouge_of_tokens(references, prediction)


def rouge_of_tokens(references: list[list[str]], prediction: list[str]) -> float:
    """The score of one example, whose texts are cut into tokens."""
    prediction = prediction or [""]
    precision = recall = 0.0
    for reference in references:
        reference = reference or [""]
        common = common_subsequence_length(reference, prediction)
        precision = max(precision, common / len(prediction))
        recall = max(recall, common / len(reference))
    if not precision or not recall:
        return 0.0
    return (1 + _BETA**2) * precision * recall / (recall + _BETA**2 * precision)


def rouge_l(references, predictions) -> float:
    """`RougeL` of a corpus; arguments and errors as `score_corpus`.

    Example:
        >>> rouge_l([["a cat sat"]], ["a cat sat"])
        1.0
    """
    return score_corpus(RougeL(), references, predictions)


def common_subsequence_length(first: list[str], second: list[str]) -> int:
    """Length of the longest common subsequence of two token lists.

    Bit-parallel (Hyyrö 2004): bit i of `row` is 0 where the best length grows at `first[i]`, so a
    whole row of the usual table is one long integer.
    """
    places: dict[str, int] = {}
    for index, token in enumerate(first):
        places[token] = places.get(token, 0) | 1 << index
    every_place = (1 << len(first)) - 1
    row = every_place
    for token in second:
        hits = row & places.get(token, 0)
        row = (row + hits | row - hits) & every_place
    return len(first) - row.bit_count()
