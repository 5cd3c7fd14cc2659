"""Hiding a part of the picture."""

from __future__ import annotations

import tensorflow as tf

from vtkeras import keys


def cutout(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Makes a square of this share of the shorter side grey, in the same place of all frames.

    Args:
        example: dict of tensors, whose FRAMES are uint8 (time, height, width, 3), RGB.
        amount: float, 0 to 1, the side of the square as a share of the picture's shorter side.
        seed: int64 (2,), which decides where its middle is; a square at the edge is hidden in part only.

    Returns:
        The example with other FRAMES, of the same shape.

    Source: DeVries and Taylor, "Improved regularization of convolutional neural networks with cutout", 2017.
    """
    frames = example[keys.FRAMES]
    size = tf.shape(frames)[1:3]
    side = tf.cast(amount * tf.cast(tf.reduce_min(size), tf.float32), tf.int32)
    middle = tf.random.stateless_uniform((2,), seed) * tf.cast(size, tf.float32)
    first = tf.cast(middle, tf.int32) - side // 2
    rows, columns = (_within(size[axis], first[axis], side) for axis in (0, 1))
    hidden = (rows[:, None] & columns[None, :])[None, :, :, None]
    return {**example, keys.FRAMES: tf.where(hidden, tf.constant(127, tf.uint8), frames)}


def _within(length: tf.Tensor, first: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    places = tf.range(length)
    return (places >= first) & (places < first + count)
