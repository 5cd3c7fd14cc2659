"""Other words for the same, from WordNet (Miller, "WordNet: a lexical database for English", 1995)."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from vtkeras.data.augmentations.words import with_read_words
from vtkeras.errors import UserError


def synonyms(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Replaces each English word that has synonyms with this probability, where `word_dropout` leaves words out.

    Args:
        example: dict of tensors; its QUESTION, and its MATCH_TEXT or else its CAPTION, are strings.
        amount: float, 0 to 1, the probability for each word.
        seed: int64 (2,), which decides which words are replaced, and by what.

    Returns:
        The example with another QUESTION and MATCH_TEXT; the CAPTION stays.
    """

    def replace(words: tf.RaggedTensor, seed: tf.Tensor) -> tf.RaggedTensor:
        draws = tf.random.stateless_uniform((tf.size(words.values), 2), seed)
        changed = tf.numpy_function(functools.partial(_replaced, amount), (words.values, draws), tf.string)
        return words.with_values(tf.ensure_shape(changed, words.values.shape))

    return with_read_words(example, replace, seed)


def _replaced(amount: float, words: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Words, bytes (words,); of each pair of draws the first says whether, the second which synonym."""
    changed = list(words)
    for place, (whether, which) in enumerate(draws):
        others = synonyms_of(words[place].decode()) if whether < amount else ()
        if others:
            changed[place] = others[int(which * len(others))].encode()
    return np.array(changed, object)


@functools.cache
def synonyms_of(word: str) -> tuple[str, ...]:
    """Single words of the commonest sense of a word in lower case; none of words like "the", or of other forms.

    Example:
        >>> synonyms_of("car")
        ("auto", "automobile", "machine", "motorcar")
    """
    senses = [] if word in ENGLISH_STOP_WORDS else wordnet().synsets(word)[:1]
    lemmas = {name for sense in senses for name in sense.lemma_names()}
    return tuple(sorted(one for one in lemmas - {word} if one.isalpha())) if word in lemmas else ()


def synonyms_in(texts: Iterable[str]) -> list[str]:
    """What synonyms add to a vocabulary: for each text those of its words.

    Example:
        >>> synonyms_in(["a car"])
        ["auto automobile machine motorcar"]
    """
    return [" ".join(one for word in text.split() for one in synonyms_of(word)) for text in texts]


@functools.cache
def wordnet() -> Any:
    """nltk's reader of WordNet, loaded: threads of a pipeline must not load it at the same time.

    Raises:
        UserError: if nltk or its copy of WordNet is missing.
    """
    try:
        from nltk.corpus import wordnet as reader
    except ImportError:
        raise UserError(
            "data.augmentation 'synonyms' needs nltk: pip install nltk, or leave it out."
        ) from None
    try:
        reader.ensure_loaded()
    except LookupError:
        raise UserError(
            "data.augmentation 'synonyms' needs WordNet, which nltk does not find: run `python -m nltk.downloader "
            "wordnet`, or set NLTK_DATA to a folder that has corpora/wordnet.zip, or leave it out."
        ) from None
    return reader
