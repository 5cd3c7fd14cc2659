"""Clips as another camera or file would give them: what they show is the same."""

from __future__ import annotations

import tensorflow as tf

EXPOSURE = 0.3  # all channels are multiplied by 1 - EXPOSURE to 1 + EXPOSURE,
BALANCE = 0.1  # to whose factor each channel adds up to this, or takes it off
LIFT = 5.0  # of 255, that a channel is lifted or lowered by at most: in black, nobody sees it
QUALITY = (40, 96)  # of JPEG, from and below


def filmed_again(frames: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """The same clips in slightly other light and compression, drawn for each clip; equal frames give equal ones.

    Args:
        frames: uint8 (batch, time, height, width, 3).
        mask: bool (batch, time), returned as it is.

    Example:
        >>> frames, mask = preprocessor.clips(tf.zeros((1, 40, 120, 160, 3), tf.uint8))
        >>> int(tf.reduce_max(filmed_again(frames, mask)[0])) <= 5
        True
    """
    return tf.map_fn(_clip, frames), mask


def _clip(frames: tf.Tensor) -> tf.Tensor:
    """Of one clip, uint8 (time, height, width, 3)."""
    seed = tf.stack([tf.reduce_sum(tf.cast(frames, tf.int64)), tf.constant(0, tf.int64)])
    exposure, balance, lift = tf.split(tf.random.stateless_uniform((7,), seed, -1.0, 1.0), (1, 3, 3))
    gain = 1 + EXPOSURE * exposure + BALANCE * balance
    lit = tf.saturate_cast(tf.round(tf.cast(frames, tf.float32) * gain + LIFT * lift), tf.uint8)
    quality = tf.random.stateless_uniform((), seed, *QUALITY, tf.int32)
    return tf.map_fn(lambda frame: tf.image.adjust_jpeg_quality(frame, quality), lit)
