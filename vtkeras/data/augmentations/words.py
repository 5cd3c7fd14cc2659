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
    """An example whose QUESTION and MATCH_TEXT have other words.

    Args:
        example: dict of tensors; MATCH_TEXT is its CAPTION where it has none yet.
        change: from words, strings (texts, words), and a seed to words.
        seed: int64 (2,).
    """
    read = {key: example[key] for key in (keys.QUESTION,) if key in example}
    if keys.CAPTION in example:
        read[keys.MATCH_TEXT] = example.get(keys.MATCH_TEXT, example[keys.CAPTION])
    for number, (key, texts) in enumerate(read.items()):
        words = tf.strings.split(tf.reshape(texts, (-1,)))
        changed = change(words, tf.random.experimental.stateless_fold_in(seed, number))
        read[key] = tf.reshape(tf.strings.reduce_join(changed, axis=1, separator=" "), tf.shape(texts))
    return {**example, **read}
