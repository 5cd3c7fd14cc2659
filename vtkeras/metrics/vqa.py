"""VQA accuracy (Antol et al. 2015, "VQA: Visual Question Answering"; rule of the VQA v2 evaluation)."""

import keras

from vtkeras.metrics.text import MeanTextMetric, score_corpus

_CONTRACTED = {"t", "s", "re", "ve", "ll", "d", "m"}
_ENOUGH_ANNOTATORS = 3
_ARTICLES = {"a", "an", "the"}
_NUMBERS = {
    "none": "0",
    "zero": "0",
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
}


@keras.saving.register_keras_serializable(package="vtkeras")
class VqaAccuracy(MeanTextMetric):
    """Mean soft accuracy, 0 to 1: an answer is right when three annotators gave it.

    With an example's answers as references (ten in VQA), the accuracy is `min(matches / 3, 1)`,
    averaged over the subsets that leave one annotator out. Answers are compared after `tokenize`,
    without articles, with contractions as one word and with number words up to ten as digits; the official
    script's table of contractions comes to the same for words that differ by an apostrophe only.
    An example with fewer than four answers cannot reach 1: use `ExactMatch` there.
    """

    def score_one(self, references, prediction):
        answer = _normalise(prediction)
        agrees = [_normalise(reference) == answer for reference in references]
        matches = sum(agrees)
        credits = [min((matches - left_out) / _ENOUGH_ANNOTATORS, 1.0) for left_out in agrees]
        return sum(credits) / len(credits)


def vqa_accuracy(references, predictions) -> float:
    """`VqaAccuracy` of a corpus; arguments and errors as `score_corpus`.

    Example:
        >>> round(vqa_accuracy([["yes"] * 2 + ["no"] * 8], ["yes"]), 2)  # (2 * 1/3 + 8 * 2/3) / 10
        0.6
    """
    return score_corpus(VqaAccuracy(), references, predictions)


def _normalise(tokens):
    words: list[str] = []
    for token in tokens:
        if token in _CONTRACTED and words:
            words[-1] += token  # don't is dont
        elif token not in _ARTICLES:
            words.append(token)
    return [_NUMBERS.get(word, word) for word in words]
