"""Datasets of clips that a source draws one at a time."""

from __future__ import annotations

import tensorflow as tf

from vtkeras import keys

TEXTS = (keys.VIDEO_ID, keys.QUESTION, keys.ANSWER, keys.LABEL)


def drawn_clips(source, split: str, epoch: int, side: int) -> tf.data.Dataset:
    """The examples of a split, drawn while they are read.

    Args:
        source: has `size(split)` and `example(split, epoch, index)`.
        split, epoch: what is drawn.
        side: pixels of a frame's height and width.

    Returns:
        dicts of FRAMES uint8 (time, side, side, 3), CAPTIONS string (captions,), and the other texts, string ().

    Example:
        >>> drawn_clips(MovingDigits(), "test", epoch=0, side=64)
    """
    count = source.size(split)
    signature = {
        keys.FRAMES: tf.TensorSpec((None, side, side, 3), tf.uint8),
        keys.CAPTIONS: tf.TensorSpec((None,), tf.string),
        **{name: tf.TensorSpec((), tf.string) for name in TEXTS},
    }
    return tf.data.Dataset.from_generator(
        lambda: (source.example(split, epoch, index) for index in range(count)), output_signature=signature
    ).apply(tf.data.experimental.assert_cardinality(count))
