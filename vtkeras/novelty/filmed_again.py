"""Clips as another camera or file would give them: what they show is the same."""

from __future__ import annotations

import tensorflow as tf

from vtkeras.data.augmentations.colour import relit

EXPOSURE = 0.3  # all channels are multiplied by 1 - EXPOSURE to 1 + EXPOSURE,
BALANCE = 0.1  # to whose factor each channel adds up to this, or takes it off
LIFT = 5.0  # of 255, that a channel is lifted or lowered by at most: in black, nobody sees it
QUALITY = (40, 96)  # of JPEG, from and below


def filmed_again(frames: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The same clips in slightly other light and compression, drawn for each clip; equal frames give equal ones.

    Args:
        frames: uint8 (batch, time, height, width, 3).
        mask: bool (batch, time), returned as it is.

    Returns:
        frames uint8 (batch, time, height, width, 3), and the mask.

    Example:
        >>> frames, mask = preprocessor.clips(tf.zeros((1, 40, 120, 160, 3), tf.uint8))
        >>> int(tf.reduce_max(filmed_again(frames, mask)[0])) <= 6  # JPEG rounds
        True
    """
    return tf.map_fn(_clip, frames), mask


def _clip(frames: tf.Tensor) -> tf.Tensor:
    """Of one clip, uint8 (time, height, width, 3)."""
    seed = tf.stack([tf.reduce_sum(tf.cast(frames, tf.int64)), tf.constant(0, tf.int64)])
    exposure, balance, lift = tf.split(tf.random.stateless_uniform((7,), seed, -1.0, 1.0), (1, 3, 3))
    lit = relit(frames, 1 + EXPOSURE * exposure + BALANCE * balance, LIFT * lift)
    quality = tf.random.stateless_uniform((), seed, *QUALITY, tf.int32)
    return tf.map_fn(lambda frame: tf.image.adjust_jpeg_quality(frame, quality), lit)
