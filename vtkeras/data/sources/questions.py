"""Clips that are asked several questions each."""

from __future__ import annotations

import tensorflow as tf

from vtkeras import keys


def one_question_each(clips: tf.data.Dataset, count: int) -> tf.data.Dataset:
    """One example for each question of every clip, or one that asks nothing where a clip has none.

    Args:
        clips: dicts whose QUESTION and ANSWER are strings (questions,).
        count: how many examples that gives.

    Returns:
        The same dicts with one QUESTION and one ANSWER, strings ().
    """

    def examples(clip: dict) -> tf.data.Dataset:
        pairs = tf.stack([clip[keys.QUESTION], clip[keys.ANSWER]], axis=1)
        pairs = tf.cond(tf.size(pairs) > 0, lambda: pairs, lambda: tf.constant([["", ""]]))
        return tf.data.Dataset.from_tensor_slices(pairs).map(
            lambda pair: {**clip, keys.QUESTION: pair[0], keys.ANSWER: pair[1]}
        )

    return clips.flat_map(examples).apply(tf.data.experimental.assert_cardinality(count))
