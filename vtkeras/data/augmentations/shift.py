"""Moving the picture, or the stored features of it."""

from __future__ import annotations

import math

import tensorflow as tf

from vtkeras import keys


def shift(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Moves the picture by up to this share of its sides, by whole pixels; what lies at the edge is repeated.

    Stored features are moved by whole patches. A model that is trained on those sees the same numbers in every epoch,
    and learns few clips by heart; moved, they are about what another crop of the clip would give, without reading it
    again.

    Args:
        example: dict of tensors with FRAMES, uint8 (time, height, width, 3), or FRAME_FEATURES, float
            (time, patches, channels), patches row by row over a square.
        amount: float, 0 to 0.5, the furthest that the picture is moved, as a share of its sides.
        seed: int64 (2,), which decides what is drawn; the same for all frames.

    Returns:
        The example with other FRAMES or FRAME_FEATURES, of the same shape.

    Source: Krizhevsky et al., "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 4.1.
    """
    shares = tf.random.stateless_uniform((2,), seed, -amount, amount)
    if keys.FRAME_FEATURES not in example:
        return {**example, keys.FRAMES: _moved(example[keys.FRAMES], shares)}
    features = example[keys.FRAME_FEATURES]
    side = math.isqrt(features.shape[1])
    grid = tf.reshape(features, (-1, side, side, features.shape[2]))
    return {**example, keys.FRAME_FEATURES: tf.reshape(_moved(grid, shares), features.shape)}


def _moved(grids: tf.Tensor, shares: tf.Tensor) -> tf.Tensor:
    """Grids (time, rows, columns, channels), down and to the right by shares of their sides."""
    for axis in (1, 2):
        side = tf.shape(grids)[axis]
        places = tf.cast(tf.round(shares[axis - 1] * tf.cast(side, tf.float32)), tf.int32)
        grids = tf.gather(grids, tf.clip_by_value(tf.range(side) - places, 0, side - 1), axis=axis)
    return grids
