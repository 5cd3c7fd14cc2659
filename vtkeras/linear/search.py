"""Search by ridge regression: from clips to what is said of them, by its words and by a sentence encoder."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from sklearn.decomposition import TruncatedSVD
from sklearn.linear_model import Ridge

from vtkeras.data.preprocess import Preprocessor
from vtkeras.data.text import END_ID
from vtkeras.linear.fits import GROUPS, to_unit, word_counts
from vtkeras.linear.table import Table
from vtkeras.models import LinearSpace
from vtkeras.pretrained.packages import state
from vtkeras.pretrained.sentence_encoder import SentenceEncoder, load_minilm
from vtkeras.tasks import Head

WORDS = "words"
SEARCH_TEXTS: dict[str, Callable[[], SentenceEncoder | None]] = {WORDS: lambda: None, "minilm": load_minilm}
DIMENSIONS = 128  # of the space of words
FEWEST = 10  # captions from which on a space is fitted
MOST_CLIPS = 8000  # by which is chosen, and whose captions a sentence encoder reads
WORD_WEIGHTS = (1.0, 0.5, 0.0)  # of words beside meaning, of which one is chosen
PENALTIES = (0.1, 1.0, 10.0)  # of ridge regression, for each clip, of which one is chosen
WORTH = 1.05  # times the rank that words alone reach: what a sentence encoder must pass to be kept, and exported
CHANCE = 1.28  # standard errors that the gain must have as well: one in ten has them by chance
BATCH = 64  # texts that a sentence encoder reads at once

Read = Callable[[Sequence[str]], np.ndarray]  # texts to their vectors, float32 (texts, dim)


def fit_space(
    head: Head,
    x: np.ndarray,
    train: Table,
    preprocessor: Preprocessor,
    meaning: SentenceEncoder | None = None,
    seconds: float = math.inf,
) -> LinearSpace | None:
    """Ridge regression from clips to the weighted word pieces of their captions, in fewer dimensions, and beside these
    to the sentence encoder's vectors, where the right captions of clips left out rank higher with them.

    Args:
        head: whose truths are captions.
        x: float (examples, dim), each example's clip.
        train: the training split.
        preprocessor: brings texts to word pieces.
        meaning: the sentence encoder, or None.
        seconds: that it may read for, about; a sample of the captions stands for all where that is too short.

    Returns:
        the space, or None of fewer than `FEWEST` captions. It has no encoder where words alone do better.
    """
    first = [head.as_text(truth) for truth in train.examples.truths[head.name]]
    texts = np.array(first, object)  # of strings NumPy would make all as wide as the longest
    rows = np.flatnonzero(train.once & (texts != ""))
    if len(rows) < FEWEST:
        return None
    x, texts = x[rows], texts[rows]
    take = np.random.default_rng(0).permutation(len(x))[:MOST_CLIPS]
    if meaning:
        read = _reading(meaning)
        take = take[: affordable(read, texts[take].tolist(), seconds)]
    take = np.sort(take)
    words, pieces = _space_of_words(texts, preprocessor)
    said, mean = [words[take]], None
    if meaning:
        different, own = np.unique(texts[take], return_inverse=True)
        vectors = read(different.tolist())[own.ravel()]
        mean = vectors.mean(axis=0)
        said.append(to_unit(vectors - mean))
    penalty, weight = _choose(x[take], texts[take], said)
    if weight is None:
        meaning, targets = None, words
    else:
        x, targets = x[take], np.hstack([weight * said[0], said[1]])
    ridge = Ridge(alpha=penalty * len(x)).fit(x, targets)
    space = LinearSpace(x.shape[1], len(pieces), words.shape[1], meaning, name=head.name)
    space.kernel.assign(ridge.coef_.T)
    space.bias.assign(ridge.intercept_)
    space.words.assign(pieces)
    if meaning:
        space.word_weight.assign(weight)
        space.mean.assign(mean)
    return space


def best_installed() -> str:
    """The name in `SEARCH_TEXTS` of the best that is installed."""
    return next((name for name in reversed(SEARCH_TEXTS) if name != WORDS and state(name) == "installed"), WORDS)


def embed_texts(space: LinearSpace, preprocessor: Preprocessor, texts: Sequence[str]) -> np.ndarray:
    """float32 (texts, width): texts in a space.

    Args:
        space: the space, made by `fit_space`.
        preprocessor: brings texts to word pieces, the one that the space was made with.
        texts: at least one.
    """
    found = []
    for at in range(0, len(texts), BATCH):
        batch = list(texts[at : at + BATCH])
        found.append(np.asarray(space.embed_text(preprocessor.match(tf.constant(batch)), space.pieces(batch))))
    return np.concatenate(found)


def _space_of_words(texts: np.ndarray, preprocessor: Preprocessor) -> tuple[np.ndarray, np.ndarray]:
    """Unit vectors (texts, dimensions), and what each word piece adds (word pieces, dimensions)."""
    counts = word_counts(preprocessor.match(tf.constant(texts)).numpy(), len(preprocessor.vocabulary.tokens))
    weights = np.log((1 + len(counts)) / (1 + (counts > 0).sum(axis=0))) + 1
    weighted = to_unit(counts * weights)
    svd = TruncatedSVD(min(DIMENSIONS, *(side - 1 for side in counts.shape)), random_state=0).fit(weighted)
    pieces = weights[:, None] * svd.components_.T
    pieces[: END_ID + 1] = 0.0
    return to_unit(counts @ pieces), pieces


def affordable(read: Read, texts: Sequence[str], seconds: float, now: Callable[[], float] = time.monotonic) -> int:
    """How many of some texts are read in the given time, by what the first `BATCH` of them take; so many at least.

    Args:
        read: makes a graph at its first call, which does not count.
        texts: in an order of chance.
        seconds: without end, nothing is measured.
        now: gives the time in seconds.
    """
    if seconds == math.inf or len(texts) <= BATCH:
        return len(texts)
    some = texts[:BATCH]
    read(some)
    begin = now()
    read(some)
    return max(BATCH, min(len(texts), int(BATCH * seconds / max(now() - begin, 1e-6))))


def _reading(meaning: SentenceEncoder) -> Read:
    """What a sentence encoder says of texts, by one graph; texts of alike length together, as it is quicker."""
    encode = tf.function(meaning.call, input_signature=[tf.TensorSpec((None, None), tf.int32)], autograph=False)

    def read(texts: Sequence[str]) -> np.ndarray:
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        found = np.zeros((len(texts), meaning.dim), np.float32)
        for at in range(0, len(order), BATCH):
            places = order[at : at + BATCH]
            found[places] = encode(meaning.tokenize([texts[place] for place in places])).numpy()
        return found

    return read


def _choose(x: np.ndarray, texts: np.ndarray, said: Sequence[np.ndarray]) -> tuple[float, float | None]:
    """The penalty, and the weight of words, None for words alone, with which captions of clips left out rank highest.

    The measure is the mean reciprocal rank (Voorhees, "The TREC-8 question answering track report", 1999) of a clip's
    own caption among those of its group, and of a caption's clip.
    """
    _, own = np.unique(texts, return_inverse=True)
    groups = np.random.default_rng(0).permutation(len(x)) % GROUPS
    targets, width = np.hstack(said), said[0].shape[1]
    weights = (None, *(WORD_WEIGHTS if len(said) > 1 else ()))
    ranks = {(penalty, weight): np.zeros(len(x)) for penalty in PENALTIES for weight in weights}
    for group, penalty in itertools.product(range(GROUPS), PENALTIES):
        asked, known = groups == group, groups != group
        right = own[asked][:, None] == own[asked][None]
        seen = Ridge(alpha=penalty * known.sum()).fit(x[known], targets[known]).predict(x[asked])
        for weight in weights:
            scale = np.ones(targets.shape[1])
            scale[:width] = 1.0 if weight is None else weight
            scale[width:] = 0.0 if weight is None else 1.0
            alike = to_unit(seen * scale) @ to_unit(targets[asked] * scale).T
            ranks[penalty, weight][asked] = _reciprocal_rank(alike, right) + _reciprocal_rank(alike.T, right)
    by_rank = sorted(ranks, key=lambda choice: -ranks[choice].mean())
    best, alone = by_rank[0], next(choice for choice in by_rank if choice[1] is None)
    gain, least = ranks[best] - ranks[alone], (WORTH - 1) * ranks[alone].mean()
    return best if gain.mean() > max(least, CHANCE * gain.std() / len(x) ** 0.5) else alone


def _reciprocal_rank(alike: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of each row 1 / (rank of the best right column); of equals, half stand before it."""
    best = np.where(right, alike, -np.inf).max(axis=1, keepdims=True)
    wrong = ~right
    before = (wrong & (alike > best)).sum(axis=1) + 0.5 * (wrong & (alike == best)).sum(axis=1)
    return 1.0 / (1.0 + before)
