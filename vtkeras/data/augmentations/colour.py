"""Changes of how light, how strong in contrast and how coloured pictures are; hues stay, since texts name them."""

from __future__ import annotations

import tensorflow as tf

from vtkeras import keys


def brightness(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Adds up to this share of the range of a pixel, or takes it off.

    Args:
        example: dict of tensors, whose FRAMES are uint8 (time, height, width, 3), RGB.
        amount: float, 0 to 1, the most that is added or taken off, as a share of 255.
        seed: int64 (2,), which decides what is drawn; the same for all frames.

    Returns:
        The example with other FRAMES, of the same shape.
    """
    return _linear(example, 1.0, 255 * tf.random.stateless_uniform((), seed, -amount, amount))


def contrast(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Multiplies the distance from the clip's mean by 1 - amount to 1 + amount.

    Args:
        example: dict of tensors, whose FRAMES are uint8 (time, height, width, 3), RGB.
        amount: float, 0 to 1, the greatest change of the factor from 1, up or down.
        seed: int64 (2,), which decides what is drawn; the same for all frames.

    Returns:
        The example with other FRAMES, of the same shape.
    """
    factor = tf.random.stateless_uniform((), seed, 1 - amount, 1 + amount)
    mean = tf.reduce_mean(tf.cast(example[keys.FRAMES], tf.float32))
    return _linear(example, factor, mean * (1 - factor))


def saturation(example: dict, amount: float, seed: tf.Tensor) -> dict:
    """Multiplies the distance of each pixel from the grey that is as light by 1 - amount to 1 + amount."""
    factor = tf.random.stateless_uniform((), seed, 1 - amount, 1 + amount)
    grey = tf.image.rgb_to_grayscale(tf.cast(example[keys.FRAMES], tf.float32))
    return _linear(example, factor, grey * (1 - factor))


def relit(frames: tf.Tensor, factor: tf.Tensor | float, offset: tf.Tensor) -> tf.Tensor:
    """Frames uint8 (..., channels=3) times a factor, plus an offset of 255: numbers, or one a channel (3,).

    Args:
        frames: uint8 (..., 3), RGB.
        factor: float, a number, or what broadcasts to the frames, e.g. (3,), one a channel.
        offset: float, as `factor`, in levels from 0 to 255.

    Returns:
        uint8, of the shape of the frames; what is out of range is cut to 0 or 255.
    """
    return tf.saturate_cast(tf.round(tf.cast(frames, tf.float32) * factor + offset), tf.uint8)


def _linear(example: dict, factor: tf.Tensor | float, offset: tf.Tensor) -> dict:
    return {**example, keys.FRAMES: relit(example[keys.FRAMES], factor, offset)}
