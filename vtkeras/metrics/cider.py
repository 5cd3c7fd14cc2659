"""CIDEr-D (Vedantam et al. 2015, "CIDEr: Consensus-based Image Description Evaluation")."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

import keras

from vtkeras.metrics.text import CorpusTextMetric, check_corpus, count_ngrams, score_corpus
from vtkeras.metrics.tokenize import tokenize

_ORDERS = (1, 2, 3, 4)
_SIGMA = 6.0
_SCALE = 10.0
_COMPARED = 5  # texts of an example that are scored to see what its texts reach


@dataclass
class _Corpus:
    """N-gram counts of every example, and how many examples each n-gram is in."""

    examples: list[tuple[list[list[Counter]], list[Counter]]] = field(default_factory=list)
    documents: Counter = field(default_factory=Counter)


@keras.saving.register_keras_serializable(package="vtkeras")
class Cider(CorpusTextMetric):
    """Mean CIDEr-D over the corpus, 0 to 10, as pycocoevalcap computes it.

    TF-IDF weighted n-gram vectors (n = 1..4) of the prediction are clipped to and compared with
    each reference's, with a Gaussian penalty on the difference in length. Document frequencies
    come from the references of the evaluated corpus, so scores of different corpora do not
    compare, and every example is kept until `result`. A corpus of one example scores 0: each of
    its n-grams is in every document and so carries no weight.
    """

    def new_corpus(self):
        return _Corpus()

    def update_one(self, references, prediction):
        accepted = [_counts(tokens) for tokens in references]
        self.corpus.documents.update({ngram for counts in accepted for order in counts for ngram in order})
        self.corpus.examples.append((accepted, _counts(prediction)))

    def score(self, sums):
        weigh = partial(_weigh, documents=self.corpus.documents, examples=len(self.corpus.examples))
        scores = [_score(references, prediction, weigh) for references, prediction in self.corpus.examples]
        return sum(scores) / max(len(scores), 1)


class CiderReward:
    """CIDEr-D of single texts, 0 to 10, with document frequencies of a corpus that stays as it is.

    Where `Cider` weighs n-grams by the corpus that is evaluated, a reward must not depend on the batch
    that a text happens to be in (Rennie et al. 2017, "Self-critical Sequence Training").

    Args:
        corpus: `(documents,)`, texts such as the training captions; each counts as one document.

    Example:
        >>> reward = CiderReward(["a cat sits still", "the dog runs away"])
        >>> reward(["a cat sits still"], "a cat sits still")
        10.0
        >>> reward(["a cat sits still"], "the dog runs away")
        0.0
    """

    def __init__(self, corpus: Sequence[str]):
        documents: Counter = Counter()
        for text in corpus:
            documents.update({ngram for order in _counts(tokenize(text)) for ngram in order})
        self._weigh = partial(_weigh, documents=documents, examples=max(len(corpus), 1))

    def __call__(self, references: Sequence[str], prediction: str) -> float:
        """The score of one text against all its references; 0.0 where there is none."""
        if not references:
            return 0.0
        accepted = [_counts(tokenize(text)) for text in references]
        return _score(accepted, _counts(tokenize(prediction)), self._weigh)


def cider(references, predictions) -> float:
    """`Cider` of a corpus; arguments and errors as `score_corpus`.

    Example:
        >>> corpus = [["a cat sits still"], ["the dog runs away"]]
        >>> round(cider(corpus, ["a cat sits still", "the dog runs away"]), 6)
        10.0
    """
    return score_corpus(Cider(), references, predictions)


def cider_and_share(references: Sequence[Sequence[str]], predictions: Sequence[str]) -> tuple[float, float | None]:
    """`cider`, and what predictions reach of the CIDEr-D that the references themselves reach, 0 to 1.

    Few texts can score 10: one of two words has no n-grams of 3 and 4, and one that equals one of several references
    is less like the others. So the score of each example is divided by the best that one of its own references gets
    (of the first five), and a share is at most 1. Examples whose references get 0, as their n-grams are in every
    document, do not count.

    Args:
        references: every right text of each example.
        predictions: a text for each.

    Returns:
        Mean CIDEr-D, and the mean share, or None where no example counts.

    Raises:
        UserError: as `score_corpus`.

    Example:
        >>> cider_and_share([["a cat"], ["the dog"]], ["a cat", "the dog"])
        (5.0, 1.0)
    """
    check_corpus(references, predictions)
    best = _reached(tuple(map(tuple, references)))
    weigh, counted = _weighing(references)
    scores = [_score(accepted, _counts(tokenize(text)), weigh) for accepted, text in zip(counted, predictions)]
    shares = [min(1.0, score / most) for score, most in zip(scores, best) if most]
    return sum(scores) / len(scores), sum(shares) / len(shares) if shares else None


@lru_cache(maxsize=16)  # one split, and parts of it, are scored again and again while a model is chosen
def _reached(references: tuple[tuple[str, ...], ...]) -> list[float]:
    """The best score that one of the first references of each example gets."""
    weigh, counted = _weighing(references)
    return [max(_score(accepted, one, weigh) for one in accepted[:_COMPARED]) for accepted in counted]


def _weighing(references):
    """What weighs n-grams by how many examples have them, and the n-grams of each reference."""
    counted = [[_counts(tokenize(text)) for text in accepted] for accepted in references]
    documents: Counter = Counter()
    for accepted in counted:
        documents.update({ngram for counts in accepted for order in counts for ngram in order})
    return partial(_weigh, documents=documents, examples=len(counted)), counted


def _score(references, prediction, weigh):
    predicted = weigh(prediction)
    total = sum(_similarity(predicted, weigh(reference)) for reference in references)
    return _SCALE * total / len(references)


def _weigh(counts, documents, examples):
    """TF-IDF vectors of one text, one for each order; an unknown n-gram counts as seen once."""
    log_examples = math.log(examples)
    return [
        {
            ngram: count * (log_examples - math.log(max(1, documents[ngram])))
            for ngram, count in order.items()
        }
        for order in counts
    ], counts[1].total()  # the reference code takes the number of bigrams as the length


def _counts(tokens):
    return [count_ngrams(tokens, order) for order in _ORDERS]


def _similarity(prediction, reference):
    """Clipped cosine similarity, averaged over the orders, times the length penalty."""
    predicted_vectors, predicted_length = prediction
    reference_vectors, reference_length = reference
    penalty = math.exp(-((predicted_length - reference_length) ** 2) / (2 * _SIGMA**2))
    cosines = [_clipped_cosine(*pair) for pair in zip(predicted_vectors, reference_vectors, strict=True)]
    return penalty * sum(cosines) / len(cosines)


def _clipped_cosine(predicted: dict, reference: dict) -> float:
    norms = math.hypot(*predicted.values()) * math.hypot(*reference.values())
    if not norms:
        return 0.0
    shared = predicted.keys() & reference.keys()
    return sum(min(predicted[ngram], reference[ngram]) * reference[ngram] for ngram in shared) / norms
