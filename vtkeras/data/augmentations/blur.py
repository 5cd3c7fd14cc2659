"""Loss of sharpness."""

from __future__ import annotations

import math

import tensorflow as tf

from vtkeras import keys


def blur(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Smooths the pictures with a Gaussian whose standard deviation is up to this many pixels.

    Args:
        example: dict of tensors, whose FRAMES are uint8 (time, height, width, 3), RGB.
        amount: float above 0, the greatest standard deviation, in pixels.
        seed: int64 (2,), which decides what is drawn; the same for all frames.

    Returns:
        The example with other FRAMES, of the same shape.
    """
    sigma = tf.random.stateless_uniform((), seed, 0.0, amount) + 1e-3
    reach = math.ceil(3 * amount)
    weights = tf.exp(-0.5 * tf.square(tf.range(-reach, reach + 1, dtype=tf.float32) / sigma))
    frames = tf.cast(example[keys.FRAMES], tf.float32)
    changed = _along(_along(frames, weights[:, None]), weights[None, :])
    return {**example, keys.FRAMES: tf.saturate_cast(tf.round(changed), tf.uint8)}


def _along(frames: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Weighted means of neighbours; at the border, of those that are in the picture."""
    kernel = tf.tile(weights[:, :, None, None], (1, 1, 3, 1))
    inside = tf.ones_like(frames[:1])
    total, share = (tf.nn.depthwise_conv2d(one, kernel, (1, 1, 1, 1), "SAME") for one in (frames, inside))
    return total / share
