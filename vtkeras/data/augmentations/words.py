"""Changes of the words that the model reads; what it is to write stays as it is, since that must be true."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from vtkeras import keys

READ = (keys.QUESTION, keys.CAPTION, keys.CAPTIONS)  # a caption as search reads it is kept in MATCH_TEXT


def word_dropout(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Leaves out each word of a question, and of a caption as search reads it, with this probability; one stays."""

    def drop(words: tf.RaggedTensor, seed: tf.Tensor) -> tf.RaggedTensor:
        draws = words.with_values(tf.random.stateless_uniform(tf.shape(words.values), seed))
        highest = tf.gather(tf.reduce_max(draws, axis=1), words.value_rowids())
        kept = (draws.values >= amount) | (draws.values == highest)
        return tf.ragged.boolean_mask(words, words.with_values(kept))

    return with_read_words(example, drop, seed)


def with_read_words(
    example: dict, change: Callable[[tf.RaggedTensor, tf.Tensor], tf.RaggedTensor], seed: tf.Tensor
) -> dict:
    """As `with_read_texts`, for a change from words, strings (texts, words), and a seed to words.

    Args:
        example: dict of tensors; MATCH_TEXT is its CAPTION where it has none yet.
        change: from words, ragged strings (texts, words), and a seed, int64 (2,), to words of as many texts.
        seed: int64 (2,), from which the seed of each field is made.

    Returns:
        The example with another QUESTION and MATCH_TEXT; the CAPTION stays.
    """

    def change_words(field: str, texts: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.strings.reduce_join(change(tf.strings.split(texts), seed), axis=1, separator=" ")

    return with_read_texts(example, change_words, seed)


def with_read_texts(example: dict, change: Callable[[str, tf.Tensor, tf.Tensor], tf.Tensor], seed: tf.Tensor) -> dict:
    """An example whose QUESTION and MATCH_TEXT are others.

    Args:
        example: dict of tensors; MATCH_TEXT is its CAPTION where it has none yet.
        change: from the field's name, strings (texts,) and a seed to strings.
        seed: int64 (2,).
    """
    read = {key: example[key] for key in (keys.QUESTION,) if key in example}
    if keys.CAPTION in example:
        read[keys.MATCH_TEXT] = example.get(keys.MATCH_TEXT, example[keys.CAPTION])
    for number, (key, texts) in enumerate(read.items()):
        changed = change(key, tf.reshape(texts, (-1,)), tf.random.experimental.stateless_fold_in(seed, number))
        read[key] = tf.reshape(changed, tf.shape(texts))
    return {**example, **read}
